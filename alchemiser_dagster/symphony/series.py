"""Portfolios as instruments: scoring a part of a symphony by the returns of following it.

The return of session t is earned by the weights decided at the close of t-1,

    R[t] = sum over i of W[t-1, i] x (close[t, i] / close[t-1, i] - 1),

re-targeted daily, without costs. Growth G[t] = R[t+1] is what the evaluation carries, because
G of a portfolio is the share-weighted sum of its children's G and needs no weights at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.symphony.indicators import (
    deviation_of_returns,
    max_drawdown,
    mean_return,
    relative_strength,
    right_aligned,
)
from alchemiser_dagster.symphony.rolling import Column, rolling_product


@dataclass(frozen=True, eq=False)
class UnitScores:
    """A metric of a portfolio in every session: NaN while its history is too short.

    `broken` marks the sessions whose window holds a day without a return although the portfolio
    had one before: no score can be had there, and the candidate cannot simply be left out.
    """

    scores: Column
    broken: NDArray[np.bool_] | None


def returns_needed(name: str, window: int) -> int:
    """Returns a metric reads: an index of w points, as max-drawdown wants, has w - 1 of them."""
    return window - 1 if name == "max-drawdown" else window


def score_unit(name: str, window: int, growth: Column) -> UnitScores:
    """The metric `name` over `window` of the portfolio whose growth (fractions) is given."""
    length = len(growth)
    scores = np.full(length, np.nan)
    known = ~np.isnan(growth[:-1])
    if not known.any():
        return UnitScores(scores, None)
    start = int(known.argmax())
    series = growth[start:-1]
    holes = ~known[start:]
    # Entry k of `series` is the return of session start + 1 + k.
    scores[start:] = _metric(name, window, series, holes)
    if not holes.any():
        return UnitScores(scores, None)
    needed = returns_needed(name, window)
    position = np.arange(len(series))
    latest_hole = np.maximum.accumulate(np.where(holes, position, -needed))
    broken = np.zeros(length, dtype=np.bool_)
    broken[start + 1 :] = (position - latest_hole < needed) & (position >= needed - 1)
    scores[broken] = np.nan
    return UnitScores(scores, broken)


def _metric(name: str, window: int, series: Column, holes: NDArray[np.bool_]) -> Column:
    """One more entry than `series`: the first is the day the index starts."""
    padded = np.concatenate([[np.nan], series])
    match name:
        case "moving-average-return":
            return mean_return(padded, window)
        case "stdev-return":
            return deviation_of_returns(padded, window)
        case "cumulative-return":
            return (right_aligned(rolling_product, padded + 1.0, window) - 1.0) * 100
        case "max-drawdown":
            return max_drawdown(_index(series, holes), window)
        case "rsi":
            return relative_strength(_index(series, holes), window)
    raise ValueError(f"expected a metric of returns, was {name!r}")


def _index(series: Column, holes: NDArray[np.bool_]) -> Column:
    return np.cumprod(np.concatenate([[1.0], 1.0 + np.where(holes, 0.0, series)]))


@dataclass(frozen=True, eq=False)
class UnitTail:
    """A portfolio's own series so far: its returns, the index they make (one value more), and how
    many returns there are since the first one, days without included; -1 before the first."""

    returns: Column
    index: Column
    count: int


def unit_tail(growth: Column) -> UnitTail:
    """The series of the portfolio whose growth is given."""
    known = ~np.isnan(growth[:-1])
    if not known.any():
        return UnitTail(np.zeros(0), np.zeros(0), -1)
    start = int(known.argmax())
    series = growth[start:-1]
    return UnitTail(series, _index(series, ~known[start:]), len(series))
