"""The account by its books and by its broker, through Dagster, in the replayed world."""

from decimal import Decimal

import dagster as dg
import polars as pl
import pytest

from alchemiser_dagster.commands.replay import embedded_broker
from alchemiser_dagster.defs.account_performance import ACCOUNT_PERFORMANCE
from alchemiser_dagster.defs.equity_history import EQUITY_HISTORY, EquityHistory
from alchemiser_dagster.defs.reference import WHOLE

from .conftest import SESSIONS, World

CENT = Decimal("0.01")


def account(world: World) -> pl.DataFrame:
    return pl.concat(
        world.records.tables.read([ACCOUNT_PERFORMANCE], session.isoformat())
        for session in SESSIONS
    )


def check(world: World, instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    """Judge all sessions with the tables as they are now."""
    key = dg.AssetCheckKey(dg.AssetKey(ACCOUNT_PERFORMANCE), "parts_sum_to_account")
    job = dg.define_asset_job("judge", selection=dg.AssetSelection.assets(ACCOUNT_PERFORMANCE))
    definitions = dg.Definitions.merge(world.definitions(), dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("judge").execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags={
            "dagster/asset_partition_range_start": SESSIONS[0].isoformat(),
            "dagster/asset_partition_range_end": SESSIONS[-1].isoformat(),
        },
    )
    (found,) = [e for e in result.get_asset_check_evaluations() if e.asset_check_key == key]
    return found


def test_the_books_are_worth_what_the_broker_says(world: World) -> None:
    table = account(world)
    assert table["date"].to_list() == SESSIONS
    assert table["equity"].null_count() == 0
    assert table["residual"].abs().max() <= CENT
    books = world.records.tables.read(["portfolio_performance"], SESSIONS[-1].isoformat())
    last = table.row(-1, named=True)
    assert books["nav"].sum() == last["nav"]
    assert books["market_value"].sum() == last["long_market_value"]
    deployed = Decimal(100) * last["long_market_value"] / last["nav"]
    assert last["capital_deployed_pct"] == deployed.quantize(CENT)
    assert last["capital_deployed_pct"] + last["cash_share_pct"] == pytest.approx(Decimal(100))


def test_what_was_earned_is_the_change_of_the_nav(world: World) -> None:
    table = account(world)
    assert table["flow"].to_list() == [0, 0, 0], "all of it was put in on the first evening"
    assert table["pnl"].sum() == table["nav"][-1] - 100_000
    assert table["time_weighted_return"][-1] == pytest.approx(float(table["nav"][-1]) / 1e5 - 1)


def test_the_equity_history_has_every_close_of_the_account(world: World) -> None:
    known = world.records.tables.read([EQUITY_HISTORY], WHOLE)
    assert known["date"].to_list() == SESSIONS, "it was opened after the close of INCEPTION"
    assert known["equity"].is_between(95_000, 105_000).all()


def test_the_resource_reads_and_can_do_nothing_else(world: World) -> None:
    equity = EquityHistory(records=world.records)
    with embedded_broker(world.home, world.facts, world.strategies):
        told = {point.session: point.equity for point in equity.since(SESSIONS[1])}
    assert list(told) == SESSIONS[1:]
    public = {name for name in vars(EquityHistory) if not name.startswith(("_", "model_"))}
    assert public == {"since"}


def test_a_residual_is_alerted_with_what_it_is_made_of(
    world: World, instance: dg.DagsterInstance
) -> None:
    tables = world.records.tables
    known = tables.read([EQUITY_HISTORY], WHOLE)
    try:
        is_second = pl.col("date") == SESSIONS[1]
        more = pl.col("equity") + Decimal(20)
        wrong = known.with_columns(equity=pl.when(is_second).then(more).otherwise("equity"))
        tables.write([EQUITY_HISTORY], WHOLE, wrong.filter(pl.col("date") != SESSIONS[2]))
        found = check(world, instance)
    finally:
        tables.write([EQUITY_HISTORY], WHOLE, known)
        assert check(world, instance).passed
    assert not found.passed
    assert found.metadata["apart"].value == 1
    assert found.metadata["broker has not said"].value == SESSIONS[2].isoformat()
    table = found.metadata["rows"]
    assert isinstance(table, dg.TableMetadataValue)
    rows = [record.data for record in table.records]
    assert [row["what"] for row in rows] == ["broker's equity", "books' NAV", "residual"]
    assert Decimal(str(rows[-1]["dollars"])) == pytest.approx(Decimal(20), abs=CENT)
