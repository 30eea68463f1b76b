"""Reads of the ledger. Each returns the complete answer or raises; none hides an error.

Where a function takes `through`, the answer is the state at the end of that session, however much
has been recorded since. That is what lets a published table be made again with the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select, true

from alchemiser_dagster.books.lots import Lot
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.schema import (
    account_snapshots,
    books,
    cash_entries,
    fills,
    lot_exits,
    lots,
    orders,
    session_books,
    sessions,
    snapshot_positions,
    trades,
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
    left = (
        select(
            lot_exits.c.lot_id,
            func.sum(lot_exits.c.quantity, type_=lot_exits.c.quantity.type).label("quantity"),
            func.sum(lot_exits.c.cost, type_=lot_exits.c.cost.type).label("cost"),
        )
        .where(_until(lot_exits.c.session, through))
        .group_by(lot_exits.c.lot_id)
        .subquery()
    )
    query: Select[Any] = (
        select(lots, left.c.quantity.label("sold"), left.c.cost.label("sold_cost"))
        .outerjoin(left, left.c.lot_id == lots.c.lot_id)
        .where(
            _until(lots.c.session, through),
            lots.c.book == book if book is not None else true(),
            lots.c.symbol == symbol if symbol is not None else true(),
        )
        .order_by(lots.c.entry_at, lots.c.lot_id)
    )
    found = []
    for row in connection.execute(query):
        quantity = row.entry_quantity - (row.sold or ZERO)
        if quantity < 0:
            raise ValueError(f"lot {row.lot_id} of {row.book} has {quantity} shares left")
        if quantity > 0:
            found.append(
                (
                    row.book,
                    Lot(
                        lot_id=row.lot_id,
                        symbol=row.symbol,
                        entry_at=row.entry_at,
                        entry_quantity=row.entry_quantity,
                        entry_price=row.entry_price,
                        quantity=quantity,
                        cost=row.entry_cost - (row.sold_cost or ZERO),
                    ),
                )
            )
    return found


def positions(
    connection: Connection, *, through: date | None = None
) -> dict[str, dict[str, Decimal]]:
    """Shares by book and symbol, from the open lots; books that hold nothing are absent."""
    held: dict[str, dict[str, Decimal]] = {}
    for book, lot in open_lots_by_book(connection, through=through):
        own = held.setdefault(book, {})
        own[lot.symbol] = own.get(lot.symbol, ZERO) + lot.quantity
    return held


def fills_of(connection: Connection, book: str, session: date) -> Sequence[Row[Any]]:
    """The fills of one book in one session, in the order they happened."""
    return connection.execute(
        select(fills)
        .where(fills.c.book == book, fills.c.session == session)
        .order_by(fills.c.executed_at, fills.c.client_order_id, fills.c.cumulative_quantity)
    ).all()


def exits_of(
    connection: Connection, book: str, *, through: date | None = None
) -> Sequence[Row[Any]]:
    """Every lot exit of a book up to and including `through`, with its order's trade id."""
    return connection.execute(
        select(lot_exits, lots.c.symbol, lots.c.book, orders.c.trade_id)
        .join(lots, lots.c.lot_id == lot_exits.c.lot_id)
        .join(fills, fills.c.fill_id == lot_exits.c.fill_id)
        .join(orders, orders.c.client_order_id == fills.c.client_order_id)
        .where(lots.c.book == book, _until(lot_exits.c.session, through))
        .order_by(lot_exits.c.exited_at, lot_exits.c.fill_id, lot_exits.c.lot_id)
    ).all()


def traded_orders(connection: Connection, *, through: date | None = None) -> dict[str, int]:
    """How many trades of each book have at least one fill."""
    rows = connection.execute(
        select(trades.c.book, func.count(trades.c.trade_id.distinct()).label("trades"))
        .join(orders, orders.c.trade_id == trades.c.trade_id)
        .join(fills, fills.c.client_order_id == orders.c.client_order_id)
        .where(_until(trades.c.session, through))
        .group_by(trades.c.book)
    )
    return {row.book: row.trades for row in rows}


def external_flows(
    connection: Connection, book: str, *, session: date | None = None, through: date | None = None
) -> Decimal:
    """Dollars that came into a book other than by trading, in one session or up to one."""
    at = (
        cash_entries.c.session == session
        if session is not None
        else _until(cash_entries.c.session, through)
    )
    total = connection.execute(
        select(func.sum(cash_entries.c.amount, type_=cash_entries.c.amount.type)).where(
            cash_entries.c.book == book, cash_entries.c.kind.in_(["opening", "transfer"]), at
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
    """What the broker said the account held at one moment."""

    taken_at: datetime
    cash: Decimal
    equity: Decimal
    positions: dict[str, Decimal]


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
    return Snapshot(row.taken_at, row.cash, row.equity, {row.symbol: row.quantity for row in held})


def _until(column: ColumnElement[date], through: date | None) -> ColumnElement[bool]:
    return column <= through if through is not None else true()
