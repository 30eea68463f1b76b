"""Writes of the trading job about a session: expectations, plans, prices, outcomes, snapshots.

Every function is safe to call again after a crash: what is there already stays as it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import insert, select, update

from alchemiser_dagster.ledger.queries import Snapshot
from alchemiser_dagster.ledger.schema import (
    account_snapshots,
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
    """A trade to record: shares to sell, or dollars to spend (`budget`) on a purchase."""

    book: str
    symbol: str
    side: str
    quantity: Decimal
    budget: Decimal | None
    is_exit: bool


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


def record_plan(
    ledger: Ledger,
    session: date,
    book: str,
    *,
    capital: Decimal,
    trigger: str,
    planned: Sequence[NewTrade],
) -> None:
    """Fix a book's plan for the session: its capital and its trades, once."""
    with ledger.write() as connection:
        changed = connection.execute(
            update(session_books)
            .where(
                session_books.c.session == session,
                session_books.c.book == book,
                session_books.c.state == "expected",
            )
            .values(state="planned", capital=capital, trigger=trigger)
        )
        if changed.rowcount == 0:
            return
        rows = [
            {
                "trade_id": trade_id(session, book, trade.symbol, trade.side),
                "session": session,
                "book": book,
                "symbol": trade.symbol,
                "side": trade.side,
                "is_exit": trade.is_exit,
                "intended_quantity": trade.quantity,
                "budget": trade.budget,
                "state": "planned",
                "reason": "",
            }
            for trade in planned
        ]
        if rows:
            connection.execute(insert(trades), rows)


def record_outcome(ledger: Ledger, session: date, book: str, state: str, reason: str) -> None:
    """Write a book's outcome; an outcome once written is not changed."""
    with ledger.write() as connection:
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
    """The id of a trade: a book trades a symbol at most once a side in a session."""
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
            )
        )
        rows = [
            {"session": session, "kind": kind, "symbol": symbol, "quantity": quantity}
            for symbol, quantity in snapshot.positions.items()
        ]
        if rows:
            connection.execute(insert(snapshot_positions), rows)
