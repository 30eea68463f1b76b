"""An account in a folder of its own, which the commands find by their settings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner, Result

from alchemiser_dagster.cli import app
from alchemiser_dagster.commands.replay import embedded_broker, open_embedded_account
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.rails import (
    Rail,
    Rails,
    open_rails,
    rail_state,
    set_rail,
)
from alchemiser_dagster.ledger.schema import UNALLOCATED, UNATTRIBUTED, books, cash_entries
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.settings import AccountFile, BrokerMode, Home
from tests.ledger.orders import add_order
from tests.world import STEADY, write_bars, write_strategies

from .traded_home import Patient, TradedHome, traded_home

INCEPTION, SESSION = date(2024, 1, 2), date(2024, 1, 3)
AT = datetime(2024, 1, 3, 20, 50, tzinfo=UTC)


@dataclass
class Account:
    """An account with books `a` (SPECIFIC lots) and `b` (FIFO), 600 dollars each."""

    home: Home
    ledger: Ledger

    def ask(self, *words: str) -> Result:
        return CliRunner().invoke(app, list(words))

    def say(self, *words: str) -> str:
        """The output of a command that succeeds, as one line."""
        done = self.ask(*words)
        assert done.exit_code == 0, done.output
        return flat(done)

    def refuse(self, *words: str, code: int = 1) -> str:
        """The output of a command that does not."""
        done = self.ask(*words)
        assert done.exit_code == code, done.output
        assert not isinstance(done.exception, Exception), done.exception
        return flat(done)

    @property
    def rails(self) -> Rails:
        with self.ledger.read() as connection:
            return rail_state(connection)

    def put(self, rail: Rail, scope: str, *, on: bool = True) -> None:
        with self.ledger.write() as connection:
            set_rail(connection, rail, scope, on=on, reason="a storm", set_by="x", at=AT)

    def order(
        self,
        name: str,
        what: str,
        book: str,
        *,
        state: str = "working",
        broker_order_id: str | None = None,
    ) -> None:
        with self.ledger.write() as connection:
            add_order(
                connection, name, what, notional="100", session=SESSION, state=state,
                allocations={book: what.split()[1]}, broker_order_id=broker_order_id,
            )  # fmt: skip

    def lot(self, name: str, book: str, what: str) -> None:
        """`what` is like "5 SPY at 400"."""
        quantity, symbol, _, price = what.split()
        with self.ledger.write() as connection:
            open_other_lot(
                connection, lot_id=name, book=book, symbol=symbol, session=INCEPTION, at=AT,
                quantity=Decimal(quantity), price=Decimal(price),
                cost=Decimal(quantity) * Decimal(price),
            )  # fmt: skip


def flat(done: Result) -> str:
    return " ".join(done.output.replace("│", " ").split())


def make_account(
    folder: Path, monkeypatch: pytest.MonkeyPatch, mode: BrokerMode = BrokerMode.EMBEDDED
) -> Account:
    home = Home(folder / "account")
    monkeypatch.setattr("alchemiser_dagster.execution.withdrawal.SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setenv("ALCHEMISER_HOME", str(home.path))
    monkeypatch.setenv("ALCHEMISER_STRATEGIES", str(folder / "strategies"))
    for name in ("ALPACA_API_KEY", "ALPACA_SECRET_KEY", "ALCHEMISER_BROKER"):
        monkeypatch.delenv(name, raising=False)
    home.open(AccountFile(mode, INCEPTION))
    strategies = folder / "strategies"
    strategies.mkdir()
    for name in ("a", "b"):
        (strategies / f"{name}.clj").write_text(STEADY, encoding="utf-8")
    (strategies / "books.toml").write_text(
        '[books.a]\nallocation = "0.5"\nlots = "SPECIFIC"\n[books.b]\nallocation = "0.5"\n'
    )
    ledger = Ledger.at(home.ledger)
    with ledger.write() as connection:
        open_rails(connection, AT)
        for book in ("a", "b", UNALLOCATED, UNATTRIBUTED):
            connection.execute(
                insert(books).values(book=book, allocation=Decimal("0.5"), opened_session=INCEPTION)
            )
        for book in ("a", "b"):
            connection.execute(
                insert(cash_entries).values(
                    book=book, session=INCEPTION, kind="opening", source_id=book,
                    amount=Decimal(600), at=AT,
                )
            )  # fmt: skip
    return Account(home, ledger)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    account = make_account(tmp_path, monkeypatch)
    yield account
    account.ledger.close()


@pytest.fixture
def untraded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An account on the bars file `bars.parquet` beside it that was opened on the last evening of
    2023 and has not traded; its broker is not running.
    """
    home, strategies = Home(tmp_path / "account"), write_strategies(tmp_path)
    facts = home.open(
        AccountFile(BrokerMode.EMBEDDED, date(2023, 12, 29), bars=str(write_bars(tmp_path)), seed=1)
    )
    monkeypatch.setenv("ALCHEMISER_HOME", str(home.path))
    monkeypatch.setenv("ALCHEMISER_STRATEGIES", str(strategies))
    with embedded_broker(home, facts, strategies):
        open_embedded_account(home, facts, strategies)
    return home


@pytest.fixture(scope="session")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TradedHome]:
    with traded_home(tmp_path_factory.mktemp("in_order")) as made:
        yield made


@pytest.fixture
def patient(
    in_order: TradedHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Patient]:
    copy = in_order.copy(tmp_path)
    monkeypatch.setenv("ALCHEMISER_HOME", str(copy.home.path))
    monkeypatch.setenv("ALCHEMISER_STRATEGIES", str(copy.strategies))
    yield Patient(copy)
    in_order.control.clear_faults()
    in_order.control.set_account(trading_blocked=False)
