"""Months and years by hand, and against an independent library on many series."""

from datetime import date, timedelta

import empyrical
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.history.monthly import monthly_returns, yearly_returns
from alchemiser_dagster.history.statistics import ReturnsError


def test_returns_are_linked_within_their_month() -> None:
    sessions = [date(2023, 12, 28), date(2023, 12, 29), date(2024, 1, 2), date(2024, 1, 3)]
    returns = np.array([0.10, 0.10, -0.50, 0.50])
    assert monthly_returns(sessions, returns).rows() == [
        (2023, 12, pytest.approx(0.21)),
        (2024, 1, pytest.approx(-0.25)),
    ]
    assert yearly_returns(sessions, returns).rows() == [
        (2023, pytest.approx(0.21)),
        (2024, pytest.approx(-0.25)),
    ]


def test_a_return_for_each_session_is_needed() -> None:
    with pytest.raises(ReturnsError, match="a return for each session, was 0/0"):
        monthly_returns([], np.array([]))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=150), st.integers(0, 400))
def test_months_agree_with_an_independent_library(found: list[float], start: int) -> None:
    sessions = [date(2023, 1, 1) + timedelta(days=start + 6 * i) for i in range(len(found))]
    series = pd.Series(found, index=pd.DatetimeIndex(sessions))
    for mine, theirs in (
        (monthly_returns, "monthly"),
        (yearly_returns, "yearly"),
    ):
        expected = empyrical.aggregate_returns(series, theirs)
        assert mine(sessions, np.array(found))["return"].to_list() == pytest.approx(
            expected.to_list(), rel=1e-9, abs=1e-12
        )
