"""The small world, replayed once: three sessions of January 2024 through all of Dagster."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from alchemiser_dagster.commands.replay import Replay, dagster_instance, replay
from alchemiser_dagster.definitions import build_definitions
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.settings import AccountFile, BrokerMode, Home
from tests.world import MOMENTUM, STEADY, SWITCH, write_bars, write_strategies

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


@pytest.fixture
def instance(world: World) -> Iterator[dg.DagsterInstance]:
    with dagster_instance(world.home) as instance:
        yield instance
