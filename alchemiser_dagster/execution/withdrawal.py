"""Taking orders back from the broker, when an operator halts trading.

    ask the order's end ─► look at it ─► ended: canceled, or filled before
             ▲                 ├──────► the broker has none: it may be on its way, look again
             └──── pause ◄─────┴──────► still open, or no answer: ask again

It is done beside the trading process, if there is one, and writes nothing: that process sees the
rail at its next round and posts what the orders filled.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import requests

from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.ledger.open_orders import RestingOrder

LOOKS = 5
SECONDS_BETWEEN_LOOKS = 1.0
UNREACHABLE = (BrokerError, requests.RequestException)
"""The embedded broker's clock, with which the gateway waits, fails in `requests`' own way."""


class Fate(Enum):
    """What is known of an order that was asked to end."""

    ENDED = "ended"
    ABSENT = "absent"
    OPEN = "open"


@dataclass(frozen=True)
class Withdrawn:
    """An order that was asked to end, and what became of it."""

    order: RestingOrder
    fate: Fate
    says: str

    @property
    def may_rest(self) -> bool:
        """Whether it may still fill."""
        return self.fate is Fate.OPEN

    def __str__(self) -> str:
        return f"{self.order}: {self.says}"


def withdraw_orders(
    gateway: Gateway,
    orders: Sequence[RestingOrder],
    *,
    pause: Callable[[float], object] = time.sleep,
) -> list[Withdrawn]:
    """Ask for the end of every order, a few times, and say what became of each.

    A failure with one order does not keep the others from being asked. `pause` waits seconds of
    the wall clock: the broker's own time is the trading process's to move.
    """
    found = [_take_back(gateway, order) for order in orders]
    for _ in range(LOOKS - 1):
        if all(one.fate is Fate.ENDED for one in found):
            break
        pause(SECONDS_BETWEEN_LOOKS)
        found = [one if one.fate is Fate.ENDED else _take_back(gateway, one.order) for one in found]
    return found


def _take_back(gateway: Gateway, order: RestingOrder) -> Withdrawn:
    try:
        if order.broker_order_id is not None:
            gateway.cancel(order.broker_order_id)
        now = gateway.order(order.client_order_id)
        if now is not None and not now.state.ended and order.broker_order_id is None:
            gateway.cancel(now.order_id)
            now = gateway.order(order.client_order_id)
    except UNREACHABLE as error:
        return Withdrawn(order, Fate.OPEN, f"it may still rest: {error}")
    if now is None:
        return Withdrawn(order, Fate.ABSENT, "the broker has no such order")
    if now.state.ended:
        filled = f"{now.filled_quantity.normalize():f} filled"
        return Withdrawn(order, Fate.ENDED, f"{now.state}, {filled}")
    return Withdrawn(
        order, Fate.OPEN, "it still rests: its end was asked for and is not confirmed yet"
    )
