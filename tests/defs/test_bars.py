"""The market data of an account: one bad symbol, a vendor that restates, repairs at noon."""

import socket
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from alchemiser_dagster.commands.replay import QUIET
from alchemiser_dagster.defs.bars import FINDINGS
from alchemiser_dagster.defs.resources import Market
from alchemiser_dagster.defs.wishes import book_wish
from alchemiser_dagster.market.sessions import NEW_YORK
from tests.world import market, take_bars

from .conftest import INCEPTION, make_world
from .evening import EVENING, GOOD_BOOKS, Evening, check_of, rows_of

TUESDAY = date(2024, 1, 2)


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[Evening]:
    world = make_world(tmp_path, GOOD_BOOKS)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Evening(world, tmp_path, instance)


def gold(day: date, close: float) -> pl.DataFrame:
    """The market with another close of gold on a day."""
    there = (pl.col("symbol") == "GLD") & (pl.col("date") == day)
    return market().with_columns(close=pl.when(there).then(close).otherwise("close"))


def test_sound_bars_pass_every_check_and_every_book_has_a_signal(evening: Evening) -> None:
    result = evening.run()
    failed = {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}
    # the broker is not running, so its calendar cannot be compared; the file has no actions
    assert failed == {"agrees_with_broker", "bars_due"}
    assert evening.books_with_signal() == {"steady", "switch"}


def test_m19_a_bad_symbol_stops_the_books_that_use_it_and_no_others(evening: Evening) -> None:
    evening.vendor_says(gold(date(2023, 12, 20), float("nan")))
    result = evening.run()
    assert evening.books_with_signal() == {"steady"}
    assert "GLD (prices)" in evening.why_not("switch")
    prices = check_of(result, "prices")
    assert not prices.passed
    assert prices.severity is dg.AssetCheckSeverity.ERROR
    assert check_of(result, "symbols").passed
    assert {(row["symbol"], row["date"]) for row in rows_of(prices)} == {("GLD", "2023-12-20")}


def test_m20_no_bar_for_an_active_symbol_is_an_error_of_its_books(evening: Evening) -> None:
    evening.vendor_says(market().filter(pl.col("symbol") != "BIL"))
    result = evening.run()
    assert evening.books_with_signal() == {"steady"}
    assert "BIL (symbols)" in evening.why_not("switch")
    assert not check_of(result, "symbols").passed


def test_a_symbol_one_session_behind_is_an_error(evening: Evening) -> None:
    late = (pl.col("symbol") == "TLT") & (pl.col("date") == INCEPTION)
    evening.vendor_says(market().filter(~late))
    evening.run()
    assert evening.books_with_signal() == {"switch"}
    assert "TLT (last_session)" in evening.why_not("steady")


def test_without_any_bar_of_the_session_the_evening_fails_and_nothing_is_lost(
    evening: Evening,
) -> None:
    evening.run()
    before = evening.world.records.snapshots.get(INCEPTION)
    evening.vendor_says(market().filter(pl.col("date") < INCEPTION))
    assert not evening.run().success
    records = evening.world.records
    assert records.snapshots.get(INCEPTION) == before
    assert "expected bars of 2023-12-29" in (records.snapshots.refusal(INCEPTION) or "")
    assert evening.books_with_signal() == {"steady", "switch"}


def test_a_vendors_file_cut_short_fails_the_evening_and_nothing_is_lost(evening: Evening) -> None:
    evening.run(job="bars")
    records = evening.world.records
    before = records.snapshots.get(INCEPTION)
    vendors = evening.folder / "bars.parquet"
    vendors.write_bytes(vendors.read_bytes()[:-100])
    assert not evening.run(job="bars").success
    assert records.snapshots.get(INCEPTION) == before
    assert records.snapshots.scan(INCEPTION).collect().height == before.rows
    assert "bars.parquet: expected a whole parquet file" in (
        records.snapshots.refusal(INCEPTION) or ""
    )
    assert evening.stopped(INCEPTION) == {}


def test_bad_bars_that_the_vendor_mends_by_noon_are_traded_on(evening: Evening) -> None:
    evening.vendor_says(gold(date(2023, 12, 20), -1.0))
    evening.run()
    assert evening.books_with_signal() == {"steady"}
    request = noon(evening)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == EVENING
    assert request.tags["alchemiser/repair"] == "errors of GLD"
    evening.vendor_says(market())
    evening.run()
    assert evening.books_with_signal() == {"steady", "switch"}
    assert isinstance(noon(evening), dg.SkipReason)


def test_m76_what_fails_at_noon_is_refused_at_the_close(evening: Evening) -> None:
    """The signal of the evening stays; the trading job looks at the latest checks."""
    evening.run()
    assert evening.books_with_signal() == {"steady", "switch"}
    evening.vendor_says(gold(date(2023, 12, 20), 0.0))
    evening.definitions.resolve_job_def("bars").execute_in_process(
        instance=evening.instance, partition_key=EVENING, run_config=QUIET
    )
    records = evening.world.records
    books = {book.name: book for book in records.books()}
    assert "GLD (prices)" in (book_wish(records, books["switch"], TUESDAY).missing or "")
    assert "GLD" not in (book_wish(records, books["steady"], TUESDAY).missing or "")


def test_bars_that_were_taken_and_not_checked_are_not_traded_on(evening: Evening) -> None:
    evening.run()
    records = evening.world.records
    records.tables.refuse([FINDINGS], EVENING, "daily_bars was taken and not checked since")
    for book in records.books():
        assert "not checked since" in (book_wish(records, book, TUESDAY).missing or "")


def test_m14_the_same_market_is_the_same_snapshot_and_another_is_another(evening: Evening) -> None:
    evening.run()
    records = evening.world.records
    once = records.snapshots.get(INCEPTION)
    evening.run()
    assert records.snapshots.get(INCEPTION).sha256 == once.sha256
    evening.vendor_says(gold(date(2023, 12, 20), 180.000001))
    evening.run()
    assert records.snapshots.get(INCEPTION).sha256 != once.sha256
    # and the first can still be read, for the signals that were made from it
    assert records.snapshots.scan(INCEPTION, once.sha256).collect().height == once.rows


def test_m36_a_signal_is_made_again_from_the_snapshot_it_names(evening: Evening) -> None:
    evening.run()
    records = evening.world.records
    signal = records.tables.read(["signal", "switch"], EVENING)
    evening.vendor_says(gold(INCEPTION, 1.0))
    evening.run()
    again = records.snapshots.scan(INCEPTION, signal["snapshot"][0]).collect()
    assert again.filter(symbol="GLD", date=INCEPTION)["close"].item() != 1.0


def test_a_range_gives_the_same_snapshots_as_its_days(evening: Evening, tmp_path: Path) -> None:
    days = [INCEPTION, TUESDAY, date(2024, 1, 3)]
    evening.run(*days)
    ranged = [evening.world.records.snapshots.get(day).sha256 for day in days]
    (tmp_path / "other").mkdir()
    other = make_world(tmp_path / "other", GOOD_BOOKS)
    single = Evening(other, tmp_path / "other", evening.instance)
    for day in days:
        single.run(day)
    assert [other.records.snapshots.get(day).sha256 for day in days] == ranged


def test_a_damaged_snapshot_is_named_and_nobody_trades_on_it(evening: Evening) -> None:
    evening.run()
    records = evening.world.records
    snapshot = records.snapshots.get(INCEPTION)
    (file,) = [
        name for name in records.tables.files.names("daily_bars/") if snapshot.sha256 in name
    ]
    content = records.tables.files.read(file)
    records.tables.files.write(file, content[: len(content) // 2])
    wish = book_wish(records, records.books()[0], TUESDAY)
    result = evening.definitions.resolve_job_def("plan_session").execute_in_process(
        instance=evening.instance,
        partition_key=str(TUESDAY),
        run_config=QUIET,
        raise_on_error=False,
    )
    assert not result.success
    assert wish.missing is not None
    refusal = records.tables.refusal(["plan", "steady"], str(TUESDAY)) or ""
    assert snapshot.sha256[:12] in refusal
    assert "daily_bars" in refusal


def noon(evening: Evening) -> dg.RunRequest | dg.SkipReason:
    schedule = evening.definitions.resolve_schedule_def("noon_repair")
    records = evening.world.records
    with dg.build_schedule_context(
        evening.instance,
        scheduled_execution_time=datetime(2024, 1, 2, 12, tzinfo=NEW_YORK),
        resources={"records": records, "market": Market(records=records)},
    ) as context:
        return schedule(context)  # type: ignore[return-value]


def test_noon_has_nothing_to_do_where_the_bars_are_sound(evening: Evening) -> None:
    take_bars(evening.world.records, INCEPTION)
    skipped = noon(evening)
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "the bars of 2023-12-29 are sound"


def test_in_a_bucket_everything_is_as_in_a_folder(
    evening: Evening, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bars, findings, signals and a plan, over HTTP."""
    evening.run()
    records = evening.world.records
    here = records.snapshots.get(INCEPTION)
    signal = records.tables.read(["signal", "switch"], EVENING)
    monkeypatch.setenv("ALCHEMISER_TABLES", f"s3://{bucket}/tables")
    there = evening.world.records
    assert there.snapshots.find(INCEPTION) is None
    evening.run()
    assert there.snapshots.get(INCEPTION).sha256 == here.sha256
    assert there.tables.read(["signal", "switch"], EVENING).equals(signal)
    assert there.tables.files.names("daily_bars/") == [
        "daily_bars/2023-12-29.json",
        f"daily_bars/2023-12-29/{here.sha256}.parquet",
    ]
    assert there.tables.files.location("x") == f"s3://{bucket}/tables/account/x"


def test_m27_a_signal_asks_nobody(evening: Evening, monkeypatch: pytest.MonkeyPatch) -> None:
    """A symbol that is missing is an error by name; evaluation has no way to fetch it."""
    evening.vendor_says(market().filter(pl.col("symbol") != "GLD"))
    evening.run()
    records = evening.world.records
    records.tables.files.delete(f"signal/steady/{EVENING}.parquet")

    def no_network(*_: object) -> None:
        raise AssertionError("expected no network call, was one")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    result = evening.definitions.resolve_job_def("evening").execute_in_process(
        instance=evening.instance,
        partition_key=EVENING,
        asset_selection=[dg.AssetKey(["signal", name]) for name in GOOD_BOOKS],
        raise_on_error=False,
        run_config=QUIET,
    )
    assert not result.success
    assert evening.books_with_signal() == {"steady"}
    assert "GLD (symbols)" in evening.why_not("switch")
