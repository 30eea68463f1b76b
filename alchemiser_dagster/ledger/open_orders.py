"""Orders that may still fill, and the dollars they are reserved at.

An order counts with what it has executed, in cash, and with what it may still execute, at the
price its dollars were reserved at:

    order of 10 shares, reserved at 1,000.00; 4 executed for 398.00
    ->  traded 398.00 + reserved 1,000.00 x 6/10 = 998.00

What has executed is taken from the executions in the ledger, so shares that the broker has filled
and the ledger does not have yet stay reserved, even when the order has ended. All of this is to be
read in the transaction that writes the next order down: two orders at once cannot both take the
same last dollars.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, and_, func, select

from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.ledger.block_records import ENDED_ORDERS
from alchemiser_dagster.ledger.schema import blocks, executions, order_allocations, orders, trades


@dataclass(frozen=True)
class RestingOrder:
    """An order that has not ended, as far as the ledger knows.

    `broker_order_id` is None when nobody knows whether it arrived.
    """

    client_order_id: str
    broker_order_id: str | None
    symbol: str
    side: str
    quantity: Decimal

    def __str__(self) -> str:
        shares = f"{self.quantity.normalize():f}"
        return f"{self.client_order_id}: {self.side} {shares} {self.symbol}"


def resting_orders(
    connection: Connection, *, book: str | None = None, symbol: str | None = None
) -> list[RestingOrder]:
    """The orders that have not ended: all, those a book has a part in, or those of a symbol."""
    query = (
        select(orders, blocks.c.symbol, blocks.c.side)
        .join(blocks, blocks.c.block_id == orders.c.block_id)
        .where(orders.c.state.not_in(ENDED_ORDERS))
        .order_by(orders.c.submitted_at, orders.c.client_order_id)
    )
    if symbol is not None:
        query = query.where(blocks.c.symbol == symbol)
    if book is not None:
        query = query.where(
            orders.c.client_order_id.in_(
                select(order_allocations.c.client_order_id)
                .join(trades, trades.c.trade_id == order_allocations.c.trade_id)
                .where(trades.c.book == book)
            )
        )
    return [
        RestingOrder(row.client_order_id, row.broker_order_id, row.symbol, row.side, row.quantity)
        for row in connection.execute(query)
    ]


def traded_notional(connection: Connection, session: date) -> Decimal:
    """Dollars bought and sold in a session, with what its open orders may still trade."""
    executed = connection.execute(
        select(func.sum(executions.c.cash, type_=executions.c.cash.type))
        .join(orders, orders.c.client_order_id == executions.c.client_order_id)
        .join(blocks, blocks.c.block_id == orders.c.block_id)
        .where(blocks.c.session == session)
    ).scalar()
    return (executed or ZERO) + _reserved(connection, blocks.c.session == session)


def open_purchases(connection: Connection, session: date) -> Decimal:
    """Dollars that the purchases of a session may still cost.

    Orders are good for their day, so those of earlier sessions cost nothing any more.
    """
    return _reserved(connection, and_(blocks.c.session == session, blocks.c.side == "buy"))


def _reserved(connection: Connection, condition: ColumnElement[bool]) -> Decimal:
    executed = (
        select(func.sum(executions.c.quantity, type_=executions.c.quantity.type))
        .where(executions.c.client_order_id == orders.c.client_order_id)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(orders, executed.label("executed"))
        .join(blocks, blocks.c.block_id == orders.c.block_id)
        .where(condition)
    )
    reserved = ZERO
    for row in rows:
        fillable = row.filled_quantity if row.state in ENDED_ORDERS else row.quantity
        left = max(fillable - (row.executed or ZERO), ZERO)
        reserved += to_cents(row.notional * left / row.quantity)
    return reserved
