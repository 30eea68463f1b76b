"""Correlations by hand, and against two independent libraries."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from alchemiser_dagster.history.correlation import correlations

Series = tuple[Sequence[date], NDArray[np.float64]]


def days(count: int, first: int = 0) -> list[date]:
    return [date(2024, 1, 1) + timedelta(days=first + i) for i in range(count)]


def of_pair(a: list[float], b: list[float], least: int = 2) -> float:
    made = correlations([(days(len(a)), np.array(a)), (days(len(b)), np.array(b))], least)
    return float(made.coefficients[0, 1])


def test_by_hand() -> None:
    """Deviations -1, 0, 1 and -2, 1, 1 per cent: 3 / sqrt(2 x 6)."""
    assert of_pair([0.00, 0.01, 0.02], [-0.01, 0.02, 0.02]) == pytest.approx(3 / 12**0.5)


def test_the_same_and_the_opposite() -> None:
    moves = [0.01, -0.02, 0.03]
    assert of_pair(moves, [2 * r + 0.001 for r in moves]) == pytest.approx(1)
    assert of_pair(moves, [-r for r in moves]) == pytest.approx(-1)


def test_only_sessions_of_both_count() -> None:
    """The 30 of one and the 25 that begin ten days later have 20 in common."""
    a, b = np.sin(np.arange(30)), np.cos(np.arange(25))
    made = correlations([(days(30), a), (days(25, first=10), b)])
    assert made.common.tolist() == [[30, 20], [20, 25]]
    assert made.coefficients[1, 0] == pytest.approx(np.corrcoef(a[10:], b[:20])[0, 1])


def test_fewer_than_20_common_sessions_have_no_coefficient() -> None:
    a = np.sin(np.arange(40))
    made = correlations([(days(40), a), (days(40, first=21), a)])
    assert made.common[0, 1] == 19
    assert np.isnan(made.coefficients[0, 1])
    assert made.coefficients[0, 0] == pytest.approx(1)


def test_what_does_not_move_has_none() -> None:
    assert np.isnan(of_pair([0.001] * 30, list(np.sin(np.arange(30)))))
    assert np.isnan(correlations([([], np.array([]))], least=0).coefficients[0, 0])


@pytest.mark.parametrize(
    "series",
    [(days(2), np.zeros(3)), ([date(2024, 1, 2), date(2024, 1, 2)], np.zeros(2))],
    ids=["a return too many", "a session twice"],
)
def test_a_return_for_each_session_is_needed(series: Series) -> None:
    with pytest.raises(ValueError, match="expected one return for each of"):
        correlations([series])


returns = st.floats(-0.2, 0.2).map(lambda r: round(r, 6))


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 15), st.lists(returns, min_size=1, max_size=60)),
        min_size=1,
        max_size=5,
    )
)
def test_they_agree_with_independent_libraries(given_: list[tuple[int, list[float]]]) -> None:
    series = [(days(len(values), first), np.array(values)) for first, values in given_]
    made = correlations(series)
    table = pd.DataFrame({i: pd.Series(v, index=own) for i, (own, v) in enumerate(series)})
    expected = table.corr(min_periods=20).to_numpy()
    for i in range(len(series)):
        for j in range(len(series)):
            both = table[[i, j]].dropna() if i != j else table[[i]].dropna()
            assert made.common[i, j] == len(both)
            still = any(np.ptp(both[column]) < 1e-9 for column in both)
            if len(both) >= 20 and not still:
                assert made.coefficients[i, j] == pytest.approx(expected[i, j], abs=1e-9)
            elif len(both) < 20:
                assert np.isnan(made.coefficients[i, j])
    assert np.array_equal(made.coefficients, made.coefficients.T, equal_nan=True)


def test_they_agree_with_numpy() -> None:
    values = np.random.default_rng(7).normal(0, 0.01, (6, 500))
    made = correlations([(days(500), row) for row in values])
    assert np.allclose(made.coefficients, np.corrcoef(values), atol=1e-12)
