"""Portfolios as instruments: the daily returns of following a part of a symphony.

The return of session t is earned by the weights decided at the close of t-1:

    R[t] = sum over i of W[t-1, i] x (close[t, i] / close[t-1, i] - 1)

re-targeted daily, without costs. A member without a bar that day contributes 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from alchemiser_dagster.symphony.graph import Indicator
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.indicators import (
    Column,
    deviation_of_returns,
    mean_return,
    relative_strength,
)

Faults = NDArray[np.int32]


@dataclass(eq=False)
class Weights:
    """A portfolio's weights in every session.

    `columns` has an array for each symbol it ever holds. Where `faults` is not 0 there are no
    weights, for the reason of that number, and the columns are 0; elsewhere they sum to 1.
    """

    columns: dict[str, Column]
    faults: Faults


@dataclass(frozen=True, eq=False)
class UnitScores:
    """A metric of a unit: NaN before it has enough history; `faults` where a past day had none."""

    scores: Column
    faults: Faults


def score_unit(metric: Indicator, weights: Weights, history: History) -> UnitScores:
    """The metric (its `symbol` is empty) of a unit's own return series, in every session."""
    length = history.length
    scores, faults = np.full(length, np.nan), np.zeros(length, dtype=np.int32)
    decided = np.flatnonzero(weights.faults == 0)
    if not len(decided) or decided[0] + 1 >= length:
        return UnitScores(scores, faults)
    start = int(decided[0]) + 1
    series = np.zeros(length - start)
    for symbol, column in weights.columns.items():
        series += column[start - 1 : -1] * history.returns(symbol)[start:]
    broken = weights.faults[start - 1 : -1]
    series[broken != 0] = np.nan
    (window,) = metric.windows
    scores[start:] = _metric(metric.name, window, series)
    if broken.any():
        faults[start:] = _fault_within(broken, None if metric.name == "rsi" else window)
    return UnitScores(scores, faults)


def _metric(name: str, w: int, series: Column) -> Column:
    out = np.full(len(series), np.nan)
    match name:
        case "moving-average-return":
            return mean_return(series, w)
        case "stdev-return":
            return deviation_of_returns(series, w)
        case "cumulative-return":
            if len(series) >= w:
                out[w - 1 :] = (sliding_window_view(1 + series, w).prod(axis=-1) - 1) * 100
        case "rsi":
            index = np.concatenate([[1.0], np.cumprod(1 + series)])
            return relative_strength(index, w)[1:]
        case "max-drawdown":
            # An index of w points has w - 1 returns between them.
            if w == 1:
                return np.zeros(len(series))
            if len(series) >= w - 1:
                view = np.cumprod(sliding_window_view(1 + series, w - 1), axis=-1)
                index = np.concatenate([np.ones((len(view), 1)), view], axis=-1)
                peak = np.maximum.accumulate(index, axis=-1)
                out[w - 2 :] = (1 - index / peak).max(axis=-1) * 100
        case _:
            raise ValueError(f"expected a metric of returns, was {name}")
    return out


def _fault_within(broken: Faults, window: int | None) -> Faults:
    """The latest fault within the last `window` entries (all earlier ones for None), else 0."""
    positions = np.where(broken != 0, np.arange(len(broken)), -1)
    latest = np.maximum.accumulate(positions)
    near = latest >= 0
    if window is not None:
        near &= np.arange(len(broken)) - latest < window
    return np.where(near, broken[np.maximum(latest, 0)], 0).astype(np.int32)
