"""The loop as a whole: bars to signals to plans to trades to lots, through Dagster's own jobs.

Five books: two of them cannot have a signal, one because its text is broken, one because the bars
do not reach back far enough. The other three trade all the same.
"""

import fcntl
from datetime import date
from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from sqlalchemy import func, select

from alchemiser_dagster.commands.replay import dagster_instance
from alchemiser_dagster.definitions import build_definitions
from alchemiser_dagster.defs.account import account_assets
from alchemiser_dagster.ledger.queries import book_cash, outcomes, positions
from alchemiser_dagster.ledger.schema import cash_entries, orders
from alchemiser_dagster.settings import Home
from tests.world import STEADY, write_strategies

from .conftest import INCEPTION, SESSIONS, World, make_world

GOOD = ["momentum", "steady", "switch"]
LAST = SESSIONS[-1].isoformat()


def test_every_session_is_one_run_of_the_trading_job(instance: dg.DagsterInstance) -> None:
    runs = instance.get_runs(dg.RunsFilter(job_name="trade_session"))
    assert sorted(run.tags["dagster/partition"] for run in runs) == [
        d.isoformat() for d in SESSIONS
    ]
    assert all(run.is_success for run in runs)


def test_books_that_can_trade_do_and_the_others_say_why_not(world: World) -> None:
    with world.ledger.read() as connection:
        ended = {row.book: row for row in outcomes(connection, SESSIONS[0])}
    assert [ended[book].state for book in GOOD] == ["traded"] * 3
    assert ended["broken"].state == "failed"
    assert "broken.clj:2:" in ended["broken"].reason or "broken.clj:1:" in ended["broken"].reason
    assert "never closed" in ended["broken"].reason
    assert ended["needs_more"].state == "failed"
    assert "needs 200 bars, SPY has 147, 53 bars short" in ended["needs_more"].reason


def test_the_books_hold_what_they_want(world: World) -> None:
    steady = world.records.tables.read(["performance", "steady"], LAST).row(0, named=True)
    prices = pl.read_parquet(world.facts.bars or "").filter(pl.col("date") == SESSIONS[-1])
    spy = Decimal(str(prices.filter(pl.col("symbol") == "SPY")["close"].item()))
    with world.ledger.read() as connection:
        held = positions(connection)
    # half of 98 % of the book's net asset value, give or take a day's drift
    assert held["steady"]["SPY"] * spy == pytest.approx(
        steady["nav"] * Decimal("0.49"), rel=Decimal("0.02")
    )
    assert set(held) == set(GOOD)


def test_signals_are_one_table_a_session(world: World) -> None:
    for session in [INCEPTION, *SESSIONS]:
        table = world.records.tables.read(["signal", "steady"], session.isoformat())
        same = {
            "date": session,
            "strategy": "steady",
            "weight": 0.5,
            "snapshot": world.records.snapshots.get(session).sha256,
        }
        assert table.to_dicts() == [{"symbol": "SPY"} | same, {"symbol": "TLT"} | same]


def test_a_snapshot_of_bars_ends_with_its_session(world: World) -> None:
    for session in SESSIONS:
        bars = world.records.snapshots.scan(session).collect()
        assert bars["date"].max() == session


def test_the_newest_signal_is_explained(instance: dg.DagsterInstance) -> None:
    (newest,) = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(["signal", "momentum"]), asset_partitions=[LAST]), limit=1
    ).records
    assert newest.asset_materialization is not None
    metadata = newest.asset_materialization.metadata
    assert set(metadata) >= {"weights", "fragile", "explanation"}
    assert metadata["explanation"].value["session"] == LAST  # type: ignore[index, call-overload]


def test_model_history_is_one_table_with_statistics(
    world: World, instance: dg.DagsterInstance
) -> None:
    result = (
        world.definitions()
        .resolve_job_def("history")
        .execute_in_process(instance=instance, raise_on_error=False)
    )
    made = {event.asset_key.path[-1] for event in result.get_asset_materialization_events()}
    assert made == {*GOOD, "needs_more"} - {"needs_more"}
    paper = world.records.tables.read(["history", "steady"], "all")
    assert paper.columns == ["date", "gross", "net", "turnover", "same_close"]
    assert paper.height > 100


def test_consolidated_portfolio_names_who_is_missing(
    world: World, instance: dg.DagsterInstance
) -> None:
    table = world.records.tables.read(["consolidated_portfolio"], LAST)
    assert table["share"].sum() == pytest.approx(0.8)
    assert set(table["book"]) == set(GOOD)
    event = instance.get_latest_materialization_event(dg.AssetKey("consolidated_portfolio"))
    assert event is not None
    materialization = event.asset_materialization
    assert materialization is not None
    missing = materialization.metadata["missing books"].value
    assert set(missing) == {"broken", "needs_more"}  # type: ignore[arg-type]
    assert materialization.metadata["sums to 1 within 1 %"].value is False


def test_performance_adds_up_to_the_account(world: World) -> None:
    table = world.records.tables.read(["portfolio_performance"], LAST)
    paid_in, nav = table["net_flows"].sum(), table["nav"].sum()
    assert paid_in == 100_000
    assert nav - paid_in == table["realized_pnl"].sum() + table["unrealized_pnl"].sum()
    with world.ledger.read() as connection:
        assert table["cash"].sum() == sum(book_cash(connection).values())


def test_the_check_against_the_broker_passed(instance: dg.DagsterInstance) -> None:
    (check,) = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey("account"), "books_sum_to_broker"), limit=1
    )
    assert check.status.value == "SUCCEEDED"


def files_of(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.parquet"))}


def test_after_close_assets_made_again_give_the_same_bytes(
    world: World, instance: dg.DagsterInstance
) -> None:
    """One session at a time and later than everything, against the range of the replay."""
    before = files_of(Path(world.home.tables))
    result = (
        world.definitions()
        .resolve_job_def("after_close")
        .execute_in_process(instance=instance, partition_key=SESSIONS[0].isoformat())
    )
    assert result.success
    assert files_of(Path(world.home.tables)) == before


def test_materialising_everything_again_sends_no_order(
    world: World, instance: dg.DagsterInstance
) -> None:
    with world.ledger.read() as connection:
        sent = connection.execute(select(func.count()).select_from(orders)).scalar_one()
    jobs = world.definitions()
    for job, session in [("evening", SESSIONS[1]), ("plan_session", SESSIONS[1])]:
        jobs.resolve_job_def(job).execute_in_process(
            instance=instance, partition_key=session.isoformat(), raise_on_error=False
        )
    with world.ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(orders)).scalar_one() == sent


def test_of_two_trading_runs_the_second_ends_cleanly(
    world: World, instance: dg.DagsterInstance
) -> None:
    """The lock is held by "another process"; nothing is asked of the broker and nothing is sent."""
    with world.home.lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        result = (
            world.definitions()
            .resolve_job_def("trade_session")
            .execute_in_process(instance=instance, partition_key=LAST)
        )
    assert result.success
    skipped = {event.node_name for event in result.all_events if event.is_step_skipped}
    assert {"open_session", "sales", "purchases", "settle"} <= skipped


def test_a_missing_cent_fails_the_check_and_the_run(tmp_path: Path) -> None:
    made = make_world(tmp_path, {"steady": (STEADY, "1")})
    made.replay(SESSIONS[:1])
    with made.ledger.write() as connection:
        connection.execute(
            cash_entries.update()
            .where(cash_entries.c.kind == "buy", cash_entries.c.entry_id == 4)
            .values(amount=cash_entries.c.amount + Decimal("0.01"))
        )
    with dagster_instance(made.home) as instance:
        result = (
            made.definitions()
            .resolve_job_def("after_close")
            .execute_in_process(
                instance=instance, partition_key=SESSIONS[0].isoformat(), raise_on_error=False
            )
        )
    assert not result.success
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert not checks["books_sum_to_broker"].passed
    assert "-0.01" in str(checks["books_sum_to_broker"].metadata["differences"].value)


@pytest.mark.campaign
def test_a_book_added_later_is_funded_by_what_is_unallocated(tmp_path: Path) -> None:
    made = make_world(tmp_path, {"steady": (STEADY, "0.6")})
    made.replay(SESSIONS[:1])
    write_strategies(tmp_path, {"steady": (STEADY, "0.6"), "late": (STEADY, "0.3")})
    made.replay(SESSIONS[1:2])
    with made.ledger.read() as connection:
        cash = book_cash(connection)
        ended = {row.book: row.state for row in outcomes(connection, SESSIONS[1])}
    assert cash["unallocated"] == 10_000
    assert ended == {"steady": "traded", "late": "traded"}


def test_definitions_load_before_any_account_is_opened(tmp_path: Path) -> None:
    strategies = write_strategies(tmp_path)
    definitions = build_definitions(Home(tmp_path / "nothing"), str(strategies))
    dg.Definitions.validate_loadable(definitions)
    keys = {key.to_user_string() for key in definitions.resolve_all_asset_keys()}
    assert {"daily_bars", "signal/steady", "plan/steady", "trading_session"} <= keys
    assert not (tmp_path / "nothing").exists()


def test_asset_functions_cannot_reach_the_broker(world: World) -> None:
    """No asset asks for the trading desk: it is only given to ops of the job and the sensor."""
    definitions = world.definitions()
    for assets in definitions.assets or []:
        if isinstance(assets, dg.AssetsDefinition):
            assert "trading" not in assets.required_resource_keys
    wide, checks = account_assets(dg.StaticPartitionsDefinition([LAST]))
    assert all("trading" not in asset.required_resource_keys for asset in [*wide, *checks])
    assert date.fromisoformat(LAST) == SESSIONS[-1]
