"""Returns with dividends and splits, from adjusted closes."""

from datetime import date

import polars as pl
import pytest

from alchemiser_dagster.market.total_returns import adjusted_as_of

TUESDAY, WEDNESDAY, THURSDAY = (date(2024, 1, day) for day in (2, 3, 4))
BARS = pl.LazyFrame(
    [
        ("ABC", TUESDAY, 50.0, 25.0),  # two for one before Thursday's open
        ("ABC", WEDNESDAY, 51.0, 25.5),
        ("ABC", THURSDAY, 26.0, 26.0),
        ("XYZ", TUESDAY, 100.0, 99.0),
        ("XYZ", THURSDAY, 99.5, 99.5),  # no bar on Wednesday; 1.00 of dividends on Thursday
    ],
    schema=["symbol", "date", "close", "adj_close"],
    orient="row",
)


def test_a_ratio_of_two_sessions_is_the_return_between_them() -> None:
    then, now = adjusted_as_of(BARS, WEDNESDAY), adjusted_as_of(BARS, THURSDAY)
    assert now["ABC"] / then["ABC"] - 1 == pytest.approx(26.0 / 25.5 - 1)
    assert now["XYZ"] / then["XYZ"] - 1 == pytest.approx(99.5 / 99.0 - 1)


def test_a_symbol_without_a_bar_has_not_moved() -> None:
    then, now = adjusted_as_of(BARS, TUESDAY), adjusted_as_of(BARS, WEDNESDAY)
    assert now["XYZ"] == then["XYZ"]
    assert adjusted_as_of(BARS.filter(pl.col("symbol") == "XYZ"), date(2024, 1, 1)) == {}
