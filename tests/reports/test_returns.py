"""Series of returns that are compared over the same sessions."""

from datetime import date

import polars as pl
import pytest

from alchemiser_dagster.history.statistics import ReturnsError
from alchemiser_dagster.reports.returns import Returns, returns_of, returns_of_closes

DAYS = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)]


def test_the_whole_and_its_parts() -> None:
    series = returns_of("x", pl.DataFrame({"date": DAYS, "r": [0.10, None, -0.50]}), "r")
    assert series.sessions == (DAYS[0], DAYS[2])  # a session without a return is no return of 0
    assert series.total == pytest.approx(-0.45)
    assert series.before(DAYS[2]).total == pytest.approx(0.10)
    assert series.since(DAYS[1]).total == pytest.approx(-0.50)
    assert series.within({DAYS[0]}).sessions == (DAYS[0],)


def test_a_benchmark_returns_from_close_to_close() -> None:
    closes = pl.DataFrame({"date": DAYS[::-1], "adj_close": [99.0, 110.0, 100.0]})
    series = returns_of_closes("SPY", closes)
    assert series.sessions == tuple(DAYS[1:])
    assert series.values == pytest.approx([0.10, -0.10])


def test_there_may_be_none() -> None:
    nothing = returns_of("x", pl.DataFrame(schema={"date": pl.Date, "r": pl.Float64}), "r")
    assert (len(nothing), nothing.total, nothing.figures()) == (0, None, None)


def test_dollars_given_for_fractions_are_refused() -> None:
    with pytest.raises(ReturnsError, match=r"was -37\.5 on 2024-01-03"):
        returns_of("x", pl.DataFrame({"date": DAYS, "r": [0.0, -37.5, 0.1]}), "r")
    assert issubclass(ReturnsError, ValueError)
    assert Returns("x", (), pl.Series([], dtype=pl.Float64).to_numpy()).total is None
