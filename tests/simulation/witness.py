"""What the broker did, from the broker's own commits: the truth that the ledger is held against.

The witness sees every change of the account in the moment it is committed. It keeps the orders
accepted, the executions, and what else moved shares or cash (dividends, fees, deposits, splits,
busts), and knows which of it was done by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from alchemiser_dagster.embedded.account import cash_effect
from alchemiser_dagster.embedded.brokerage import Brokerage
from alchemiser_dagster.embedded.orders import Order
from alchemiser_dagster.embedded.state import Activity, Changes

BY_HAND = "by-hand"
"""Orders of a person in the same account begin with this."""
ZERO = Decimal(0)


@dataclass(frozen=True)
class Accepted:
    """An order that the broker took, and when."""

    client_order_id: str
    order_id: str
    symbol: str
    side: str
    quantity: Decimal
    limit_price: Decimal | None
    at: datetime

    @property
    def by_hand(self) -> bool:
        """Whether a person sent it, not the program."""
        return self.client_order_id.startswith(BY_HAND)


@dataclass(frozen=True)
class Movement:
    """An activity's effect on the account: signed shares of a symbol, and dollars."""

    activity_id: str
    kind: str
    at: datetime
    symbol: str | None
    shares: Decimal
    cash: Decimal
    order: Accepted | None

    @property
    def is_ours(self) -> bool:
        """Whether it is an execution of an order of the program."""
        return self.kind == "FILL" and self.order is not None and not self.order.by_hand


@dataclass
class Witness:
    """Watches `broker`; `on_order` is told of every order in the moment it is accepted."""

    broker: Brokerage
    on_order: Callable[[Accepted], None]
    orders: dict[str, Accepted] = field(default_factory=dict)
    movements: dict[str, Movement] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.broker.listeners.append(self._see)

    def positions(self) -> dict[str, Decimal]:
        """Shares by symbol that the broker holds for the account now."""
        return {symbol: held.qty for symbol, held in self.broker.state.positions.items()}

    @property
    def cash(self) -> Decimal:
        """The account's dollars now."""
        return self.broker.state.cash

    def filled(self, client_order_id: str) -> Decimal:
        """Shares that an order has executed, busts not deducted."""
        return sum(
            (
                abs(movement.shares)
                for movement in self.movements.values()
                if movement.kind == "FILL"
                and movement.order is not None
                and movement.order.client_order_id == client_order_id
            ),
            ZERO,
        )

    def _see(self, changes: Changes) -> None:
        for order in [event.order for event in changes.events]:
            if order.id not in self.orders:
                self.orders[order.id] = _accepted(order)
                self.on_order(self.orders[order.id])
        for activity in changes.activities:
            self.movements[activity.id] = self._movement(activity)

    def _movement(self, activity: Activity) -> Movement:
        details = activity.details
        symbol = details.get("symbol")
        order = self.orders.get(details.get("order_id", ""))
        shares = Decimal(details.get("qty", "0"))
        if activity.type == "FILL":
            side = details["side"]
            assert symbol is not None
            cash = cash_effect(side, symbol, shares, Decimal(details["price"]))
            shares = shares if side == "buy" else -shares
        else:
            cash = Decimal(details.get("net_amount", "0"))
            shares = shares if activity.type in ("SPLIT", "MISC") else ZERO
        return Movement(activity.id, activity.type, activity.at, symbol, shares, cash, order)


def _accepted(order: Order) -> Accepted:
    return Accepted(
        client_order_id=order.client_order_id,
        order_id=order.id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.qty or ZERO,
        limit_price=order.limit_price,
        at=order.created_at,
    )
