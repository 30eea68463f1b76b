from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.market.actions import Action, actions_table, empty_actions
from alchemiser_dagster.market.bars import checked_bars, closing_prices, empty_bars
from alchemiser_dagster.market.restatements import (
    RESTATEMENTS_SCHEMA,
    OverlapError,
    restatements,
)
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.symphony import evaluate, read_symphony

from .tables import MON, THU, TUE, WED, bar, table

DAYS = sessions_between(date(2023, 11, 1), date(2024, 3, 28))
PLAIN = [100.0 + 0.1 * n for n in range(len(DAYS))]


def bars(*rows: dict) -> pl.DataFrame:
    return checked_bars(table(*rows), origin="test")


def history(symbol: str, closes: list[float], adjusted: list[float] | None = None) -> pl.DataFrame:
    """Bars of the sessions from DAYS[0] on."""
    columns = dict.fromkeys(("open", "high", "low", "close"), closes)
    return checked_bars(
        pl.DataFrame(
            {"symbol": symbol, "date": DAYS[: len(closes)], "volume": 1000.0}
            | columns
            | {"adj_close": adjusted or closes}
        ),
        origin="test",
    )


def scaled(closes: list[float], factor: float, sessions: int) -> list[float]:
    """`closes`, the first `sessions` of them scaled."""
    return [close * (factor if n < sessions else 1) for n, close in enumerate(closes)]


def kinds(found: pl.DataFrame) -> list[tuple]:
    return found.select("symbol", "kind", "first", "last", "bars").rows()


# ---- the past is scaled ------------------------------------------------------------------------


def test_m8_a_dividend_scales_the_past_by_one_factor():
    before = bars(*(bar("XYZ", day, close) for day, close in ((MON, 100), (TUE, 101), (WED, 102))))
    ex = 1 - 0.35 / 102
    now = bars(
        bar("XYZ", MON, 100.0, adj_close=99.6569),
        bar("XYZ", TUE, 101.0, adj_close=100.6534),
        bar("XYZ", WED, 102.0, adj_close=101.65),
        bar("XYZ", THU, 101.9),
    )
    assert ex == pytest.approx(0.996569, abs=5e-7)
    dividend = actions_table([Action("XYZ", THU, "dividend", amount=0.35)])
    found = restatements(before, now, dividend)
    assert kinds(found) == [("XYZ", "dividend", MON, WED, 3)]
    assert found["ratio"][0] == pytest.approx(0.996569, abs=1e-5)
    assert "dividend of 0.35 on 2024-03-28" in found["says"][0]
    assert "late" not in found["says"][0]


@pytest.mark.parametrize("amount", [0.30, 0.40, 3.5])
def test_a_factor_that_the_dividend_does_not_give_is_unexplained(amount):
    before = history("XYZ", PLAIN[:-1])
    now = history("XYZ", PLAIN, scaled(PLAIN, 1 - 0.35 / PLAIN[-2], len(DAYS) - 1))
    feed = actions_table([Action("XYZ", DAYS[-1], "dividend", amount=amount)])
    found = restatements(before, now, feed)
    assert kinds(found) == [("XYZ", "unexplained", DAYS[0], DAYS[-2], len(DAYS) - 1)]
    assert f"dividend of {amount:g} on 2024-03-28 would scale it by" in found["says"][0]


def test_without_a_reason_it_is_unexplained_and_without_a_feed_an_adjustment():
    before, now = history("XYZ", PLAIN[:-1]), history("XYZ", scaled(PLAIN, 0.98, len(DAYS) - 1))
    whole = (DAYS[0], DAYS[-2], len(DAYS) - 1)
    assert kinds(restatements(before, now, empty_actions())) == [("XYZ", "unexplained", *whole)]
    assert kinds(restatements(before, now, None)) == [("XYZ", "adjustment", *whole)]
    others = actions_table(
        [
            Action("ABC", DAYS[-1], "dividend", amount=0.02 * PLAIN[-2]),
            Action("XYZ", date(2023, 10, 2), "dividend", amount=0.02 * PLAIN[-2]),
        ]
    )
    assert kinds(restatements(before, now, others)) == [("XYZ", "unexplained", *whole)]


@pytest.mark.parametrize("restates_raw", [False, True])
@pytest.mark.parametrize(("shares", "ratio"), [(10.0, 0.1), (0.25, 4.0)])
def test_m10_a_split_scales_by_its_ratio_with_or_without_the_raw_prices(
    restates_raw, shares, ratio
):
    old = PLAIN[:-1]
    new = [close * ratio for close in old]
    today = PLAIN[-1] * ratio
    before = history("XYZ", old)
    now = history("XYZ", [*(new if restates_raw else old), today], [*new, today])
    if restates_raw:
        now = now.with_columns(
            volume=pl.when(pl.col("date") < DAYS[-1])
            .then(pl.col("volume") / ratio)
            .otherwise("volume")
        )
    feed = actions_table([Action("XYZ", DAYS[-1], "split", ratio=shares)])
    found = restatements(before, now, feed)
    assert kinds(found) == [("XYZ", "split", DAYS[0], DAYS[-2], len(old))]
    assert found["ratio"][0] == pytest.approx(ratio)
    assert kinds(restatements(before, now, None)) == [
        ("XYZ", "adjustment", DAYS[0], DAYS[-2], len(old))
    ]


@pytest.mark.parametrize("restates_raw", [False, True])
def test_several_actions_at_once_multiply(restates_raw):
    old = PLAIN[:-2]
    split, dividend = 0.5, 1 - 0.6 / (PLAIN[-2] / 2)
    last_two = [close / 2 for close in PLAIN[-2:]]
    raw = [close * split for close in old] if restates_raw else old
    adjusted = [*(close * split * dividend for close in old), last_two[0] * dividend, last_two[1]]
    feed = actions_table(
        [
            Action("XYZ", DAYS[-2], "split", ratio=2.0),
            Action("XYZ", DAYS[-1], "dividend", amount=0.6),
        ]
    )
    now = history("XYZ", [*raw, *last_two], adjusted)
    found = restatements(history("XYZ", old), now, feed)
    assert kinds(found) == [("XYZ", "split", DAYS[0], DAYS[-3], len(old))]
    assert "split 2:1 on 2024-03-27 and dividend of 0.6 on 2024-03-28" in found["says"][0]


def test_a_dividend_before_a_split_is_of_old_shares():
    old = PLAIN[:-2]
    # 1.20 per old share, then two shares for one
    dividend = 1 - 1.2 / old[-1]
    new = [close / 2 for close in PLAIN]
    adjusted = [*(close * dividend for close in new[:-2]), *new[-2:]]
    feed = actions_table(
        [
            Action("XYZ", DAYS[-2], "dividend", amount=1.2),
            Action("XYZ", DAYS[-1], "split", ratio=2.0),
        ]
    )
    for raw in ([*PLAIN[:-1], new[-1]], new):
        found = restatements(history("XYZ", old), history("XYZ", raw, adjusted), feed)
        assert found["kind"].to_list() == ["split"]


@pytest.mark.parametrize("split_day", [60, 80])
def test_a_late_dividend_of_old_shares_where_prices_are_those_of_new_ones(split_day):
    factor = 1 - 5.0 / (2 * PLAIN[59])
    feed = actions_table(
        [
            Action("XYZ", DAYS[60], "dividend", amount=5.0),
            Action("XYZ", DAYS[split_day], "split", ratio=2.0),
        ]
    )
    now = history("XYZ", PLAIN, scaled(PLAIN, factor, 60))
    found = restatements(history("XYZ", PLAIN), now, feed)
    assert kinds(found) == [("XYZ", "dividend", DAYS[0], DAYS[59], 60)]
    assert found["ratio"][0] == pytest.approx(factor)


def test_of_several_actions_only_some_may_be_booked_yet():
    amounts = {-2: 0.35, -1: 1.0}
    feed = actions_table(
        Action("XYZ", DAYS[at], "dividend", amount=amount) for at, amount in amounts.items()
    )
    first = 1 - amounts[-2] / PLAIN[-3]
    now = history("XYZ", PLAIN, scaled(PLAIN, first, len(DAYS) - 2))
    found = restatements(history("XYZ", PLAIN[:-2]), now, feed)
    assert kinds(found) == [("XYZ", "dividend", DAYS[0], DAYS[-3], len(DAYS) - 2)]
    assert "0.35" in found["says"][0]
    assert "of 1 " not in found["says"][0]


@pytest.mark.parametrize("amount", [None, 0.0, 1e9])
def test_a_dividend_that_cannot_be_meant_explains_nothing(amount):
    feed = actions_table([Action("XYZ", DAYS[-1], "dividend", amount=amount)])
    now = history("XYZ", scaled(PLAIN, 0.98, len(DAYS) - 1))
    assert restatements(history("XYZ", PLAIN[:-1]), now, feed)["kind"].to_list() == ["unexplained"]


def test_a_large_dividend_where_all_prices_are_adjusted():
    adjusted = scaled(PLAIN, 1 - 11 / PLAIN[-2], len(DAYS) - 1)
    feed = actions_table([Action("XYZ", DAYS[-1], "dividend", amount=11.0)])
    found = restatements(history("XYZ", PLAIN[:-1]), history("XYZ", adjusted), feed)
    assert kinds(found) == [("XYZ", "dividend", DAYS[0], DAYS[-2], len(DAYS) - 1)]


def test_a_split_and_a_dividend_without_a_feed_are_one_adjustment():
    raw = [*(close / 10 for close in PLAIN[:-1]), PLAIN[-1] / 10]
    now = history("XYZ", raw, scaled(raw, 0.99, len(DAYS) - 1))
    found = restatements(history("XYZ", PLAIN[:-1]), now, None)
    assert kinds(found) == [("XYZ", "adjustment", DAYS[0], DAYS[-2], len(DAYS) - 1)]
    assert found["ratio"][0] == pytest.approx(0.099)


def test_an_action_of_the_past_that_was_booked_late():
    ex_date = DAYS[60]
    now = history("XYZ", PLAIN, scaled(PLAIN, 1 - 0.5 / PLAIN[59], 60))
    feed = actions_table([Action("XYZ", ex_date, "dividend", amount=0.5)])
    found = restatements(history("XYZ", PLAIN[:-1]), now, feed)
    assert kinds(found) == [("XYZ", "dividend", DAYS[0], DAYS[59], 60)]
    assert found["says"][0].endswith("booked late")
    found = restatements(history("XYZ", PLAIN[:-1]), now, empty_actions())
    assert kinds(found) == [("XYZ", "unexplained", DAYS[0], DAYS[59], 60)]


@pytest.mark.parametrize("kind", ["dividend", "split"])
def test_bars_taken_on_the_morning_of_an_ex_date_show_its_action_already(kind):
    """Thursday's bars, taken again on Monday: Friday was Good Friday."""
    monday = date(2024, 4, 1)
    action, factor = {
        "dividend": (Action("XYZ", monday, kind, amount=0.35), 1 - 0.35 / PLAIN[-1]),
        "split": (Action("XYZ", monday, kind, ratio=4.0), 1 / 4),
    }[kind]
    before, now = history("XYZ", PLAIN[:-1]), history("XYZ", PLAIN, scaled(PLAIN, factor, 1000))
    found = restatements(before, now, actions_table([action]))
    assert kinds(found) == [("XYZ", kind, DAYS[0], DAYS[-2], len(DAYS) - 1)]
    assert "on 2024-04-01" in found["says"][0]
    assert "late" not in found["says"][0]


def test_actions_that_both_snapshots_know_are_no_news():
    adjusted = scaled(PLAIN, 1 - 0.5 / PLAIN[59], 60)
    feed = actions_table([Action("XYZ", DAYS[60], "dividend", amount=0.5)])
    before, now = history("XYZ", PLAIN[:-1], adjusted[:-1]), history("XYZ", PLAIN, adjusted)
    assert restatements(before, now, feed).is_empty()


def test_a_new_dividend_and_one_booked_late():
    late, new = 1 - 0.5 / PLAIN[59], 1 - 0.35 / PLAIN[-2]
    adjusted = scaled(scaled(PLAIN, late, 60), new, len(DAYS) - 1)
    feed = actions_table(
        [
            Action("XYZ", DAYS[60], "dividend", amount=0.5),
            Action("XYZ", DAYS[-1], "dividend", amount=0.35),
        ]
    )
    found = restatements(history("XYZ", PLAIN[:-1]), history("XYZ", PLAIN, adjusted), feed)
    assert kinds(found) == [
        ("XYZ", "dividend", DAYS[0], DAYS[59], 60),
        ("XYZ", "dividend", DAYS[0], DAYS[-2], len(DAYS) - 1),
    ]


def test_a_spin_off_may_scale_by_anything_on_its_day():
    now = history("XYZ", PLAIN, scaled(PLAIN, 0.83, len(DAYS) - 1))
    feed = actions_table([Action("XYZ", DAYS[-1], "spin_off", ratio=0.5, new_symbol="KID")])
    found = restatements(history("XYZ", PLAIN[:-1]), now, feed)
    assert found["kind"].to_list() == ["spin_off"]
    elsewhere = actions_table([Action("XYZ", DAYS[40], "spin_off", ratio=0.5, new_symbol="KID")])
    found = restatements(history("XYZ", PLAIN[:-1]), now, elsewhere)
    assert found["kind"].to_list() == ["unexplained"]


def test_prices_in_whole_cents_are_scaled_by_one_factor_too():
    closes = [round(8 + 0.013 * n, 2) for n in range(len(DAYS))]
    dividend = 1 - 0.04 / closes[-2]
    adjusted = [*(round(close * dividend, 2) for close in closes[:-1]), closes[-1]]
    feed = actions_table([Action("XYZ", DAYS[-1], "dividend", amount=0.04)])
    before, now = history("XYZ", closes[:-1]), history("XYZ", closes, adjusted)
    ratios = [new / old for new, old in zip(adjusted[:-1], closes[:-1], strict=True)]
    assert max(ratios) - min(ratios) > 1e-3
    assert kinds(restatements(before, now, feed)) == [
        ("XYZ", "dividend", DAYS[0], DAYS[-2], len(DAYS) - 1)
    ]
    assert restatements(before, now, empty_actions())["kind"].to_list() == ["unexplained"]


def test_a_cent_on_one_bar_is_no_scaling():
    closes = [round(8 + 0.013 * n, 2) for n in range(len(DAYS))]
    now = [*closes[:50], closes[50] + 0.01, *closes[51:]]
    found = restatements(history("XYZ", closes), history("XYZ", now), empty_actions())
    assert kinds(found) == [("XYZ", "correction", DAYS[50], DAYS[50], 1)]


# ---- single bars -------------------------------------------------------------------------------


def test_m11_one_bar_that_differs_is_a_correction():
    before = history("XYZ", [*PLAIN[:40], 101.0, *PLAIN[41:]])
    now = history("XYZ", [*PLAIN[:40], 101.5, *PLAIN[41:]])
    for feed in (empty_actions(), None):
        found = restatements(before, now, feed)
        assert kinds(found) == [("XYZ", "correction", DAYS[40], DAYS[40], 1)]
        assert found["ratio"][0] == pytest.approx(101.5 / 101)
        assert "close 101 -> 101.5" in found["says"][0]


@pytest.mark.parametrize("at", [0, 1, 40, len(DAYS) - 1])
def test_a_correction_may_be_of_any_bar(at):
    now = [close * (1.005 if n == at else 1) for n, close in enumerate(PLAIN)]
    found = restatements(history("XYZ", PLAIN), history("XYZ", now), empty_actions())
    assert kinds(found) == [("XYZ", "correction", DAYS[at], DAYS[at], 1)]


def test_several_corrections_are_one_row_with_their_span():
    changes = {3: 1.01, 50: 0.98, 51: 1.002}
    now = [close * changes.get(n, 1) for n, close in enumerate(PLAIN)]
    found = restatements(history("XYZ", PLAIN), history("XYZ", now), empty_actions())
    assert kinds(found) == [("XYZ", "correction", DAYS[3], DAYS[51], 3)]
    assert found["ratio"].to_list() == [None]
    assert f"3 bars from {DAYS[3]} to {DAYS[51]} were corrected; {DAYS[50]}" in found["says"][0]


@pytest.mark.parametrize(
    ("field", "value"), [("open", 99.0), ("low", 95.0), ("high", 130.0), ("volume", 1200.0)]
)
def test_what_is_corrected_beside_the_adjusted_close(field, value):
    before = history("XYZ", PLAIN)
    changed = pl.when(pl.col("date") == DAYS[7]).then(pl.lit(value)).otherwise(pl.col(field))
    now = before.with_columns(changed.alias(field))
    found = restatements(before, now, empty_actions())
    assert kinds(found) == [("XYZ", "correction", DAYS[7], DAYS[7], 1)]
    assert found["ratio"].to_list() == [1.0]
    assert f"{field} " in found["says"][0]


def test_raw_prices_that_change_without_the_adjusted_ones():
    before = history("XYZ", PLAIN)
    now = history("XYZ", scaled(PLAIN, 0.5, 30), PLAIN)
    found = restatements(before, now, empty_actions())
    assert kinds(found) == [("XYZ", "correction", DAYS[0], DAYS[29], 30)]


def test_a_dividend_and_a_correction_are_told_apart():
    factor = 1 - 0.35 / PLAIN[-2]
    corrected = [close * (1.01 if n == 20 else 1) for n, close in enumerate(PLAIN)]
    now = history("XYZ", corrected, scaled(corrected, factor, len(DAYS) - 1))
    feed = actions_table([Action("XYZ", DAYS[-1], "dividend", amount=0.35)])
    for actions, kind, count in (
        (feed, "dividend", len(DAYS) - 1),
        (empty_actions(), "unexplained", len(DAYS) - 2),
        (None, "adjustment", len(DAYS) - 2),
    ):
        found = restatements(history("XYZ", PLAIN[:-1]), now, actions)
        assert kinds(found) == [
            ("XYZ", "correction", DAYS[20], DAYS[20], 1),
            ("XYZ", kind, DAYS[0], DAYS[-2], count),
        ]


def test_a_correction_where_volumes_are_not_known():
    no_volume = pl.lit(None, dtype=pl.Float64).alias("volume")
    before = history("XYZ", PLAIN).with_columns(no_volume)
    now = history("XYZ", [*PLAIN[:40], 110.0, *PLAIN[41:]]).with_columns(no_volume)
    assert kinds(restatements(before, now, None)) == [("XYZ", "correction", DAYS[40], DAYS[40], 1)]


def test_volumes_are_amended_a_little_for_days():
    before = history("XYZ", PLAIN)
    now = before.with_columns(volume=pl.col("volume") * 1.009)
    assert restatements(before, now, empty_actions()).is_empty()


@pytest.mark.parametrize(("old", "new", "count"), [(0, 0, 0), (None, 5, 0), (0, 5, 1), (5, 0, 1)])
def test_volumes_that_are_zero_or_not_known(old, new, count):
    before = history("XYZ", PLAIN).with_columns(volume=pl.lit(old, dtype=pl.Float64))
    now = before.with_columns(
        volume=pl.when(pl.col("date") == DAYS[7])
        .then(pl.lit(new, dtype=pl.Float64))
        .otherwise("volume")
    )
    assert restatements(before, now, empty_actions()).height == count


# ---- what is compared --------------------------------------------------------------------------


def test_m12_tables_with_nothing_in_common_cannot_be_compared():
    with pytest.raises(OverlapError, match="or all that the shorter one has, was XYZ 0"):
        restatements(history("XYZ", PLAIN[:-1]), bars(bar("XYZ", DAYS[-1], 112.0)), None)


def test_the_overlap_has_thirty_sessions_or_all_of_the_shorter_table():
    before, now = history("XYZ", PLAIN), history("XYZ", PLAIN)
    assert restatements(before.head(60), now.tail(len(DAYS) - 30), None).is_empty()
    with pytest.raises(OverlapError, match="was XYZ 29"):
        restatements(before.head(60), now.tail(len(DAYS) - 31), None)
    assert restatements(before.head(3), now, None).is_empty()


def test_new_and_lost_symbols_are_no_change_of_the_past():
    one, other = history("ONE", PLAIN), history("OTHER", PLAIN)
    for before, now in ((one, other), (empty_bars(), one), (one, empty_bars())):
        found = restatements(before, now, None)
        assert (found.schema, found.height) == (RESTATEMENTS_SCHEMA, 0)


factors = st.floats(0.001, 1000).filter(lambda factor: abs(factor - 1) > 2e-4)
sessions = st.integers(1, len(DAYS) - 1)
feeds = st.sampled_from([None, empty_actions()])
prices = st.lists(st.floats(0.5, 5000), min_size=len(DAYS), max_size=len(DAYS))


@settings(deadline=None, max_examples=25)
@given(prices, feeds)
def test_a_snapshot_is_no_restatement_of_itself(closes, feed):
    one = history("XYZ", closes)
    assert restatements(one, one, feed).is_empty()
    assert restatements(one.head(50), one, feed).is_empty()


@settings(deadline=None, max_examples=25)
@given(prices, factors, sessions, feeds)
def test_scaling_the_past_by_any_factor_is_one_change(closes, factor, count, feed):
    found = restatements(
        history("XYZ", closes), history("XYZ", closes, scaled(closes, factor, count)), feed
    )
    scaling = "adjustment" if feed is None else "unexplained"
    # of a single bar nobody can say that it is the past that was scaled
    expected = "correction" if count == 1 else scaling
    assert kinds(found) == [("XYZ", expected, DAYS[0], DAYS[count - 1], count)]
    assert found["ratio"][0] == pytest.approx(factor)


@settings(deadline=None, max_examples=25)
@given(factors, sessions, st.randoms(use_true_random=False))
def test_neither_order_nor_other_symbols_matter(factor, count, random):
    before, now = history("XYZ", PLAIN[:-1]), history("XYZ", scaled(PLAIN, factor, count))
    alone = restatements(before, now, None)
    others = [history(symbol, PLAIN) for symbol in ("AAA", "ZZZ")]

    def mixed(bars_: pl.DataFrame) -> pl.DataFrame:
        together = pl.concat([*others, bars_])
        return together[random.sample(range(together.height), together.height)]

    assert restatements(mixed(before), mixed(now), None).equals(alone)


# ---- why snapshots are taken whole -------------------------------------------------------------

CARRY = """
(defsymphony "Carry" {:asset-class "EQUITIES", :rebalance-frequency :daily}
  (weight-equal
    [(if (> (cumulative-return "SPY" {:window 1}) (cumulative-return "BIL" {:window 1}))
       [(asset "SPY" "S&P 500")]
       [(asset "BIL" "Bills")])]))
"""


def held(snapshot: pl.DataFrame) -> str:
    symphony = read_symphony(CARRY, name="carry", source="carry.clj")
    evaluation = evaluate([symphony], closing_prices(snapshot))["carry"]
    return evaluation.symbols[int(evaluation.weights[-1].argmax())]


def test_m9_rows_joined_across_a_dividend_decide_wrongly():
    spy = [bar("SPY", WED, 500.0), bar("SPY", THU, 499.5)]  # -0.10 %
    # BIL goes ex 0.32 on Thursday
    before = bars(bar("SPY", WED, 500.0), bar("BIL", WED, 91.68))
    whole = bars(*spy, bar("BIL", WED, 91.68, adj_close=91.36), bar("BIL", THU, 91.40))
    patchwork = pl.concat([before, whole.filter(pl.col("date") == THU)]).sort("symbol", "date")

    def bil_return(table_: pl.DataFrame) -> float:
        wednesday, thursday = table_.filter(pl.col("symbol") == "BIL")["adj_close"]
        return 100 * (thursday / wednesday - 1)

    assert bil_return(whole) == pytest.approx(0.0438, abs=5e-5)
    assert bil_return(patchwork) == pytest.approx(-0.3054, abs=5e-5)
    assert (held(whole), held(patchwork)) == ("BIL", "SPY")

    feed = actions_table([Action("BIL", THU, "dividend", amount=0.32)])
    assert kinds(restatements(before, whole, feed)) == [("BIL", "dividend", WED, WED, 1)]
    # a patchwork looks unchanged: what gives it away is a comparison with a whole table
    assert restatements(before, patchwork, feed).is_empty()
    assert kinds(restatements(patchwork, whole, feed)) == [("BIL", "dividend", WED, WED, 1)]
