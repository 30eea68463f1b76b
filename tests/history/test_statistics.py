"""Statistics by hand, and against an independent library on many series."""

from datetime import date, timedelta

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.history.statistics import max_drawdown, statistics


def days(count: int) -> list[date]:
    return [date(2024, 1, 1) + timedelta(days=i) for i in range(count)]


def test_a_fall_and_a_rise_by_hand() -> None:
    # 1.10, 0.88, 0.968: down 20 % from the first close to the second
    figures = statistics(days(3), np.array([0.10, -0.20, 0.10]))
    assert figures.total_return == pytest.approx(-0.032)
    assert figures.max_drawdown == pytest.approx(0.20)
    assert (figures.drawdown_from, figures.drawdown_to) == (date(2024, 1, 1), date(2024, 1, 2))
    assert figures.win_rate == pytest.approx(2 / 3)
    assert figures.cagr == pytest.approx(0.968 ** (252 / 3) - 1)


def test_a_fall_from_the_very_start_counts() -> None:
    assert max_drawdown(np.array([-0.10, 0.05])) == (pytest.approx(0.10), -1, 0)


def test_nothing_that_moves_has_no_ratios() -> None:
    figures = statistics(days(4), np.zeros(4))
    assert (figures.sharpe, figures.sortino, figures.calmar, figures.win_rate) == (None,) * 4
    assert figures.time_in_market == 0


def test_a_return_for_each_session_is_needed() -> None:
    with pytest.raises(ValueError, match="a return for each session"):
        statistics(days(2), np.array([0.1]))


@given(st.lists(st.floats(-0.2, 0.2).map(lambda r: round(r, 5)), min_size=5, max_size=300))
def test_figures_agree_with_an_independent_library(found: list[float]) -> None:
    returns = np.array(found)
    if returns.std() < 1e-6 or not (returns < 0).any():
        return  # the ratios are undefined here and infinite there
    figures = statistics(days(len(found)), returns)
    expected = {
        "total_return": empyrical.cum_returns_final(returns),
        "cagr": empyrical.annual_return(returns),
        "volatility": empyrical.annual_volatility(returns),
        "sharpe": empyrical.sharpe_ratio(returns),
        "sortino": empyrical.sortino_ratio(returns),
        "max_drawdown": -empyrical.max_drawdown(returns),
        "calmar": empyrical.calmar_ratio(returns),
    }
    for name, value in expected.items():
        assert getattr(figures, name) == pytest.approx(value, rel=1e-9, abs=1e-12), name
