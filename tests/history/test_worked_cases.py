"""Small series whose figures were worked out beforehand."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from alchemiser_dagster.books.performance import tally
from alchemiser_dagster.history.drawdowns import drawdown_curve
from alchemiser_dagster.history.statistics import (
    ReturnsError,
    max_drawdown,
    sharpe,
    sortino,
    statistics,
    volatility,
)
from alchemiser_dagster.market.sessions import sessions_between

SESSIONS = sessions_between(date(2026, 1, 2), date(2026, 12, 31))


def test_case_57_three_returns() -> None:
    returns = np.array([0.01, -0.02, 0.03])
    assert np.prod(1 + returns) - 1 == pytest.approx(0.019494)
    assert sharpe(returns) == pytest.approx(4.2053, abs=5e-5)
    assert sortino(returns) == pytest.approx(9.1652, abs=5e-5)
    assert volatility(returns) == pytest.approx(0.39950, abs=5e-6)
    # Three sessions are told as what they are: no year, and no ratio.
    told = statistics(SESSIONS[:3], returns)
    assert told.total_return == pytest.approx(0.019494)
    assert (told.cagr, told.volatility, told.sharpe, told.sortino) == (None,) * 4


def test_case_58_a_loss_on_the_first_day_is_a_drawdown() -> None:
    returns = np.array([-0.10, 0.05, 0.02])
    assert max_drawdown(returns)[0] == pytest.approx(0.10)
    assert drawdown_curve(returns).min() == pytest.approx(-0.10)


def test_case_59_closed_trades_by_their_sign() -> None:
    made = tally(map(Decimal, ("100", "-50", "200")))
    assert (made.win_rate, made.average) == (Decimal("66.67"), Decimal("83.33"))
    made = tally(map(Decimal, ("100", "0")))
    assert (made.completed, made.winning, made.losing, made.breakeven) == (2, 1, 0, 1)


def test_case_60_sessions_without_a_sale_count() -> None:
    """A book that earns on three of 60 sessions is measured on all 60."""
    returns = np.zeros(60)
    returns[[10, 30, 50]] = [0.02, -0.01, 0.02]
    told = statistics(SESSIONS[:60], returns)
    assert told.sessions == 60
    mean, spread = 0.03 / 60, np.std(returns, ddof=1)
    assert told.sharpe == pytest.approx(mean / spread * 252**0.5)
    assert told.time_in_market == 3 / 60


def test_case_61_dollars_are_not_taken_for_fractions() -> None:
    with pytest.raises(ReturnsError, match=r"in \[-1, 1\], was 250"):
        statistics(SESSIONS[:3], np.array([0.01, 250.0, -0.02]))
