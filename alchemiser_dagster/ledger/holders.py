"""Who held a symbol at a moment, and who sold on a day: whom an activity is for.

Both go by when things happened, not by the session in which they were posted: shares that somebody
bought by hand on Monday are posted when Tuesday's session opens, and get a dividend whose ex-date
is Tuesday.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, func, select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.account_activity import MANUAL
from alchemiser_dagster.ledger.schema import (
    cash_entries,
    fills,
    lot_adjustments,
    lot_exits,
    lots,
)

DAY = timedelta(days=1)


def shares_before(connection: Connection, symbol: str, moment: datetime) -> dict[str, Decimal]:
    """Shares of `symbol` that each book held just before `moment`; books that held none absent."""
    existing = (lots.c.symbol == symbol, lots.c.entry_at < moment)
    entered = select(lots.c.book, _sum(lots.c.entry_quantity)).where(*existing)
    held: dict[str, Decimal] = {}
    for query, sign in (
        (entered, 1),
        (_changes(lot_exits, lot_exits.c.exited_at < moment, existing), -1),
        (_changes(lot_adjustments, lot_adjustments.c.at < moment, existing), 1),
    ):
        for row in connection.execute(query.group_by(lots.c.book).order_by(lots.c.book)):
            held[row.book] = held.get(row.book, ZERO) + sign * row.total
    return {book: shares for book, shares in held.items() if shares != 0}


def sellers(connection: Connection, day_began: datetime) -> dict[str, Decimal]:
    """Dollars that each book sold for in the market in the day from `day_began` on.

    Crosses cost no fee and do not count; nor does it count that a sale was undone afterwards.
    """
    sold: dict[str, Decimal] = {}
    in_market = select(fills.c.book, _sum(fills.c.cash)).where(
        fills.c.side == "sell",
        fills.c.execution_id.is_not(None),
        fills.c.executed_at >= day_began,
        fills.c.executed_at < day_began + DAY,
    )
    by_hand = select(cash_entries.c.book, _sum(cash_entries.c.amount)).where(
        cash_entries.c.kind == MANUAL,
        cash_entries.c.amount > ZERO,
        cash_entries.c.at >= day_began,
        cash_entries.c.at < day_began + DAY,
    )
    for query, book in ((in_market, fills.c.book), (by_hand, cash_entries.c.book)):
        for row in connection.execute(query.group_by(book).order_by(book)):
            sold[row.book] = sold.get(row.book, ZERO) + row.total
    return sold


def _changes(table: Any, happened: Any, existing: tuple[Any, ...]) -> Select[Any]:
    joined = select(lots.c.book, _sum(table.c.quantity)).join(lots, lots.c.lot_id == table.c.lot_id)
    return joined.where(happened, *existing)


def _sum(column: Any) -> Any:
    return func.sum(column, type_=column.type).label("total")
