"""A ledger in which something was traded, written in one line a trade.

One account of 100,000 dollars; books `a` and `b` have 60,000 and 40,000 of it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import insert, select

from alchemiser_dagster.books.booking import LotPolicy
from alchemiser_dagster.books.netting import Cross
from alchemiser_dagster.ledger.opening import BookTerms, open_account, open_books
from alchemiser_dagster.ledger.posting import Execution, post_cross, post_executions
from alchemiser_dagster.ledger.schema import (
    blocks,
    order_allocations,
    orders,
    session_books,
    sessions,
    trades,
)
from alchemiser_dagster.ledger.store import Ledger

INCEPTION = date(2026, 11, 2)
OPENED = datetime(2026, 11, 2, 21, tzinfo=UTC)
CASH = Decimal(100_000)


@dataclass
class Traded:
    """Says what was traded: `trade(3, "a buy 10 XYZ @ 12")` in the session of 3 November 2026."""

    ledger: Ledger

    @classmethod
    def at(cls, url: str, *, policy: LotPolicy = LotPolicy.FIFO) -> "Traded":
        ledger = Ledger(url)
        open_account(ledger, account_number="EMB1", inception=INCEPTION, cash=CASH, at=OPENED)
        shares = {"a": Decimal("0.6"), "b": Decimal("0.4")}
        terms = {book: BookTerms(share, policy) for book, share in shares.items()}
        open_books(ledger, terms, session=INCEPTION, at=OPENED)
        return cls(ledger)

    def begin(self, day: int) -> date:
        """The session of a day of November, begun."""
        session, at = date(2026, 11, day), moment(day)
        with self.ledger.write() as connection:
            known = connection.execute(select(sessions).where(sessions.c.session == session))
            if known.first() is None:
                connection.execute(
                    insert(sessions).values(
                        session=session, state="open", started_at=at,
                        opens_at=at - timedelta(hours=6), closes_at=at + timedelta(minutes=10),
                    )
                )  # fmt: skip
                connection.execute(
                    insert(session_books),
                    [{"session": session, "book": b, "state": "planned", "reason": ""}
                     for b in ("a", "b")],
                )  # fmt: skip
        return session

    def trade(self, day: int, what: str) -> None:
        """One trade of one book, in one order with one execution."""
        session = self.begin(day)
        book, side, quantity, symbol, _, price = what.split()
        trade_id = self._plan(session, book, side, Decimal(quantity), symbol)
        name = f"{session}.{symbol}.{book}"
        with self.ledger.write() as connection:
            rounds = connection.execute(
                select(blocks).where(blocks.c.session == session, blocks.c.symbol == symbol)
            ).all()
            connection.execute(
                insert(blocks).values(
                    block_id=name, session=session, symbol=symbol, side=side,
                    round=len(rounds) + 1, quantity=Decimal(quantity), state="filled", reason="",
                )
            )  # fmt: skip
            connection.execute(
                insert(orders).values(
                    client_order_id=name, block_id=name, attempt=1, step=1, order_type="limit",
                    quantity=Decimal(quantity), limit_price=Decimal(price), notional=Decimal(0),
                    state="filled", filled_quantity=Decimal(quantity), submitted_at=moment(day),
                    message="",
                )
            )  # fmt: skip
            connection.execute(
                insert(order_allocations).values(
                    client_order_id=name, trade_id=trade_id, quantity=Decimal(quantity)
                )
            )
        shares = Decimal(quantity)
        execution = Execution(f"x.{name}", shares, shares, Decimal(price), moment(day))
        post_executions(self.ledger, name, [execution])

    def cross(self, day: int, what: str) -> None:
        """Shares that one book hands to another: `cross(3, "a to b 10 XYZ @ 12")`."""
        session = self.begin(day)
        seller, _, buyer, quantity, symbol, _, price = what.split()
        shares, each = Decimal(quantity), Decimal(price)
        sold = self._plan(session, seller, "sell", shares, symbol)
        bought = self._plan(session, buyer, "buy", shares, symbol)
        made = Cross(symbol, each, each, each, {sold: shares}, {bought: shares})
        with self.ledger.write() as connection:
            post_cross(connection, session, made, moment(day))

    def _plan(self, session: date, book: str, side: str, shares: Decimal, symbol: str) -> str:
        trade_id = f"{session}.{book}.{symbol}.{side}"
        with self.ledger.write() as connection:
            connection.execute(
                insert(trades).values(
                    trade_id=trade_id, session=session, book=book, symbol=symbol, side=side,
                    is_exit=False, intended_quantity=shares, held_back=Decimal(0), state="filled",
                    reason="",
                )
            )  # fmt: skip
        return trade_id


def moment(day: int) -> datetime:
    """When a session of November is traded."""
    return datetime(2026, 11, day, 20, 50, tzinfo=UTC)
