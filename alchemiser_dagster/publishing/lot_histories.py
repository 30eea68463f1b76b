"""Lots with everything that became of them, as the ledger has them now."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, func, select, union

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.queries import exits_of
from alchemiser_dagster.ledger.schema import (
    executions,
    fills,
    lot_adjustments,
    lot_exits,
    lots,
    orders,
)
from alchemiser_dagster.publishing.filled_orders import PRICE, order_id


@dataclass(frozen=True)
class LotHistory:
    """A lot (a row of the ledger's `lots`), its exits and its adjustments, oldest first.

    `orders` says which order or cross a fill was of. The exits are those that count as completed
    trades: a sale that a bust took back is not among them.
    """

    lot: Row[Any]
    exits: Sequence[Row[Any]]
    adjustments: Sequence[Row[Any]]
    orders: Mapping[str, str]

    @property
    def is_open(self) -> bool:
        """Whether shares are left."""
        return bool(self.lot.quantity != 0)

    @property
    def entry_quantity(self) -> Decimal:
        """Shares bought, with those that splits added: what is left and what was sold together."""
        added: Decimal = sum((change.quantity for change in self.adjustments), ZERO)
        return Decimal(self.lot.entry_quantity) + added

    @property
    def entry_price(self) -> Decimal:
        """Dollars a share, such that the shares left times it are their cost.

        After a split that is no longer what was paid for a share then.
        """
        if not self.adjustments or not self.is_open:
            return Decimal(self.lot.entry_price)
        return Decimal(self.lot.cost / self.lot.quantity).quantize(PRICE)

    @property
    def realised(self) -> Decimal:
        """Dollars that its exits made."""
        return sum((pnl(exit_) for exit_ in self.exits), ZERO)

    @property
    def closed_at(self) -> datetime | None:
        """When its last shares went; None while some are left."""
        if self.is_open:
            return None
        changes: list[datetime] = [exit_.exited_at for exit_ in self.exits]
        changes += [change.at for change in self.adjustments]
        return max(changes, default=None)

    def order_of(self, fill_id: str) -> str:
        """The order or cross of a fill; its own id where no order was behind it."""
        return self.orders.get(fill_id, fill_id)


def pnl(exit_: Row[Any]) -> Decimal:
    """Realised profit or loss of a lot exit, dollars."""
    return Decimal(exit_.proceeds - exit_.cost)


def lot_histories(connection: Connection, sessions: Sequence[date]) -> list[LotHistory]:
    """The lots that were opened, sold from or adjusted in `sessions`, by entry."""
    touched = union(
        select(lots.c.lot_id).where(lots.c.session.in_(sessions)),
        select(lot_exits.c.lot_id).where(lot_exits.c.session.in_(sessions)),
        select(lot_adjustments.c.lot_id).where(lot_adjustments.c.session.in_(sessions)),
    )
    rows = connection.execute(
        select(lots).where(lots.c.lot_id.in_(touched)).order_by(lots.c.entry_at, lots.c.lot_id)
    ).all()
    adjustments = _by_lot(
        connection.execute(
            select(lot_adjustments)
            .where(lot_adjustments.c.lot_id.in_(touched))
            .order_by(lot_adjustments.c.at, lot_adjustments.c.source_id)
        ).all()
    )
    named: dict[str, str] = {}
    exits: dict[str, list[Row[Any]]] = {}
    for book in sorted({row.book for row in rows}):
        named |= _orders_of_fills(connection, book)
        exits |= _by_lot(exits_of(connection, book))
    return [
        LotHistory(row, exits.get(row.lot_id, []), adjustments.get(row.lot_id, []), named)
        for row in rows
    ]


def _by_lot(rows: Sequence[Row[Any]]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.lot_id].append(row)
    return found


def _orders_of_fills(connection: Connection, book: str) -> dict[str, str]:
    source = func.coalesce(order_id(), fills.c.cross_id).label("order_id")
    rows = connection.execute(
        select(fills.c.fill_id, source)
        .outerjoin(executions, executions.c.execution_id == fills.c.execution_id)
        .outerjoin(orders, orders.c.client_order_id == executions.c.client_order_id)
        .where(fills.c.book == book, source.is_not(None))
    )
    return {row.fill_id: row.order_id for row in rows}
