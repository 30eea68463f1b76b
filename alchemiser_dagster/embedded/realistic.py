"""Fills that cost something: depth, participation, fees.

The realistic profile walks the book. A marketable order takes the size shown at the touch, then as
much at each further tick, up to its limit and at most `participation` of the minute's expected
volume (the average of twenty sessions, spread over the day in a U). An order that meets the
opening trades at the opening price, at most `opening_share` of a day's volume. A resting limit
fills when the price trades through it; a touch alone fills every second time, by chance. Each
order is alone in the book: two of the same account in one minute do not share the cap. Orders in
dollars fill whole, as on paper; options fill at the touch, as many as are shown.
"""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal

from alchemiser_dagster.embedded.money import (
    ONE,
    QUANTITY_STEP,
    cents_up,
    quantity_down,
    tick,
)
from alchemiser_dagster.embedded.orders import Execution, Order
from alchemiser_dagster.embedded.prices import Quote
from alchemiser_dagster.embedded.state import DayTotals

LEVELS_MAX = 50
TOUCH_CHANCE = 0.5
TAF_MOST = Decimal("9.79")
DOLLARS_PER_MILLION = Decimal(1_000_000)
CAT_PER_SHARE = Decimal("0.000003")

# Effective from: SEC section 31 fee per million dollars sold, FINRA trading activity fee per
# share sold. Sales before the first date pay the first rates.
FEE_RATES = (
    ("2024-01-01", Decimal("8.00"), Decimal("0.000166")),
    ("2024-05-22", Decimal("27.80"), Decimal("0.000166")),
    ("2025-05-14", Decimal("0.00"), Decimal("0.000166")),
    ("2026-01-01", Decimal("0.00"), Decimal("0.000195")),
    ("2026-04-04", Decimal("20.60"), Decimal("0.000195")),
)


@dataclass(frozen=True, slots=True)
class Depth:
    """How much may trade now, in shares; `at_open` is the opening price, at the opening only."""

    most: Decimal
    at_open: Decimal | None = None


def u_shape(elapsed: float) -> float:
    """Volume at a moment of the session relative to the mean, `elapsed` from 0 to 1; mean 1."""
    return 0.6 + 1.2 * (2 * elapsed - 1) ** 2


def walk_the_book(
    order: Order, quote: Quote, last: Decimal, depth: Depth, chance: float
) -> list[Execution]:
    """What `order` gets this minute; `chance`, from 0 to 1, decides a mere touch."""
    limit = order.limit_price
    if order.qty is None:
        assert order.notional is not None
        price = quote.ask if order.is_buy else quote.bid
        qty = quantity_down((order.notional - order.filled_value) / price)
        return [Execution(qty, price)] if qty > 0 else []
    step = QUANTITY_STEP if order.is_fractional else ONE
    left = min(order.remaining, depth.most).quantize(step, ROUND_DOWN)
    if depth.at_open is not None:
        allowed = limit is None or not _worse(order, depth.at_open, limit)
        return [Execution(left, depth.at_open)] if allowed and left > 0 else []
    if limit is not None and order.resting:
        through = last < limit if order.is_buy else last > limit
        touched = last == limit and chance < TOUCH_CHANCE
        return [Execution(left, limit)] if (through or touched) and left > 0 else []
    price = quote.ask if order.is_buy else quote.bid
    shown = Decimal(quote.ask_size if order.is_buy else quote.bid_size)
    executions = []
    for _ in range(LEVELS_MAX):
        if left <= 0 or price <= 0 or (limit is not None and _worse(order, price, limit)):
            break
        taken = min(left, shown)
        executions.append(Execution(taken, price))
        left -= taken
        price += tick(price) if order.is_buy else -tick(price)
    return executions


def _worse(order: Order, price: Decimal, limit: Decimal) -> bool:
    return price > limit if order.is_buy else price < limit


def shares_of(volume: float) -> Decimal:
    """A modelled volume as whole shares, at least one."""
    return Decimal(max(1, int(volume)))


def minute_volume(day_volume: float, minutes: int, elapsed: float) -> float:
    """Expected shares in a minute of a session of `minutes`."""
    return day_volume / minutes * u_shape(elapsed)


def count_fill(totals: DayTotals, session: date, side: str, execution: Execution) -> None:
    """Add an execution to what the day will be charged for."""
    totals.shares += execution.qty
    if side == "sell":
        _, per_share = rates_on(session)
        totals.sold_value += execution.qty * execution.price
        totals.trading_activity += min(TAF_MOST, execution.qty * per_share)


def day_fees(totals: DayTotals, session: date) -> dict[str, Decimal]:
    """What the day's fills owe by kind, each rounded up to a cent."""
    per_million, _ = rates_on(session)
    fees = {
        "REG": cents_up(totals.sold_value * per_million / DOLLARS_PER_MILLION),
        "TAF": cents_up(totals.trading_activity),
        "CAT": cents_up(totals.shares * CAT_PER_SHARE),
    }
    return {kind: fee for kind, fee in fees.items() if fee}


def rates_on(session: date) -> tuple[Decimal, Decimal]:
    """Dollars per million sold, and per share sold, on a day."""
    found = [rates for starts, *rates in FEE_RATES if date.fromisoformat(starts) <= session]
    per_million, per_share = found[-1] if found else FEE_RATES[0][1:]
    return per_million, per_share
