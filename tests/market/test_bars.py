import re
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.market.bars import (
    BARS_SCHEMA,
    BarsColumnError,
    BarsError,
    BarsRowError,
    UnreadableBarsError,
    checked_bars,
    conformed_bars,
    empty_bars,
    missing_symbols,
    read_bars,
    sift_bars,
)

from .tables import GOOD_FRIDAY, MON, SATURDAY, THU, TUE, WED, bar, table, written

SOUND = table(bar("TLT", MON, 90.0), bar("SPY", TUE, 521.0), bar("SPY", MON, 520.0))
REAL_BARS = Path(__file__).resolve().parents[2] / "../shared/market/bars.parquet"


def refusal(folder: Path, content: pl.DataFrame, error: type[BarsError] = BarsRowError) -> str:
    path = written(folder, content)
    with pytest.raises(error) as caught:
        read_bars(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_bars_come_out_sorted_in_the_one_schema(tmp_path):
    bars = read_bars(written(tmp_path, SOUND))
    assert bars.schema == BARS_SCHEMA
    assert bars.select("symbol", "date", "close").rows() == [
        ("SPY", MON, 520.0),
        ("SPY", TUE, 521.0),
        ("TLT", MON, 90.0),
    ]


def test_without_adjusted_closes_the_close_stands_in(tmp_path):
    assert read_bars(written(tmp_path, SOUND))["adj_close"].to_list() == [520.0, 521.0, 90.0]
    some = table(bar("SPY", MON, 520.0, adj_close=518.5), bar("SPY", TUE, 521.0, adj_close=None))
    assert read_bars(written(tmp_path, some))["adj_close"].to_list() == [518.5, 521.0]


def test_an_unknown_volume_is_null(tmp_path):
    bars = read_bars(written(tmp_path, table(bar("SPY", MON, 520.0, volume=None))))
    assert bars["volume"].to_list() == [None]


def test_cut_to_symbols_and_span(tmp_path):
    path = written(tmp_path, SOUND)
    assert read_bars(path, symbols=["SPY", "QQQ"])["symbol"].to_list() == ["SPY", "SPY"]
    assert read_bars(path, first=TUE)["symbol"].to_list() == ["SPY"]
    assert read_bars(path, last=MON)["symbol"].to_list() == ["SPY", "TLT"]
    assert read_bars(path, symbols=["QQQ"]).schema == BARS_SCHEMA
    assert missing_symbols(read_bars(path), ["SPY", "QQQ", "BRK/B"]) == ["BRK.B", "QQQ"]


@pytest.mark.parametrize("stored", ["BRK.B", "BRK/B"])
@pytest.mark.parametrize("asked", ["BRK.B", "BRK/B"])
def test_a_share_class_may_be_spelled_either_way(tmp_path, stored, asked):
    bars = read_bars(written(tmp_path, table(bar(stored, MON, 410.0))), symbols=[asked])
    assert bars["symbol"].to_list() == ["BRK.B"]


def test_both_spellings_of_one_share_on_one_day_are_a_repetition(tmp_path):
    message = refusal(tmp_path, table(bar("BRK.B", MON, 410.0), bar("BRK/B", MON, 410.0)))
    assert "1 row repeating a symbol and date: BRK.B 2024-03-25" in message


def test_categorical_symbols_float32_prices_midnights_and_extra_columns_are_read(tmp_path):
    content = SOUND.with_columns(
        pl.col("symbol").cast(pl.Categorical),
        pl.col("date").cast(pl.Datetime("ns")),
        pl.col("open", "high", "low", "close").cast(pl.Float32),
        source=pl.lit("somewhere"),
    )
    assert read_bars(written(tmp_path, content)).equals(read_bars(written(tmp_path, SOUND)))


def test_low_and_high_may_miss_by_float32_rounding_only(tmp_path):
    close = 100.0
    rounded = table(bar("SPY", MON, close, high=close * (1 - 5e-7), low=close * (1 + 5e-7)))
    bars = read_bars(written(tmp_path, rounded))
    assert bars.select("low", "high").rows() == [(close, close)]
    message = refusal(tmp_path, table(bar("SPY", MON, close, high=close - 0.01)))
    assert (
        "1 row with low and high not around open and close: "
        "SPY 2024-03-25 (open 100.0, high 99.99, low 100.0, close 100.0)" in message
    )
    assert "low and high" in refusal(tmp_path, table(bar("SPY", MON, close, low=close + 0.01)))


@pytest.mark.parametrize(
    ("price", "value"),
    [
        *product(["open", "high", "low", "close"], [0.0, -1.0, float("nan"), float("inf"), None]),
        *product(["adj_close"], [0.0, -1.0, float("nan"), float("inf")]),
    ],
)
def test_prices_are_finite_and_above_zero(tmp_path, price, value):
    sound = bar("SPY", TUE, 520.0, adj_close=520.0)
    broken = bar("SPY", MON, 520.0, adj_close=520.0) | {price: value}
    message = refusal(tmp_path, table(sound, broken))
    assert f"1 row with {price} not a finite price above 0: SPY 2024-03-25" in message


@pytest.mark.parametrize("volume", [-1.0, float("inf"), float("nan")])
def test_a_known_volume_is_finite_and_not_negative(tmp_path, volume):
    message = refusal(tmp_path, table(bar("SPY", MON, 520.0, volume=volume)))
    assert "1 row with a negative or infinite volume: SPY 2024-03-25" in message


def test_dates_without_a_session_are_named(tmp_path):
    rows = table(
        bar("SPY", THU, 1.0),
        bar("SPY", GOOD_FRIDAY, 1.0),
        bar("SPY", SATURDAY, 1.0),
        bar("OLD", date(1975, 6, 3), 1.0),
    )
    message = refusal(tmp_path, rows)
    assert (
        "3 rows on a date that is no NYSE session: "
        "OLD 1975-06-03; SPY 2024-03-29; SPY 2024-03-30" in message
    )


def test_only_the_first_few_rows_of_many_are_shown(tmp_path):
    rows = table(*(bar("SPY", day, -1.0) for day in (MON, TUE, WED, THU)))
    message = refusal(tmp_path, rows)
    assert re.search(r"4 rows with close not .* SPY 2024-03-27 \(close -1\.0\); \.\.\.", message)
    assert "2024-03-28" not in message


def test_rows_without_symbol_or_date(tmp_path):
    message = refusal(
        tmp_path, table(bar(None, MON, 1.0), bar("", TUE, 1.0), bar("SPY", None, 1.0))
    )
    assert "2 rows without a symbol" in message
    assert "1 row without a date, or with an impossible one: SPY" in message


def test_dates_beyond_the_calendar(tmp_path):
    millions_of_days = pl.Series("date", [200_000_000, 19_807], dtype=pl.Int32).cast(pl.Date)
    rows = table(bar("SPY", MON, 1.0), bar("SPY", TUE, 1.0)).with_columns(millions_of_days)
    assert "1 row without a date, or with an impossible one: SPY" in refusal(tmp_path, rows)


def test_every_broken_rule_is_told_at_once(tmp_path):
    rows = table(bar("SPY", MON, 1.0), bar("SPY", MON, 1.0), bar("TLT", MON, 0.0))
    message = refusal(tmp_path, rows)
    assert "repeating a symbol and date: SPY 2024-03-25" in message
    assert "close not a finite price above 0: TLT 2024-03-25 (close 0.0)" in message


def test_a_table_without_rows_is_refused(tmp_path):
    assert "no row" in refusal(tmp_path, SOUND.clear())


def test_missing_columns_are_named(tmp_path):
    message = refusal(tmp_path, SOUND.drop("low", "volume"), BarsColumnError)
    assert "was symbol, date, open, high, close: low, volume missing" in message


def test_wrong_types_are_named(tmp_path):
    wrong = SOUND.with_columns(pl.col("date", "close").cast(pl.String))
    message = refusal(tmp_path, wrong, BarsColumnError)
    assert "date of type date, was String; close of type number, was String" in message


def test_a_moment_within_a_day_is_no_session_date(tmp_path):
    stamped = SOUND.with_columns(date=pl.lit(datetime(2024, 3, 25, 5, tzinfo=UTC)))
    assert "date of type date, was Datetime" in refusal(tmp_path, stamped, BarsColumnError)
    noon = SOUND.with_columns(date=pl.lit(datetime(2024, 3, 25, 12)))  # noqa: DTZ001
    assert "date of type date, was Datetime" in refusal(tmp_path, noon, BarsColumnError)


def test_unreadable_files_say_what_they_are(tmp_path):
    with pytest.raises(UnreadableBarsError, match="was nothing there"):
        read_bars(tmp_path / "absent.parquet")
    with pytest.raises(UnreadableBarsError, match="was a folder"):
        read_bars(tmp_path)
    empty = tmp_path / "empty.parquet"
    empty.touch()
    with pytest.raises(UnreadableBarsError, match=r"an empty file \(0 bytes\)"):
        read_bars(empty)
    text = tmp_path / "text.parquet"
    text.write_text("symbol,date,open,high,low,close,volume\n")
    with pytest.raises(UnreadableBarsError, match="cannot be read"):
        read_bars(text)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path, kept):
    path = written(tmp_path, SOUND)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(UnreadableBarsError, match="truncated"):
        read_bars(path)


def test_a_broken_row_sets_its_symbol_aside_whole():
    rows = table(
        bar("SPY", MON, 520.0),
        bar("SPY", TUE, 521.0),
        bar("TLT", MON, 90.0),
        bar("TLT", TUE, float("nan")),
        bar("TLT", WED, 91.0),
    )
    sound, aside = sift_bars(conformed_bars(rows, origin="test"))
    assert sound.equals(checked_bars(rows.filter(pl.col("symbol") == "SPY"), origin="test"))
    assert aside.select("symbol", "date", "rule").rows() == [
        ("TLT", MON, None),
        ("TLT", TUE, "prices"),
        ("TLT", WED, None),
    ]


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        ("prices", bar("SPY", TUE, 10.0, open=9.0, high=11.0)),  # m16: low 10, open 9
        ("prices", bar("SPY", TUE, float("nan"))),
        ("prices", bar("SPY", TUE, 10.0, volume=-1)),
        ("prices", bar("SPY", TUE, 10.0, adj_close=0.0)),
        ("unique", bar("SPY", MON, 10.0)),  # m15
        ("sessions", bar("SPY", SATURDAY, 10.0)),
        ("sessions", bar("SPY", None, 10.0)),
    ],
)
def test_m15_m16_each_row_set_aside_says_which_rule_it_breaks(rule, row):
    rows = table(bar("SPY", MON, 10.0, adj_close=10.0), row)
    sound, aside = sift_bars(conformed_bars(rows, origin="test"))
    assert sound.is_empty()
    assert aside["rule"].drop_nulls().to_list() == [rule]


def test_m16_no_volume_on_a_day_is_sound():
    rows = conformed_bars(table(bar("SPY", MON, 10.0, volume=0)), origin="test")
    assert sift_bars(rows)[1].is_empty()


def test_rows_without_a_symbol_take_no_symbol_along():
    rows = table(bar("SPY", MON, 520.0), bar(None, MON, 1.0), bar("", TUE, 1.0))
    sound, aside = sift_bars(conformed_bars(rows, origin="test"))
    assert sound["symbol"].to_list() == ["SPY"]
    assert aside["rule"].to_list() == ["symbols", "symbols"]


def test_sifting_nothing_gives_nothing():
    sound, aside = sift_bars(empty_bars())
    assert (sound.schema, sound.height) == (BARS_SCHEMA, 0)
    assert (aside.schema, aside.height) == (BARS_SCHEMA | {"rule": pl.String}, 0)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["SPY", "TLT", "GLD", "", None]),
            st.sampled_from([MON, TUE, WED, SATURDAY, None]),
            st.sampled_from([1.0, 2.0, 0.0, -1.0, float("nan"), float("inf"), None]),
            st.sampled_from([1.0, 2.0]),
        ),
        max_size=12,
    )
)
def test_sifting_loses_no_row_and_leaves_only_sound_symbols(rows):
    bars = conformed_bars(
        pl.DataFrame(
            [(symbol, day, opened, 3.0, 0.5, close, 10.0) for symbol, day, opened, close in rows],
            schema=["symbol", "date", "open", "high", "low", "close", "volume"],
            orient="row",
            schema_overrides={"symbol": pl.String, "date": pl.Date, "open": pl.Float64},
        ).with_columns(pl.col("high", "low", "close", "volume").cast(pl.Float64)),
        origin="test",
    )
    sound, aside = sift_bars(bars)
    assert sound.height + aside.height == bars.height
    assert not set(sound["symbol"]) & set(aside["symbol"])
    if not sound.is_empty():
        assert checked_bars(sound, origin="test").equals(sound)
    for (symbol,), rows_aside in aside.group_by("symbol"):
        assert not symbol or rows_aside["rule"].is_not_null().any()


@pytest.mark.skipif(not REAL_BARS.exists(), reason="no file of real bars here")
def test_a_million_real_bars_are_accepted():
    bars = read_bars(REAL_BARS)
    assert bars.height > 1_000_000
    assert missing_symbols(bars, ["SPY", "TLT", "NOSUCH"]) == ["NOSUCH"]
