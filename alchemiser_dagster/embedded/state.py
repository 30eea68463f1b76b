"""All that the broker remembers, and the record of what one request changed in it.

The state machine (`brokerage`) changes a `State` and notes every change in a `Changes`; the store
writes the changes in one transaction before the answer is sent. Orders that have ended leave the
state: only the store keeps them.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from alchemiser_dagster.embedded.money import ZERO
from alchemiser_dagster.embedded.option_contracts import multiplier
from alchemiser_dagster.embedded.orders import Order


@dataclass(slots=True)
class Position:
    """Shares or contracts of one symbol, negative when short, at an average entry price.

    `overnight_qty` is the part of it held since the last close.
    """

    symbol: str
    qty: Decimal = ZERO
    average_price: Decimal = ZERO
    overnight_qty: Decimal = ZERO

    @property
    def units(self) -> Decimal:
        """Shares that the position stands for: 100 a contract."""
        return self.qty * multiplier(self.symbol)

    @property
    def cost_basis(self) -> Decimal:
        return self.units * self.average_price


@dataclass(slots=True)
class Configuration:
    """The account's own settings, as `/v2/account/configurations` shows them."""

    max_margin_multiplier: str = "1"
    no_shorting: bool = True
    suspend_trade: bool = False
    fractional_trading: bool = True
    trade_confirm_email: str = "all"
    ptp_no_exception_entry: bool = False


@dataclass(slots=True)
class AccountFlags:
    """Restrictions that the broker puts on the account."""

    trading_blocked: bool = False
    account_blocked: bool = False


@dataclass(slots=True)
class AssetFlags:
    """What may be done with a symbol."""

    tradable: bool = True
    fractionable: bool = True
    shortable: bool = True
    active: bool = True
    halted: bool = False


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Something that happened to an order, with the order as it was then."""

    event: str
    order: Order
    at: datetime
    execution_id: str | None = None
    qty: Decimal | None = None
    price: Decimal | None = None
    position_qty: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """An entry of the account's activity list; `details` are its own wire fields."""

    id: str
    type: str
    at: datetime
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class CashEntry:
    """A movement of cash in whole cents; cash is the sum of all entries."""

    kind: str
    amount: Decimal
    at: datetime
    settles: date
    reference: str


@dataclass(frozen=True, slots=True)
class DailyClose:
    """The account at a session's close."""

    session: date
    equity: Decimal
    cash: Decimal


@dataclass(slots=True)
class DayTotals:
    """What the session's fills will be charged for at its close."""

    sold_value: Decimal = ZERO
    trading_activity: Decimal = ZERO
    shares: Decimal = ZERO


@dataclass(slots=True)
class State:
    """The broker at a moment.

    `sequence` numbers everything that gets an id. `last_stamp` is the latest time stamp given:
    stamps grow by at least a microsecond, so that paging by time loses nothing while the
    simulated clock stands still. `unsettled` are the proceeds of sales by the day they settle, kept
    only where buying power leaves them out.
    """

    now: datetime
    cash: Decimal
    last_stamp: datetime
    sequence: int = 0
    positions: dict[str, Position] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    configuration: Configuration = field(default_factory=Configuration)
    account_flags: AccountFlags = field(default_factory=AccountFlags)
    asset_flags: dict[str, AssetFlags] = field(default_factory=dict)
    day_totals: DayTotals = field(default_factory=DayTotals)
    unsettled: dict[date, Decimal] = field(default_factory=dict)
    last_close: DailyClose | None = None
    close_before: DailyClose | None = None


@dataclass(slots=True)
class Changes:
    """What has changed since the last commit, in the order it happened."""

    orders: dict[str, Order] = field(default_factory=dict)
    events: list[OrderEvent] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    cash: list[CashEntry] = field(default_factory=list)
    positions: set[str] = field(default_factory=set)
    closes: list[DailyClose] = field(default_factory=list)
    assets: set[str] = field(default_factory=set)
