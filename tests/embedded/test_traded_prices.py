"""Files with splits: prices as traded, or adjusted for the splits beside them."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.commands.broker import market_of_file
from alchemiser_dagster.embedded.traded_prices import traded_prices
from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.market.sessions import sessions_between
from tests.embedded.conftest import Open, new_york
from tests.embedded.order_requests import market as market_order
from tests.embedded.test_splits import EX_DATE, split_bars

DAYS = sessions_between(date(2024, 3, 25), date(2024, 4, 5))


def bars(
    closes: list[float], adjusted: list[float], symbol: str = "ABC", volume: float = 1000.0
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "symbol": symbol,
            "date": DAYS[: len(closes)],
            **dict.fromkeys(("open", "high", "low", "close"), closes),
            "volume": volume,
            "adj_close": adjusted,
        }
    )


def splits(*rows: tuple[int, float], symbol: str = "ABC") -> pl.DataFrame:
    """Splits on the n-th day."""
    return pl.DataFrame(
        [(symbol, DAYS[at], ratio) for at, ratio in rows],
        schema={"symbol": pl.String, "date": pl.Date, "split": pl.Float64},
        orient="row",
    )


TRADED = [100.0, 102.0, 25.0, 26.0]
ADJUSTED = [25.0, 25.5, 25.0, 26.0]
FOUR_FOR_ONE = splits((2, 4.0))


def test_prices_as_traded_stay_as_they_are() -> None:
    found = traded_prices(bars(TRADED, ADJUSTED), FOUR_FOR_ONE)
    assert found["close"].to_list() == TRADED
    assert found["volume"].to_list() == [1000.0] * 4
    assert found["split"].to_list() == [None, None, 4.0, None]


def test_adjusted_prices_are_made_those_that_were_traded() -> None:
    found = traded_prices(bars(ADJUSTED, ADJUSTED), FOUR_FOR_ONE)
    for name in ("open", "high", "low", "close"):
        assert found[name].to_list() == TRADED
    assert found["volume"].to_list() == [250.0, 250.0, 1000.0, 1000.0]
    assert found["adj_close"].to_list() == ADJUSTED


def test_one_for_ten_and_two_for_one_on_another_day() -> None:
    """0.50 a share; ten become one, at 5.00; one becomes two, at 2.50."""
    traded, adjusted = [0.5, 5.0, 5.0, 2.5], [2.5, 2.5, 2.5, 2.5]
    both = splits((1, 0.1), (3, 2.0))
    for closes in (traded, adjusted):
        assert traded_prices(bars(closes, adjusted), both)["close"].to_list() == traded
    # a file whose vendor has adjusted for the first of them only
    assert traded_prices(bars([5.0, 5.0, 5.0, 2.5], adjusted), both)["close"].to_list() == traded


def test_a_dividend_on_the_day_of_a_split() -> None:
    """5.00 for each of the new shares of 25, a fifth of them."""
    total = [close * 0.8 for close in ADJUSTED[:2]] + [20.0, 20.8]
    for closes in ([100.0, 102.0, 20.0, 20.8], [25.0, 25.5, 20.0, 20.8]):
        found = traded_prices(bars(closes, total), FOUR_FOR_ONE)
        assert found["close"].to_list() == [100.0, 102.0, 20.0, 20.8]


def test_a_small_split_is_read_from_the_adjusted_closes() -> None:
    """Twenty-one shares for twenty, on a day on which the market falls as much."""
    small = splits((2, 1.05))
    adjusted = [100.0, 100.0, 95.0, 95.0]
    traded = [105.0, 105.0, 95.0, 95.0]
    assert traded_prices(bars(traded, adjusted), small)["close"].to_list() == traded
    paying = [99.0, 100.0, 95.0, 95.0]  # a dividend before it: adj_close is a series of its own
    assert traded_prices(bars(adjusted, paying), small)["close"].to_list() == traded


@pytest.mark.parametrize(
    ("closes", "adjusted", "ratio"),
    [
        (TRADED, TRADED, 4.0),  # a file without total returns
        (TRADED, [100.0 * 0.99, 102.0, 25.0, 26.0], 4.0),  # adjusted for a dividend only
        (ADJUSTED, [25 / 4, 25.5 / 4, 25.0, 26.0], 4.0),  # adjusted twice
        ([100.0, 100.0, 95.0, 95.0], [100.0, 100.0, 95.0, 95.0], 1.05),  # may be either
        (TRADED, ADJUSTED, 40.0),
    ],
)
def test_what_agrees_with_neither_is_refused_by_name(
    closes: list[float], adjusted: list[float], ratio: float
) -> None:
    with pytest.raises(BarsError, match=rf"ABC on 2024-03-27, {ratio:g} for one: close") as refusal:
        traded_prices(bars(closes, adjusted), splits((2, ratio)))
    assert "leave the column split out" in str(refusal.value)


def test_a_split_before_the_first_bar_and_symbols_without_one() -> None:
    other = bars([7.0, 8.0], [7.0, 8.0], symbol="XYZ")
    both = pl.concat([other, bars(TRADED[2:], ADJUSTED[2:])])
    found = traded_prices(both, splits((0, 4.0)))
    assert found.select("symbol", "close").rows() == [
        ("ABC", 25.0),
        ("ABC", 26.0),
        ("XYZ", 7.0),
        ("XYZ", 8.0),
    ]


@given(
    st.lists(st.floats(-0.05, 0.05), min_size=len(DAYS), max_size=len(DAYS)),
    st.dictionaries(
        st.integers(1, len(DAYS) - 1), st.sampled_from([2.0, 3.0, 10.0, 1.5, 0.1, 0.25]), max_size=3
    ),
)
def test_both_kinds_of_file_are_the_same_market(
    moves: list[float], ratios: dict[int, float]
) -> None:
    adjusted, traded, later = [100.0], [], 1.0
    for move in moves[1:]:
        adjusted.append(adjusted[-1] * (1 + move))
    for at in reversed(range(len(DAYS))):
        traded.insert(0, adjusted[at] * later)
        later *= ratios.get(at, 1.0)
    table = splits(*sorted(ratios.items()))
    as_traded = traded_prices(bars(traded, adjusted), table)
    from_adjusted = traded_prices(bars(adjusted, adjusted), table)
    assert as_traded["close"].to_list() == traded
    assert from_adjusted["close"].to_list() == pytest.approx(traded)


def adjusted_file(folder: Path, symbol: str) -> Path:
    """STILL of `split_bars`, four for one, as most vendors write it: adjusted for the split."""
    before = pl.col("date") < EX_DATE
    prices = [
        pl.when(before).then(25.0).otherwise(name).alias(name)
        for name in ("open", "high", "low", "close")
    ]
    still = split_bars().filter(symbol="STILL")
    table = still.with_columns(*prices, symbol=pl.lit(symbol), volume=pl.lit(4e6))
    path = folder / "bars.parquet"
    table.write_parquet(path)
    return path


@pytest.mark.parametrize("symbol", ["STILL", "STILL/B", "STILL-B"])
def test_a_position_on_an_adjusted_file_keeps_its_value_over_the_split(
    tmp_path: Path, open_desk: Open, symbol: str
) -> None:
    """Ten shares at 100 dollars are forty at 25, and not forty at 25 that were ten at 25."""
    spelled = symbol.replace("/", ".").replace("-", ".")
    desk = open_desk(bars=market_of_file(adjusted_file(tmp_path, symbol)))
    desk.trading.submit_order(market_order("buy", spelled, "10"))
    before = desk.trading.get_open_position(spelled)
    assert (before.qty, before.market_value) == ("10", "1000")
    desk.control.advance_to(new_york(f"{EX_DATE} 04:00"))
    after = desk.trading.get_open_position(spelled)
    assert (after.qty, after.market_value) == ("40", "1000")


def test_a_file_that_does_not_tell_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    split_bars().drop("adj_close").write_parquet(path)
    with pytest.raises(BarsError, match=r"bars.parquet: expected prices .*STILL on 2024-03-20"):
        market_of_file(path)
