"""What assets and ops are given: the account's records, its market, its desk, the trading lock.

Each is made from the account's folder and the environment when a run starts, so that the same
definitions serve the embedded default, paper and live.
"""

import fcntl
import os
from collections.abc import Callable
from contextvars import ContextVar
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import dagster as dg
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from pydantic import PrivateAttr

from alchemiser_dagster.books.strategies import Book, crosses_books, load_books
from alchemiser_dagster.defs.tables import TableStore, files_at, snapshots_at
from alchemiser_dagster.embedded import Connection
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.execution.guards import (
    ARM_FILE,
    embedded_gateway,
    real_gateway,
    trade_updates,
)
from alchemiser_dagster.execution.updates import TradeUpdates
from alchemiser_dagster.execution.walk import Walk
from alchemiser_dagster.ledger.opening import BookTerms
from alchemiser_dagster.ledger.queries import positions
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.snapshots import SnapshotStore
from alchemiser_dagster.market.sources import (
    AlpacaSource,
    BarSource,
    FileSource,
    Progress,
    SyntheticSource,
)
from alchemiser_dagster.market.symbol_facts import SymbolFacts, read_symbol_facts
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.market.universe import Universe, universe_of
from alchemiser_dagster.settings import AccountFile, BrokerMode, Home, SettingsError


class AccountRecords(dg.ConfigurableResource[Any]):
    """The account's folder: ledger, tables, facts; and its strategies."""

    home: str
    strategies: str

    @cached_property
    def ledger(self) -> Ledger:
        """The account's ledger."""
        return Ledger.at(Home(Path(self.home)).ledger)

    @property
    def tables(self) -> TableStore:
        """The account's published tables."""
        return TableStore(files_at(Home(Path(self.home)).tables))

    @property
    def snapshots(self) -> SnapshotStore:
        """The market as it was known, evening by evening."""
        return snapshots_at(Home(Path(self.home)).tables)

    @property
    def facts(self) -> AccountFile:
        """What is fixed about the account; raises SettingsError before it is opened."""
        facts = Home(Path(self.home)).account()
        if facts is None:
            raise SettingsError(
                f"no account has been opened in {self.home}: `alchemiser run` opens the embedded "
                "one, `alchemiser ui` the one that ALCHEMISER_BROKER names"
            )
        return facts

    def books(self) -> list[Book]:
        """The books as the strategies folder has them now."""
        return load_books(Path(self.strategies))

    def terms(self) -> dict[str, BookTerms]:
        """The terms of every book that is switched on."""
        return {
            book.name: BookTerms(book.allocation, book.lot_policy)
            for book in self.books()
            if book.enabled
        }

    def symbol_facts(self) -> SymbolFacts:
        """What the operator knows about symbols."""
        return read_symbol_facts(Path(self.strategies))

    def universe(self) -> Universe:
        """Every symbol that must have bars now, and whose it is."""
        with self.ledger.read() as connection:
            held = positions(connection)
        return universe_of(self.books(), held)

    def symbols_of(self, book: Book) -> set[str]:
        """The symbols without which a book cannot be traded: those it names and those it holds."""
        named = book.symphony.symbols if book.symphony is not None else ()
        with self.ledger.read() as connection:
            held = positions(connection).get(book.name, {})
        return {broker_symbol(symbol) for symbol in named} | set(held)

    def symbols(self) -> set[str]:
        """Every symbol that a strategy names, whether it is switched on or not, or a book holds."""
        named = {
            broker_symbol(symbol)
            for book in self.books()
            if book.symphony is not None
            for symbol in book.symphony.symbols
        }
        return named | self.universe().symbols


DOWNLOAD_PROGRESS: ContextVar[Callable[[Progress], None] | None] = ContextVar(
    "download_progress", default=None
)
"""Who is told how a download goes: a command with a progress bar; otherwise nobody."""


class Market(dg.ConfigurableResource[Any]):
    """Where the account's bars come from."""

    records: dg.ResourceDependency[AccountRecords]

    def source(self) -> BarSource:
        """The source of bars that was fixed when the account was opened."""
        facts = self.records.facts
        if facts.bars is not None:
            return FileSource(Path(facts.bars))
        if facts.mode is BrokerMode.EMBEDDED:
            return SyntheticSource(facts.seed)
        key, secret = os.environ.get("ALPACA_API_KEY"), os.environ.get("ALPACA_SECRET_KEY")
        return AlpacaSource(
            StockHistoricalDataClient(key, secret),
            actions_client=CorporateActionsClient(key, secret),
            scratch=Home(Path(self.records.home)).downloads,
            progress=DOWNLOAD_PROGRESS.get(),
        )


class TradingDesk(dg.ConfigurableResource[Any]):
    """The way to the broker. Only ops of the trading job and sensors that read its clock use it."""

    records: dg.ResourceDependency[AccountRecords]
    _updates: TradeUpdates | None = PrivateAttr(default=None)

    def desk(self) -> Desk:
        """The account's desk at its own broker, checked to be the right one."""
        facts = self.records.facts
        if facts.mode is BrokerMode.EMBEDDED:
            gateway = _embedded(Home(Path(self.records.home)).broker)
        else:
            key, secret = os.environ.get("ALPACA_API_KEY"), os.environ.get("ALPACA_SECRET_KEY")
            live = facts.mode is BrokerMode.LIVE
            if self._updates is None and key and secret:
                self._updates = trade_updates(key, secret, live=live)
            gateway = real_gateway(
                key,
                secret,
                live=live,
                confirmed_account=os.environ.get("ALCHEMISER_LIVE"),
                arm_file=Path(self.records.home) / ARM_FILE,
                wait_for_news=None if self._updates is None else self._updates.wait,
            )
        return Desk(
            gateway,
            self.records.ledger,
            facts.mode.value,
            crossing=crosses_books(Path(self.records.strategies)),
        )

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Stop listening to the broker's stream."""
        if self._updates is not None:
            self._updates.close()
            self._updates = None


def _embedded(state: Path) -> Gateway:
    file = Connection.path_for(state)
    if not file.exists():
        raise SettingsError(
            "no embedded broker is running: `alchemiser run` and `alchemiser ui` start one"
        )
    connection = Connection.read(file)
    return embedded_gateway(
        connection.url,
        connection.credentials.api_key,
        connection.credentials.secret_key,
        wait=connection.control().advance,
    )


class TradingFloor(dg.ConfigurableResource[Any]):
    """The walk of the phase that is being traded, shared by the steps of a run.

    A step that fails closes the floor: the walk may then know less than the broker does, and the
    steps after it must send nothing. The next run reads everything from the ledger again.
    """

    records: dg.ResourceDependency[AccountRecords]
    _walk: Walk | None = PrivateAttr(default=None)

    def open(self, walk: Walk) -> None:
        """Begin a phase."""
        self._walk = walk

    def finish(self, block_id: str) -> None:
        """Bring one block of the running phase to its end, as `Walk.finish` does."""
        walk, self._walk = self._walk, None
        if walk is None:
            raise RuntimeError(
                "expected a phase that has begun and whose steps have not failed: run the job as a "
                "whole, it finds what was done"
            )
        walk.finish(block_id)
        self._walk = walk


class TradingLock(dg.ConfigurableResource[Any]):
    """At most one process trades an account at a time.

    The lock is the operating system's, on a file of the account's folder, so a killed process
    leaves nothing behind.
    """

    records: dg.ResourceDependency[AccountRecords]
    _file: IO[str] | None = PrivateAttr(default=None)

    def acquire(self) -> bool:
        """Take the lock until the run ends; False when another process has it."""
        if self._file is not None:
            return True
        path = Home(Path(self.records.home)).lock
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def require(self) -> None:
        """Raise RuntimeError unless this process has the lock, or can take it.

        A run that begins in its middle, "from failure", has not come through the gate.
        """
        if not self.acquire():
            raise RuntimeError("expected to trade alone, was another process trading: run it again")

    def is_free(self) -> bool:
        """Whether no process has the lock now."""
        path = Home(Path(self.records.home)).lock
        if not path.exists():
            return True
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def release(self) -> None:
        """Give the lock back, if this process has it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Give the lock back when the run has ended."""
        self.release()


def as_session(key: str) -> date:
    """A partition key as the session it stands for."""
    return date.fromisoformat(key)
