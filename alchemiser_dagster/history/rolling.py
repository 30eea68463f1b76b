"""Figures of the last so many sessions, for every session.

Each is the figure of `statistics` over a window that ends in the session, NaN until there are as
many returns as the window has sessions. Every window is reckoned from its own returns: sums that
are carried along lose digits over decades.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from alchemiser_dagster.history.statistics import SESSIONS_A_YEAR

QUARTER_SESSIONS = 63
"""Sessions of a quarter of a year, the usual window."""
STILL = 1e-12
"""A standard deviation below this is the rounding of equal returns."""


def rolling_volatility(
    returns: NDArray[np.float64], window: int = QUARTER_SESSIONS
) -> NDArray[np.float64]:
    """Annual volatility of each window: sample standard deviation (ddof 1) x sqrt(252).

    As many as there are returns. Raises ValueError when the window has fewer than 2 sessions.
    """
    windows = _windows(returns, window)
    return _aligned(windows.std(axis=1, ddof=1) * math.sqrt(SESSIONS_A_YEAR), len(returns))


def rolling_sharpe(
    returns: NDArray[np.float64], window: int = QUARTER_SESSIONS
) -> NDArray[np.float64]:
    """Sharpe ratio of each window: mean / sample standard deviation x sqrt(252).

    W. F. Sharpe, The Sharpe Ratio (1994), risk-free rate 0; NaN where nothing moves. As many as
    there are returns. Raises ValueError when the window has fewer than 2 sessions.
    """
    windows = _windows(returns, window)
    spread = windows.std(axis=1, ddof=1)
    ratios = np.full(len(windows), np.nan)
    np.divide(windows.mean(axis=1), spread, out=ratios, where=spread > STILL)
    return _aligned(ratios * math.sqrt(SESSIONS_A_YEAR), len(returns))


def _windows(returns: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    if window < 2:
        raise ValueError(f"expected a window of at least 2 sessions, was {window}")
    if len(returns) < window:
        return np.empty((0, window))
    return sliding_window_view(returns, window)


def _aligned(figures: NDArray[np.float64], sessions: int) -> NDArray[np.float64]:
    """`figures` behind as many NaN as make them one a session."""
    return np.concatenate([np.full(sessions - len(figures), np.nan), figures])
