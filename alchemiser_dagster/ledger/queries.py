"""Reads of the ledger. Each returns the complete answer or raises; none hides an error.

Where a function takes `through`, the answer is the state at the end of that session, however much
has been recorded since. That is what lets a published table be made again with the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, true

from alchemiser_dagster.books.book_events import FLOWS, INCOME
from alchemiser_dagster.books.lots import Lot
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.lot_posting import IS_OPEN, lot_of
from alchemiser_dagster.ledger.schema import (
    account_snapshots,
    books,
    cash_entries,
    executions,
    fills,
    lot_adjustments,
    lot_exits,
    lots,
    session_books,
    sessions,
    snapshot_positions,
)


def all_books(connection: Connection) -> Sequence[Row[Any]]:
    """Every book ever opened, the unallocated one included, by name."""
    return connection.execute(select(books).order_by(books.c.book)).all()


def book_cash(connection: Connection, *, through: date | None = None) -> dict[str, Decimal]:
    """Dollars of cash by book."""
    rows = connection.execute(
        select(
            cash_entries.c.book,
            func.sum(cash_entries.c.amount, type_=cash_entries.c.amount.type).label("amount"),
        )
        .where(_until(cash_entries.c.session, through))
        .group_by(cash_entries.c.book)
    )
    return {row.book: row.amount for row in rows}


def open_lots(
    connection: Connection,
    *,
    book: str | None = None,
    symbol: str | None = None,
    through: date | None = None,
) -> list[Lot]:
    """Open lots with what is left of them, oldest first. `book=None` reads every book's."""
    return [lot for _, lot in open_lots_by_book(connection, book, symbol, through)]


def open_lots_by_book(
    connection: Connection,
    book: str | None = None,
    symbol: str | None = None,
    through: date | None = None,
) -> list[tuple[str, Lot]]:
    """(book, lot) pairs of the open lots, oldest first."""
    query = select(lots).where(
        lots.c.book == book if book is not None else true(),
        lots.c.symbol == symbol if symbol is not None else true(),
    )
    query = query.order_by(lots.c.entry_at, lots.c.lot_id)
    if through is None:
        rows = connection.execute(query.where(IS_OPEN))
        return [(row.book, lot_of(row)) for row in rows]
    quantity, cost = _left("quantity", through), _left("cost", through)
    rows = connection.execute(
        query.add_columns(quantity.label("left_quantity"), cost.label("left_cost")).where(
            lots.c.session <= through, quantity != ZERO
        )
    )
    return [
        (row.book, replace(lot_of(row), quantity=row.left_quantity, cost=row.left_cost))
        for row in rows
    ]


def _left(what: str, through: date) -> ColumnElement[Decimal]:
    """The shares (`what` is "quantity") or dollars ("cost") left of each lot after `through`."""
    left: ColumnElement[Any] = lots.c[f"entry_{what}"]
    for table, sign in ((lot_exits, -1), (lot_adjustments, 1)):
        total = (
            select(func.sum(table.c[what], type_=left.type))
            .where(table.c.lot_id == lots.c.lot_id, table.c.session <= through)
            .scalar_subquery()
        )
        change = func.coalesce(total, ZERO, type_=left.type)
        left = left + change if sign > 0 else left - change
    return left


def positions(
    connection: Connection, *, through: date | None = None
) -> dict[str, dict[str, Decimal]]:
    """Shares by book and symbol, from the open lots; books that hold nothing are absent."""
    left = lots.c.quantity if through is None else _left("quantity", through)
    is_open = IS_OPEN if through is None else and_(lots.c.session <= through, left != ZERO)
    open_ = select(lots.c.book, lots.c.symbol, left.label("left")).where(is_open).subquery()
    total = func.sum(open_.c.left, type_=lots.c.quantity.type).label("quantity")
    held: dict[str, dict[str, Decimal]] = {}
    for row in connection.execute(
        select(open_.c.book, open_.c.symbol, total)
        .group_by(open_.c.book, open_.c.symbol)
        .order_by(open_.c.book, open_.c.symbol)
    ):
        held.setdefault(row.book, {})[row.symbol] = row.quantity
    return held


def fills_of(connection: Connection, book: str, session: date) -> Sequence[Row[Any]]:
    """The fills of one book in one session, in the order they happened.

    Each with the `client_order_id` of its order; None for a cross, or what a bust takes back.
    """
    return connection.execute(
        select(fills, executions.c.client_order_id)
        .outerjoin(executions, executions.c.execution_id == fills.c.execution_id)
        .where(fills.c.book == book, fills.c.session == session)
        .order_by(fills.c.executed_at, fills.c.fill_id)
    ).all()


def exits_of(
    connection: Connection, book: str, *, through: date | None = None
) -> Sequence[Row[Any]]:
    """Every lot exit of a book up to and including `through`, with its trade and its lot's entry.

    A sale that a bust has undone by then, and the exits that undo it, are left out.
    """
    undone = select(fills.c.busts).where(
        fills.c.busts.is_not(None), _until(fills.c.session, through)
    )
    # A purchase that was taken back after its shares were sold made exits too, and these count.
    stands = or_(
        fills.c.side == "buy", and_(fills.c.busts.is_(None), fills.c.fill_id.not_in(undone))
    )
    return connection.execute(
        select(lot_exits, lots.c.symbol, lots.c.book, lots.c.entry_at, fills.c.trade_id)
        .join(lots, lots.c.lot_id == lot_exits.c.lot_id)
        .join(fills, fills.c.fill_id == lot_exits.c.fill_id)
        .where(
            lots.c.book == book,
            _until(lot_exits.c.session, through),
            stands,
        )
        .order_by(lot_exits.c.exited_at, lot_exits.c.fill_id, lot_exits.c.lot_id)
    ).all()


def traded_orders(connection: Connection, *, through: date | None = None) -> dict[str, int]:
    """How many trades of each book have at least one fill."""
    rows = connection.execute(
        select(fills.c.book, func.count(fills.c.trade_id.distinct()).label("trades"))
        .where(_until(fills.c.session, through))
        .group_by(fills.c.book)
    )
    return {row.book: row.trades for row in rows}


def external_flows(
    connection: Connection, book: str, *, session: date | None = None, through: date | None = None
) -> Decimal:
    """Dollars that came into a book from elsewhere, in one session or up to one.

    Neither what it traded nor what its shares and its cash earned.
    """
    return _entered(connection, book, FLOWS, session, through)


def income(connection: Connection, book: str, *, through: date | None = None) -> Decimal:
    """Dollars that a book's shares and cash earned up to a session: dividends, interest, less
    fees."""
    return _entered(connection, book, INCOME, None, through)


def _entered(
    connection: Connection,
    book: str,
    kinds: Sequence[str],
    session: date | None,
    through: date | None,
) -> Decimal:
    at = (
        cash_entries.c.session == session
        if session is not None
        else _until(cash_entries.c.session, through)
    )
    total = connection.execute(
        select(func.sum(cash_entries.c.amount, type_=cash_entries.c.amount.type)).where(
            cash_entries.c.book == book, cash_entries.c.kind.in_(kinds), at
        )
    ).scalar()
    return total if total is not None else ZERO


def the_session(connection: Connection, session: date) -> Row[Any] | None:
    """The row of one session; None when its trading never began."""
    return connection.execute(select(sessions).where(sessions.c.session == session)).one_or_none()


def last_session(connection: Connection) -> Row[Any] | None:
    """The latest session whose trading began."""
    return connection.execute(
        select(sessions).order_by(sessions.c.session.desc()).limit(1)
    ).one_or_none()


def incomplete_sessions(connection: Connection, *, before: date) -> list[date]:
    """Sessions before `before` whose trading began and did not end, oldest first."""
    return list(
        connection.execute(
            select(sessions.c.session)
            .where(sessions.c.session < before, sessions.c.state != "complete")
            .order_by(sessions.c.session)
        ).scalars()
    )


def outcomes(connection: Connection, session: date) -> Sequence[Row[Any]]:
    """The expectation row of every book in one session, by book."""
    return connection.execute(
        select(session_books)
        .where(session_books.c.session == session)
        .order_by(session_books.c.book)
    ).all()


def last_rebalance(connection: Connection, book: str, before: date) -> date | None:
    """The last session before `before` in which the book was rebalanced.

    One in which none of its trades filled does not count: the book is still due.
    """
    return connection.execute(
        select(func.max(session_books.c.session)).where(
            session_books.c.book == book,
            session_books.c.session < before,
            session_books.c.trigger.is_not(None),
            session_books.c.trigger != "",
            session_books.c.state != "failed",
        )
    ).scalar()


@dataclass(frozen=True)
class Snapshot:
    """What the broker said the account held at one moment: dollars, and shares by symbol.

    `last_equity` is the equity at the close of the session before.
    """

    taken_at: datetime
    cash: Decimal
    equity: Decimal
    positions: dict[str, Decimal]
    last_equity: Decimal | None = None
    long_market_value: Decimal | None = None


def snapshot(connection: Connection, session: date, kind: str) -> Snapshot | None:
    """The account snapshot taken "before" or "after" the trading of a session."""
    row = connection.execute(
        select(account_snapshots).where(
            account_snapshots.c.session == session, account_snapshots.c.kind == kind
        )
    ).one_or_none()
    if row is None:
        return None
    held = connection.execute(
        select(snapshot_positions.c.symbol, snapshot_positions.c.quantity).where(
            and_(snapshot_positions.c.session == session, snapshot_positions.c.kind == kind)
        )
    )
    return Snapshot(
        taken_at=row.taken_at,
        cash=row.cash,
        equity=row.equity,
        positions={row.symbol: row.quantity for row in held},
        last_equity=row.last_equity,
        long_market_value=row.long_market_value,
    )


def _until(column: ColumnElement[date], through: date | None) -> ColumnElement[bool]:
    return column <= through if through is not None else true()
