"""Saturday's comparison of the week's last bars with another vendor's file."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from alchemiser_dagster.market.sessions import NEW_YORK
from tests.world import market, take_bars

from .conftest import INCEPTION, make_world
from .evening import GOOD_BOOKS, Evening, check_of, rows_of

SATURDAY = date(2023, 12, 30)
SPLIT_UP = date(2023, 11, 15)
SETTING = "ALCHEMISER_SECOND_BARS"


@pytest.fixture
def evening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Evening]:
    """The account has Friday's snapshot; no second source is set."""
    monkeypatch.delenv(SETTING, raising=False)
    world = make_world(tmp_path, GOOD_BOOKS)
    take_bars(world.records, INCEPTION)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Evening(world, tmp_path, instance)


def tick(evening: Evening, day: date = SATURDAY) -> dg.RunRequest | dg.SkipReason:
    """What the schedule says at nine on a day."""
    with dg.build_schedule_context(
        evening.instance,
        scheduled_execution_time=datetime(day.year, day.month, day.day, 9, tzinfo=NEW_YORK),
        resources={"records": evening.world.records},
    ) as context:
        schedule = evening.definitions.resolve_schedule_def("cross_check")
        assert (schedule.cron_schedule, schedule.job_name) == ("0 9 * * 6", "cross_check")
        return schedule(context)  # type: ignore[return-value]


def checked(evening: Evening) -> dg.ExecuteInProcessResult:
    """The run that the tick requests."""
    request = tick(evening)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "cross_check:2023-12-29"
    return evening.run(date.fromisoformat(request.partition_key or ""), job="cross_check")


def second_source_says(
    evening: Evening, monkeypatch: pytest.MonkeyPatch, bars: pl.DataFrame
) -> None:
    path = evening.folder / "second.parquet"
    bars.write_parquet(path)
    monkeypatch.setenv(SETTING, str(path))


def compared(evening: Evening) -> dict[str, str]:
    table = evening.world.records.tables.read(["second_source"], str(INCEPTION))
    return dict(table.select("symbol", "status").rows())


def test_a_source_that_agrees(evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file ends later: what came after Friday is not compared."""
    second_source_says(evening, monkeypatch, market())
    result = checked(evening)
    assert result.success
    assert compared(evening) == dict.fromkeys(("BIL", "GLD", "SPY", "TLT"), "VALID")
    check = check_of(result, "second_source")
    assert check.passed
    assert rows_of(check) == []


def test_a_source_that_differs_in_one_symbol(
    evening: Evening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gold up to 2023-11-14 is 5 % higher there: one event, not one for every session."""
    earlier = (pl.col("symbol") == "GLD") & (pl.col("date") < SPLIT_UP)
    prices = ("open", "high", "low", "close")
    higher = [pl.when(earlier).then(pl.col(name) * 1.05).otherwise(name) for name in prices]
    bars = market().with_columns(
        price.alias(name) for name, price in zip(prices, higher, strict=True)
    )
    second_source_says(evening, monkeypatch, bars)
    result = checked(evening)
    assert compared(evening) == {"BIL": "VALID", "GLD": "MISMATCH", "SPY": "VALID", "TLT": "VALID"}
    check = check_of(result, "second_source")
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.asset_key == dg.AssetKey("daily_bars")
    (row,) = rows_of(check)
    sessions = market().filter(earlier).height
    assert row == {
        "session": "2023-12-29",
        "symbol": "GLD",
        "date": "2023-11-15",
        "severity": "warning",
        "says": "GLD: adj_close is 0.9524 times that of the second source on "
        f"{sessions} sessions from 2023-06-01 to 2023-11-14; the sources disagree about 2023-11-15",
    }
    # it is a person's to look at, and stops no book
    assert evening.stopped(INCEPTION) == {}


def test_without_a_second_source_the_tick_says_so(evening: Evening) -> None:
    skipped = tick(evening)
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == ("there is no second source: ALCHEMISER_SECOND_BARS names none")
    assert not evening.run(job="cross_check").success  # and a run by hand fails


def test_before_the_accounts_first_evening_there_is_nothing_to_compare(
    evening: Evening, monkeypatch: pytest.MonkeyPatch
) -> None:
    second_source_says(evening, monkeypatch, market())
    skipped = tick(evening, date(2023, 12, 23))
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "2023-12-22 was before the account's inception"


def test_a_file_that_is_gone_fails_the_run_by_name(
    evening: Evening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, str(evening.folder / "gone.parquet"))
    result = checked(evening)
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "gone.parquet: expected a parquet file of bars, was nothing there" in str(
        failure.event_specific_data
    )
