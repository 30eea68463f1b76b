"""Execution quality: what was traded, against the prices it was decided and begun at.

    slippage (bps) = side x (VWAP - arrival mid) / arrival mid x 10,000     side: +1 buy, -1 sell
    slippage (dollars) = side x (VWAP - arrival mid) x shares
    spread (bps) = (ask - bid) / arrival mid x 10,000, quoted on arrival

Positive is a cost. The arrival mid is the mid of the quote at the block's first step (Perold, "The
implementation shortfall", 1988). BUY 100: 40 at 100.10, 35 at 100.15, 25 at 100.22 with an arrival
mid of 100.10 has a VWAP of 100.1475 and 4.745 bps of slippage. A trade at the very mid has a
slippage of 0, and counts; one without a mid has none.

What books cross with each other has no slippage: it changes hands at the mid, and saves the spread
that both would have paid. An execution that the venue takes back later counts as it was executed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from alchemiser_dagster.books.money import ZERO

BASIS_POINTS = Decimal(10_000)
COSTLY_BPS, COSTLY_DOLLARS = Decimal(10), Decimal(100)
"""A block that costs more than both asks for somebody to look."""


@dataclass(frozen=True, kw_only=True)
class Traded:
    """Shares of one symbol and side, beside the quote at which their trading began.

    `filled` shares were traded for `value` dollars. Prices in dollars a share; None where there was
    none. `spread_bps` is the quoted spread.
    """

    session: date
    symbol: str
    side: str
    filled: Decimal
    value: Decimal
    arrival_mid: Decimal | None
    spread_bps: Decimal | None

    @property
    def vwap(self) -> Decimal | None:
        """The volume-weighted average price; None where nothing was traded."""
        return self.value / self.filled if self.filled else None

    @property
    def arrival_value(self) -> Decimal | None:
        """Dollars that the shares traded were worth at the arrival mid."""
        if not self.filled or not self.arrival_mid:
            return None
        return self.arrival_mid * self.filled

    @property
    def slippage_bps(self) -> Decimal | None:
        """Basis points paid (positive) or gained against the arrival mid."""
        arrived, dollars = self.arrival_value, self.slippage_dollars
        return None if arrived is None or dollars is None else dollars / arrived * BASIS_POINTS

    @property
    def slippage_dollars(self) -> Decimal | None:
        """Dollars paid (positive) or gained against the arrival mid, unrounded."""
        arrived = self.arrival_value
        return None if arrived is None else self.sign * (self.value - arrived)

    @property
    def sign(self) -> int:
        """+1 of a purchase, -1 of a sale: what turns a higher price into a cost."""
        return 1 if self.side == "buy" else -1


@dataclass(frozen=True)
class BookPart:
    """What one book had of an order: its `book`, shares, and the dollars they were traded for."""

    book: str
    shares: Decimal
    dollars: Decimal


@dataclass(frozen=True, kw_only=True)
class FilledOrder(Traded):
    """An order that filled, whole or in part: one step of its block's walk.

    `filled_at` is when its last share was executed; `parts` sum to what it filled.
    """

    client_order_id: str
    step: int
    order_type: str
    submitted_at: datetime
    filled_at: datetime
    closes_at: datetime
    parts: tuple[BookPart, ...] = ()

    @property
    def seconds(self) -> float:
        """From its submission to its last execution; the clocks of two machines may differ."""
        return max(0.0, (self.filled_at - self.submitted_at).total_seconds())


@dataclass(frozen=True, kw_only=True)
class Quality(Traded):
    """One block of a session.

    `decision_mid` is the mid at which the session's trades were planned, `steps` the orders sent,
    `seconds` from the first order to the last execution, `orders` those that filled.
    """

    block_id: str
    state: str
    reason: str
    quantity: Decimal
    decision_mid: Decimal | None = None
    steps: int = 0
    order_types: tuple[str, ...] = ()
    seconds: float | None = None
    orders: tuple[FilledOrder, ...] = field(default=(), repr=False)

    @property
    def is_costly(self) -> bool:
        """Whether somebody should look at what the block cost."""
        bps, dollars = self.slippage_bps, self.slippage_dollars
        if bps is None or dollars is None:
            return False
        return bps > COSTLY_BPS and dollars > COSTLY_DOLLARS

    def __str__(self) -> str:
        filled, quantity = (f"{q.normalize():f}" for q in (self.filled, self.quantity))
        told = f"{self.side} {self.symbol}: {self.state}, {filled} of {quantity}"
        if self.vwap is not None and self.slippage_bps is not None:
            told += f" at {self.vwap:.4f}, slippage {self.slippage_bps:+.2f} bps"
            told += f" ({self.slippage_dollars:+.2f} dollars)"
        return told + (f"; {self.reason}" if self.reason else "")

    def as_metadata(self) -> dict[str, float | int | str]:
        """What a page shows of it: floats, because nothing is reckoned from them."""
        shown: dict[str, float | int | str | None] = {
            "symbol": self.symbol,
            "side": self.side,
            "state": self.state,
            "quantity": float(self.quantity),
            "filled": float(self.filled),
            "arrival mid": _float(self.arrival_mid),
            "spread (bps)": _float(self.spread_bps),
            "VWAP": _float(self.vwap),
            "slippage (bps)": _float(self.slippage_bps),
            "slippage (dollars)": _float(self.slippage_dollars),
            "steps": self.steps,
            "order types": ", ".join(self.order_types),
            "seconds": self.seconds,
        }
        return {name: value for name, value in shown.items() if value is not None}


@dataclass(frozen=True)
class Crossed:
    """Shares of one symbol that changed books, at `price`, half way between `bid` and `ask`."""

    session: date
    symbol: str
    quantity: Decimal
    price: Decimal
    bid: Decimal
    ask: Decimal

    @property
    def spread_bps(self) -> Decimal:
        """The quoted spread when they crossed."""
        return (self.ask - self.bid) / self.price * BASIS_POINTS

    @property
    def saved_spread(self) -> Decimal:
        """Dollars that seller and buyer would have paid the market, unrounded."""
        return self.quantity * (self.ask - self.bid)


def saved_spread(crosses: Iterable[Crossed]) -> Decimal:
    """Dollars that crossing saved together, unrounded."""
    return sum((cross.saved_spread for cross in crosses), ZERO)


@dataclass(frozen=True)
class Cost:
    """What trades cost together, dollars: their slippage, and what was bought and sold, at the
    prices paid (`traded`) and at the arrival mids (`arrived`).
    """

    dollars: Decimal
    traded: Decimal
    arrived: Decimal

    @property
    def bps(self) -> Decimal | None:
        """The average slippage, weighed by the value at the arrival mids; None without any."""
        return self.dollars / self.arrived * BASIS_POINTS if self.arrived else None

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.dollars + other.dollars,
            self.traded + other.traded,
            self.arrived + other.arrived,
        )


NO_COST = Cost(ZERO, ZERO, ZERO)


def cost_of(trades: Iterable[Traded]) -> Cost:
    """The cost of those trades whose slippage is known."""
    total = NO_COST
    for trade in trades:
        arrived, dollars = trade.arrival_value, trade.slippage_dollars
        if arrived is not None and dollars is not None:
            total += Cost(dollars, trade.value, arrived)
    return total


def _float(number: Decimal | None) -> float | None:
    return None if number is None else round(float(number), 6)
