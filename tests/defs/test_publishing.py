"""The published tables as assets: off by default, on by a setting, and a failure that is one."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from alchemiser_dagster.publishing.dynamodb import PublishedTable, dynamodb_client
from alchemiser_dagster.publishing.readers import published_lots, published_strategies
from alchemiser_dagster.publishing.tables import (
    STRATEGY_PERFORMANCE,
    TRADE_LEDGER,
    create_table,
)
from alchemiser_dagster.settings import Publishing, SettingsError, publishing
from alchemiser_dagster.storage import open_files
from tests.publishing.interference import Interference, server
from tests.world import STEADY

from .conftest import SESSIONS, World, make_world

__all__ = ["server"]

SETTINGS = {
    "ledger": "ALCHEMISER_PUBLISH_LEDGER",
    "performance": "ALCHEMISER_PUBLISH_PERFORMANCE",
    "reports": "ALCHEMISER_PUBLISH_REPORTS",
}
FIRST, LAST = (session.isoformat() for session in (SESSIONS[0], SESSIONS[-1]))
Run = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS.values():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("alchemiser_dagster.defs.publishing.RETRIES", dg.RetryPolicy(max_retries=2))


@pytest.fixture
def tables(server: Interference, monkeypatch: pytest.MonkeyPatch) -> dict[str, PublishedTable]:
    """Two tables, and the settings that name them."""
    client, made = dynamodb_client(), {}
    for kind, schema in (("ledger", TRADE_LEDGER), ("performance", STRATEGY_PERFORMANCE)):
        name = f"{kind}-{uuid4().hex}"
        list(create_table(client, name, schema))
        monkeypatch.setenv(SETTINGS[kind], name)
        made[kind] = PublishedTable(name, client)
    return made


@pytest.fixture
def run(world: World) -> Iterator[Run]:
    """Materialises a published asset over the sessions, or one of them, with its checks."""
    with dg.DagsterInstance.ephemeral() as instance:

        @cache
        def job(asset: str) -> dg.JobDefinition:
            made = dg.Definitions(jobs=[dg.define_asset_job("job", selection=[asset])])
            return dg.Definitions.merge(world.definitions(), made).resolve_job_def("job")

        def run(asset: str, session: str | None = None) -> dg.ExecuteInProcessResult:
            span = {
                "dagster/asset_partition_range_start": session or FIRST,
                "dagster/asset_partition_range_end": session or LAST,
            }
            return job(asset).execute_in_process(instance=instance, tags=span, raise_on_error=False)

        yield run


def failures(result: dg.ExecuteInProcessResult) -> list[str]:
    return [
        event.step_failure_data.user_failure_data.description or ""
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.user_failure_data is not None
    ]


def written(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, object]:
    """The metadata of a materialisation: what was written where."""
    event = result.asset_materializations_for_node(asset)[0]
    return {name: value.value for name, value in event.metadata.items()}


def ledger_bytes(world: World) -> str:
    world.ledger.close()
    return hashlib.sha256(world.home.ledger.read_bytes()).hexdigest()


def published_keys(world: World) -> set[str]:
    keys = {key.to_user_string() for key in world.definitions().resolve_all_asset_keys()}
    return {key for key in keys if key.startswith("published")}


def test_nothing_is_published_by_itself(world: World) -> None:
    assert publishing() == Publishing()
    assert published_keys(world) == set()


@pytest.mark.parametrize("kind", list(SETTINGS))
def test_an_asset_is_there_where_its_setting_is(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv(SETTINGS[kind], "some-place")
    assert published_keys(world) == {f"published_{kind}"}


@pytest.mark.parametrize("name", ["a", "trade ledger", "trade/ledger", "x" * 256])
def test_a_name_that_no_table_can_have_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("ALCHEMISER_PUBLISH_LEDGER", name)
    with pytest.raises(SettingsError, match="ALCHEMISER_PUBLISH_LEDGER: expected the name"):
        publishing()


def test_one_table_for_both_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("ledger", "performance"):
        monkeypatch.setenv(SETTINGS[kind], "one-table")
    with pytest.raises(SettingsError, match="expected two tables, was one-table for both"):
        publishing()


def test_the_ledger_is_published_and_checked_against_itself(
    world: World, tables: dict[str, PublishedTable], run: Run, server: Interference
) -> None:
    before = ledger_bytes(world)
    result = run("published_ledger")
    assert result.success, failures(result)
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("published_matches_ledger", True), check.metadata
    assert server.calls["Query"] > 0
    assert set(published_strategies(tables["ledger"])) == {
        "broken", "momentum", "needs_more", "steady", "switch", "unallocated", "unattributed",
    }  # fmt: skip
    assert {lot["symbol"] for lot in published_lots(tables["ledger"], "steady")} == {"SPY", "TLT"}
    again = written(run("published_ledger"), "published_ledger")
    assert {name: again[name] for name in ("trades", "lots", "signals", "deleted")} == {
        "trades": 0, "lots": 0, "signals": 0, "deleted": 0,
    }  # fmt: skip
    assert ledger_bytes(world) == before


def test_a_table_that_says_otherwise_fails_the_check(
    world: World, tables: dict[str, PublishedTable], run: Run
) -> None:
    """The first session only: what was traded after it is missing."""
    result = run("published_ledger", FIRST)
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    found = check.metadata["found"].value
    assert isinstance(found, int)
    assert found > 0


def test_performance_is_published_with_the_newest_as_the_latest(
    world: World, tables: dict[str, PublishedTable], run: Run
) -> None:
    result = run("published_performance")
    assert result.success, failures(result)
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("snapshots_match_ledger", True), check.metadata
    assert written(result, "published_performance")["snapshots"] == 6 * len(SESSIONS)
    run("published_performance", FIRST)
    key = ("LATEST", "STRATEGY#steady")
    latest = tables["performance"].get([key])[key]
    steady = world.records.tables.read(["performance", "steady"], LAST).row(0, named=True)
    assert latest["snapshot_timestamp"] == "2024-01-04T21:00:00+00:00"
    assert float(latest["nav"]) == float(steady["nav"])
    assert latest["correlation_id"] == steady["correlation_id"]
    capital = ("LATEST", "CAPITAL_DEPLOYED")
    account = world.records.tables.read(["account_performance"], LAST).row(0, named=True)
    assert float(tables["performance"].get([capital])[capital]["capital_deployed_pct"]) == float(
        account["capital_deployed_pct"]
    )


def test_reports_are_put_into_a_bucket(
    world: World, bucket: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = f"s3://{bucket}/reports"
    monkeypatch.setenv(SETTINGS["reports"], location)
    first = run("published_reports")
    assert first.success, failures(first)
    assert written(first, "published_reports") == {"location": location, "written": 9}
    files = open_files(location)
    stored = {name: files.read(name) for name in files.names("")}
    assert list(stored) == [
        f"{report}/{session}.csv"
        for report in ("open_lots", "performance", "trades")
        for session in SESSIONS
    ]
    assert len(stored[f"performance/{LAST}.csv"].splitlines()) == 1 + 6
    assert written(run("published_reports"), "published_reports")["written"] == 0
    assert {name: files.read(name) for name in files.names("")} == stored


def test_a_failure_in_the_middle_leaves_the_ledger_alone_and_is_completed_by_the_next_run(
    world: World, tables: dict[str, PublishedTable], run: Run, server: Interference
) -> None:
    before = ledger_bytes(world)
    server.refuse("BatchWriteItem", "InternalServerError", status=500, skip=1)
    result = run("published_ledger")
    assert not result.success
    (said,) = failures(result)
    assert said.startswith(f"published_ledger of {FIRST} to {LAST}: DynamoDB table ")
    assert len([event for event in result.all_events if event.is_step_up_for_retry]) == 2
    assert ledger_bytes(world) == before
    server.stop()
    completed = run("published_ledger")
    assert completed.success
    (check,) = completed.get_asset_check_evaluations()
    assert check.passed, check.metadata


def test_a_short_outage_is_waited_for(
    tables: dict[str, PublishedTable], run: Run, server: Interference
) -> None:
    server.refuse("BatchWriteItem", "ThrottlingException", times=1)
    assert run("published_ledger").success


@pytest.mark.parametrize("kind", ["ledger", "performance"])
def test_a_table_that_is_not_there_is_a_failure_with_a_name_and_is_not_tried_again(
    server: Interference, run: Run, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv(SETTINGS[kind], "nowhere")
    result = run(f"published_{kind}")
    assert not result.success
    (said,) = failures(result)
    assert (
        f"published_{kind} of {FIRST} to {LAST}: DynamoDB table nowhere: expected a table" in said
    )
    assert not [event for event in result.all_events if event.is_step_up_for_retry]


def test_a_bucket_that_is_not_there_is_a_failure_with_a_name(
    server: Interference, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTINGS["reports"], f"s3://nowhere-{uuid4().hex}/reports")
    (said,) = failures(run("published_reports"))
    assert said.startswith(f"published_reports of {FIRST} to {LAST}: s3://nowhere-")


def test_they_follow_what_they_are_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once fills and lots of a session are there, the ledger is published."""
    monkeypatch.setenv(SETTINGS["ledger"], "trade-ledger")
    world = make_world(tmp_path, {"steady": (STEADY, "1")})
    definitions = world.definitions()
    sensor = definitions.resolve_sensor_def("after_close_automation")
    assert isinstance(sensor, dg.AutomationConditionSensorDefinition)
    graph = definitions.resolve_asset_graph()
    key = dg.AssetKey("published_ledger")
    assert key in sensor.asset_selection.resolve(graph)
    evening = datetime.fromisoformat("2024-01-02T18:00:00-05:00")
    day = {"fills": "2024-01-02", "lots": "2024-01-02", "signal": "2023-12-29"}
    with dg.DagsterInstance.ephemeral() as instance:
        before = dg.evaluate_automation_conditions(definitions, instance, evaluation_time=evening)
        assert before.get_requested_partitions(key) == set()
        for stage, partition in day.items():
            instance.report_runless_asset_event(
                dg.AssetMaterialization([stage, "steady"], partition=partition)
            )
        after = dg.evaluate_automation_conditions(
            definitions,
            instance,
            cursor=before.cursor,
            evaluation_time=evening + timedelta(minutes=5),
        )
    assert after.get_requested_partitions(key) == {"2024-01-02"}
