from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.market.bars import checked_bars, read_bars
from alchemiser_dagster.market.examination import FINDINGS_SCHEMA
from alchemiser_dagster.market.second_source import compare, comparison_findings
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.symbol_facts import NO_FACTS, Accepted

DAYS = sessions_between(date(2023, 6, 1), date(2024, 3, 28))
PLAIN = [100 + 0.1 * n for n in range(len(DAYS))]
SHARED = Path(__file__).resolve().parents[2] / "../shared/market"


def history(symbol: str, closes: list[float], days: list[date] = DAYS) -> pl.DataFrame:
    columns = dict.fromkeys(("open", "high", "low", "close"), closes)
    return checked_bars(
        pl.DataFrame({"symbol": symbol, "date": days, "volume": 1000.0} | columns), origin="test"
    )


def scaled(factors: dict[range, float]) -> list[float]:
    """PLAIN, scaled on the sessions of each range."""
    closes = list(PLAIN)
    for sessions, factor in factors.items():
        for n in sessions:
            closes[n] *= factor
    return closes


def events(closes: list[float]) -> list[tuple]:
    """The events where the snapshot has `closes` and the second source PLAIN."""
    compared = compare(history("XYZ", closes), history("XYZ", PLAIN), NO_FACTS)
    return [tuple(event.values()) for event in compared["events"][0]]


def status(bars: pl.DataFrame, second: pl.DataFrame) -> dict[str, str]:
    return dict(compare(bars, second, NO_FACTS).select("symbol", "status").iter_rows())


@pytest.mark.parametrize(
    ("theirs", "expected", "largest"),
    [(102.0, "VALID", 0.0196), (102.1, "MISMATCH", 0.0206), (97.9, "MISMATCH", 0.021)],
)
def test_m25_levels_may_differ_by_two_percent_of_the_larger(theirs, expected, largest):
    days = DAYS[:1]
    ours, second = history("XYZ", [100.0], days), history("XYZ", [theirs], days)
    compared = compare(ours, second, NO_FACTS)
    assert compared["status"].to_list() == [expected]
    assert compared["largest"][0] == pytest.approx(largest, abs=5e-5)


def test_m25_the_status_is_the_first_that_applies():
    without_one = [day for day in DAYS if day != DAYS[50]]
    gap = [close for day, close in zip(DAYS, PLAIN, strict=True) if day != DAYS[50]]
    off = [close * 1.05 for close in gap]
    second = history("XYZ", PLAIN)
    assert status(history("XYZ", PLAIN), second) == {"XYZ": "VALID"}
    assert status(history("XYZ", gap, without_one), second) == {"XYZ": "GAPS"}
    assert status(history("XYZ", off, without_one), second) == {"XYZ": "MISMATCH"}
    assert status(history("XYZ", off[:-1], without_one[:-1]), second) == {"XYZ": "STALE"}
    assert status(history("XYZ", PLAIN), history("ABC", PLAIN)) == {"XYZ": "ERROR"}
    early, late = DAYS[:20], DAYS[100:120]
    assert status(history("XYZ", PLAIN[:20], early), history("XYZ", PLAIN[:20], late)) == {
        "XYZ": "ERROR"
    }


def test_a_snapshot_that_is_ahead_is_fresh():
    assert status(history("XYZ", PLAIN), history("XYZ", PLAIN[:-3], DAYS[:-3])) == {"XYZ": "VALID"}


def test_a_split_that_one_source_does_not_know_is_one_event():
    # all levels before DAYS[100] are off by one factor
    assert events(scaled({range(100): 0.5})) == [(DAYS[100], DAYS[0], DAYS[99], 100, 0.5)]
    compared = compare(history("XYZ", scaled({range(100): 0.5})), history("XYZ", PLAIN), NO_FACTS)
    assert compared.select("compared", "differing").rows() == [(len(DAYS), 100)]
    assert comparison_findings(compared, NO_FACTS).rows() == [
        (
            "second_source",
            "XYZ",
            DAYS[100],
            "warning",
            f"XYZ: adj_close is 0.5000 times that of the second source on 100 sessions from "
            f"{DAYS[0]} to {DAYS[99]}; the sources disagree about {DAYS[100]}",
        )
    ]


def test_two_disagreements_are_two_events():
    both = scaled({range(100): 0.5, range(40): 0.9})
    assert [event[:4] for event in events(both)] == [
        (DAYS[40], DAYS[0], DAYS[39], 40),
        (DAYS[40], DAYS[40], DAYS[99], 60),
    ]


def test_one_bad_bar_is_an_event_of_its_day():
    assert events(scaled({range(70, 71): 1.1})) == [
        (DAYS[70], DAYS[70], DAYS[70], 1, pytest.approx(1.1))
    ]


def test_levels_that_are_off_throughout_have_no_day():
    ((day, first, last, sessions, factor),) = events(scaled({range(len(DAYS)): 1.05}))
    assert (day, first, last, sessions) == (None, DAYS[0], DAYS[-1], len(DAYS))
    assert factor == pytest.approx(1.05)


def test_many_small_distributions_add_up_to_one_event():
    drift = [close * 1.006 ** (n // 20 - 7) for n, close in enumerate(PLAIN)]
    ((_, first, last, sessions, _),) = events(drift)
    assert (first, last, sessions) == (DAYS[0], DAYS[79], 80)


def test_a_return_may_differ_between_levels_that_do_not():
    # 1.5 % too low, then 1.5 % too high: the return between them is off by 3 %
    around = scaled({range(100): 0.985, range(100, len(DAYS)): 1.015})
    assert [event[:4] for event in events(around)] == [(DAYS[100], DAYS[100], DAYS[100], 1)]


def test_symbols_of_the_second_source_alone_do_not_matter():
    second = pl.concat([history("ABC", PLAIN), history("XYZ", PLAIN)])
    assert status(history("XYZ", PLAIN), second) == {"XYZ": "VALID"}


def test_each_status_is_said_in_a_sentence():
    bars = pl.concat(
        [
            history("ABSENT", PLAIN),
            history("APART", PLAIN[:5], DAYS[:5]),
            history("FINE", PLAIN),
            history("GAP", [PLAIN[0], PLAIN[3]], [DAYS[0], DAYS[3]]),
            history("OLD", PLAIN[:-1], DAYS[:-1]),
        ]
    )
    second = pl.concat(
        [
            history("APART", PLAIN[5:9], DAYS[5:9]),
            history("FINE", PLAIN),
            history("GAP", PLAIN[:4], DAYS[:4]),
            history("OLD", PLAIN),
        ]
    )
    found = comparison_findings(compare(bars, second, NO_FACTS), NO_FACTS)
    assert found.schema == FINDINGS_SCHEMA
    assert set(found["severity"]) == {"warning"}
    assert found["says"].to_list() == [
        "ABSENT: the second source has no bars",
        "APART: no session in common with the second source",
        "GAP: no bar on 2 of the second source's sessions",
        "OLD: the last bar is of 2024-03-27, there of 2024-03-28",
    ]


def test_sources_that_do_not_mean_the_same_are_said_in_one_sentence():
    flipping = scaled({range(n, n + 1): 1.1 for n in range(0, 60, 5)})
    compared = compare(history("XYZ", flipping), history("XYZ", PLAIN), NO_FACTS)
    (says,) = comparison_findings(compared, NO_FACTS)["says"]
    assert says == f"XYZ: 12 events on 12 of {len(DAYS)} sessions, by up to 9.1 %"


def accepting(symbol: str, session: date | None, check: str = "second_source"):
    return replace(NO_FACTS, accepted=(Accepted(check, symbol, session, "looked at"),))


def test_an_event_or_a_symbol_may_be_accepted():
    bars = history("XYZ", scaled({range(100): 0.5, range(150, 160): 1.1}))
    second = history("XYZ", PLAIN)

    def days(facts) -> list[date]:
        return comparison_findings(compare(bars, second, facts), facts)["date"].to_list()

    assert days(NO_FACTS) == [DAYS[100], DAYS[150]]
    assert days(accepting("XYZ", DAYS[100])) == [DAYS[150]]
    assert days(accepting("XYZ", DAYS[0])) == [DAYS[100], DAYS[150]]
    assert days(accepting("XYZ", None)) == []
    assert days(accepting("ABC", None)) == [DAYS[100], DAYS[150]]
    assert days(accepting("XYZ", None, check="jumps")) == [DAYS[100], DAYS[150]]


def test_accepting_all_events_leaves_what_comes_after():
    bars, second = history("XYZ", scaled({range(100): 0.5})), history("XYZ", PLAIN)
    facts = accepting("XYZ", DAYS[100])
    assert compare(bars, second, facts)["status"].to_list() == ["VALID"]
    absent = accepting("XYZ", None)
    compared = compare(bars, history("ABC", PLAIN), absent)
    assert compared["status"].to_list() == ["ERROR"]
    assert comparison_findings(compared, absent).is_empty()


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.01, 100).filter(lambda factor: abs(factor - 1) > 0.03),
    st.integers(1, len(DAYS) - 1),
)
def test_one_factor_before_one_day_is_one_event_on_that_day(factor, count):
    ((day, first, last, sessions, ratio),) = events(scaled({range(count): factor}))
    assert (day, first, last, sessions) == (DAYS[count], DAYS[0], DAYS[count - 1], count)
    assert ratio == pytest.approx(factor)


@settings(deadline=None, max_examples=60)
@given(st.floats(0.01, 100))
def test_a_source_compared_with_itself_is_valid(factor):
    same = history("XYZ", [close * factor for close in PLAIN])
    assert status(same, same) == {"XYZ": "VALID"}


@pytest.mark.skipif(not SHARED.exists(), reason="no file of real bars here")
def test_real_bars_against_adjusted_closes_of_another_source():
    bars = read_bars(SHARED / "bars.parquet", first=date(2018, 1, 2), last=date(2025, 12, 1))
    other = pl.read_parquet(SHARED / "adjusted_close.parquet").unpivot(
        index="date", variable_name="symbol", value_name="close"
    )
    prices = {name: pl.col("close") for name in ("open", "high", "low")}
    second = checked_bars(
        other.drop_nulls().with_columns(volume=pl.lit(None), **prices), origin="other"
    ).filter(pl.col("date").is_between(date(2018, 1, 2), date(2025, 12, 1)))
    known = bars.filter(pl.col("symbol").is_in(second["symbol"].unique().implode()))
    compared = compare(known, second, NO_FACTS)
    assert compared.filter(pl.col("status") == "VALID").height > 0.9 * compared.height
