"""Performance through Dagster where a close is missing: the others go on, the run says why."""

from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from alchemiser_dagster.defs.account import account_assets
from alchemiser_dagster.defs.equity_history import EquityHistory
from alchemiser_dagster.defs.partitions import session_partitions
from alchemiser_dagster.defs.performance import performance_asset
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tables import SessionTablesIOManager
from alchemiser_dagster.settings import Home
from tests.ledger.traded import Traded
from tests.world import take_bars

TUESDAY, WEDNESDAY = date(2026, 11, 3), date(2026, 11, 4)


@pytest.fixture
def records(tmp_path: Path) -> AccountRecords:
    """Book a has 10 XYZ, book b 5 ABC; on Wednesday there is no bar of XYZ."""
    traded = Traded.at(f"sqlite:///{Home(tmp_path).ledger}")
    traded.trade(3, "a buy 10 XYZ @ 12")
    traded.trade(3, "b buy 5 ABC @ 20")
    traded.ledger.close()
    records = AccountRecords(home=str(tmp_path), strategies=str(tmp_path))
    rows = [
        (symbol, session, 12.0, 12.5, 11.5, 12.0, 1e6)
        for symbol, session in (("XYZ", TUESDAY), ("ABC", TUESDAY), ("ABC", WEDNESDAY))
    ]
    names = ["symbol", "date", "open", "high", "low", "close", "volume"]
    bars = pl.DataFrame(rows, schema=names, orient="row")
    take_bars(records, TUESDAY, bars)
    take_bars(records, WEDNESDAY, bars.filter(pl.col("date") == WEDNESDAY))
    return records


def materialise(records: AccountRecords, *keys: str) -> dg.ExecuteInProcessResult:
    partitions = session_partitions(TUESDAY)
    wide, _ = account_assets(partitions)
    return dg.materialize(
        [*wide, *(performance_asset(book, partitions) for book in ("a", "b"))],
        selection=dg.AssetSelection.assets(*(dg.AssetKey(key.split("/")) for key in keys)),
        resources={
            "records": records,
            "equity": EquityHistory(records=records),
            "session_tables": SessionTablesIOManager(root=Home(Path(records.home)).tables),
        },
        tags={
            "dagster/asset_partition_range_start": TUESDAY.isoformat(),
            "dagster/asset_partition_range_end": WEDNESDAY.isoformat(),
        },
        raise_on_error=False,
    )


def why(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    return {
        event.step_key or "": event.step_failure_data.error.message
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.error is not None
    }


def test_the_good_sessions_of_a_range_are_kept(records: AccountRecords) -> None:
    result = materialise(records, "performance/a", "performance/b")
    (reason,) = why(result).values()
    assert "performance/a: 2026-11-04: its bars have no close of what is held: XYZ (a)" in reason
    exists = records.tables.exists
    assert exists(["performance", "a"], TUESDAY.isoformat())
    assert not exists(["performance", "a"], WEDNESDAY.isoformat())
    assert exists(["performance", "b"], WEDNESDAY.isoformat())
    made = {event.partition for event in result.get_asset_materialization_events()}
    assert made == {TUESDAY.isoformat(), WEDNESDAY.isoformat()}


def test_one_book_without_a_close_does_not_hold_up_the_others(records: AccountRecords) -> None:
    result = materialise(records, "portfolio_performance")
    assert "2026-11-04" in why(result)["portfolio_performance"]
    books = {
        session: records.tables.read(["portfolio_performance"], session.isoformat())["book"]
        for session in (TUESDAY, WEDNESDAY)
    }
    assert set(books[TUESDAY]) == {"a", "b", "unallocated"}
    assert set(books[WEDNESDAY]) == {"b", "unallocated"}


def test_a_sum_that_lacks_a_book_is_none(records: AccountRecords) -> None:
    result = materialise(records, "account_performance")
    assert "XYZ (a)" in why(result)["account_performance"]
    assert records.tables.exists(["account_performance"], TUESDAY.isoformat())
    assert not records.tables.exists(["account_performance"], WEDNESDAY.isoformat())


def test_a_snapshot_that_is_not_there_is_the_reason(records: AccountRecords) -> None:
    records.tables.files.delete(f"daily_bars/{WEDNESDAY}.json")
    result = materialise(records, "performance/b")
    assert "2026-11-04" in why(result)["performance__b"]
    assert "held then: ABC (b)" in why(result)["performance__b"]
