"""When an order meets the market, and what it gets.

The `paper` profile follows Alpaca's paper venue: a marketable order fills at the touch whatever
its size, except that one eligible fill in ten is cut at random; a resting limit order fills at its
own price once the other side of the quote reaches it. No fees, no impact, no queue.
"""

from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

from alchemiser_dagster.embedded.money import (
    ONE,
    QUANTITY_STEP,
    ZERO,
    quantity_down,
    tick_down,
    tick_up,
)
from alchemiser_dagster.embedded.orders import Execution, Order
from alchemiser_dagster.embedded.paths import uniform
from alchemiser_dagster.embedded.prices import Quote
from alchemiser_dagster.embedded.refusals import INVALID_VALUE

HUNDRED = Decimal(100)

LEAST_PART, MOST_PART = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class Profile:
    """How the venue fills.

    `partial_fills` is the chance that a fill is cut, from 0 to 1. `times_in_force` are those the
    account may use: Alpaca gives ioc, fok, opg and cls to some accounts only. `participation`, the
    share of a minute's volume an order may take, and `opening_share`, that of a day's volume at
    the opening, make fills walk the book (see `realistic`). `costs` says whether sales pay fees
    and holders get dividends. `settled_cash_only` keeps the proceeds of a sale out of buying power
    until they settle, the session after (T+1). `duplicate_id_code` is the numeric code that refuses
    a client order id already used: Alpaca has been seen to send 40010001 and 42210000.
    """

    name: str = "paper"
    partial_fills: float = 0.1
    times_in_force: tuple[str, ...] = ("day", "gtc")
    participation: float | None = None
    opening_share: float = 0.03
    costs: bool = False
    settled_cash_only: bool = field(default=False, repr=False)
    duplicate_id_code: int = field(default=INVALID_VALUE, repr=False)


PAPER = Profile()
REALISTIC = Profile(name="realistic", partial_fills=0.0, participation=0.05, costs=True)
CASH_STRICT = Profile(name="cash_strict", settled_cash_only=True)
PROFILES = {profile.name: profile for profile in (PAPER, REALISTIC, CASH_STRICT)}


def match(order: Order, quote: Quote, profile: Profile, seed: int) -> Execution | None:
    """What `order` gets at `quote`, or None.

    An order that was resting when the quote came to it gets its own limit; one that found the
    quote there, on arrival or at the opening, gets the touch.
    """
    touch = quote.ask if order.is_buy else quote.bid
    limit = order.limit_price
    if touch <= 0:
        return None
    if limit is not None and (touch > limit if order.is_buy else touch < limit):
        return None
    price = limit if limit is not None and order.resting else touch
    if order.qty is None:
        assert order.notional is not None
        qty = quantity_down((order.notional - order.filled_value) / price)
        return Execution(qty, price) if qty > 0 else None
    return Execution(_part(order, profile, seed), price)


def trail(order: Order, price: Decimal) -> bool:
    """Let the stop of a trailing order follow `price`; whether it has moved."""
    best = order.high_water_mark
    if best is not None and (price >= best if order.is_buy else price <= best):
        return False
    order.high_water_mark = price
    distance = order.trail_price
    if distance is None:
        assert order.trail_percent is not None
        distance = price * order.trail_percent / HUNDRED
    order.stop_price = tick_up(price + distance) if order.is_buy else tick_down(price - distance)
    return True


def reaches_stop(order: Order, price: Decimal) -> bool:
    """Whether the last price is at or beyond the stop."""
    assert order.stop_price is not None
    return price >= order.stop_price if order.is_buy else price <= order.stop_price


def _part(order: Order, profile: Profile, seed: int) -> Decimal:
    """All that remains of the order or, by chance, a part of it."""
    remaining = order.remaining
    draw = uniform(seed, "partial", order.id, order.executions)
    if order.time_in_force == "fok" or draw >= profile.partial_fills:
        return remaining
    share = LEAST_PART + (MOST_PART - LEAST_PART) * draw / profile.partial_fills
    step = QUANTITY_STEP if order.is_fractional else ONE
    part = (remaining * Decimal(repr(share))).quantize(step, ROUND_DOWN)
    return part if part > ZERO else remaining
