"""Writes of the trading job about the books' trades, and reads of how far they have come."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, select, update

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.netting import Cross
from alchemiser_dagster.ledger.block_records import NewBlock, open_blocks
from alchemiser_dagster.ledger.posting import post_cross
from alchemiser_dagster.ledger.schema import fills, sessions, trades
from alchemiser_dagster.ledger.store import Ledger

ENDED_TRADES = ("filled", "partial", "skipped", "failed", "blocked")


def trades_of(ledger: Ledger, session: date, *, side: str | None = None) -> Sequence[Row[Any]]:
    """The trades of a session, exits first, then by book and symbol.

    `filled` is the shares filled so far, `cash` the dollars that moved, crosses included.
    """
    done = (
        select(
            fills.c.trade_id,
            func.sum(fills.c.quantity, type_=fills.c.quantity.type).label("quantity"),
            func.sum(fills.c.cash, type_=fills.c.cash.type).label("cash"),
        )
        .where(fills.c.session == session)
        .group_by(fills.c.trade_id)
        .subquery()
    )
    query = (
        select(
            trades,
            func.coalesce(done.c.quantity, ZERO, type_=fills.c.quantity.type).label("filled"),
            func.coalesce(done.c.cash, ZERO, type_=fills.c.cash.type).label("cash"),
        )
        .outerjoin(done, done.c.trade_id == trades.c.trade_id)
        .where(trades.c.session == session)
        .order_by(trades.c.is_exit.desc(), trades.c.book, trades.c.symbol)
    )
    if side is not None:
        query = query.where(trades.c.side == side)
    with ledger.read() as connection:
        return connection.execute(query).all()


def block_trade(ledger: Ledger, trade: str, reason: str) -> None:
    """End a trade of which nothing has been sent, because something forbids it."""
    with ledger.write() as connection:
        connection.execute(
            update(trades)
            .where(trades.c.trade_id == trade, trades.c.state.not_in(ENDED_TRADES))
            .values(state="blocked", reason=reason)
        )


def record_sizing(
    ledger: Ledger,
    session: date,
    *,
    sized: Mapping[str, tuple[Decimal, Decimal]],
    dropped: Mapping[str, str],
    crosses: Sequence[Cross],
    blocks: Sequence[NewBlock],
    at: datetime,
) -> bool:
    """Fix all purchases of a session at once, because they share the cash there is.

    `sized` gives (shares, most it may cost in dollars) and `dropped` a reason, both by trade id.
    The crosses are posted, and the blocks of the second round opened, in the same transaction.
    Returns False, and changes nothing, when this was done before.
    """
    with ledger.write() as connection:
        state = connection.execute(
            select(sessions.c.state).where(sessions.c.session == session)
        ).scalar_one()
        if state != "sold":
            return False
        changes: list[tuple[str, dict[str, object]]] = [
            (trade, {"state": "sized", "intended_quantity": quantity, "budget": budget})
            for trade, (quantity, budget) in sized.items()
        ]
        changes += [
            (trade, {"state": "skipped", "reason": reason}) for trade, reason in dropped.items()
        ]
        for trade, values in changes:
            connection.execute(
                update(trades)
                .where(trades.c.trade_id == trade, trades.c.state == "planned")
                .values(**values)
            )
        for cross in crosses:
            post_cross(connection, session, cross, at)
        open_blocks(connection, session, 2, blocks)
        connection.execute(
            update(sessions).where(sessions.c.session == session).values(state="sized")
        )
    return True


def end_trade(ledger: Ledger, trade: str, state: str, reason: str) -> None:
    """End a trade; one that has ended stays as it is."""
    if state not in ENDED_TRADES:
        raise ValueError(f"expected one of {ENDED_TRADES}, was {state!r}")
    with ledger.write() as connection:
        connection.execute(
            update(trades)
            .where(trades.c.trade_id == trade, trades.c.state.not_in(ENDED_TRADES))
            .values(state=state, reason=reason)
        )
