"""A trading desk at the embedded broker, on a market small enough to reckon with.

Three symbols on the sessions of October and November 2026; XYZ closes at 100, ABC at 50, and THIN
at 20, each moving a little every day. The account has 10,000 dollars in books `a` and `b`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from alchemiser_dagster.embedded import ControlClient, EmbeddedBroker
from alchemiser_dagster.execution import opening, phases, preparation, settlement
from alchemiser_dagster.execution.desk import WINDOW, Desk
from alchemiser_dagster.execution.gate import check_gate
from alchemiser_dagster.execution.guards import embedded_gateway
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.execution.reconciliation import Difference, compare
from alchemiser_dagster.execution.settlement import SessionReport
from alchemiser_dagster.ledger.opening import BookTerms
from alchemiser_dagster.ledger.queries import book_cash, positions
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.sessions import session_close, sessions_between

INCEPTION = date(2026, 11, 2)
FIRST = date(2026, 11, 3)
SECOND = date(2026, 11, 4)
TERMS = {"a": BookTerms(Decimal("0.6")), "b": BookTerms(Decimal("0.4"))}
LEVELS = {"XYZ": 100.0, "ABC": 50.0, "THIN": 20.0}


def small_market() -> pl.DataFrame:
    rows = []
    for symbol, level in LEVELS.items():
        for i, session in enumerate(sessions_between(date(2026, 8, 3), date(2026, 11, 13))):
            close = round(level * (1 + 0.01 * ((i % 5) - 2)), 2)
            rows.append((symbol, session, close, close * 1.01, close * 0.99, close, 5e6, close))
    columns = ["symbol", "date", "open", "high", "low", "close", "volume", "adj_close"]
    return pl.DataFrame(rows, schema=columns, orient="row")


@dataclass
class TradingDay:
    """A desk, and the broker's clock in the tester's hand."""

    desk: Desk
    control: ControlClient

    def open_window(self, session: date) -> None:
        self.control.advance_to(session_close(session) - WINDOW)

    def trade(self, session: date, wishes: dict[str, Wish]) -> SessionReport:
        """One whole session, as the trading job does it."""
        window = check_gate(self.desk, session)
        assert window is not None
        settlement.finish_earlier(self.desk, session)
        opening.open_session(self.desk, window, TERMS, inception=INCEPTION)
        preparation.plan_session(self.desk, session, wishes)
        phases.sell(self.desk, session)
        phases.size(self.desk, session, phases.confirm_cash(self.desk, session))
        phases.buy(self.desk, session)
        return settlement.settle(self.desk, session)

    def holdings(self) -> dict[str, dict[str, Decimal]]:
        with self.desk.ledger.read() as connection:
            return positions(connection)

    def differences(self) -> list[Difference]:
        """Where the books and the broker differ now."""
        snapshot, _ = opening.read_account(self.desk)
        with self.desk.ledger.read() as connection:
            return compare(book_cash(connection), positions(connection), snapshot)

    def cash(self) -> dict[str, Decimal]:
        with self.desk.ledger.read() as connection:
            return book_cash(connection)


def wish(**weights: str) -> Wish:
    return Wish({symbol: Decimal(weight) for symbol, weight in weights.items()})


@contextmanager
def trading_day(folder: Path) -> Iterator[TradingDay]:
    with EmbeddedBroker(
        small_market(),
        folder / "broker.db",
        opened_at=session_close(INCEPTION) + timedelta(hours=1),
        opening_cash=Decimal(10_000),
    ) as broker:
        gateway = embedded_gateway(
            broker.url, broker.api_key, broker.secret_key, wait=broker.control().advance
        )
        ledger = Ledger.at(folder / "ledger.db")
        yield TradingDay(Desk(gateway, ledger, "embedded"), broker.control())
        ledger.close()


@pytest.fixture
def day(tmp_path: Path) -> Iterator[TradingDay]:
    with trading_day(tmp_path) as day:
        yield day


@pytest.fixture
def start_day(tmp_path: Path) -> Callable[[], object]:
    """Starts the desk and the broker, again and again on the same files."""
    return lambda: trading_day(tmp_path)
