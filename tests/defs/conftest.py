"""The small world: replayed once over three sessions of January 2024, or with its clock in hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from alchemiser_dagster.commands.replay import (
    Replay,
    dagster_instance,
    embedded_broker,
    replay,
)
from alchemiser_dagster.definitions import build_definitions
from alchemiser_dagster.defs.bars import FINDINGS
from alchemiser_dagster.defs.plans import PLAN_COLUMNS, plan_key
from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk, TradingLock
from alchemiser_dagster.embedded import ControlClient
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.examination import FINDINGS_SCHEMA
from alchemiser_dagster.market.sessions import previous_session, session_close
from alchemiser_dagster.settings import AccountFile, BrokerMode, Home
from tests.storage.stores import bucket, s3_server, s3_settings
from tests.world import MOMENTUM, STEADY, SWITCH, take_bars, write_bars, write_strategies

__all__ = ["bucket", "s3_server", "s3_settings"]

INCEPTION = date(2023, 12, 29)
SESSIONS = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)]
BROKEN = '(defsymphony "Broken" {:asset-class "EQUITIES"}\n  (weight-equal [(asset "SPY")])'
NEEDS_MORE = """(defsymphony "Needs more" {:asset-class "EQUITIES"}
  (weight-equal [(if (> (moving-average-price "SPY" {:window 200}) 1) [(asset "SPY")]
    [(asset "BIL")])]))"""
BOOKS = {
    "steady": (STEADY, "0.4"),
    "momentum": (MOMENTUM, "0.2"),
    "switch": (SWITCH, "0.2"),
    "broken": (BROKEN, "0.1"),
    "needs_more": (NEEDS_MORE, "0.1"),
}


@dataclass
class World:
    """A replayed account."""

    home: Home
    facts: AccountFile
    strategies: Path

    @property
    def records(self) -> AccountRecords:
        return AccountRecords(home=str(self.home.path), strategies=str(self.strategies))

    @property
    def ledger(self) -> Ledger:
        return Ledger.at(self.home.ledger)

    def definitions(self) -> dg.Definitions:
        return build_definitions(self.home, str(self.strategies))

    def replay(self, sessions: list[date]) -> None:
        last = sessions[-1] if sessions else SESSIONS[-1]
        replay(Replay(self.home, self.facts, self.strategies, sessions, last), lambda *_: None)


def make_world(folder: Path, books: dict[str, tuple[str, str]]) -> World:
    home = Home(folder / "account")
    facts = home.open(
        AccountFile(BrokerMode.EMBEDDED, INCEPTION, bars=str(write_bars(folder)), seed=1)
    )
    return World(home, facts, write_strategies(folder, books))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = make_world(tmp_path_factory.mktemp("world"), BOOKS)
    made.replay(SESSIONS)
    return made


def write_plan(records: AccountRecords, session: date, book: str, **weights: str) -> None:
    """A published plan of a book; the trading job takes the target weights from it."""
    rows = [{"symbol": symbol, "weight": Decimal(weight)} for symbol, weight in weights.items()]
    table = pl.DataFrame(rows, schema=PLAN_COLUMNS)
    records.tables.write(plan_key(book), session.isoformat(), table)
    evening = previous_session(session)
    records.tables.write([FINDINGS], evening.isoformat(), FINDINGS_SCHEMA.to_frame())


@dataclass
class Exchange:
    """The sensor asks a Dagster in which the runs of `ended` have ended, or that of `instance`."""

    world: World
    control: ControlClient
    ended: list[tuple[str, str, dg.DagsterRunStatus]] = field(default_factory=list)
    instance: dg.DagsterInstance | None = None

    def tick(self) -> dg.SensorResult | dg.SkipReason:
        records = self.world.records
        sensor = self.world.definitions().resolve_sensor_def("market_calendar")
        resources = {
            "records": records,
            "trading": TradingDesk(records=records),
            "lock": TradingLock(records=records),
        }
        with (
            self._dagster() as instance,
            dg.build_sensor_context(instance=instance, resources=resources) as context,
        ):
            return sensor(context)  # type: ignore[return-value]

    @contextmanager
    def _dagster(self) -> Iterator[dg.DagsterInstance]:
        if self.instance is not None:
            yield self.instance
            return
        with dg.DagsterInstance.ephemeral() as instance:
            for job, session, status in self.ended:
                instance.create_run_for_job(
                    self.world.definitions().resolve_job_def(job),
                    status=status,
                    tags={"dagster/partition": session},
                )
            yield instance

    def requests(self) -> list[dg.RunRequest]:
        ticked = self.tick()
        assert isinstance(ticked, dg.SensorResult), ticked
        return list(ticked.run_requests or [])

    def requested(self) -> list[str]:
        return [request.run_key or "" for request in self.requests()]

    def skipped(self) -> str:
        ticked = self.tick()
        assert isinstance(ticked, dg.SkipReason), ticked
        return ticked.skip_message or ""

    def at(self, session: date, before_close: timedelta) -> None:
        self.control.advance_to(session_close(session) - before_close)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    """An account with one book, in the first evening of the account."""
    world = make_world(tmp_path, {"steady": (STEADY, "1")})
    take_bars(world.records, INCEPTION)
    with embedded_broker(world.home, world.facts, world.strategies) as broker:
        yield Exchange(world, broker.control())


@pytest.fixture
def instance(world: World) -> Iterator[dg.DagsterInstance]:
    with dagster_instance(world.home) as instance:
        yield instance
