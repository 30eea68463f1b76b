"""Taking snapshots from a source: cut by session, sifted by symbol."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from alchemiser_dagster.market.bars import BARS_SCHEMA
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.sources import FileSource, SourceError
from alchemiser_dagster.market.symbol_facts import NO_FACTS, SymbolFacts
from alchemiser_dagster.market.taking import Taken, sessions_back, take
from tests.world import LAST_BAR, LEVELS, market, write_bars

SESSIONS = sessions_between(date(2024, 1, 2), date(2024, 1, 5))
BAD_DAY = SESSIONS[2]


def taken(folder: Path, bars: pl.DataFrame, facts: SymbolFacts = NO_FACTS) -> dict[date, Taken]:
    return take(FileSource(write_bars(folder, bars)), LEVELS, SESSIONS, 10, facts)


def spoiled(price: float) -> pl.DataFrame:
    """The market with one close of gold that cannot be."""
    bad = (pl.col("symbol") == "GLD") & (pl.col("date") == BAD_DAY)
    return market().with_columns(close=pl.when(bad).then(price).otherwise(pl.col("close")))


def test_a_snapshot_ends_with_its_session_and_begins_two_years_earlier(tmp_path: Path) -> None:
    for session, found in taken(tmp_path, market()).items():
        assert found.bars["date"].max() == session
        assert found.bars.schema == BARS_SCHEMA
        assert set(found.bars["symbol"]) == set(LEVELS)
    assert sessions_back(SESSIONS[0], 504) == date(2021, 12, 30)


@pytest.mark.parametrize("price", [float("nan"), float("inf"), 0.0, -180.0])
def test_one_bad_bar_sets_its_symbol_aside_from_that_session_on(
    tmp_path: Path, price: float
) -> None:
    found = taken(tmp_path, spoiled(price))
    for session in SESSIONS[:2]:
        assert "GLD" in set(found[session].bars["symbol"])
        assert found[session].quarantined.is_empty()
    for session in SESSIONS[2:]:
        assert set(found[session].bars["symbol"]) == {"SPY", "TLT", "BIL"}
        assert set(found[session].quarantined["symbol"]) == {"GLD"}
        broken = found[session].quarantined.filter(pl.col("rule").is_not_null())
        assert broken["date"].to_list() == [BAD_DAY]
        assert found[session].absent == ()


def test_a_symbol_the_source_does_not_know_is_named(tmp_path: Path) -> None:
    found = taken(tmp_path, market().filter(pl.col("symbol") != "TLT"))
    assert found[SESSIONS[0]].absent == ("TLT",)


def test_bars_before_the_start_of_a_symbols_history_are_another_companys(tmp_path: Path) -> None:
    start = date(2023, 12, 1)
    facts = SymbolFacts(leveraged=frozenset(), history_start={"GLD": start}, accepted=())
    bars = taken(tmp_path, market(), facts)[SESSIONS[0]].bars
    assert bars.filter(symbol="GLD")["date"].min() == start
    assert bars.filter(symbol="SPY")["date"].min() == date(2023, 6, 1)


def test_a_session_without_any_bar_is_no_snapshot(tmp_path: Path) -> None:
    """An unscheduled closure, or a vendor that is late: never an old snapshot under a new name."""
    source = FileSource(write_bars(tmp_path))
    after = sessions_between(LAST_BAR, date(2024, 3, 4))[-2:]
    with pytest.raises(SourceError, match=r"expected bars of 2024-03-01, was none.*2024-02-29"):
        take(source, LEVELS, after, 10, NO_FACTS)
