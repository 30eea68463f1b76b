"""The asset `execution_quality` over a ledger of two sessions, and its alert."""

from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from sqlalchemy import insert, update

from alchemiser_dagster.defs.execution_quality import execution_quality_assets
from alchemiser_dagster.defs.partitions import session_partitions
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tables import SessionTablesIOManager, TableStore
from alchemiser_dagster.ledger.schema import blocks, crosses
from alchemiser_dagster.settings import Home
from alchemiser_dagster.storage import open_files
from tests.ledger.traded import Traded, moment

D = Decimal
THIRD, FOURTH = "2026-11-03", "2026-11-04"


def materialise(folder: Path, price: str) -> dg.ExecuteInProcessResult:
    """Buy 300 XYZ at `price` and sell 100 ABC at 49.99, cross 6 XYZ a day later; make it all."""
    home = Home(folder)
    traded = Traded.at(f"sqlite:///{home.ledger}")
    traded.trade(2, "a buy 100 ABC @ 50.00")
    traded.trade(3, f"b buy 300 XYZ @ {price}")
    traded.trade(3, "a sell 100 ABC @ 49.99")
    session = traded.begin(4)
    with traded.ledger.write() as connection:
        for symbol, bid, ask in [("XYZ", "99.90", "100.10"), ("ABC", "49.99", "50.01")]:
            connection.execute(
                update(blocks)
                .where(blocks.c.symbol == symbol)
                .values(arrival_bid=D(bid), arrival_ask=D(ask))
            )
        connection.execute(
            insert(crosses).values(
                cross_id="x", session=session, symbol="XYZ", quantity=D(6), price=D(100),
                bid=D("99.90"), ask=D("100.10"), crossed_at=moment(4),
            )
        )  # fmt: skip
    traded.ledger.close()
    asset, check = execution_quality_assets(session_partitions(moment(3).date()))
    return dg.materialize(
        [asset, check],
        resources={
            "records": AccountRecords(home=str(folder), strategies=str(folder)),
            "session_tables": SessionTablesIOManager(root=str(home.tables)),
        },
        tags={
            "dagster/asset_partition_range_start": THIRD,
            "dagster/asset_partition_range_end": FOURTH,
        },
    )


def table(folder: Path, session: str) -> pl.DataFrame:
    return TableStore(open_files(Home(folder).tables)).read(["execution_quality"], session)


def test_a_row_a_block_and_a_row_a_cross(tmp_path: Path) -> None:
    done = materialise(tmp_path, "100.20")
    assert done.success
    traded, crossed = table(tmp_path, THIRD), table(tmp_path, FOURTH)
    assert traded.select("kind", "symbol", "side", "filled", "slippage_bps", "slippage").rows() == [
        ("block", "ABC", "sell", D(100), D(2), D("1.00")),
        ("block", "XYZ", "buy", D(300), D(20), D("60.00")),
    ]
    assert crossed.select("kind", "symbol", "filled", "spread_bps", "saved_spread").rows() == [
        ("cross", "XYZ", D(6), D(20), D("1.20")),
    ]


def test_the_metadata_has_the_session_in_sum(tmp_path: Path) -> None:
    """61.00 dollars of slippage on 35,000.00 at the mids: 17.43 basis points."""
    shown = {
        made.partition: {name: value.value for name, value in made.metadata.items()}
        for event in materialise(tmp_path, "100.20").get_asset_materialization_events()
        for made in [event.materialization]
    }
    assert shown[THIRD]["slippage (dollars)"] == 61.0
    assert shown[THIRD]["traded (dollars)"] == 35_059.0
    assert shown[THIRD]["slippage (bps)"] == pytest.approx(17.43, abs=0.01)
    assert shown[THIRD]["crosses"] == 0
    assert shown[FOURTH]["saved spread (dollars)"] == 1.2
    assert "slippage (bps)" not in shown[FOURTH]


def test_the_metadata_has_the_distribution_by_symbol(tmp_path: Path) -> None:
    shown = {
        made.partition: [
            dict(row.data) for row in made.metadata["slippage by symbol"].value.records
        ]
        for event in materialise(tmp_path, "100.20").get_asset_materialization_events()
        for made in [event.materialization]
    }
    assert [(row["symbol"], row["orders"], row["rating"]) for row in shown[THIRD]] == [
        ("ABC", 1, "good"),
        ("XYZ", 1, "poor"),
    ]
    xyz = shown[THIRD][1]
    assert (xyz["average (bps)"], xyz["median (bps)"], xyz["worst (bps)"]) == (20.0, 20.0, 20.0)
    assert (xyz["traded (dollars)"], xyz["slippage (dollars)"]) == (30_060.0, 60.0)
    assert shown[FOURTH] == []


def test_a_block_above_10_bps_and_100_dollars_is_an_alert(tmp_path: Path) -> None:
    done = materialise(tmp_path, "100.40")
    assert done.success
    (check,) = done.get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.metadata["blocks"].value == [
        "2026-11-03: buy XYZ: filled, 300 of 300 at 100.4000, slippage +40.00 bps (+120.00 dollars)"
    ]


def test_20_bps_and_60_dollars_are_none(tmp_path: Path) -> None:
    (check,) = materialise(tmp_path, "100.20").get_asset_check_evaluations()
    assert check.passed
