"""A tiny ledger: one account of 1,000 dollars, books `a` (60 %) and `b` (30 %)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, update

from alchemiser_dagster.ledger.block_records import (
    NewBlock,
    NewOrder,
    block_id,
    intend_order,
    open_blocks,
)
from alchemiser_dagster.ledger.opening import BookTerms, open_account, open_books
from alchemiser_dagster.ledger.posting import Execution, post_executions
from alchemiser_dagster.ledger.schema import session_books, trades
from alchemiser_dagster.ledger.session_records import (
    NewTrade,
    PlannedBook,
    begin_session,
    record_plans,
    trade_id,
)
from alchemiser_dagster.ledger.store import Ledger
from tests.ledger.engines import ledger_url as ledger_url  # a fixture of every test here

INCEPTION = date(2026, 11, 2)
OPENED = datetime(2026, 11, 2, 21, tzinfo=UTC)


@dataclass
class TinyLedger:
    """Says what was traded in one line: `trade("a", 3, "buy 10 XYZ @ 12")`."""

    ledger: Ledger
    _executions: int = 0
    _rounds: dict[tuple[date, str], int] = field(default_factory=dict)

    def trade(self, book: str, day: int, what: str, *, parts: int = 1) -> list[Execution]:
        """Plan, send and fill one trade in a session of November 2026, in `parts` executions."""
        side, quantity, symbol, _, price = what.split()
        session = date(2026, 11, day)
        at = datetime(2026, 11, day, 20, 50, tzinfo=UTC)
        begin_session(
            self.ledger, session, ["a", "b"],
            opens_at=at - timedelta(hours=6), closes_at=at + timedelta(minutes=10), at=at,
        )  # fmt: skip
        shares = Decimal(quantity)
        new = NewTrade(book, symbol, side, shares, None, is_exit=False)
        trade = trade_id(session, book, symbol, side)
        self._plan(session, new, trade)
        client_id = f"{session}.{book}.{symbol}.{side}"
        intend_order(
            self.ledger,
            NewOrder(
                client_order_id=client_id,
                block_id=block_id(session, symbol, self._rounds[session, symbol]),
                attempt=1,
                step=1,
                order_type="limit",
                quantity=shares,
                limit_price=Decimal(price),
                notional=shares * Decimal(price),
                allocations={trade: shares},
                at=at,
            ),
        )
        executions = []
        for part in range(1, parts + 1):
            self._executions += 1
            executions.append(
                Execution(
                    execution_id=f"x{self._executions}",
                    quantity=shares / parts,
                    cumulative_quantity=shares * part / parts,
                    price=Decimal(price),
                    executed_at=at + timedelta(seconds=self._executions),
                )
            )
        post_executions(self.ledger, client_id, executions)
        return executions

    def _plan(self, session: date, new: NewTrade, trade: str) -> None:
        """Record the trade; of a second book in the same symbol as if it went to market alone."""
        block = NewBlock(new.symbol, new.side, {trade: new.quantity})
        round_ = self._rounds.get((session, new.symbol), 0) + 1
        self._rounds[session, new.symbol] = round_
        planned = PlannedBook(new.book, Decimal(1000), "schedule", [new])
        if record_plans(self.ledger, session, [planned], [block], {}):
            return
        with self.ledger.write() as connection:
            connection.execute(
                update(session_books)
                .where(session_books.c.session == session, session_books.c.book == new.book)
                .values(state="planned", capital=planned.capital, trigger=planned.trigger)
            )
            connection.execute(
                insert(trades).values(
                    trade_id=trade,
                    session=session,
                    book=new.book,
                    symbol=new.symbol,
                    side=new.side,
                    is_exit=new.is_exit,
                    intended_quantity=new.quantity,
                    held_back=new.held_back,
                    state="planned",
                    reason="",
                )
            )
            open_blocks(connection, session, round_, [block])


@pytest.fixture
def make_ledger(ledger_url: str) -> Callable[[], TinyLedger]:
    def make() -> TinyLedger:
        ledger = Ledger(ledger_url)
        open_account(
            ledger, account_number="EMB1", inception=INCEPTION, cash=Decimal(1000), at=OPENED
        )
        terms = {"a": BookTerms(Decimal("0.6")), "b": BookTerms(Decimal("0.3"))}
        open_books(ledger, terms, session=INCEPTION, at=OPENED)
        return TinyLedger(ledger)

    return make


@pytest.fixture
def tiny(make_ledger: Callable[[], TinyLedger]) -> Iterator[TinyLedger]:
    tiny = make_ledger()
    yield tiny
    tiny.ledger.close()
