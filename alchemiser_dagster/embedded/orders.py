"""An order and its life.

    accepted ──► new ──► partially_filled ──► filled
    (queued)      └────────────┴──────────► canceled | expired | replaced | rejected

`accepted` waits for a session; `new` is on the market. The answer to a submission in session says
`pending_new`, as Alpaca's does, though the order is `new` once the answer is sent.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from alchemiser_dagster.embedded.money import ONE, ZERO, cents_up, is_whole
from alchemiser_dagster.embedded.option_contracts import CONTRACT_SIZE, multiplier

Side = Literal["buy", "sell", ""]

OPEN_STATUSES = frozenset({"accepted", "pending_new", "new", "partially_filled", "held"})
GROUP_CLASSES = frozenset({"bracket", "oco", "oto"})
ON_MARKET = frozenset({"new", "partially_filled"})
TYPES = frozenset({"market", "limit", "stop", "stop_limit", "trailing_stop"})
STOP_TYPES = frozenset({"stop", "stop_limit", "trailing_stop"})
TIMES_IN_FORCE = frozenset({"day", "gtc", "opg", "cls", "ioc", "fok"})


@dataclass(slots=True)
class Order:
    """One order. Exactly one of `qty` (shares) and `notional` (dollars) is set.

    `filled_value` is the sum of quantity x price over its executions; `reserve_price` is what one
    share of an unpriced buy holds back, and `replaced_reserve` what the order that it replaces held
    in dollars; `resting` says that the quote has been away from the limit since the order came to
    this session's market. A stop order becomes a market or limit order once `triggered`; the stop
    of a trailing one follows `high_water_mark`, the best price since.

    A multi-leg order has no symbol or side of its own; `legs` are the ids of the orders that do,
    each with the `parent_id` and its `ratio` to the whole. Its prices are net, a credit negative.

    `attached` are the ids of the exits of a bracket, OCO or OTO order, which are `attached_to` it.
    """

    sequence: int
    id: str
    client_order_id: str
    symbol: str
    asset_id: str
    side: Side
    type: str
    time_in_force: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    qty: Decimal | None = None
    notional: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    high_water_mark: Decimal | None = None
    triggered: bool = False
    extended_hours: bool = False
    position_intent: str = ""
    order_class: str = ""
    legs: tuple[str, ...] = ()
    parent_id: str | None = None
    attached: tuple[str, ...] = ()
    attached_to: str | None = None
    ratio: Decimal = ONE
    status: str = "new"
    filled_qty: Decimal = ZERO
    filled_value: Decimal = ZERO
    executions: int = 0
    reserve_price: Decimal = ZERO
    replaced_reserve: Decimal = ZERO
    resting: bool = False
    filled_at: datetime | None = None
    expired_at: datetime | None = None
    canceled_at: datetime | None = None
    failed_at: datetime | None = None
    replaced_at: datetime | None = None
    replaced_by: str | None = None
    replaces: str | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def waits_for_stop(self) -> bool:
        """Whether it is a stop order whose stop has not been reached."""
        return self.type in STOP_TYPES and not self.triggered

    @property
    def is_buy(self) -> bool:
        return self.side == "buy"

    @property
    def is_fractional(self) -> bool:
        return self.qty is None or not is_whole(self.qty)

    @property
    def remaining(self) -> Decimal:
        """Shares still to be filled; only for an order with a quantity."""
        assert self.qty is not None, "expected an order with a quantity, was notional"
        return self.qty - self.filled_qty

    @property
    def average_price(self) -> Decimal | None:
        return self.filled_value / self.filled_qty if self.filled_qty else None

    @property
    def held_shares(self) -> Decimal:
        """Shares of the position that an open order on the other side of it holds."""
        if not self.is_open or self.status == "held":
            return ZERO
        if self.qty is not None:
            return self.remaining
        assert self.notional is not None
        return (self.notional - self.filled_value) / self.reserve_price

    @property
    def reserved_cash(self) -> Decimal:
        """Dollars that an open buy holds back, rounded up to cents."""
        if not self.is_open or not self.is_buy or self.status == "held":
            return ZERO
        if self.qty is None:
            assert self.notional is not None
            return self.notional - self.filled_value
        price = self.limit_price or self.reserve_price
        return cents_up(self.remaining * price * multiplier(self.symbol))

    @property
    def reserved_for_legs(self) -> Decimal:
        """Dollars that an open multi-leg order holds back: its net debit."""
        if not self.is_open:
            return ZERO
        return cents_up(max(ZERO, self.reserve_price) * self.remaining * CONTRACT_SIZE)


@dataclass(frozen=True, slots=True)
class LegRequest:
    """One leg of a multi-leg submission: `ratio` contracts for each of the order."""

    symbol: str
    side: Side
    ratio: Decimal
    position_intent: str


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A submission after its fields have been read, before the account is looked at."""

    symbol: str
    side: Side
    type: str
    time_in_force: str
    qty: Decimal | None
    notional: Decimal | None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    client_order_id: str | None = None
    position_intent: str | None = None
    order_class: str = ""
    legs: tuple[LegRequest, ...] = ()
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    stop_loss_limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a PATCH of an order asks for; None leaves the field as it is."""

    qty: Decimal | None = None
    time_in_force: str | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    client_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """A fill of one order at one price, in shares and dollars."""

    qty: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders a listing asks for; `after` and `until` leave out their own moment.

    `nested` leaves out legs, which stand within their orders.
    """

    status: Literal["open", "closed", "all"] = "open"
    limit: int = 50
    after: datetime | None = None
    until: datetime | None = None
    descending: bool = True
    side: str | None = None
    symbols: tuple[str, ...] = field(default=())
    nested: bool = False
    before_sequence: int | None = None
    after_sequence: int | None = None
