"""What was traded, order by order, as the ledger has it now.

An order is here with the fills that stand: those that a bust has taken back are left out, and an
order all of whose fills were taken back is here without parts. A cross between books is as two
orders that never went to the market, one of each side.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    func,
    literal,
    null,
    select,
    union,
)

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.schema import blocks, crosses, executions, fills, orders

CROSS = "cross"
"""The order type of what books traded with each other."""
PRICE = Decimal("0.000001")
busts = fills.alias("busts")
IS_STANDING = ~select(busts.c.fill_id).where(busts.c.busts == fills.c.fill_id).exists()


@dataclass
class Part:
    """Shares, and the dollars paid or got for them, in cents; `value` is shares x price, exact."""

    quantity: Decimal = ZERO
    cash: Decimal = ZERO
    value: Decimal = ZERO

    def add(self, quantity: Decimal, price: Decimal, cash: Decimal) -> None:
        """Add one fill."""
        self.quantity += quantity
        self.cash += cash
        self.value += quantity * price

    @property
    def price(self) -> Decimal:
        """Dollars a share, the mean weighted by shares, to the millionth."""
        return (self.value / self.quantity).quantize(PRICE)


@dataclass
class FilledOrder:
    """An order, and what each book got of it.

    `order_id` is the broker's, or the cross's. `session` is that in which it was sent, `filled_at`
    when the first of its shares was traded. `bid` and `ask` are the quote when the first order of
    its block was sent; None where nobody knows.
    """

    order_id: str
    client_order_id: str | None
    session: date
    symbol: str
    side: str
    order_type: str
    filled_at: datetime
    bid: Decimal | None
    ask: Decimal | None
    parts: dict[str, Part] = field(default_factory=dict)

    @property
    def whole(self) -> Part:
        """All books together."""
        total = Part()
        for part in self.parts.values():
            total.quantity += part.quantity
            total.cash += part.cash
            total.value += part.value
        return total


def filled_orders(connection: Connection, sessions: Sequence[date]) -> list[FilledOrder]:
    """Orders and crosses of which something was filled or taken back in `sessions`, oldest first.

    Each whole, whenever the rest of it was.
    """
    found: dict[tuple[str, str], FilledOrder] = {}
    for query in (_of_market(sessions), _of_crosses(sessions)):
        for row in connection.execute(query):
            order = found.setdefault((row.order_id, row.side), _order(row))
            if row.stands:
                order.parts.setdefault(row.book, Part()).add(row.quantity, row.price, row.cash)
    return sorted(found.values(), key=lambda order: (order.filled_at, order.order_id, order.side))


def _order(row: Row[Any]) -> FilledOrder:
    return FilledOrder(
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        session=row.session,
        symbol=row.symbol,
        side=row.side,
        order_type=row.order_type,
        filled_at=row.at,  # the rows are in the order of time
        bid=row.bid,
        ask=row.ask,
    )


def order_id() -> ColumnElement[str]:
    """The broker's id of an order; ours where nobody was told the broker's."""
    return func.coalesce(orders.c.broker_order_id, orders.c.client_order_id)


def _of_market(sessions: Sequence[date]) -> Select[Any]:
    filled = (
        select(executions.c.client_order_id)
        .join(fills, fills.c.execution_id == executions.c.execution_id)
        .where(fills.c.session.in_(sessions))
    )
    taken_back = (
        select(executions.c.client_order_id)
        .join(fills, fills.c.execution_id == executions.c.execution_id)
        .join(busts, busts.c.busts == fills.c.fill_id)
        .where(busts.c.session.in_(sessions))
    )
    return (
        select(
            order_id().label("order_id"),
            orders.c.client_order_id,
            orders.c.order_type,
            blocks.c.session,
            blocks.c.symbol,
            blocks.c.side,
            blocks.c.arrival_bid.label("bid"),
            blocks.c.arrival_ask.label("ask"),
            executions.c.executed_at.label("at"),
            fills.c.book,
            fills.c.quantity,
            fills.c.price,
            fills.c.cash,
            IS_STANDING.label("stands"),
        )
        .join(executions, executions.c.client_order_id == orders.c.client_order_id)
        .join(fills, fills.c.execution_id == executions.c.execution_id)
        .join(blocks, blocks.c.block_id == orders.c.block_id)
        .where(orders.c.client_order_id.in_(union(filled, taken_back)))
        .order_by(executions.c.executed_at, fills.c.fill_id)
    )


def _of_crosses(sessions: Sequence[date]) -> Select[Any]:
    return (
        select(
            crosses.c.cross_id.label("order_id"),
            null().label("client_order_id"),
            literal(CROSS).label("order_type"),
            crosses.c.session,
            fills.c.symbol,
            fills.c.side,
            crosses.c.bid,
            crosses.c.ask,
            fills.c.executed_at.label("at"),
            fills.c.book,
            fills.c.quantity,
            fills.c.price,
            fills.c.cash,
            IS_STANDING.label("stands"),
        )
        .join(fills, fills.c.cross_id == crosses.c.cross_id)
        .where(fills.c.session.in_(sessions))
        .order_by(fills.c.executed_at, fills.c.fill_id)
    )
