from datetime import date

import polars as pl

from alchemiser_dagster.market.bars import checked_bars, empty_bars
from alchemiser_dagster.market.findings import (
    ahead,
    behind,
    gaps,
    idle,
    jumps,
    short_histories,
)
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.synthetic import instruments, synthetic_bars

from .tables import MON, THU, TUE, WED, bar, table

AFTER_EASTER = date(2024, 4, 1)


def bars(*rows: dict) -> pl.DataFrame:
    return checked_bars(table(*rows), origin="test")


def closes(symbol: str, *prices: float, first: date = MON, **changed: object) -> list[dict]:
    days = sessions_between(first, date(2024, 12, 31))
    return [bar(symbol, day, price, **changed) for day, price in zip(days, prices, strict=False)]


def test_behind_counts_sessions_not_days():
    table_ = bars(*closes("SPY", 1, 1, 1, 1, 1), *closes("OLD", 1, 1, 1))
    # OLD ends on Wednesday; Thursday and, after Good Friday, Monday are missing
    assert behind(table_, AFTER_EASTER).rows() == [("OLD", WED, 2)]
    assert behind(table_, WED).is_empty()


def test_ahead_names_bars_of_sessions_that_had_not_closed():
    assert ahead(bars(*closes("SPY", 1, 1, 1)), TUE).rows() == [("SPY", WED)]
    assert ahead(bars(*closes("SPY", 1, 1, 1)), WED).is_empty()


def test_a_recent_gap_is_an_error_an_old_one_a_warning():
    days = sessions_between(date(2022, 1, 3), THU)
    full = [bar("SPY", day, 1.0) for day in days]
    old = [bar("OLD", day, 1.0) for day in days if day != date(2022, 2, 1)]
    new = [bar("NEW", day, 1.0) for day in days if day >= MON and day != WED]
    found = gaps(bars(*full, *old, *new), through=THU)
    assert found.rows() == [
        ("NEW", 1, 1, WED, "error"),
        ("OLD", 1, 0, date(2022, 2, 1), "warning"),
    ]
    assert gaps(empty_bars(), THU).is_empty()


def test_an_end_before_the_others_is_a_gap():
    found = gaps(bars(*closes("SPY", 1, 1, 1, 1), *closes("OLD", 1, 1)), through=THU)
    assert found.rows() == [("OLD", 2, 2, THU, "error")]


def test_large_moves_are_warnings_by_the_kind_of_instrument():
    table_ = bars(*closes("A", 100, 155), *closes("B", 100, 155), *closes("C", 100, 139))
    assert jumps(table_, leveraged=["B"]).select("symbol", "date", "severity").rows() == [
        ("A", TUE, "warning")
    ]


def test_a_move_by_a_split_ratio_is_an_error():
    found = jumps(bars(*closes("UP", 10, 20.3), *closes("DOWN", 100, 24.8, 25.0)))
    assert found.select("symbol", "date", "split_ratio", "severity").rows() == [
        ("DOWN", TUE, 0.25, "error"),
        ("UP", TUE, 2.0, "error"),
    ]


def test_a_split_that_is_adjusted_for_is_no_jump():
    rows = [bar("NVDA", MON, 1200.0, adj_close=120.0), bar("NVDA", TUE, 121.0, adj_close=121.0)]
    assert jumps(bars(*rows)).is_empty()


def test_short_histories():
    table_ = bars(*closes("SPY", 1, 1, 1), *closes("TLT", 1, 1))
    found = short_histories(table_, {"SPY": 3, "TLT": 3, "GLD": 200})
    assert found.rows() == [("GLD", 0, 200), ("TLT", 2, 3)]


def test_idle_is_five_equal_closes_without_volume():
    still = closes("HALT", 5, 5, 5, 5, 5, volume=0)
    traded = closes("SPY", 5, 5, 5, 5, 5, volume=10)
    short = closes("THIN", 5, 5, 5, 5, 6, volume=0)
    assert idle(bars(*still, *traded, *short)).rows() == [("HALT", MON, AFTER_EASTER, 5)]


def test_the_synthetic_market_has_no_gaps_and_is_never_idle():
    found = synthetic_bars(1, list(instruments()), date(2024, 1, 2), date(2024, 12, 31))
    last = date(2024, 12, 31)
    assert behind(found, last).is_empty()
    assert ahead(found, last).is_empty()
    assert gaps(found, last).is_empty()
    assert idle(found).is_empty()
