"""Writes of the trading job about a session: expectations, plans, prices, outcomes, snapshots.

Every function is safe to call again after a crash: what is there already stays as it is.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, insert, select, update

from alchemiser_dagster.books.money import WEIGHT, ZERO, to_cents
from alchemiser_dagster.books.planning import PlanItem
from alchemiser_dagster.ledger.block_records import NewBlock, open_blocks
from alchemiser_dagster.ledger.queries import Snapshot
from alchemiser_dagster.ledger.schema import (
    account_snapshots,
    plan_items,
    prices,
    session_books,
    sessions,
    snapshot_positions,
    trades,
)
from alchemiser_dagster.ledger.store import Ledger


@dataclass(frozen=True)
class Quoted:
    """A symbol's row in the session's price map, dollars a share."""

    price: Decimal
    bid: Decimal
    ask: Decimal
    quoted_at: datetime


@dataclass(frozen=True)
class NewTrade:
    """A trade to record: shares to sell, or dollars to spend (`budget`) on a purchase.

    `held_back` of the shares to sell wait for a purchase of another book. A trade that may not be
    made is recorded with the state "blocked" or "skipped" and its reason.
    """

    book: str
    symbol: str
    side: str
    quantity: Decimal
    budget: Decimal | None
    is_exit: bool
    held_back: Decimal = ZERO
    lot_order: Sequence[str] | None = None
    state: str = "planned"
    reason: str = ""


@dataclass(frozen=True)
class PlannedBook:
    """A book's plan as it is fixed for a session: capital in dollars, why, and its trades.

    `items` say of every symbol, traded or not, what was decided and why.
    """

    book: str
    capital: Decimal
    trigger: str
    trades: Sequence[NewTrade]
    items: Sequence[PlanItem] = ()


def begin_session(
    ledger: Ledger,
    session: date,
    expected: Iterable[str],
    *,
    opens_at: datetime,
    closes_at: datetime,
    at: datetime,
) -> None:
    """Record the session and one expectation row for every book that should trade in it."""
    with ledger.write() as connection:
        if connection.execute(select(sessions).where(sessions.c.session == session)).first():
            return
        connection.execute(
            insert(sessions).values(
                session=session,
                state="open",
                opens_at=opens_at,
                closes_at=closes_at,
                started_at=at,
            )
        )
        rows = [
            {"session": session, "book": book, "state": "expected", "reason": ""}
            for book in expected
        ]
        if rows:
            connection.execute(insert(session_books), rows)


def set_session_state(ledger: Ledger, session: date, state: str) -> None:
    """Move a session on to `state`."""
    with ledger.write() as connection:
        connection.execute(
            update(sessions).where(sessions.c.session == session).values(state=state)
        )


def complete_session(ledger: Ledger, session: date, outcome: str, at: datetime) -> None:
    """End a session."""
    with ledger.write() as connection:
        connection.execute(
            update(sessions)
            .where(sessions.c.session == session)
            .values(state="complete", outcome=outcome, ended_at=at)
        )


def record_plans(
    ledger: Ledger,
    session: date,
    plans: Sequence[PlannedBook],
    blocks_: Sequence[NewBlock],
    refused: Mapping[str, str],
) -> bool:
    """Fix every book's trades for the session, and what of them goes to the market first, at once.

    `refused` says why a book has no plan; it ends as failed. Returns False, and changes nothing,
    when the session was planned before.
    """
    with ledger.write() as connection:
        state = connection.execute(
            select(sessions.c.state).where(sessions.c.session == session)
        ).scalar_one()
        if state != "open":
            return False
        for plan in plans:
            connection.execute(
                update(session_books)
                .where(session_books.c.session == session, session_books.c.book == plan.book)
                .values(state="planned", capital=plan.capital, trigger=plan.trigger)
            )
        rows = [
            {
                "trade_id": trade_id(session, trade.book, trade.symbol, trade.side),
                "session": session,
                "book": trade.book,
                "symbol": trade.symbol,
                "side": trade.side,
                "is_exit": trade.is_exit,
                "intended_quantity": trade.quantity,
                "held_back": trade.held_back,
                "budget": trade.budget,
                "state": trade.state,
                "reason": trade.reason,
                "lot_order": None if trade.lot_order is None else json.dumps(trade.lot_order),
            }
            for plan in plans
            for trade in plan.trades
        ]
        if rows:
            connection.execute(insert(trades), rows)
        items = [_item_row(session, plan.book, item) for plan in plans for item in plan.items]
        if items:
            connection.execute(insert(plan_items), items)
        open_blocks(connection, session, 1, blocks_)
        for book, reason in refused.items():
            _end(connection, session, book, "failed", reason)
        connection.execute(
            update(sessions).where(sessions.c.session == session).values(state="planned")
        )
    return True


def _item_row(session: date, book: str, item: PlanItem) -> dict[str, object]:
    return {
        "session": session,
        "book": book,
        "symbol": item.symbol,
        "action": item.action.value,
        "weight": item.weight.quantize(WEIGHT),
        "held": item.held,
        "price": item.price,
        "target": to_cents(item.target),
        "current": to_cents(item.current),
        "quantity": item.quantity,
        "reason": item.reason,
    }


def record_outcome(ledger: Ledger, session: date, book: str, state: str, reason: str) -> None:
    """Write a book's outcome; an outcome once written is not changed."""
    with ledger.write() as connection:
        _end(connection, session, book, state, reason)


def _end(connection: Connection, session: date, book: str, state: str, reason: str) -> None:
    connection.execute(
        update(session_books)
        .where(
            session_books.c.session == session,
            session_books.c.book == book,
            session_books.c.state.in_(["expected", "planned"]),
        )
        .values(state=state, reason=reason)
    )


def trade_id(session: date, book: str, symbol: str, side: str) -> str:
    """The id of a trade: a book trades a symbol on one side, once, in a session."""
    return f"{session.isoformat()}.{book}.{symbol}.{side}"


def record_prices(ledger: Ledger, session: date, quotes: Mapping[str, Quoted]) -> None:
    """Add symbols to the session's price map; a price once recorded is kept."""
    with ledger.write() as connection:
        known = set(
            connection.execute(select(prices.c.symbol).where(prices.c.session == session)).scalars()
        )
        rows = [
            {
                "session": session,
                "symbol": symbol,
                "price": quote.price,
                "bid": quote.bid,
                "ask": quote.ask,
                "quoted_at": quote.quoted_at,
            }
            for symbol, quote in quotes.items()
            if symbol not in known
        ]
        if rows:
            connection.execute(insert(prices), rows)


def session_prices(ledger: Ledger, session: date) -> dict[str, Quoted]:
    """The session's price map."""
    with ledger.read() as connection:
        rows = connection.execute(select(prices).where(prices.c.session == session)).all()
    return {row.symbol: Quoted(row.price, row.bid, row.ask, row.quoted_at) for row in rows}


def record_snapshot(ledger: Ledger, session: date, kind: str, snapshot: Snapshot) -> None:
    """Keep what the broker said the account held, once a session and kind."""
    with ledger.write() as connection:
        where = (account_snapshots.c.session == session, account_snapshots.c.kind == kind)
        if connection.execute(select(account_snapshots).where(*where)).first():
            return
        connection.execute(
            insert(account_snapshots).values(
                session=session,
                kind=kind,
                taken_at=snapshot.taken_at,
                cash=snapshot.cash,
                equity=snapshot.equity,
                last_equity=snapshot.last_equity,
                long_market_value=snapshot.long_market_value,
            )
        )
        rows = [
            {"session": session, "kind": kind, "symbol": symbol, "quantity": quantity}
            for symbol, quantity in snapshot.positions.items()
        ]
        if rows:
            connection.execute(insert(snapshot_positions), rows)
