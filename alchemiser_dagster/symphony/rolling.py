"""Rolling windows by doubling: blocks of 1, 2, 4, ... values are joined to the window's length.

A window of w values costs about 2 log2(w) array operations instead of w, and each result depends
on its own w values alone, joined in an order that w fixes. So a column computed from the last few
sessions has the same bits as one computed from ten years; running sums would not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
"""One value per bar or session; for the rolling functions also (bars, symbols)."""
State = tuple[Column, ...]
Join = Callable[[State, State, int, int], State]


def fold(values: State, window: int, join: Join) -> State:
    """Join every run of `window` consecutive values, in time order.

    `values` are columns of length n >= window, `join(earlier, later, n_earlier, n_later)` must be
    associative. The results have length n - window + 1, the first for values[0:window].
    """
    length = len(values[0]) - window + 1
    result: State | None = None
    block, size, joined = values, 1, 0
    while True:
        if window & size:
            part = tuple(column[joined : joined + length] for column in block)
            result = part if result is None else join(result, part, joined, size)
            joined += size
        if joined == window:
            assert result is not None
            return result
        earlier = tuple(column[:-size] for column in block)
        later = tuple(column[size:] for column in block)
        block = join(earlier, later, size, size)
        size *= 2


def rolling_sum(values: Column, window: int) -> Column:
    """Sum of each window; shape (n - window + 1,)."""
    return fold((values,), window, _add)[0]


def rolling_product(values: Column, window: int) -> Column:
    """Product of each window; shape (n - window + 1,)."""
    return fold((values,), window, _multiply)[0]


def rolling_deviation(values: Column, window: int) -> Column:
    """Sample standard deviation (divisor window - 1) of each window; exactly 0 for equal values.

    Means and squared deviations of blocks are merged as in Chan, Golub and LeVeque, "Updating
    formulae and a pairwise algorithm for computing sample variances" (1979).
    """
    _, squares = fold((values, np.zeros_like(values)), window, _merge_moments)
    return np.sqrt(squares / (window - 1))


def rolling_fall(values: Column, window: int) -> Column:
    """Largest fall from a running peak within each window, as a fraction of the peak."""
    _, _, ratio = fold((values, values, np.ones_like(values)), window, _merge_falls)
    return 1.0 - ratio


def _add(earlier: State, later: State, _n: int, _m: int) -> State:
    return (earlier[0] + later[0],)


def _multiply(earlier: State, later: State, _n: int, _m: int) -> State:
    return (earlier[0] * later[0],)


def _merge_moments(earlier: State, later: State, n: int, m: int) -> State:
    (mean, squares), (later_mean, later_squares) = earlier, later
    distance = later_mean - mean
    merged_squares = squares + later_squares + distance * distance * (n * m / (n + m))
    return mean + distance * (m / (n + m)), merged_squares


def _merge_falls(earlier: State, later: State, _n: int, _m: int) -> State:
    (peak, trough, ratio), (later_peak, later_trough, later_ratio) = earlier, later
    lowest = np.minimum(np.minimum(ratio, later_ratio), later_trough / peak)
    return np.maximum(peak, later_peak), np.minimum(trough, later_trough), lowest
