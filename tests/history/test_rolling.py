"""Rolling figures by hand, and against an independent library on many series."""

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.history.rolling import rolling_sharpe, rolling_volatility
from alchemiser_dagster.history.statistics import sharpe, volatility


def test_a_window_by_hand() -> None:
    # the last three returns: mean 0.01, sample deviation 0.01
    returns = np.array([0.05, 0.0, 0.01, 0.02])
    assert np.isnan(rolling_volatility(returns, 3)[:2]).all()
    assert rolling_volatility(returns, 3)[3] == pytest.approx(0.01 * 252**0.5)
    assert rolling_sharpe(returns, 3)[3] == pytest.approx(1.0 * 252**0.5)


def test_a_window_that_is_longer_than_the_series_has_no_figure() -> None:
    for figure in (rolling_sharpe, rolling_volatility):
        assert np.isnan(figure(np.array([0.1, 0.2]), 63)).tolist() == [True, True]
        assert len(figure(np.array([]), 63)) == 0


def test_where_nothing_moves_there_is_no_ratio() -> None:
    assert np.isnan(rolling_sharpe(np.full(5, 0.001), 3)).all()
    assert rolling_volatility(np.full(5, 0.001), 3)[4] == pytest.approx(0)


def test_one_session_is_no_window() -> None:
    for figure in (rolling_sharpe, rolling_volatility):
        with pytest.raises(ValueError, match="at least 2 sessions, was 1"):
            figure(np.array([0.1]), 1)


@settings(deadline=None)
@given(
    st.lists(st.floats(-0.2, 0.2).map(lambda r: round(r, 5)), min_size=5, max_size=60),
    st.integers(2, 5),
)
def test_figures_agree_with_an_independent_library(found: list[float], window: int) -> None:
    returns = np.array(found)
    volatilities, ratios = rolling_volatility(returns, window), rolling_sharpe(returns, window)
    expected = empyrical.roll_annual_volatility(returns, window=window)
    assert volatilities[window - 1 :] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    moved = expected > 1e-9  # the ratio is undefined where nothing moves
    expected = empyrical.roll_sharpe_ratio(returns, window=window)
    assert ratios[window - 1 :][moved] == pytest.approx(expected[moved], rel=1e-9, abs=1e-9)
    # and the last of them is the figure of the last returns by themselves
    assert volatilities[-1] == pytest.approx(volatility(returns[-window:]))
    if moved[-1]:
        assert ratios[-1] == pytest.approx(sharpe(returns[-window:]))
