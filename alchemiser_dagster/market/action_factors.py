"""By how much a corporate action scales the adjusted prices before its ex-date.

A dividend scales them by 1 - amount / (close before the ex-date), a split or a stock dividend by
1 / (new shares per old). What a spin-off or a merger does depends on the prices of another share:
its factor is unknown here.
"""

from dataclasses import dataclass
from datetime import date
from itertools import product
from math import isfinite, log, prod

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.market.actions import Action

SHARE_KINDS = ("split", "stock_dividend")
UNKNOWN_KINDS = ("spin_off", "merger")
SCALING_KINDS = ("dividend", *SHARE_KINDS, *UNKNOWN_KINDS)


@dataclass(frozen=True)
class Closes:
    """The closes, not adjusted for dividends, of one symbol: dates ascending, dollars."""

    dates: NDArray[np.datetime64]
    prices: NDArray[np.float64]

    def before(self, day: date) -> float | None:
        """The last close before `day`."""
        position = int(np.searchsorted(self.dates, np.datetime64(day)))
        return float(self.prices[position - 1]) if position else None


def share_factor(actions: list[Action]) -> float:
    """What the splits and stock dividends among `actions` do to the prices before them."""
    return prod(1 / action.ratio for action in actions if _changes_shares(action) and action.ratio)


def possible_factors(
    actions: list[Action], others: list[Action], sources: tuple[Closes, ...]
) -> list[float]:
    """What `actions` may do together to the prices before them; empty where that is not known.

    There is one factor for each reading of a dividend. Vendors differ in whether the close that it
    is compared with, or its amount, is restated by the splits among `others` on its day and later,
    and yesterday's table may hold another close than today's.
    """
    factors = set()
    for closes, is_restated in product(sources, (False, True)):
        each = [_factor(action, others if is_restated else [], closes) for action in actions]
        known = [factor for factor in each if factor is not None]
        if len(known) == len(actions):
            factors.add(prod(known))
    return sorted(factors)


def weightiest(actions: list[Action], closes: Closes) -> Action:
    """The one that scales prices most; one of unknown factor before all others."""

    def weight(action: Action) -> float:
        factor = _factor(action, [], closes)
        return float("inf") if factor is None else abs(log(factor))

    return max(actions, key=weight)


def described(action: Action) -> str:
    """The action in words, with its date.

    >>> described(Action("SPY", date(2024, 3, 15), "dividend", amount=1.59))
    'dividend of 1.59 on 2024-03-15'
    >>> described(Action("NVDA", date(2024, 6, 10), "split", ratio=10.0))
    'split 10:1 on 2024-06-10'
    """
    words = action.kind.replace("_", "-" if action.kind == "spin_off" else " ")
    if action.kind == "dividend" and action.amount is not None:
        words += f" of {action.amount:g}"
    elif _changes_shares(action):
        words += f" {action.ratio:g}:1"
    return f"{words} on {action.ex_date}"


def _factor(action: Action, others: list[Action], closes: Closes) -> float | None:
    """The factor, a finite number above 0, or None where it is unknown."""
    if _changes_shares(action):
        return share_factor([action])
    close = closes.before(action.ex_date)
    if action.kind != "dividend" or action.amount is None or close is None:
        return None
    later = [other for other in others if other.ex_date >= action.ex_date]
    factor = 1 - action.amount * share_factor(later) / close
    return factor if isfinite(factor) and factor > 0 else None


def _changes_shares(action: Action) -> bool:
    return action.kind in SHARE_KINDS and action.ratio is not None and action.ratio > 0
