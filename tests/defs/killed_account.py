"""An account at a broker in a process of its own, traded by processes that may be killed.

Two books hold half of the account each, and change their minds every session, so that each session
has all that a session can have: sales to the market, the barrier, a cross between the books, and
purchases.

              odd sessions       even sessions
    left      SPY 60  TLT 40     TLT 50  BIL 50
    right     GLD 100            SPY 30  GLD 70
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import polars as pl
from alpaca.trading.client import TradingClient

from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk
from alchemiser_dagster.embedded import Connection, ControlClient
from alchemiser_dagster.execution.desk import WINDOW, Desk
from alchemiser_dagster.execution.opening import read_account
from alchemiser_dagster.execution.reconciliation import Difference, compare
from alchemiser_dagster.ledger.queries import book_cash, positions
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.sessions import next_session, session_close
from alchemiser_dagster.settings import AccountFile, BrokerMode, Home
from tests.defs.conftest import write_plan
from tests.defs.trading_process import SECONDS_MAX, Moment, processes, trade
from tests.world import STEADY, market, write_strategies

INCEPTION = date(2023, 12, 29)
WISHES = (
    {"left": {"SPY": "0.6", "TLT": "0.4"}, "right": {"GLD": "1"}},
    {"left": {"TLT": "0.5", "BIL": "0.5"}, "right": {"SPY": "0.3", "GLD": "0.7"}},
)


@dataclass
class KilledAccount:
    """The account's folders; `session` is the one that is traded, the `number`th of the account."""

    home: Home
    strategies: Path
    session: date = INCEPTION
    number: int = -1

    @property
    def records(self) -> AccountRecords:
        return AccountRecords(home=str(self.home.path), strategies=str(self.strategies))

    @property
    def ledger(self) -> Ledger:
        return Ledger.at(self.home.ledger)

    @property
    def desk(self) -> Desk:
        return TradingDesk(records=self.records).desk()

    @property
    def connection(self) -> Connection:
        return Connection.read(Connection.path_for(self.home.broker))

    @property
    def control(self) -> ControlClient:
        return self.connection.control()

    @property
    def wishes(self) -> dict[str, dict[str, str]]:
        return WISHES[self.number % 2]

    def open_next_window(self) -> None:
        """Go on to the next session's window, with a plan for every book."""
        self.session, self.number = next_session(self.session), self.number + 1
        self.control.advance_to(session_close(self.session) - WINDOW)
        for book, weights in self.wishes.items():
            write_plan(self.records, self.session, book, **weights)

    def start(self, target: Callable[..., None], *more: object) -> BaseProcess:
        """A process that trades the session."""
        where = (str(self.home.path), str(self.strategies), self.session.isoformat())
        process = processes.Process(target=target, args=(*where, *more), daemon=True)
        process.start()
        return process

    def run(self, moment: Moment | None = None) -> int:
        """How a process ended that traded the session: its exit code, negative for a signal."""
        return end_of(self.start(trade, moment))

    def differences(self) -> list[Difference]:
        """Where the books and the broker differ, in shares and cents."""
        desk = self.desk
        snapshot, _ = read_account(desk)
        with desk.ledger.read() as connection:
            return compare(book_cash(connection), positions(connection), snapshot)

    def sent(self) -> list[dict[str, Any]]:
        """The orders of the session that the broker accepted, as it tells them."""
        keys = self.connection.credentials
        client = TradingClient(
            keys.api_key, keys.secret_key, raw_data=True, url_override=self.connection.url
        )
        query = {"status": "all", "limit": 500, "after": f"{self.session}T00:00:00-05:00"}
        found = client.get("/orders", query)
        assert isinstance(found, list)
        return found


def end_of(process: BaseProcess) -> int:
    """The exit code of a process, negative for the signal that ended it."""
    process.join(SECONDS_MAX)
    assert process.exitcode is not None, "expected the process to have ended, was still running"
    return process.exitcode


@contextmanager
def killed_account(folder: Path) -> Iterator[KilledAccount]:
    """A new account in `folder`, and its broker in a process of its own."""
    home = Home(folder / "account")
    home.open(AccountFile(BrokerMode.EMBEDDED, INCEPTION, bars=str(folder / "bars.parquet")))
    market().with_columns(adj_close=pl.col("close")).write_parquet(folder / "bars.parquet")
    books = dict.fromkeys(("left", "right"), (STEADY, "0.5"))
    command = [sys.executable, "-m", "alchemiser_dagster.embedded"]
    command += ["--bars", str(folder / "bars.parquet"), "--state", str(home.broker)]
    command += ["--at", f"{INCEPTION}T17:00-05:00"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as broker:
        try:
            assert broker.stdout is not None
            assert json.loads(broker.stdout.readline())["pid"] == broker.pid
            yield KilledAccount(home, write_strategies(folder, books))
        finally:
            broker.kill()
