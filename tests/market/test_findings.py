from datetime import date

import polars as pl
import pytest

from alchemiser_dagster.market.actions import Action, actions_table
from alchemiser_dagster.market.bars import checked_bars, empty_bars
from alchemiser_dagster.market.findings import (
    ahead,
    behind,
    disordered,
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
    new = [
        bar("NEW", day, 1.0) for day in days if day >= date(2024, 3, 22) and day not in (MON, WED)
    ]
    assert gaps(bars(*full, *old, *new), through=THU).rows() == [
        ("NEW", MON, MON, 1, "error"),
        ("NEW", WED, WED, 1, "error"),
        ("OLD", date(2022, 2, 1), date(2022, 2, 1), 1, "warning"),
    ]
    assert gaps(empty_bars(), THU).is_empty()


def test_m17_the_last_252_sessions_are_recent():
    days = sessions_between(date(2022, 1, 3), THU)
    for sessions_ago, severity in (
        (30, "error"),
        (251, "error"),
        (252, "warning"),
        (400, "warning"),
    ):
        missing = days[-1 - sessions_ago]
        found = gaps(bars(*(bar("SPY", day, 1.0) for day in days if day != missing)), through=THU)
        assert found.rows() == [("SPY", missing, missing, 1, severity)]


def test_sessions_missing_in_a_row_are_one_gap_over_holidays_too():
    days = sessions_between(MON, date(2024, 4, 2))
    found = gaps(bars(*(bar("SPY", day, 1.0) for day in (days[0], days[-1]))), through=days[-1])
    assert found.rows() == [("SPY", TUE, AFTER_EASTER, 4, "error")]


def test_an_end_before_the_others_is_no_gap():
    assert gaps(bars(*closes("SPY", 1, 1, 1, 1), *closes("OLD", 1, 1)), through=THU).is_empty()


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


@pytest.mark.parametrize("to", [930.0, 11.0])
def test_a_move_by_more_than_a_factor_of_eight_is_an_error_of_any_instrument(to):
    found = jumps(bars(*closes("A", 100, to)), leveraged=["A"])
    assert found.select("symbol", "split_ratio", "severity").rows() == [("A", None, "error")]
    known = actions_table([Action("A", TUE, "spin_off", ratio=0.5, new_symbol="KID")])
    assert jumps(bars(*closes("A", 100, to)), actions=known).is_empty()


def test_a_split_that_is_adjusted_for_is_no_jump():
    rows = [bar("NVDA", MON, 1200.0, adj_close=120.0), bar("NVDA", TUE, 121.0, adj_close=121.0)]
    assert jumps(bars(*rows)).is_empty()


def test_a_corporate_action_explains_a_move_of_its_day():
    table_ = bars(*closes("DHR", 100, 161), *closes("DOWN", 100, 50), *closes("OTHER", 100, 161))
    actions = actions_table(
        [
            Action("DHR", TUE, "spin_off", ratio=0.5, new_symbol="FTV"),
            Action("DOWN", TUE, "dividend", 50.0),
        ]
    )
    assert jumps(table_, actions=actions)["symbol"].to_list() == ["OTHER"]


def test_a_split_that_the_feed_knows_and_prices_do_not_is_an_error():
    table_ = bars(*closes("NVDA", 1200, 119), *closes("THREE", 90, 60.5), *closes("FINE", 90, 95))
    actions = actions_table(
        [
            Action("NVDA", TUE, "split", ratio=10.0),
            Action("THREE", TUE, "split", ratio=1.5),
            Action("FINE", TUE, "split", ratio=3.0),
        ]
    )
    found = jumps(table_, actions=actions)
    assert found.select("symbol", "split_ratio", "is_known", "severity").rows() == [
        ("NVDA", 0.1, True, "error"),
        ("THREE", 1 / 1.5, True, "error"),
    ]


def test_shares_of_another_company_that_are_handed_out_are_no_split():
    actions = actions_table([Action("DAD", TUE, "spin_off", ratio=2.0, new_symbol="KID")])
    assert jumps(bars(*closes("DAD", 100, 50)), actions=actions).is_empty()


def test_a_small_stock_dividend_is_no_split():
    actions = actions_table([Action("KO", TUE, "stock_dividend", ratio=1.15)])
    assert jumps(bars(*closes("KO", 115, 100)), actions=actions).is_empty()


def test_an_action_on_a_missing_session_shows_in_the_next_bar():
    rows = [bar("DHR", MON, 100.0), bar("DHR", WED, 161.0)]
    actions = actions_table([Action("DHR", TUE, "spin_off", ratio=0.5, new_symbol="FTV")])
    assert jumps(bars(*rows), actions=actions).is_empty()


def test_rows_out_of_order():
    sound = bars(*closes("SPY", 1, 2, 3), *closes("TLT", 1, 2))
    assert disordered(sound).is_empty()
    swapped = sound[[0, 2, 1, 3, 4]]
    assert disordered(swapped).rows() == [("SPY", TUE)]
    assert disordered(sound[[3, 4, 0, 1, 2]]).rows() == [("SPY", MON)]


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
