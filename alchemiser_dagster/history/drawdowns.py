"""Drawdowns: how far, and how long, a series of returns was below its highest.

With the index I(t) = prod(1 + r) up to t, which starts at 1, the drawdown of a session is

    D(t) = I(t) / max(I(s), s <= t, and the start) - 1 <= 0

A fall in the very first session counts, because the start is a high like any other. An episode
lasts from the high to the session that reaches it again. Source: M. Magdon-Ismail and A. Atiya,
Maximum Drawdown, Risk 17 (2004), where D is the loss from the highest value so far.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.history.statistics import require_fractions

NOTHING = 1e-12
"""A fall below this is the rounding of a product, and none."""


@dataclass(frozen=True)
class Drawdown:
    """One fall of the index, from a high until it is reached again.

    `depth` is a positive fraction; `high` the session at whose close it was highest, None where
    that is the start of the series; `recovered` None while it is still below; `length` counts the
    sessions from the one after the high to the one that recovers, or the last.
    """

    high: date | None
    trough: date
    recovered: date | None
    depth: float
    length: int


def drawdown_curve(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """The drawdown of each session, fractions <= 0, as many as there are returns."""
    index = np.cumprod(1 + returns)
    falls = index / np.maximum.accumulate(np.maximum(index, 1)) - 1
    falls[falls > -NOTHING] = 0
    return falls


def drawdowns(
    sessions: Sequence[date], returns: NDArray[np.float64], count: int = 10
) -> list[Drawdown]:
    """The `count` deepest drawdowns, the deepest first; of equals the earlier first.

    Raises:
        ReturnsError: no returns, not one for each session, or not fractions.
    """
    require_fractions(sessions, returns)
    curve = drawdown_curve(returns)
    below = np.concatenate([[False], curve < 0, [False]])
    edges = np.flatnonzero(below[1:] != below[:-1])
    firsts, ends = edges[::2], edges[1::2]  # below in [first, end)
    if not len(firsts):
        return []
    # Up to the next episode there are only zeros, which are no minimum.
    depths = np.minimum.reduceat(curve, firsts)
    found = []
    for episode in np.argsort(depths, kind="stable")[:count]:
        first, end = int(firsts[episode]), int(ends[episode])
        is_over = end < len(curve)
        found.append(
            Drawdown(
                high=sessions[first - 1] if first else None,
                trough=sessions[first + int(curve[first:end].argmin())],
                recovered=sessions[end] if is_over else None,
                depth=-float(depths[episode]),
                length=end - first + is_over,
            )
        )
    return found
