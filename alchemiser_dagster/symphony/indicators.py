"""The indicators: columns of values from a column of closes.

Every function takes the closes of one symbol, one value per bar, oldest first and without gaps,
and gives a column of the same length whose entry t is a function of the closes up to t; NaN where
there are not enough bars yet. The conventions are Composer's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from alchemiser_dagster.symphony.rolling import (
    Column,
    rolling_deviation,
    rolling_fall,
    rolling_sum,
)


def evaluate_indicator(name: str, windows: tuple[int, ...], closes: Column) -> Column:
    """The indicator called `name` in the language, for every bar of `closes`."""
    match name:
        case "current-price":
            return closes
        case "moving-average-price":
            return moving_average(closes, *windows)
        case "exponential-moving-average-price":
            return undefined_before(exponential_average(closes, *windows), windows[0] - 1)
        case "rsi":
            return relative_strength(closes, *windows)
        case "cumulative-return":
            return cumulative_return(closes, *windows)
        case "moving-average-return":
            return mean_return(returns(closes), *windows)
        case "stdev-return":
            return deviation_of_returns(returns(closes), *windows)
        case "stdev-price":
            return right_aligned(rolling_deviation, closes, *windows)
        case "max-drawdown":
            return max_drawdown(closes, *windows)
        case "percentage-price-oscillator":
            return price_oscillator(closes, *windows)
        case "percentage-price-oscillator-signal":
            return price_oscillator_signal(closes, *windows)
    raise ValueError(f"expected an indicator of the language, was {name!r}")


def returns(closes: Column) -> Column:
    """Daily returns as fractions; the first bar has none (NaN)."""
    column = np.full(len(closes), np.nan)
    column[1:] = closes[1:] / closes[:-1] - 1
    return column


def moving_average(closes: Column, window: int) -> Column:
    """Mean of the last `window` closes, in price units."""
    return right_aligned(rolling_sum, closes, window) / window


def exponential_average(values: Column, window: int) -> Column:
    """e[t] = e[t-1] + 2 / (window + 1) x (v[t] - e[t-1]), starting at the first value."""
    return smoothed(values, 2 / (window + 1))


def relative_strength(closes: Column, window: int) -> Column:
    """Wilder's RSI, 0 to 100; 50 where prices have not moved at all.

    Gains and losses of closes are smoothed with factor 1 / window over all bars, from 0 at the
    first: J. Welles Wilder, "New Concepts in Technical Trading Systems" (1978), with the start
    that cancels out of the ratio. Defined from bar window + 1.
    """
    if len(closes) <= window:
        return np.full(len(closes), np.nan)
    gain, loss = _gains_and_losses(closes, window)
    return undefined_before(strength(gain, loss), window)


def relative_strength_state(closes: Column, window: int) -> tuple[float, float]:
    """Smoothed gain and loss after the last bar; 0 before the first one."""
    if not len(closes):
        return 0.0, 0.0
    gain, loss = _gains_and_losses(closes, window)
    return float(gain[-1]), float(loss[-1])


def _gains_and_losses(closes: Column, window: int) -> tuple[Column, Column]:
    change = np.diff(closes, prepend=closes[:1])
    gain = smoothed(np.maximum(change, 0.0), 1 / window)
    return gain, smoothed(np.maximum(-change, 0.0), 1 / window)


def strength(gain: Column, loss: Column) -> Column:
    """100 - 100 / (1 + gain / loss); 100 without losses, 50 without either."""
    falls = loss > 0
    ratio = np.divide(gain, loss, out=np.zeros_like(gain), where=falls)
    return np.where(falls, 100.0 - 100.0 / (1.0 + ratio), np.where(gain > 0, 100.0, 50.0))


def cumulative_return(closes: Column, window: int) -> Column:
    """(p[t] / p[t - window] - 1) x 100, percent."""
    column = np.full(len(closes), np.nan)
    if len(closes) > window:
        column[window:] = (closes[window:] / closes[:-window] - 1) * 100
    return column


def mean_return(daily: Column, window: int) -> Column:
    """Arithmetic mean of the last `window` daily returns, percent per day."""
    return right_aligned(rolling_sum, daily, window) / window * 100


def deviation_of_returns(daily: Column, window: int) -> Column:
    """Sample standard deviation (divisor window - 1) of daily returns, percent, not annualised."""
    return right_aligned(rolling_deviation, daily, window) * 100


def max_drawdown(closes: Column, window: int) -> Column:
    """Largest fall from a running peak within the last `window` closes, percent, positive."""
    return right_aligned(rolling_fall, closes, window) * 100


def price_oscillator(closes: Column, short: int, long: int) -> Column:
    """(EMA(short) - EMA(long)) / EMA(long) x 100, percent, from bar `long`."""
    slow = exponential_average(closes, long)
    return undefined_before((exponential_average(closes, short) - slow) / slow * 100, long - 1)


def price_oscillator_signal(closes: Column, short: int, long: int, smooth: int) -> Column:
    """EMA(smooth) of the oscillator, started at its first value."""
    column = np.full(len(closes), np.nan)
    if len(closes) >= long:
        oscillator = price_oscillator(closes, short, long)[long - 1 :]
        column[long - 1 :] = exponential_average(oscillator, smooth)
    return undefined_before(column, long + smooth - 2)


def smoothed(values: Column, factor: float) -> Column:
    """s[t] = s[t-1] + factor x (v[t] - s[t-1]), starting at the first value."""
    return pl.Series(values).ewm_mean(alpha=factor, adjust=False).to_numpy(writable=True)


def undefined_before(column: Column, start: int) -> Column:
    """The column with NaN in its first `start` entries."""
    column[:start] = np.nan
    return column


def right_aligned(rolling: Callable[[Column, int], Column], values: Column, window: int) -> Column:
    """A rolling function's results at the last bar of their windows, NaN before."""
    column = np.full(len(values), np.nan)
    if len(values) >= window:
        column[window - 1 :] = rolling(values, window)
    return column
