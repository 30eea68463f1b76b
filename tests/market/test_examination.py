from dataclasses import replace
from datetime import date
from pathlib import Path
from time import process_time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.market.actions import Action, actions_table, empty_actions
from alchemiser_dagster.market.bars import (
    BARS_SCHEMA,
    conformed_bars,
    empty_bars,
    read_bars,
    sift_bars,
)
from alchemiser_dagster.market.examination import CHECKS, FINDINGS_SCHEMA, Context, examine
from alchemiser_dagster.market.sessions import previous_session, sessions_between
from alchemiser_dagster.market.symbol_facts import NO_FACTS, Accepted, read_symbol_facts

from .tables import bar, table

SESSION = date(2026, 1, 14)
DAYS = sessions_between(date(2024, 1, 2), SESSION)
REAL_BARS = Path(__file__).resolve().parents[2] / "../shared/market/bars.parquet"
STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"


def rows(
    symbol: str, days: list[date] = DAYS, at: date | None = None, **changed: object
) -> list[dict]:
    """Bars that rise by a cent a day, the one `at` a day changed."""
    plain = [bar(symbol, day, 100 + 0.01 * n) for n, day in enumerate(days)]
    return [row | changed if row["date"] == at else row for row in plain]


def context(*universe: str, **changed: object) -> Context:
    plain = Context(SESSION, frozenset(universe), {}, empty_actions(), NO_FACTS, None)
    return replace(plain, **changed)


def found(bars: list[dict], context_: Context) -> list[tuple]:
    """Check, symbol, date and severity of what is found in `bars`."""
    return findings(bars, context_).select("check", "symbol", "date", "severity").rows()


def findings(bars: list[dict], context_: Context) -> pl.DataFrame:
    conformed = conformed_bars(table(*bars), origin="test") if bars else empty_bars()
    return examine(*sift_bars(conformed), context_)


def sentence(bars: list[dict], context_: Context) -> str:
    (says,) = findings(bars, context_)["says"]
    return says


def test_a_sound_snapshot_has_no_findings():
    result = findings(rows("SPY") + rows("TLT"), context("SPY", "TLT"))
    assert (result.schema, result.height) == (FINDINGS_SCHEMA, 0)


# ---- symbols -----------------------------------------------------------------------------------


def test_m20_a_symbol_without_bars_is_an_error():
    assert found(rows("SPY"), context("SPY", "BRK/B")) == [("symbols", "BRK.B", None, "error")]
    assert sentence(rows("SPY"), context("SPY", "ENPH")) == "ENPH: the source has no bar of it"


def test_nothing_at_all_is_every_symbol_missing():
    assert found([], context("SPY", "TLT")) == [
        ("symbols", "SPY", None, "error"),
        ("symbols", "TLT", None, "error"),
    ]


def test_the_corporate_actions_say_where_a_symbol_went():
    actions = actions_table(
        [
            Action("FB", date(2025, 6, 9), "name_change", new_symbol="META"),
            Action("JAMF", date(2026, 1, 5), "merger", amount=13.05),
            Action("X", date(2025, 6, 18), "merger", ratio=0.5, new_symbol="BUYER"),
            Action("GONE", date(2025, 3, 3), "removal"),
            Action("GONE", date(2025, 3, 3), "dividend", amount=1.0),
            Action("LATER", date(2026, 1, 15), "removal"),
        ]
    )
    universe = ("FB", "JAMF", "X", "GONE", "LATER", "SPY")
    result = findings(rows("SPY"), context(*universe, actions=actions))
    assert result["says"].to_list() == [
        "FB was renamed META on 2025-06-09: name the new symbol in the strategy",
        "GONE was removed from the market on 2025-03-03: take it out of the strategies",
        "JAMF was merged on 2026-01-05: take it out of the strategies",
        "LATER: the source has no bar of it",
        "X was merged into BUYER on 2025-06-18: take it out of the strategies",
    ]
    assert set(result["severity"]) == {"error"}


def test_a_symbol_that_nobody_asked_for_is_a_warning():
    assert found(rows("SPY") + rows("OLD"), context("SPY")) == [("symbols", "OLD", None, "warning")]


# ---- last_session and future -------------------------------------------------------------------


def test_m18_behind_is_counted_in_sessions():
    # Thursday 2026-01-15 before the close: Wednesday is the last session that closed
    assert found(rows("SPY", DAYS[:-2]), context("SPY")) == [
        ("last_session", "SPY", date(2026, 1, 12), "error")
    ]
    says = sentence(rows("SPY", DAYS[:-2]), context("SPY"))
    assert says == "SPY: the last bar is of 2026-01-12, 2 sessions behind"
    # Tuesday after a long weekend: Friday is
    days = sessions_between(date(2025, 1, 2), date(2026, 1, 16))
    assert (
        found(rows("SPY", days), context("SPY", session=previous_session(date(2026, 1, 20)))) == []
    )


def test_m19_only_the_stale_symbol_is_an_error():
    assert found(rows("SPY") + rows("TLT", DAYS[:-1]), context("SPY", "TLT")) == [
        ("last_session", "TLT", DAYS[-2], "error")
    ]


def test_a_symbol_that_ended_says_why_and_one_that_goes_on_does_not():
    actions = actions_table(
        [
            Action("FB", DAYS[-1], "name_change", new_symbol="META"),
            Action("SPY", DAYS[-9], "name_change", new_symbol="SPX"),
        ]
    )
    stale = rows("SPY", DAYS[:-1]) + rows("FB", DAYS[:-1])
    assert findings(stale, context("FB", "SPY", actions=actions))["says"].to_list() == [
        f"FB: the last bar is of {DAYS[-2]}, 1 session behind; "
        f"FB was renamed META on {DAYS[-1]}: name the new symbol in the strategy",
        f"SPY: the last bar is of {DAYS[-2]}, 1 session behind",
    ]


def test_bars_of_sessions_that_had_not_closed():
    earlier = context("SPY", session=DAYS[-3])
    assert found(rows("SPY"), earlier) == [("future", "SPY", DAYS[-2], "error")]
    assert "2 bars from 2026-01-13 on, though 2026-01-12" in sentence(rows("SPY"), earlier)


# ---- rows that were set aside ------------------------------------------------------------------


def test_m15_m16_a_symbol_set_aside_is_told_by_its_rule_and_not_as_missing():
    saturday = date(2026, 1, 10)
    bars = [
        *rows("SPY"),
        *rows("TWICE"),
        bar("TWICE", DAYS[5], 1.0),
        *rows("WEEKEND"),
        bar("WEEKEND", saturday, 1.0),
        *rows("NAN", at=DAYS[7], close=float("nan")),
        *rows("LOW", at=DAYS[8], open=99.0),
    ]
    names = ("SPY", "TWICE", "WEEKEND", "NAN", "LOW")
    result = findings(bars, context(*names, needed=dict.fromkeys(names, 200)))
    assert result.drop("says").rows() == [
        ("unique", "TWICE", DAYS[5], "error"),
        ("sessions", "WEEKEND", saturday, "error"),
        ("prices", "LOW", DAYS[8], "error"),
        ("prices", "NAN", DAYS[7], "error"),
    ]
    assert f"1 row with low and high not around open and close: LOW {DAYS[8]}" in result["says"][2]


def test_rows_without_a_symbol_are_a_warning_for_nobody():
    bars = [*rows("SPY"), bar(None, DAYS[3], 1.0), bar("", DAYS[4], 1.0)]
    assert found(bars, context("SPY")) == [("symbols", None, DAYS[3], "warning")]


def test_a_table_out_of_order_is_said_and_still_examined():
    sound, aside = sift_bars(conformed_bars(table(*rows("SPY", DAYS[:-1])), origin="test"))
    result = examine(sound.reverse(), aside, context("SPY"))
    assert result.drop("says").rows() == [
        ("last_session", "SPY", DAYS[-2], "error"),
        ("unique", "SPY", DAYS[0], "error"),
    ]


def test_broken_rows_that_nobody_set_aside_are_found():
    bars = conformed_bars(table(*rows("SPY", at=DAYS[7], low=-1.0)), origin="test")
    result = examine(bars, empty_bars(), context("SPY"))
    assert result.drop("says").rows() == [("prices", "SPY", DAYS[7], "error")]


# ---- sessions, jumps, idle ---------------------------------------------------------------------


def test_m17_a_missing_session_is_an_error_while_it_is_recent():
    for ago, severity in ((30, "error"), (400, "warning")):
        missing = DAYS[-1 - ago]
        bars = rows("SPY", [day for day in DAYS if day != missing])
        assert found(bars, context("SPY")) == [("sessions", "SPY", missing, severity)]
        assert sentence(bars, context("SPY")) == f"SPY: no bar on {missing}"


def test_a_session_that_all_symbols_miss_is_missing():
    days = [day for day in DAYS if day != DAYS[-5]]
    assert found(rows("SPY", days) + rows("TLT", days), context("SPY", "TLT")) == [
        ("sessions", "SPY", DAYS[-5], "error"),
        ("sessions", "TLT", DAYS[-5], "error"),
    ]


def jump(symbol: str, ratio: float) -> list[dict]:
    return [bar(symbol, day, 100.0 * (ratio if day >= DAYS[300] else 1)) for day in DAYS]


def test_jumps_and_what_they_look_like():
    leveraged = replace(NO_FACTS, leveraged=frozenset({"LEV"}))
    bars = jump("LEV", 1.6) + jump("BIG", 1.6) + jump("SPLIT", 0.25) + jump("REVERSE", 10)
    names = ("LEV", "BIG", "SPLIT", "REVERSE")
    result = findings(bars, context(*names, facts=leveraged))
    assert result.drop("says").rows() == [
        ("jumps", "BIG", DAYS[300], "warning"),
        ("jumps", "REVERSE", DAYS[300], "error"),
        ("jumps", "SPLIT", DAYS[300], "error"),
    ]
    assert result["says"].to_list() == [
        f"BIG: +60.0 % on {DAYS[300]}, and no corporate action",
        f"REVERSE: +900.0 % on {DAYS[300]}: it looks like a split 1:10 that the prices before it "
        "do not show",
        f"SPLIT: -75.0 % on {DAYS[300]}: it looks like a split 4:1 that the prices before it "
        "do not show",
    ]
    without_feed = findings(jump("BIG", 1.6), context("BIG", actions=None))
    assert without_feed["says"].to_list() == [f"BIG: +60.0 % on {DAYS[300]}"]


def test_m10_an_unadjusted_split_that_the_feed_knows_is_named():
    actions = actions_table([Action("NVDA", DAYS[300], "split", ratio=10.0)])
    assert sentence(jump("NVDA", 0.1), context("NVDA", actions=actions)) == (
        f"NVDA: -90.0 % on {DAYS[300]}, the day of a split 10:1 that the prices before it do not "
        "show"
    )


def test_a_symbol_that_stands_still_is_a_warning():
    still = [bar("HALT", day, 5.0, volume=0 if day >= DAYS[-5] else 10) for day in DAYS]
    assert found(still, context("HALT")) == [("idle", "HALT", DAYS[-5], "warning")]


# ---- history -----------------------------------------------------------------------------------


def test_m24_a_recycled_symbol_has_the_history_of_its_company_only():
    days = sessions_between(date(2021, 3, 15), SESSION)[-1216:]
    facts = replace(NO_FACTS, history_start={"NBIS": date(2024, 10, 21)})
    short = context("NBIS", facts=facts, needed={"NBIS": 200})
    long = context("NBIS", facts=facts, needed={"NBIS": 500})
    assert found(rows("NBIS", days), short) == []
    assert found(rows("NBIS", days), long) == [("history", "NBIS", None, "error")]
    assert sentence(rows("NBIS", days), long) == (
        "NBIS: 309 bars, and the strategies that use it need 500"
    )
    assert found(rows("NBIS", days), replace(long, facts=NO_FACTS)) == []


def test_a_history_that_starts_after_the_last_bar_is_no_history():
    facts = replace(NO_FACTS, history_start={"SPY": date(2026, 1, 20)})
    says = sentence(rows("SPY"), context("SPY", facts=facts, needed={"SPY": 10}))
    assert says.startswith("SPY: the source has no bar of it from 2026-01-20 on")


# ---- restated ----------------------------------------------------------------------------------


def before_and_now(adjusted: float) -> tuple[pl.DataFrame, list[dict]]:
    """Yesterday's snapshot, and today's in which the past is scaled by `adjusted`."""
    before = conformed_bars(table(*rows("BIL", DAYS[:-1])), origin="test")
    now = [row | {"adj_close": row["close"] * adjusted} for row in rows("BIL", DAYS[:-1])]
    last = rows("BIL")[-1]
    return before, [*now, last | {"adj_close": last["close"]}]


def test_m8_a_dividend_of_the_feed_is_no_finding():
    before, now = before_and_now(adjusted=1 - 0.35 / rows("BIL")[-2]["close"])
    dividend = actions_table([Action("BIL", SESSION, "dividend", amount=0.35)])
    assert found(now, context("BIL", before=before, actions=dividend)) == []
    assert found(now, context("BIL", before=before)) == [("restated", "BIL", DAYS[-2], "error")]
    assert found(now, context("BIL", before=before, actions=None)) == [
        ("restated", "BIL", DAYS[-2], "warning")
    ]


def test_m11_a_correction_is_a_warning():
    before, now = before_and_now(adjusted=1)
    now[-20] = bar("BIL", DAYS[-20], 101.5, adj_close=101.5)
    assert found(now, context("BIL", before=before)) == [("restated", "BIL", DAYS[-20], "warning")]


def test_m12_too_little_in_common_is_said_and_the_rest_compared():
    old = rows("SPY", DAYS[:50]) + rows("BIL", DAYS[:-1])
    before = conformed_bars(table(*old), origin="test")
    _, now = before_and_now(adjusted=0.99)
    result = findings(now + rows("SPY", DAYS[40:]), context("BIL", "SPY", before=before))
    assert result.drop("says").rows() == [
        ("restated", "BIL", DAYS[-2], "error"),
        ("restated", "SPY", None, "warning"),
    ]
    assert "only 10 sessions in common with the snapshot before" in result["says"][1]


def test_the_company_that_had_the_symbol_before_is_not_compared():
    old = conformed_bars(table(*rows("NBIS", DAYS[:100])), origin="test")
    start = replace(NO_FACTS, history_start={"NBIS": DAYS[100]})
    assert found(rows("NBIS", DAYS[100:]), context("NBIS", facts=start, before=old)) == []


# ---- accepted ----------------------------------------------------------------------------------


def accepting(check: str, symbol: str, session: date | None = None):
    return replace(NO_FACTS, accepted=(Accepted(check, symbol, session, "looked at"),))


@pytest.mark.parametrize(
    ("facts", "is_silent"),
    [
        (accepting("jumps", "BIG"), True),
        (accepting("jumps", "BIG", DAYS[300]), True),
        (accepting("jumps", "BIG", DAYS[301]), False),
        (accepting("jumps", "OTHER"), False),
        (accepting("sessions", "BIG"), False),
    ],
)
def test_what_a_person_accepted_is_not_said_again(facts, is_silent):
    assert (found(jump("BIG", 1.6), context("BIG", facts=facts)) == []) is is_silent


def test_accepting_a_finding_without_a_date():
    needed = {"NEW": 500, "SPY": 10}
    bars = rows("SPY") + rows("NEW", DAYS[-100:])
    plain = context("SPY", "NEW", needed=needed)
    assert found(bars, plain) == [("history", "NEW", None, "error")]
    dated = accepting("history", "NEW", DAYS[-1])
    assert found(bars, replace(plain, facts=dated)) == [("history", "NEW", None, "error")]
    assert found(bars, replace(plain, facts=accepting("history", "NEW"))) == []


def test_accepted_gaps_do_not_bring_back_a_symbol_that_was_set_aside():
    saturday = date(2026, 1, 10)
    bars = [*rows("SPY"), bar("SPY", saturday, 1.0)]
    assert found(bars, context("SPY", facts=accepting("sessions", "SPY"))) == [
        ("sessions", "SPY", saturday, "error")
    ]


# ---- always ------------------------------------------------------------------------------------


def test_there_are_eleven_checks_each_with_its_rule():
    assert list(CHECKS) == [
        "symbols",
        "last_session",
        "future",
        "unique",
        "sessions",
        "prices",
        "jumps",
        "restated",
        "history",
        "idle",
        "second_source",
    ]
    assert all("error" in rule or "warning" in rule for rule in CHECKS.values())


FEW = DAYS[-8:]


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["SPY", "TLT", None]),
            st.sampled_from([*FEW, date(2026, 1, 10), None]),
            st.sampled_from([1.0, 2.0, 0.0, float("nan"), None]),
            st.sampled_from([1.0, 1.9, 40.0]),
            st.sampled_from([0.0, 7.0, -1.0, None]),
        ),
        max_size=25,
    ),
    st.booleans(),
)
def test_a_symbol_whose_bars_cannot_be_used_is_an_error_whatever_is_sent(sent, with_before):
    bars = [
        bar(symbol, day, close, adj_close=adjusted, volume=volume)
        for symbol, day, close, adjusted, volume in sent
    ]
    content = pl.DataFrame(bars, schema=BARS_SCHEMA)
    sound, aside = sift_bars(conformed_bars(content, origin="test"))
    before = sound.filter(pl.col("date") < FEW[-2]) if with_before else None
    result = examine(sound, aside, context("SPY", "TLT", before=before))
    assert result.schema == FINDINGS_SCHEMA
    order = [list(CHECKS).index(check) for check in result["check"]]
    assert order == sorted(order)
    assert set(result["severity"]) <= {"error", "warning"}
    errors = set(result.filter(pl.col("severity") == "error")["symbol"])
    for symbol in ("SPY", "TLT"):
        days = set(sound.filter(pl.col("symbol") == symbol)["date"])
        if SESSION not in days:
            assert symbol in errors


# ---- the real market ---------------------------------------------------------------------------

needs_real_bars = pytest.mark.skipif(not REAL_BARS.exists(), reason="no file of real bars here")


@needs_real_bars
def test_ten_years_of_real_bars_raise_few_alarms():
    last = date(2025, 12, 1)
    bars = read_bars(REAL_BARS, first=date(2015, 10, 8), last=last)
    whole = bars.filter(pl.col("date").max().over("symbol") == last)
    symbols = frozenset(whole["symbol"])
    facts = read_symbol_facts(STRATEGIES)
    before = whole.filter(pl.col("date") < last)
    looked_at = Context(last, symbols, dict.fromkeys(symbols, 504), None, facts, before)
    result = examine(whole, empty_bars(), looked_at)
    assert result.filter(pl.col("severity") == "error").select("check", "symbol").rows() == [
        ("jumps", "UCO")  # 2020-03-09, oil: as far from a half as a split would be
    ]
    assert result.height < 15


@needs_real_bars
def test_examining_300_symbols_over_504_sessions_is_quick():
    last = date(2025, 12, 1)
    days = sessions_between(date(2023, 1, 3), last)[-504:]
    bars = read_bars(REAL_BARS, first=days[0], last=last)
    names = bars["symbol"].unique().sort()
    more = bars.filter(pl.col("symbol").is_in(names.head(70).implode()))
    bars = pl.concat([bars, more.with_columns(pl.col("symbol") + ".X")]).sort("symbol", "date")
    assert bars.height > 150_000
    # each past is scaled, as on a day with 300 dividends
    before = bars.filter(pl.col("date") < last).with_columns(pl.col("adj_close") * 1.003)
    looked_at = Context(last, frozenset(bars["symbol"]), {}, empty_actions(), NO_FACTS, before)
    started = process_time()
    result = examine(bars, empty_bars(), looked_at)
    took = process_time() - started
    assert result.filter(pl.col("check") == "restated").height > 300
    # about half a second on an idle core, and half of that when no past is scaled
    assert took < 2, f"{took:.2f} s of processor time"
