"""What the broker says, in the account's types: Decimal money, aware times, closed sets.

The gateway translates the broker's JSON into these once; nothing else reads a broker's field.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class OrderState(StrEnum):
    """Where an order stands. WORKING covers every broker status that is not an end."""

    WORKING = "working"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def ended(self) -> bool:
        """True when the filled quantity is final."""
        return self is not OrderState.WORKING


ENDS = {
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "replaced": OrderState.CANCELED,
    "expired": OrderState.EXPIRED,
    "done_for_day": OrderState.EXPIRED,
    "rejected": OrderState.REJECTED,
}
"""Broker statuses that end an order; any other, known or not, is not an end."""


@dataclass(frozen=True)
class BrokerOrder:
    """An order as the broker has it; `submitted_at` is None where it does not say."""

    order_id: str
    client_order_id: str
    state: OrderState
    filled_quantity: Decimal
    submitted_at: datetime | None = None


@dataclass(frozen=True)
class Clock:
    """The broker's clock, whose time decides everything."""

    now: datetime
    is_open: bool
    next_open: datetime
    next_close: datetime


@dataclass(frozen=True)
class TradingDay:
    """One row of the broker's calendar."""

    session: date
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True)
class Account:
    """The account: dollars, and whether it may trade. `obstacle` says why not.

    `last_equity` is the equity at the close of the session before, None where the broker has none.
    """

    number: str
    cash: Decimal
    equity: Decimal
    last_equity: Decimal | None
    buying_power: Decimal
    long_market_value: Decimal
    obstacle: str | None


@dataclass(frozen=True)
class Position:
    """Shares the account holds, and the broker's present price of one, dollars.

    `available` of them are not held by an open order.
    """

    symbol: str
    quantity: Decimal
    available: Decimal
    price: Decimal


@dataclass(frozen=True)
class Asset:
    """What may be done with a symbol."""

    symbol: str
    tradable: bool
    fractionable: bool


@dataclass(frozen=True)
class Activity:
    """A line of the broker's account activities, other than a fill of an order of ours.

    `amount` is dollars into (positive) or out of the account, `quantity` shares into or out of it;
    None where the broker gives none. `previous_id` is the activity that this one corrects.
    """

    activity_id: str
    kind: str
    dated: date
    symbol: str | None
    quantity: Decimal | None
    price: Decimal | None
    amount: Decimal | None
    description: str
    order_id: str | None = None
    previous_id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class EquityAtClose:
    """What the account was worth at a session's close, dollars, by the broker's own history.

    `at` is the broker's time of it; before that it is not final.
    """

    session: date
    equity: Decimal
    at: datetime
