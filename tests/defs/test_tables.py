from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from alchemiser_dagster.defs.tables import (
    SessionScans,
    SessionTables,
    SessionTablesIOManager,
    TableMissing,
    TableStore,
)
from alchemiser_dagster.storage import open_files

KEY = ["signal", "nuclear"]
WEIGHTS = pl.DataFrame({"symbol": ["TQQQ"], "weight": [1.0]})
DAYS = ["2026-11-18", "2026-11-19", "2026-11-20"]


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    store = TableStore(open_files(tmp_path))
    store.write(KEY, DAYS[0], WEIGHTS)
    assert store.read(KEY, DAYS[0]).equals(WEIGHTS)
    assert [path.name for path in (tmp_path / "signal" / "nuclear").iterdir()] == [
        "2026-11-18.parquet"
    ]


def test_a_table_that_is_not_there_says_why(tmp_path: Path) -> None:
    store = TableStore(open_files(tmp_path))
    with pytest.raises(TableMissing, match="signal/nuclear of 2026-11-18: it has not been"):
        store.read(KEY, DAYS[0])
    store.refuse(KEY, DAYS[0], "TQQQ has no bar")
    with pytest.raises(TableMissing, match="TQQQ has no bar"):
        store.read(KEY, DAYS[0])


def test_the_sessions_of_an_asset_and_those_that_were_refused(tmp_path: Path) -> None:
    store = TableStore(open_files(tmp_path))
    assert (store.sessions(KEY), store.refused(KEY)) == ([], [])
    store.write(KEY, DAYS[2], WEIGHTS)
    store.write(KEY, DAYS[0], WEIGHTS)
    store.refuse(KEY, DAYS[1], "TQQQ has no bar")
    store.write([*KEY, "deeper"], DAYS[1], WEIGHTS)
    store.write(["signal", "nuclear_2"], DAYS[1], WEIGHTS)
    assert (store.sessions(KEY), store.refused(KEY)) == ([DAYS[0], DAYS[2]], [DAYS[1]])


def test_a_refusal_replaces_an_earlier_table_and_the_other_way_round(tmp_path: Path) -> None:
    store = TableStore(open_files(tmp_path))
    store.write(KEY, DAYS[0], WEIGHTS)
    store.refuse(KEY, DAYS[0], "restated")
    with pytest.raises(TableMissing):
        store.read(KEY, DAYS[0])
    store.write(KEY, DAYS[0], WEIGHTS)
    assert store.refusal(KEY, DAYS[0]) is None


PARTITIONS = dg.StaticPartitionsDefinition(DAYS)


@dg.asset(
    partitions_def=PARTITIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    io_manager_key="session_tables",
)
def closes(context: dg.AssetExecutionContext) -> SessionTables:
    return {day: pl.DataFrame({"day": [day]}) for day in context.partition_keys}


@dg.asset(
    partitions_def=PARTITIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    io_manager_key="session_tables",
)
def doubled(closes: SessionScans) -> SessionTables:
    return {day: pl.concat([table, table]).collect() for day, table in closes.items()}


def folder_of(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.parquet")}


def test_a_range_gives_the_same_bytes_as_its_days(tmp_path: Path) -> None:
    ranged, daily = tmp_path / "range", tmp_path / "days"
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            [closes, doubled],
            instance=instance,
            resources={"session_tables": SessionTablesIOManager(root=str(ranged))},
            tags={
                "dagster/asset_partition_range_start": DAYS[0],
                "dagster/asset_partition_range_end": DAYS[-1],
            },
        )
        for day in DAYS:
            dg.materialize(
                [closes, doubled],
                instance=instance,
                resources={"session_tables": SessionTablesIOManager(root=str(daily))},
                partition_key=day,
            )
    assert len(folder_of(ranged)) == 6
    assert folder_of(ranged) == folder_of(daily)


def test_a_session_left_out_is_refused(tmp_path: Path) -> None:
    @dg.asset(partitions_def=PARTITIONS, io_manager_key="session_tables")
    def forgetful() -> SessionTables:
        return {}

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [forgetful],
            instance=instance,
            resources={"session_tables": SessionTablesIOManager(root=str(tmp_path))},
            partition_key=DAYS[0],
            raise_on_error=False,
        )
    assert not result.success
