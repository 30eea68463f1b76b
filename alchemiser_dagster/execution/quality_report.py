"""Execution quality over many sessions: the slippage of orders by symbol, by step, by time.

An observation is an order that filled, whole or in part, at its average price, beside the mid at
which its block was begun (`quality`). Of some of them together:

    average   slippage in dollars / value at the arrival mids: each order weighs what it is worth
    median    the middle order; of an even number, half way between the two in the middle
    rating    of the average: below 5 basis points good, below 10 warning, otherwise poor
    significant  orders above 10 basis points, to the hundredth, as the rating
    paid of the spread  slippage / half the quoted spread x shares: 1 where every order paid the
                        other side's price, 0 where all traded at the mid

An order at the very mid is an observation of 0. One whose block had no quote is counted as not
measured, and in nothing else.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from statistics import median

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.execution.prices import MARKET_STEP
from alchemiser_dagster.execution.quality import (
    BASIS_POINTS,
    COSTLY_BPS,
    COSTLY_DOLLARS,
    NO_COST,
    Cost,
    FilledOrder,
    Quality,
    cost_of,
)
from alchemiser_dagster.market.sessions import NEW_YORK

GOOD_BPS, WARNING_BPS = Decimal(5), Decimal(10)
SPREAD_EDGES = (2, 5, 10, 20)
SLIPPAGE_EDGES = (-10, -5, 0, 5, 10, 20)
"""Basis points at which one class ends and the next begins, which has the edge."""
MINUTES_LEFT = (15, 10, 5, 2)
"""Slices of the trading window: it is 15 minutes long, and its last two know no limit orders."""


class Rating(StrEnum):
    """What an average slippage is called."""

    GOOD = "good"
    WARNING = "warning"
    POOR = "poor"


def rating(bps: Decimal) -> Rating:
    """The rating of a slippage in basis points, to the hundredth that is shown of it."""
    shown = round(bps, 2)
    if shown < GOOD_BPS:
        return Rating.GOOD
    return Rating.WARNING if shown < WARNING_BPS else Rating.POOR


def is_significant(bps: Decimal) -> bool:
    """Whether a slippage in basis points is above 10."""
    return round(bps, 2) > COSTLY_BPS


@dataclass(frozen=True)
class Slippage:
    """The slippage of several orders. Basis points and seconds are None where there is none.

    `orders` were measured, `unmeasured` were not; `improved` traded better than the mid,
    `significant` more than 10 basis points worse.
    """

    orders: int
    unmeasured: int
    improved: int
    significant: int
    cost: Cost
    half_spread: Decimal
    median_bps: Decimal | None
    best_bps: Decimal | None
    worst_bps: Decimal | None
    median_seconds: float | None

    @property
    def average_bps(self) -> Decimal | None:
        """The average, weighed by value."""
        return self.cost.bps

    @property
    def rating(self) -> Rating | None:
        """The rating of the average."""
        return None if self.cost.bps is None else rating(self.cost.bps)

    @property
    def is_alert(self) -> bool:
        """Whether they cost more than 100 dollars together."""
        return self.cost.dollars > COSTLY_DOLLARS

    @property
    def of_half_spread(self) -> Decimal | None:
        """Slippage as a share of half the quoted spread; None where that was nothing."""
        return self.cost.dollars / self.half_spread if self.half_spread else None


def slippage_of(orders: Iterable[FilledOrder]) -> Slippage:
    """The slippage of orders together; of none at all it is 0 of 0."""
    given = list(orders)
    measured = [order for order in given if order.slippage_bps is not None]
    points = [order.slippage_bps for order in measured if order.slippage_bps is not None]
    return Slippage(
        orders=len(measured),
        unmeasured=len(given) - len(measured),
        improved=sum(1 for bps in points if bps < 0),
        significant=sum(1 for bps in points if is_significant(bps)),
        cost=cost_of(measured),
        half_spread=sum((_half_spread(order) for order in measured), ZERO),
        median_bps=median(points) if points else None,
        best_bps=min(points, default=None),
        worst_bps=max(points, default=None),
        median_seconds=median(order.seconds for order in given) if given else None,
    )


def _half_spread(order: FilledOrder) -> Decimal:
    if order.spread_bps is None or order.arrival_value is None:
        return ZERO
    return order.spread_bps / BASIS_POINTS / 2 * order.arrival_value


def grouped(
    orders: Iterable[FilledOrder], label: Callable[[FilledOrder], str], labels: Iterable[str] = ()
) -> dict[str, Slippage]:
    """The slippage of each group; `labels` gives their order, others follow sorted."""
    groups: dict[str, list[FilledOrder]] = {}
    for order in orders:
        groups.setdefault(label(order), []).append(order)
    known = [name for name in labels if name in groups]
    rest = sorted(groups.keys() - set(known))
    return {name: slippage_of(groups[name]) for name in (*known, *rest)}


def by_symbol(orders: Iterable[FilledOrder]) -> dict[str, Slippage]:
    """By symbol."""
    return grouped(orders, lambda order: order.symbol)


def by_session(orders: Iterable[FilledOrder]) -> dict[str, Slippage]:
    """By session, as ISO dates."""
    return grouped(orders, lambda order: order.session.isoformat())


def by_step(orders: Iterable[FilledOrder]) -> dict[str, Slippage]:
    """By the step of the walk that filled: 1, 2, 3 for its limit orders, then market."""
    steps = [*map(str, range(1, MARKET_STEP)), "market"]
    return grouped(orders, _step, steps)


def _step(order: FilledOrder) -> str:
    return "market" if order.step >= MARKET_STEP else str(order.step)


def by_time(orders: Iterable[FilledOrder]) -> dict[str, Slippage]:
    """By the time that was left to the close when the last share was executed.

    Labels have the New York time of the slice, at a regular close and at an early one apart:
    "15:45-15:50", "12:45-12:50". What was executed before the window has the hour.
    """
    return grouped(orders, time_slice)


def time_slice(order: FilledOrder) -> str:
    """The slice of the trading window in which an order filled, New York time."""
    at, closes = (moment.astimezone(NEW_YORK) for moment in (order.filled_at, order.closes_at))
    left = closes - at
    if left < timedelta(0):
        return f"after {closes:%H:%M}"
    edges = [timedelta(minutes=minutes) for minutes in (*MINUTES_LEFT, 0)]
    for most, least in pairwise(edges):
        if least < left <= most or left == least == edges[-1]:
            return f"{closes - most:%H:%M}-{closes - least:%H:%M}"
    return f"{at:%H}:00-{at + timedelta(hours=1):%H}:00"


def by_spread(orders: Iterable[FilledOrder]) -> dict[str, Slippage]:
    """By the spread quoted on arrival, in classes of basis points."""
    quoted = [order for order in orders if order.spread_bps is not None]
    return grouped(
        quoted,
        lambda order: _class(order.spread_bps or ZERO, SPREAD_EDGES),
        class_names(SPREAD_EDGES),
    )


def histogram(orders: Iterable[FilledOrder]) -> dict[str, int]:
    """How many orders fell into each class of slippage, basis points; every class is there."""
    counts = dict.fromkeys(class_names(SLIPPAGE_EDGES), 0)
    for order in orders:
        if order.slippage_bps is not None:
            counts[_class(order.slippage_bps, SLIPPAGE_EDGES)] += 1
    return counts


def class_names(edges: Sequence[int]) -> list[str]:
    """The classes that `edges` part, in words, the lowest first."""
    between = [f"{low} to {high}" for low, high in pairwise(edges)]
    return [f"below {edges[0]}", *between, f"{edges[-1]} and more"]


def _class(bps: Decimal, edges: Sequence[int]) -> str:
    return class_names(edges)[bisect_right(edges, bps)]


def worst_orders(orders: Iterable[FilledOrder], count: int = 10) -> list[FilledOrder]:
    """The orders that cost most dollars, the worst first; only such as cost anything."""
    costly = [order for order in orders if (order.slippage_dollars or ZERO) > 0]
    return sorted(
        costly, key=lambda order: (-(order.slippage_dollars or ZERO), order.client_order_id)
    )[:count]


def orders_of(blocks: Iterable[Quality]) -> list[FilledOrder]:
    """The orders of blocks that filled."""
    return [order for block in blocks for order in block.orders]


@dataclass(frozen=True)
class BookCost:
    """What one book's parts of the orders cost; `orders` are those it had a part of.

    An order of several books is one order of each, and one in the sum over all of them.
    """

    orders: int
    cost: Cost


def by_book(orders: Iterable[FilledOrder]) -> dict[str, BookCost]:
    """Each book's part of the measured orders' cost; the dollars sum to those of the orders."""
    found: dict[str, BookCost] = {}
    for order in orders:
        if order.arrival_mid is None:
            continue
        for part in order.parts:
            arrived = order.arrival_mid * part.shares
            own = Cost(order.sign * (part.dollars - arrived), part.dollars, arrived)
            before = found.get(part.book, BookCost(0, NO_COST))
            found[part.book] = BookCost(before.orders + 1, before.cost + own)
    return dict(sorted(found.items()))
