"""How alike strategies are: Pearson's correlation of their daily returns, pair by pair.

    r(a, b) = sum of (a(t) - mean a)(b(t) - mean b)
              / sqrt(sum of (a(t) - mean a)^2  x  sum of (b(t) - mean b)^2)

over the sessions t that both have a return of; the means are those of the same sessions. Whether
the sums are divided by n or n - 1 makes no difference. K. Pearson, Notes on regression and
inheritance (1895).

A coefficient of fewer than 20 common sessions says nothing and is not given; nor is one where
either did not move.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.history.statistics import RATIO_SESSIONS

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Correlations:
    """Two symmetric squares in the order of the series given.

    `coefficients` in [-1, 1], NaN where there is none; `common` the sessions that both have.
    """

    coefficients: Matrix
    common: NDArray[np.int64]


def correlations(
    series: Sequence[tuple[Sequence[date], Matrix]], least: int = RATIO_SESSIONS
) -> Correlations:
    """The correlation of every pair of `series`: sessions and a daily return for each.

    Pairs with fewer than `least` common sessions have no coefficient. Raises ValueError for a
    series without a return for each session, or with a session twice.
    """
    table = _side_by_side(series)
    has = np.isfinite(table)
    common = has.astype(np.int64) @ has.T.astype(np.int64)
    found = np.full(common.shape, np.nan)
    for i, j in zip(*np.tril_indices(len(series)), strict=True):
        if common[i, j] >= least:
            both = has[i] & has[j]
            found[i, j] = found[j, i] = _pearson(table[i, both], table[j, both])
    return Correlations(found, common)


def _side_by_side(series: Sequence[tuple[Sequence[date], Matrix]]) -> Matrix:
    """A row a series and a column a session; NaN where a series has no return."""
    sessions = sorted({session for own, _ in series for session in own})
    places = {session: i for i, session in enumerate(sessions)}
    table = np.full((len(series), len(sessions)), np.nan)
    for row, (own, returns) in zip(table, series, strict=True):
        if len(own) != len(returns) or len(set(own)) != len(own):
            raise ValueError(
                f"expected one return for each of {len(set(own))} sessions, was {len(returns)}"
            )
        row[[places[session] for session in own]] = returns
    return table


def _pearson(a: Matrix, b: Matrix) -> float:
    if not len(a) or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    # Of returns scaled to 1: the squares of very small ones would vanish.
    left, right = ((x - x.mean()) / np.ptp(x) for x in (a, b))
    return float(np.clip(left @ right / np.sqrt((left @ left) * (right @ right)), -1, 1))
