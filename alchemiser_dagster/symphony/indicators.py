"""Indicators over a whole history at once.

Each takes the closes of one symbol on the sessions that have one, oldest first, and gives an array
of the same length with NaN where it is not defined yet. Windows are sessions, w; `p` are closes,
`r` simple daily returns.
"""

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Column = NDArray[np.float64]


def evaluate_indicator(name: str, windows: tuple[int, ...], closes: Column) -> Column:
    """The indicator called `name` of `closes`."""
    match name, windows:
        case "current-price", ():
            return closes
        case "moving-average-price", (w,):
            return _rolling(closes, w, lambda view: view.mean(axis=-1))
        case "exponential-moving-average-price", (w,):
            return _after(_exponential(closes, 2 / (w + 1)), w)
        case "rsi", (w,):
            return relative_strength(closes, w)
        case "cumulative-return", (w,):
            return cumulative_return(closes, w)
        case "stdev-price", (w,):
            return _deviation(closes, w)
        case "moving-average-return", (w,):
            return _shifted(mean_return(returns(closes), w))
        case "stdev-return", (w,):
            return _shifted(deviation_of_returns(returns(closes), w))
        case "max-drawdown", (w,):
            return max_drawdown(closes, w)
        case "percentage-price-oscillator", (short, long):
            return _oscillator(closes, short, long)
        case "percentage-price-oscillator-signal", (short, long, smooth):
            oscillator = _oscillator(closes, short, long)[long - 1 :]
            signal = _after(_exponential(oscillator, 2 / (smooth + 1)), smooth)
            return np.concatenate([np.full(min(long - 1, len(closes)), np.nan), signal])
        case _:
            raise ValueError(f"expected an indicator with its windows, was {name} {windows}")


def returns(closes: Column) -> Column:
    """Simple daily returns as fractions, one fewer than closes."""
    return closes[1:] / closes[:-1] - 1


def cumulative_return(closes: Column, w: int) -> Column:
    """(p[t] / p[t-w] - 1) x 100, percent."""
    out = np.full_like(closes, np.nan)
    out[w:] = (closes[w:] / closes[:-w] - 1) * 100
    return out


def mean_return(series: Column, w: int) -> Column:
    """Arithmetic mean of the last w daily returns x 100, percent a day."""
    return _rolling(series, w, lambda view: view.mean(axis=-1)) * 100


def deviation_of_returns(series: Column, w: int) -> Column:
    """Sample standard deviation (ddof 1) of the last w daily returns x 100, not annualised."""
    return _deviation(series, w) * 100


def relative_strength(closes: Column, w: int) -> Column:
    """RSI with Wilder's smoothing (J. Welles Wilder, 1978) of price differences, 0 to 100.

    Gains and losses are smoothed with factor 1/w over the whole history, from 0. Defined from
    w + 1 bars on; 50 where the price never moved.
    """
    change = np.diff(closes, prepend=closes[:1])
    gain = _exponential(np.maximum(change, 0), 1 / w)
    loss = _exponential(np.maximum(-change, 0), 1 / w)
    with np.errstate(divide="ignore", invalid="ignore"):
        strength = 100 - 100 / (1 + gain / loss)
    strength = np.where(loss == 0, np.where(gain == 0, 50.0, 100.0), strength)
    return _after(strength, w + 1)


def max_drawdown(closes: Column, w: int) -> Column:
    """Largest fall from a running peak within the last w closes, percent, positive."""

    def deepest(view: NDArray[np.float64]) -> Column:
        peak = np.maximum.accumulate(view, axis=-1)
        fall: Column = (1 - view / peak).max(axis=-1)
        return fall

    return _rolling(closes, w, deepest) * 100


def _oscillator(closes: Column, short: int, long: int) -> Column:
    """(EMA short - EMA long) / EMA long x 100, percent."""
    slow = _exponential(closes, 2 / (long + 1))
    return _after((_exponential(closes, 2 / (short + 1)) - slow) / slow * 100, long)


def _deviation(series: Column, w: int) -> Column:
    if w < 2:  # one value has no sample deviation
        return np.full_like(series, np.nan)
    return _rolling(series, w, lambda view: view.std(axis=-1, ddof=1))


def _exponential(series: Column, factor: float) -> Column:
    """e[t] = e[t-1] + factor (x[t] - e[t-1]), seeded with the first value."""
    if not len(series):
        return series
    return pl.Series(series).ewm_mean(alpha=factor, adjust=False).to_numpy().copy()


def _rolling(series: Column, w: int, reduce: Callable[[Column], Column]) -> Column:
    out = np.full(len(series), np.nan)
    if len(series) >= w:
        out[w - 1 :] = reduce(sliding_window_view(series, w))
    return out


def _after(series: Column, bars: int) -> Column:
    """Undefine what comes before `bars` values are there."""
    out = np.array(series, dtype=np.float64)
    out[: bars - 1] = np.nan
    return out


def _shifted(of_returns: Column) -> Column:
    """A column of returns in the place of the closes they end at."""
    return np.concatenate([[np.nan], of_returns])
