"""Statistics of a series of daily returns.

r are daily returns as fractions, n their number, 252 sessions make a year, the risk-free rate is 0.
Sources: W. F. Sharpe, The Sharpe Ratio (1994); F. A. Sortino and R. van der Meer, Downside Risk
(1991); T. W. Young, Calmar Ratio (1991).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

SESSIONS_A_YEAR = 252


@dataclass(frozen=True)
class Statistics:
    """Figures of a return series; fractions unless said otherwise, None where undefined.

    The drawdown is positive and runs from the close of `drawdown_from` to that of `drawdown_to`.
    """

    sessions: int
    total_return: float
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown: float
    drawdown_from: date | None
    drawdown_to: date | None
    calmar: float | None
    time_in_market: float
    win_rate: float | None
    turnover_a_year: float

    def as_dict(self) -> dict[str, float | int | str | None]:
        """For JSON: dates as text."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(self).items()
        }


def statistics(
    sessions: Sequence[date],
    returns: NDArray[np.float64],
    turnover: NDArray[np.float64] | None = None,
) -> Statistics:
    """All figures of `returns`, one a session, in the order of `sessions`."""
    if len(sessions) != len(returns) or not len(returns):
        raise ValueError(f"expected a return for each session, was {len(returns)}/{len(sessions)}")
    deepest, peak, trough = max_drawdown(returns)
    growth = cagr(returns)
    moved = int(np.count_nonzero(returns))
    return Statistics(
        sessions=len(returns),
        total_return=float(np.prod(1 + returns) - 1),
        cagr=growth,
        volatility=volatility(returns),
        sharpe=sharpe(returns),
        sortino=sortino(returns),
        max_drawdown=deepest,
        drawdown_from=sessions[max(peak, 0)] if deepest > 0 else None,
        drawdown_to=sessions[trough] if deepest > 0 else None,
        calmar=growth / deepest if growth is not None and deepest > 0 else None,
        time_in_market=moved / len(returns),
        win_rate=float(np.count_nonzero(returns > 0) / moved) if moved else None,
        turnover_a_year=(0.0 if turnover is None else float(turnover.mean() * SESSIONS_A_YEAR)),
    )


def cagr(returns: NDArray[np.float64]) -> float | None:
    """Compound annual growth rate: prod(1 + r) ^ (252 / n) - 1; None after a total loss."""
    whole = float(np.prod(1 + returns))
    return whole ** (SESSIONS_A_YEAR / len(returns)) - 1 if whole > 0 else None


def volatility(returns: NDArray[np.float64]) -> float | None:
    """Annual volatility: sample standard deviation (ddof 1) of r x sqrt(252)."""
    if len(returns) < 2:
        return None
    return float(returns.std(ddof=1)) * math.sqrt(SESSIONS_A_YEAR)


def sharpe(returns: NDArray[np.float64]) -> float | None:
    """mean(r) / sample standard deviation of r x sqrt(252); None where nothing moves."""
    spread = volatility(returns)
    if not spread:
        return None
    return float(returns.mean()) * SESSIONS_A_YEAR / spread


def sortino(returns: NDArray[np.float64]) -> float | None:
    """mean(r) / downside deviation x sqrt(252).

    The downside deviation is sqrt(mean(min(r, 0)^2)) over all sessions; None where it is 0.
    """
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0) ** 2)))
    if downside == 0:
        return None
    return float(returns.mean()) / downside * math.sqrt(SESSIONS_A_YEAR)


def max_drawdown(returns: NDArray[np.float64]) -> tuple[float, int, int]:
    """(depth, peak, trough) of the deepest fall of the index prod(1 + r), which starts at 1.

    The depth is a positive fraction; peak and trough are positions in `returns`, the peak -1 where
    the index falls from its start.
    """
    index = np.concatenate([[1.0], np.cumprod(1 + returns)])
    peaks = np.maximum.accumulate(index)
    falls = 1 - index / peaks
    trough = int(falls.argmax())
    peak = int(index[: trough + 1].argmax())
    return float(falls[trough]), peak - 1, trough - 1
