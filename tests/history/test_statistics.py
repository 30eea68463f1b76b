"""Statistics by hand, and against an independent library on many series."""

from datetime import date, timedelta

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.history.statistics import (
    ReturnsError,
    cagr,
    max_drawdown,
    sharpe,
    sortino,
    statistics,
    turnover_a_year,
    volatility,
)


def days(count: int) -> list[date]:
    return [date(2024, 1, 1) + timedelta(days=i) for i in range(count)]


def test_a_fall_and_a_rise_by_hand() -> None:
    # 1.10, 0.88, 0.968: down 20 % from the first close to the second
    figures = statistics(days(3), np.array([0.10, -0.20, 0.10]))
    assert figures.total_return == pytest.approx(-0.032)
    assert figures.max_drawdown == pytest.approx(0.20)
    assert (figures.drawdown_from, figures.drawdown_to) == (date(2024, 1, 1), date(2024, 1, 2))
    assert figures.win_rate == pytest.approx(2 / 3)
    assert (figures.best_session, figures.worst_session) == (0.10, -0.20)
    assert cagr(np.array([0.10, -0.20, 0.10])) == pytest.approx(0.968 ** (252 / 3) - 1)


def test_a_fall_from_the_very_start_counts() -> None:
    assert max_drawdown(np.array([-0.10, 0.05])) == (pytest.approx(0.10), -1, 0)


def test_nothing_that_moves_has_no_ratios() -> None:
    figures = statistics(days(4), np.zeros(4))
    assert (figures.sharpe, figures.sortino, figures.calmar, figures.win_rate) == (None,) * 4
    assert figures.time_in_market == 0


def test_a_return_for_each_session_is_needed() -> None:
    with pytest.raises(ValueError, match="a return for each session"):
        statistics(days(2), np.array([0.1]))


@pytest.mark.parametrize("wrong", [12.5, -1.01, float("nan"), float("inf")])
def test_what_is_no_fraction_is_refused(wrong: float) -> None:
    with pytest.raises(
        ReturnsError, match=r"in \[-1, 1\], was \S+ on 2024-01-02: are these dollars"
    ):
        statistics(days(3), np.array([1.0, wrong, -1.0]))


def test_a_few_sessions_say_nothing_about_a_year() -> None:
    returns = np.array([0.01, -0.02] * 30)
    for count, ratios, annual in ((19, False, False), (20, True, False), (59, True, False)):
        figures = statistics(days(count), returns[:count], abs(returns[:count]))
        for name in ("sharpe", "sortino"):
            assert (getattr(figures, name) is not None) == ratios, name
        for name in ("cagr", "volatility", "calmar", "turnover_a_year"):
            assert (getattr(figures, name) is not None) == annual, name
    figures = statistics(days(60), returns, abs(returns))
    assert None not in figures.as_dict().values()
    assert figures.turnover_a_year == pytest.approx(0.015 * 252)


def defined(found: list[float]) -> bool:
    """Whether the ratios are: elsewhere they are undefined here and infinite there."""
    return np.array(found).std() > 1e-6 and min(found) < 0


MOVING = st.floats(-0.2, 0.2).map(lambda r: round(r, 5))


@settings(deadline=None)
@given(st.lists(MOVING, min_size=5, max_size=100).filter(defined))
def test_figures_agree_with_an_independent_library(found: list[float]) -> None:
    returns = np.array(found)
    expected = {
        cagr: empyrical.annual_return(returns),
        volatility: empyrical.annual_volatility(returns),
        sharpe: empyrical.sharpe_ratio(returns),
        sortino: empyrical.sortino_ratio(returns),
    }
    for figure, value in expected.items():
        assert figure(returns) == pytest.approx(value, rel=1e-9, abs=1e-12), figure.__name__
    assert turnover_a_year(abs(returns)) == pytest.approx(abs(returns).mean() * 252)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.integers(60, 2000))
def test_the_whole_agrees_with_an_independent_library(seed: int, sessions: int) -> None:
    returns = np.random.default_rng(seed).normal(0.0004, 0.01, sessions)
    figures = statistics(days(sessions), returns)
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
