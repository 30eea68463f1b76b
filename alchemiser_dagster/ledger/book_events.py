"""Reading everything that ever changed books: `books.book_events` from the ledger's tables."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    func,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)

from alchemiser_dagster.books.book_events import (
    CASH_EVENTS,
    EXIT_EVENTS,
    SHARE_EVENTS,
    BookEvents,
)
from alchemiser_dagster.ledger.schema import (
    cash_entries,
    fills,
    lot_adjustments,
    lot_exits,
    lots,
)


def book_events(connection: Connection, *, through: date, book: str | None = None) -> BookEvents:
    """What happened to a book, or to all of them, up to and including a session.

    The answer is the same however much has been recorded since.
    """
    return BookEvents(
        cash=_table(connection, _cash(through, book), CASH_EVENTS),
        shares=_table(connection, _shares(through, book), SHARE_EVENTS),
        exits=_table(connection, _exits(through, book), EXIT_EVENTS),
    )


def _table(
    connection: Connection, query: Any, schema: Mapping[str, pl.DataType | type[pl.DataType]]
) -> pl.DataFrame:
    rows: Sequence[Row[Any]] = connection.execute(query).all()
    columns: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else ([] for _ in schema)
    return pl.DataFrame(
        [
            pl.Series(name, values, dtype=dtype)
            for (name, dtype), values in zip(schema.items(), columns, strict=True)
        ]
    )


def _cash(through: date, book: str | None) -> Select[Any]:
    amount = cash_entries.c.amount
    return (
        select(
            cash_entries.c.book,
            cash_entries.c.session,
            cash_entries.c.kind,
            func.sum(amount, type_=amount.type),
        )
        .where(cash_entries.c.session <= through, _of(cash_entries.c.book, book))
        .group_by(cash_entries.c.book, cash_entries.c.session, cash_entries.c.kind)
        .order_by(cash_entries.c.book, cash_entries.c.session, cash_entries.c.kind)
    )


def _shares(through: date, book: str | None) -> Any:
    entered = select(
        lots.c.book,
        lots.c.session.label("session"),
        lots.c.lot_id,
        lots.c.symbol,
        lots.c.entry_quantity.label("quantity"),
        lots.c.entry_cost.label("cost"),
    ).where(lots.c.session <= through, _of(lots.c.book, book))
    parts = [entered]
    for table, sign in ((lot_exits, -1), (lot_adjustments, 1)):
        parts.append(
            select(
                lots.c.book,
                table.c.session,
                lots.c.lot_id,
                lots.c.symbol,
                _signed(table.c.quantity, sign),
                _signed(table.c.cost, sign),
            )
            .join(lots, lots.c.lot_id == table.c.lot_id)
            .where(table.c.session <= through, _of(lots.c.book, book))
        )
    return union_all(*parts)


def _signed(column: ColumnElement[Any], sign: int) -> ColumnElement[Any]:
    return column if sign > 0 else type_coerce(-column, column.type)


def _exits(through: date, book: str | None) -> Select[Any]:
    busts = fills.alias("busts")
    # A purchase that was taken back after its shares were sold made exits too, and these count.
    stands = or_(fills.c.side == "buy", fills.c.busts.is_(None))
    undone = (
        select(func.min(busts.c.session, type_=busts.c.session.type))
        .where(
            busts.c.busts == fills.c.fill_id,
            busts.c.session <= through,
            fills.c.side == "sell",
        )
        .scalar_subquery()
    )
    pnl = type_coerce(lot_exits.c.proceeds - lot_exits.c.cost, lot_exits.c.cost.type)
    return (
        select(lots.c.book, lot_exits.c.session, undone, fills.c.trade_id, pnl)
        .join(lots, lots.c.lot_id == lot_exits.c.lot_id)
        .join(fills, fills.c.fill_id == lot_exits.c.fill_id)
        .where(lot_exits.c.session <= through, _of(lots.c.book, book), stands)
        .order_by(lots.c.book, lot_exits.c.exited_at, lot_exits.c.fill_id, lot_exits.c.lot_id)
    )


def _of(column: ColumnElement[str], book: str | None) -> ColumnElement[bool]:
    return column == book if book is not None else true()
