"""The tearsheets through Dagster, of the replayed world."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from alchemiser_dagster.commands.replay import dagster_instance, failures_of
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.defs.tearsheet_data import every_session, tearsheet_data
from alchemiser_dagster.defs.tearsheets import tearsheet_key
from alchemiser_dagster.ledger.queries import exits_of
from alchemiser_dagster.market.sessions import NEW_YORK
from alchemiser_dagster.reports.data import TearsheetData
from alchemiser_dagster.reports.holdings import live_weights, pnl_by_symbol
from alchemiser_dagster.reports.inputs import LOTS, PERFORMANCE
from tests.world import STEADY, SWITCH

from .conftest import INCEPTION, SESSIONS, World, make_world
from .test_attribution import attribute

FIRST, LAST = SESSIONS[0].isoformat(), SESSIONS[-1].isoformat()
GOOD = ["momentum", "steady", "switch"]


@pytest.fixture(scope="module")
def reported(world: World) -> dg.ExecuteInProcessResult:
    """The run that made all tearsheets, once there were models and attributions."""
    with dagster_instance(world.home) as instance:
        if not world.records.tables.exists(["attribution", "steady"], LAST):
            attribute(world, instance, FIRST, LAST)
        job = world.definitions().resolve_job_def("tearsheets")
        return job.execute_in_process(instance=instance, raise_on_error=False)


def data_of(world: World, book: str) -> TearsheetData:
    [found] = [each for each in world.records.books() if each.name == book]
    return tearsheet_data(world.records, found)


def test_every_book_and_the_account_have_a_page(
    world: World, reported: dg.ExecuteInProcessResult
) -> None:
    assert failures_of(reported) == []
    names = {path.name for path in world.home.reports.iterdir()}
    books = {f"{book.name}.html" for book in world.records.books()}
    assert names == books | {"account.html", "index.html"}
    page = (world.home.reports / "steady.html").read_text(encoding="utf-8")
    for part in ("From the model to the book", "Growth of $1, on paper", "Open lots"):
        assert part in page


def test_the_metadata_leads_to_the_page(world: World, reported: dg.ExecuteInProcessResult) -> None:
    [event] = [
        event.materialization
        for event in reported.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(tearsheet_key("steady"))
    ]
    page = world.home.reports / "steady.html"
    assert event.metadata["file"] == dg.MetadataValue.path(page)
    assert event.metadata["open"] == dg.MetadataValue.url(page.as_uri())
    nav = world.records.tables.read(["performance", "steady"], LAST)["nav"].item()
    assert event.metadata["NAV"].value == f"${nav:,.2f}"


@pytest.mark.parametrize("book", GOOD)
def test_the_parts_of_a_page_agree_with_what_is_published(
    world: World, reported: dg.ExecuteInProcessResult, book: str
) -> None:
    data = data_of(world, book)
    assert (data.opened, data.last_session) == (INCEPTION, SESSIONS[-1])
    assert data.live.sessions == tuple(SESSIONS)
    last = data.performance.filter(date=SESSIONS[-1]).row(0, named=True)
    # every symbol together brought what the performance says
    pnl = pnl_by_symbol(data)
    assert pnl["realised"].sum() == pytest.approx(float(last["realized_pnl"] + last["income"]))
    assert pnl["unrealised"].sum() == pytest.approx(float(last["unrealized_pnl"]), abs=0.01)
    # and all shares together are the whole
    weights = live_weights(data).table
    assert weights["date"].to_list() == SESSIONS
    assert weights.select(pl.sum_horizontal(pl.exclude("date"))).to_series().to_list() == (
        pytest.approx([1, 1, 1], abs=1e-6)
    )
    with world.ledger.read() as connection:
        assert data.exits.height == len(exits_of(connection, book))
    assert not data.is_synthetic
    assert len(data.benchmark.within(set(SESSIONS))) == 3
    assert data.attribution is not None
    assert data.attribution["date"].unique().sort().to_list() == SESSIONS


def test_a_book_that_cannot_be_read_has_a_page_too(
    world: World, reported: dg.ExecuteInProcessResult
) -> None:
    page = (world.home.reports / "broken.html").read_text(encoding="utf-8")
    assert "There is no model history" in page
    assert data_of(world, "broken").title == "broken"


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_many_tables_are_one(
    tmp_path: Path, place: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "bucket":
        monkeypatch.setenv("ALCHEMISER_TABLES", f"s3://{request.getfixturevalue('bucket')}")
    tables = make_world(tmp_path, {"steady": (STEADY, "1")}).records.tables
    key = ["lots", "steady"]
    assert every_session(tables, key, LOTS).is_empty()
    lot = LOTS | {"entry_quantity": pl.Int64}
    columns = [name for name in lot if name != "date"]
    for session, quantity in (("2024-01-03", 2), ("2024-01-02", 1)):
        row = {"lot_id": "a", "symbol": "SPY", "quantity": Decimal(quantity), "entry_quantity": 5}
        tables.write(key, session, pl.DataFrame([row], schema=lot).select(columns))
    found = every_session(tables, key, LOTS)
    assert found.columns == list(LOTS)
    assert [str(day) for day in found["date"]] == ["2024-01-02", "2024-01-03"]
    assert found["quantity"].to_list() == [1, 2]


def test_a_table_of_an_older_version_is_named(tmp_path: Path) -> None:
    tables = make_world(tmp_path, {"steady": (STEADY, "1")}).records.tables
    key = ["performance", "steady"]
    tables.write(key, "2024-01-02", pl.DataFrame(schema=dict(PERFORMANCE)))
    tables.write(key, "2024-01-03", pl.DataFrame({"nav": [1.0]}))
    with pytest.raises(TableMissing, match=r"performance/steady: expected whole tables .* again"):
        every_session(tables, key, PERFORMANCE)


def test_a_damaged_table_fails_its_own_page_only(tmp_path: Path) -> None:
    world = make_world(tmp_path, {"steady": (STEADY, "0.5"), "switch": (SWITCH, "0.5")})
    files = world.records.tables.files
    files.write("performance/steady/2024-01-02.parquet", b"half a table")
    job = world.definitions().resolve_job_def("tearsheets")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    [failure] = failures_of(result)
    assert "steady: performance/steady: expected whole tables" in failure
    assert {path.name for path in world.home.reports.iterdir()} == {
        "switch.html", "account.html", "index.html",
    }  # fmt: skip


def test_a_tearsheet_follows_what_it_shows(tmp_path: Path) -> None:
    """Whatever is new brings a new page; what has never been made keeps nobody waiting."""
    definitions = make_world(tmp_path, {"steady": (STEADY, "1")}).definitions()
    evening = datetime(2024, 1, 2, 17, 40, tzinfo=NEW_YORK)
    pages = dg.AssetKey(["tearsheet", "steady"]), dg.AssetKey("tearsheet_account")
    with dg.DagsterInstance.ephemeral() as instance:
        cursor, ticks = None, 0

        def tick(*made: tuple[list[str], str | None]) -> set[str]:
            """The keys that are requested once `made` are there."""
            nonlocal cursor, ticks
            for key, partition in made:
                event = dg.AssetMaterialization(key, partition=partition)
                instance.report_runless_asset_event(event)
            ticks += 1
            ticked = dg.evaluate_automation_conditions(
                definitions,
                instance,
                asset_selection=dg.AssetSelection.assets(*pages),
                cursor=cursor,
                evaluation_time=evening + timedelta(minutes=ticks),
            )
            cursor = ticked.cursor
            return {key.path[0] for key in pages if ticked.get_num_requested(key) > 0}

        assert tick() == set()
        assert tick((["performance", "steady"], FIRST)) == {"tearsheet"}
        assert tick() == set()
        assert tick((["attribution", "steady"], FIRST)) == {"tearsheet"}
        assert tick((["account_performance"], FIRST)) == {"tearsheet_account"}
        assert tick() == set()
        assert tick((["history", "steady"], None)) == {"tearsheet", "tearsheet_account"}
