"""Statistics of a series of daily returns.

r are daily returns as fractions, n their number, 252 sessions make a year, the risk-free rate is 0.
Sources: W. F. Sharpe, The Sharpe Ratio (1994); F. A. Sortino and R. van der Meer, Downside Risk
(1991); T. W. Young, Calmar Ratio (1991).

A few sessions say nothing about a year: `statistics` has no ratio of reward to risk of fewer than
20 returns, and no figure for a year of fewer than 60. Its parts reckon with any number.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

SESSIONS_A_YEAR = 252
RATIO_SESSIONS = 20
"""Returns without which there is no Sharpe or Sortino ratio."""
ANNUAL_SESSIONS = 60
"""Returns without which there is no figure for a year."""


class ReturnsError(ValueError):
    """What was given cannot be daily returns as fractions; the message names the session."""


@dataclass(frozen=True)
class Statistics:
    """Figures of a return series; fractions unless said otherwise, None where undefined or where
    there are too few returns.

    The drawdown is positive and runs from the close of `drawdown_from` to that of `drawdown_to`.
    `win_rate` is the share of the sessions that moved in which it rose, `turnover_a_year` how often
    the whole is traded, buys and sells both counted.
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
    best_session: float
    worst_session: float
    turnover_a_year: float | None

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
    """All figures of `returns`, one a session, in the order of `sessions`.

    Raises:
        ReturnsError: no returns, not one for each session, or not fractions.
    """
    require_fractions(sessions, returns)
    deepest, peak, trough = max_drawdown(returns)
    is_long, has_ratios = len(returns) >= ANNUAL_SESSIONS, len(returns) >= RATIO_SESSIONS
    growth = cagr(returns) if is_long else None
    moved = int(np.count_nonzero(returns))
    return Statistics(
        sessions=len(returns),
        total_return=float(np.prod(1 + returns) - 1),
        cagr=growth,
        volatility=volatility(returns) if is_long else None,
        sharpe=sharpe(returns) if has_ratios else None,
        sortino=sortino(returns) if has_ratios else None,
        max_drawdown=deepest,
        drawdown_from=sessions[max(peak, 0)] if deepest > 0 else None,
        drawdown_to=sessions[trough] if deepest > 0 else None,
        calmar=growth / deepest if growth is not None and deepest > 0 else None,
        time_in_market=moved / len(returns),
        win_rate=float(np.count_nonzero(returns > 0) / moved) if moved else None,
        best_session=float(returns.max()),
        worst_session=float(returns.min()),
        turnover_a_year=None if turnover is None or not is_long else turnover_a_year(turnover),
    )


def require_fractions(sessions: Sequence[date], returns: NDArray[np.float64]) -> None:
    """Raise ReturnsError unless there is a return for each session, and each within [-1, 1].

    A book that doubles in a session is rarer than one whose dollars or per cents were taken for
    fractions, and figures of those would look like any others.
    """
    if len(sessions) != len(returns) or not len(returns):
        raise ReturnsError(
            f"expected a return for each session, was {len(returns)}/{len(sessions)}"
        )
    odd = np.flatnonzero(~(abs(returns) <= 1))
    if len(odd):
        raise ReturnsError(
            f"expected daily returns as fractions in [-1, 1], was {returns[odd[0]]:g} on "
            f"{sessions[odd[0]]}: are these dollars or per cents?"
        )


def turnover_a_year(turnover: NDArray[np.float64]) -> float:
    """Mean turnover of a session x 252."""
    return float(turnover.mean()) * SESSIONS_A_YEAR


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
