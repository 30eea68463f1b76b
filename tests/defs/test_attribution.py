"""Live minus model, through Dagster: what the replayed books did better than their models."""

import shutil
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from alchemiser_dagster.books.book_session import BookSession, Missed, ModelSession
from alchemiser_dagster.books.bridge import Component
from alchemiser_dagster.books.money import to_cents
from alchemiser_dagster.commands.replay import failures_of
from alchemiser_dagster.defs.attribution import ModelMissing, Paper, session_prices
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.market.sessions import NEW_YORK
from alchemiser_dagster.settings import Home
from tests.world import STEADY, take_bars

from .conftest import INCEPTION, SESSIONS, World, make_world

D = Decimal
GOOD = ["momentum", "steady", "switch"]
FIRST, SECOND, LAST = (session.isoformat() for session in SESSIONS)


def attribute(
    world: World, instance: dg.DagsterInstance, first: str, last: str, *books: str
) -> dg.ExecuteInProcessResult:
    """Materialise attributions of a range; without `books` those of all, and their models."""
    job = world.definitions().resolve_job_def("attribution")
    return job.execute_in_process(
        instance=instance,
        raise_on_error=False,
        asset_selection=[dg.AssetKey(["attribution", book]) for book in books] or None,
        tags={
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
        },
    )


@pytest.fixture
def attributed(world: World, instance: dg.DagsterInstance) -> World:
    """The replayed world with models and attributions of all its sessions."""
    if not world.records.tables.exists(["attribution", "steady"], LAST):
        attribute(world, instance, FIRST, LAST)
    return world


def bridge(world: World, book: str, session: str) -> dict[str, Decimal]:
    table = world.records.tables.read(["attribution", book], session)
    assert table["date"].unique().to_list() == [date.fromisoformat(session)]
    return dict(table.select("component", "dollars").iter_rows())


@pytest.mark.parametrize("book", GOOD)
def test_the_lines_lead_from_the_model_to_the_book_to_the_cent(
    attributed: World, book: str
) -> None:
    nav_before = None
    for session in (FIRST, SECOND, LAST):
        rows = bridge(attributed, book, session)
        assert list(rows) == [component.value for component in Component]
        assert all(amount == to_cents(amount) for amount in rows.values())
        assert sum(list(rows.values())[:-1]) == rows["live"]
        assert rows["corrections"] == rows["restated prices"] == 0
        performance = attributed.records.tables.read(["performance", book], session)
        nav, flow = performance.select("nav", "flow").row(0)
        if nav_before is not None:
            assert rows["live"] == to_cents(nav - nav_before - flow)
            paper = attributed.records.tables.read(["history", book], "all")
            (at_once,) = paper.filter(date=date.fromisoformat(session))["same_close"]
            assert float(rows["model"]) == pytest.approx(float(nav_before) * at_once, abs=0.02)
        nav_before = nav


def test_a_book_of_two_halves_differs_by_its_cash_and_its_first_day(attributed: World) -> None:
    """98 % of it is invested, a day later than the model, and traded just before the close."""
    first, second = (bridge(attributed, "steady", session) for session in (FIRST, SECOND))
    assert first["cash drag"] == -first["model"]
    assert first["live"] == sum(
        first[link] for link in ("after the decision", "delay", "spread", "walk", "crossing saved")
    )
    assert second["cash drag"] == pytest.approx(-second["model"] / 50, rel=D("0.02"))
    assert abs(second["different holdings"]) < 1


def test_a_session_by_itself_gives_the_same_bytes(
    attributed: World, instance: dg.DagsterInstance
) -> None:
    def files() -> dict[str, bytes]:
        folder = Path(attributed.home.tables) / "attribution"
        return {str(path): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}

    before = files()
    assert len(before) == len(GOOD) * len(SESSIONS)
    assert attribute(attributed, instance, SECOND, SECOND, *GOOD).success
    assert files() == before


def test_the_page_shows_the_bridge(attributed: World, instance: dg.DagsterInstance) -> None:
    (newest,) = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(["attribution", "steady"]), asset_partitions=[LAST]),
        limit=1,
    ).records
    assert newest.asset_materialization is not None
    shown: dict[str, Any] = {n: v.value for n, v in newest.asset_materialization.metadata.items()}
    rows = bridge(attributed, "steady", LAST)
    assert shown["live minus model"] == pytest.approx(float(rows["live"] - rows["model"]))
    assert f"| cash drag | {rows['cash drag']:+,.2f} |" in shown["bridge"]


@pytest.fixture
def copied(attributed: World, tmp_path: Path) -> World:
    """The same account in a folder of its own, in which things may be broken."""
    shutil.copytree(attributed.home.path, tmp_path / "account")
    return World(Home(tmp_path / "account"), attributed.facts, attributed.strategies)


def test_a_book_without_a_model_fails_by_name_and_the_others_go_on(copied: World) -> None:
    tables = copied.records.tables
    tables.files.delete("history/steady/all.parquet")
    written = [tables.name(["attribution", book], LAST) for book in GOOD]
    for name in written:
        tables.files.delete(name)
    with dg.DagsterInstance.ephemeral() as instance:
        result = attribute(copied, instance, LAST, LAST, *GOOD)
    (why,) = failures_of(result)
    assert "steady: history/steady of all: it has not been materialised" in why
    assert [tables.files.exists(name) for name in written] == [True, False, True]


def test_a_session_without_bars_fails_by_name(copied: World) -> None:
    copied.records.tables.files.delete(f"daily_bars/{SECOND}.json")
    with dg.DagsterInstance.ephemeral() as instance:
        result = attribute(copied, instance, LAST, LAST, "steady")
    (why,) = failures_of(result)
    assert f"steady: expected a snapshot of the bars of {SECOND}, was none" in why


def test_cash_that_no_entry_explains_fails_by_name(copied: World) -> None:
    with copied.ledger.write() as connection:
        connection.exec_driver_sql(
            "UPDATE cash_entries SET amount = amount + 1 WHERE entry_id = ("
            "SELECT max(entry_id) FROM cash_entries WHERE book = 'steady' AND kind = 'buy')"
        )
    with dg.DagsterInstance.ephemeral() as instance:
        result = attribute(copied, instance, FIRST, LAST, "steady")
    (why,) = failures_of(result)
    assert "steady in 2024-01-0" in why
    assert "expected to have earned" in why


def paper(folder: Path, **columns: list[float | None]) -> AccountRecords:
    """An account whose model `m` has returns on 3 and 4 January 2024, and weights on the latter."""
    records = AccountRecords(home=str(folder), strategies="")
    whole = pl.DataFrame({"date": SESSIONS[1:], **columns})
    records.tables.write(["history", "m"], "all", whole)
    weights = {"date": SESSIONS[2:] * 2, "symbol": ["BRK/B", "SPY"], "weight": [0.25, 0.75]}
    records.tables.write(["history", "m"], "weights", pl.DataFrame(weights))
    return records


def test_a_model_is_read_in_the_brokers_spelling(tmp_path: Path) -> None:
    tables = paper(tmp_path, gross=[0.0, 0.01], same_close=[None, 0.1]).tables
    read = Paper.read(tables, "m", SESSIONS[0], SESSIONS[2])
    assert read.at(SESSIONS[0]) == read.at(SESSIONS[1]) == ModelSession()
    weights = {"BRK.B": D("0.25"), "SPY": D("0.75")}
    assert read.at(SESSIONS[2]) == ModelSession(D("0.1"), D("0.01"), weights)


def test_a_model_that_does_not_reach_the_session_is_refused(tmp_path: Path) -> None:
    tables = paper(tmp_path, gross=[0.0, 0.01], same_close=[0.0, 0.1]).tables
    read = Paper.read(tables, "m", date(2024, 1, 5), date(2024, 1, 5))
    with pytest.raises(ModelMissing, match="through 2024-01-05, was through 2024-01-04: material"):
        read.at(date(2024, 1, 5))


def test_a_model_of_an_older_version_is_refused(tmp_path: Path) -> None:
    tables = paper(tmp_path, gross=[0.0, 0.01], net=[0.0, 0.01]).tables
    with pytest.raises(ModelMissing, match="gross and same_close, was date, gross, net"):
        Paper.read(tables, "m", *SESSIONS[:2])
    tables.files.delete("history/m/weights.parquet")
    with pytest.raises(TableMissing, match="history/m of weights: it has not been materialised"):
        Paper.read(tables, "m", *SESSIONS[:2])


def bars(*rows: tuple[date, float, float]) -> pl.DataFrame:
    """Bars of XYZ: session, close, adjusted close."""
    return pl.DataFrame(
        [("XYZ", day, close, close, close, close, 1e6, adjusted) for day, close, adjusted in rows],
        schema=["symbol", "date", "open", "high", "low", "close", "volume", "adj_close"],
        orient="row",
    )


def test_every_close_is_as_it_was_known_that_evening(tmp_path: Path) -> None:
    """Two for one on Thursday: closes as they were, returns as adjusted, missed shares doubled."""
    records = AccountRecords(home=str(tmp_path), strategies="")
    tuesday, wednesday, thursday = SESSIONS
    friday = date(2024, 1, 5)
    old = bars((tuesday, 100.0, 100.0), (wednesday, 102.0, 102.0))
    new = bars(
        (tuesday, 100.0, 50.0), (wednesday, 102.0, 51.0), (thursday, 51.5, 51.5),
        (friday, 52.0, 52.0),
    )  # fmt: skip
    for session, known in zip([*SESSIONS, friday], [old, old, new, new], strict=True):
        take_bars(records, session, known)
    missed = [Missed(tuesday, "XYZ", D(2), "no time left"), Missed(tuesday, "ABC", D(1), "")]
    book = BookSession("a", friday, D(0), D(0), {"XYZ": D(4)}, {"XYZ": D(4)}, missed=missed)
    prices = session_prices(records.snapshots, book)
    assert (prices.closes, prices.closes_before) == ({"XYZ": 52}, {"XYZ": D("51.5")})
    assert float(prices.returns["XYZ"]) == pytest.approx(52 / 51.5 - 1)
    assert prices.missed == {"XYZ": 103}
    of_thursday = session_prices(records.snapshots, BookSession("a", thursday, D(0), D(0)))
    assert float(of_thursday.returns["XYZ"]) == pytest.approx(51.5 / 51 - 1)


def test_the_attribution_waits_for_lots_bars_and_the_model(tmp_path: Path) -> None:
    definitions = make_world(tmp_path, {"steady": (STEADY, "1")}).definitions()
    session, evening = SESSIONS[0], datetime(2024, 1, 2, 17, 40, tzinfo=NEW_YORK)
    attribution, model = dg.AssetKey(["attribution", "steady"]), dg.AssetKey(["history", "steady"])
    with dg.DagsterInstance.ephemeral() as instance:
        cursor, asked = None, []

        def tick(*made: tuple[list[str], date | None]) -> set[str]:
            """The keys that are requested once `made` are there."""
            nonlocal cursor
            for key, of in made:
                partition = None if of is None else of.isoformat()
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(key, partition=partition)
                )
            ticked = dg.evaluate_automation_conditions(
                definitions,
                instance,
                asset_selection=dg.AssetSelection.assets(attribution, model),
                cursor=cursor,
                evaluation_time=evening + timedelta(minutes=len(asked)),
            )
            cursor = ticked.cursor
            asked.append(ticked)
            return {
                key.path[0] for key in (attribution, model) if ticked.get_num_requested(key) > 0
            }

        assert tick() == set()
        assert tick((["daily_bars"], INCEPTION)) == {"history"}
        assert tick((["history", "steady"], None)) == set()
        assert tick((["lots", "steady"], session)) == set()
        assert tick((["daily_bars"], session)) == {"history"}
        assert tick((["history", "steady"], None)) == {"attribution"}
        assert asked[-1].get_requested_partitions(attribution) == {session.isoformat()}
        # what is posted later changes it, and bars that are taken again change the model first
        assert tick() == set()
        assert tick((["lots", "steady"], session)) == {"attribution"}
        assert tick((["daily_bars"], session)) == {"history"}
