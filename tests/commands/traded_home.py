"""An account in order: two sessions traded at the embedded broker, which goes on answering.

2024-01-02    steady buys SPY and TLT, switch SPY and GLD: one order of SPY for both books
2024-01-03    steady sells some SPY, of which switch gets what it wants: a cross
"""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from alchemiser_dagster.books.performance_history import CLOSES, performance_history
from alchemiser_dagster.commands.replay import embedded_broker
from alchemiser_dagster.defs.performance import performance_table
from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk
from alchemiser_dagster.defs.signals import signal_key
from alchemiser_dagster.embedded import Connection, ControlClient
from alchemiser_dagster.execution import opening, phases, preparation, settlement
from alchemiser_dagster.execution.desk import WINDOW, Desk
from alchemiser_dagster.execution.gate import check_gate
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.ledger.book_events import book_events
from alchemiser_dagster.ledger.rails import Rail, set_rail
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.sessions import session_close, sessions_between
from alchemiser_dagster.settings import AccountFile, BrokerMode, Home
from tests.execution.conftest import wish
from tests.world import STEADY, SWITCH, write_bars, write_strategies

INCEPTION = date(2023, 12, 29)
FIRST, SECOND = date(2024, 1, 2), date(2024, 1, 3)
SYMBOLS = ("SPY", "TLT", "GLD")
BOOKS = {"steady": (STEADY, "0.5"), "switch": (SWITCH, "0.4")}
PLANS: Mapping[date, dict[str, Wish]] = {
    FIRST: {"steady": wish(SPY="0.6", TLT="0.4"), "switch": wish(SPY="0.3", GLD="0.7")},
    SECOND: {"steady": wish(SPY="0.3", TLT="0.7"), "switch": wish(SPY="0.5", GLD="0.5")},
}


@dataclass
class TradedHome:
    """The account's folder, its strategies, and the broker's clock."""

    home: Home
    strategies: Path
    control: ControlClient

    @property
    def records(self) -> AccountRecords:
        return AccountRecords(home=str(self.home.path), strategies=str(self.strategies))

    def desk(self) -> Desk:
        return TradingDesk(records=self.records).desk()

    def copy(self, folder: Path) -> "TradedHome":
        """The same account in another folder, at the same running broker."""
        shutil.copytree(self.home.path, folder / "account", ignore=_broker_itself)
        shutil.copytree(self.strategies, folder / "strategies")
        return TradedHome(Home(folder / "account"), folder / "strategies", self.control)

    def trade(self, session: date, plans: Mapping[str, Wish]) -> None:
        """One whole session, and what is published of it."""
        desk, records = self.desk(), self.records
        self.control.advance_to(session_close(session) - WINDOW)
        window = check_gate(desk, session)
        assert window is not None
        opening.open_session(desk, window, records.terms(), inception=INCEPTION)
        preparation.plan_session(desk, session, plans)
        phases.sell(desk, session)
        phases.size(desk, session, phases.confirm_cash(desk, session))
        phases.buy(desk, session)
        settlement.settle(desk, session)
        self.control.advance_to(session_close(session) + timedelta(minutes=30))
        publish(records, session)
        desk.ledger.close()


def publish(records: AccountRecords, session: date, **other: Decimal | int) -> None:
    """The tables of the evening, as far as a diagnosis looks at them; `other` figures of steady.

    Every share is worth a dollar: no figure that is looked at knows prices.
    """
    with records.ledger.read() as connection:
        events = book_events(connection, through=session)
        sessions = sessions_between(FIRST, session)
        made, _ = performance_history(events, sessions, _a_dollar_each(sessions))
        table = performance_table(made.filter(pl.col("session") == session), connection)
    day = session.isoformat()
    for book in BOOKS:
        records.tables.write(signal_key(book), day, pl.DataFrame({"symbol": ["SPY"]}))
        row = table.filter(pl.col("book") == book)
        if book == "steady":
            row = row.with_columns(
                pl.lit(value).cast(row.schema[name]).alias(name) for name, value in other.items()
            )
        records.tables.write(["performance", book], day, row)
    records.ledger.close()


def _a_dollar_each(sessions: Sequence[date]) -> pl.DataFrame:
    rows = [(session, symbol, Decimal(1)) for session in sessions for symbol in SYMBOLS]
    return pl.DataFrame(rows, schema=CLOSES, orient="row")


@dataclass
class Patient:
    """A copy of the account in order, to be broken."""

    account: TradedHome

    @property
    def folder(self) -> Path:
        return self.account.home.path

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        ledger = Ledger.at(self.account.home.ledger)
        yield ledger
        ledger.close()

    def sql(self, *statements: str) -> None:
        """Change the ledger's file behind the program's back, against the database's own rules."""
        with closing(sqlite3.connect(self.account.home.ledger)) as connection, connection:
            for statement in statements:
                assert connection.execute(statement).rowcount > 0, statement

    def rail(self, rail: Rail, scope: str) -> None:
        at = datetime.now(UTC)
        with self.ledger() as ledger, ledger.write() as connection:
            set_rail(connection, rail, scope, on=True, reason="a storm", set_by="x", at=at)

    def remove(self, key: list[str], *sessions: date) -> None:
        tables = self.account.records.tables
        for session in sessions:
            tables.files.delete(tables.name(key, session.isoformat()))


@contextmanager
def traded_home(folder: Path) -> Iterator[TradedHome]:
    """The account, with its broker running."""
    home, strategies = Home(folder / "account"), write_strategies(folder, BOOKS)
    facts = home.open(
        AccountFile(BrokerMode.EMBEDDED, INCEPTION, bars=str(write_bars(folder)), seed=1)
    )
    with embedded_broker(home, facts, strategies) as broker:
        made = TradedHome(home, strategies, broker.control())
        for session, plans in PLANS.items():
            made.trade(session, plans)
        Ledger.at(home.ledger).close()
        yield made


def _broker_itself(_folder: str, names: list[str]) -> set[str]:
    connection = Connection.path_for(Path("broker.db")).name
    return {name for name in names if name.startswith("broker.db") and name != connection}
