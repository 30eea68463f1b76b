"""A ledger, damaged where a test says so, and the books made again from its broker's history."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import PoolProxiedConnection

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.execution.backfill import Backfill, backfill
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.identities import books_not_rebuilt, journal_broken
from alchemiser_dagster.execution.opening import read_account
from alchemiser_dagster.execution.rebuilt_rows import differing_rows
from alchemiser_dagster.execution.reconciliation import Item, judge
from alchemiser_dagster.ledger.book_totals import (
    CashDifference,
    TotalsDifference,
    compare_cash,
    compare_totals,
)
from alchemiser_dagster.ledger.queries import positions
from alchemiser_dagster.ledger.store import Ledger


@dataclass
class Rebuilt:
    """The shadow of a desk's ledger."""

    desk: Desk
    shadow: Ledger

    def again(self) -> Backfill:
        """Make the books from the broker's history; what they are must follow from the journal."""
        made = backfill(self.desk, self.shadow)
        with self.shadow.read() as connection:
            assert [*books_not_rebuilt(connection), *journal_broken(connection)] == []
        return made

    def differences(self) -> list[TotalsDifference]:
        with self.desk.ledger.read() as ours, self.shadow.read() as theirs:
            return compare_totals(ours, theirs)

    def cash_differences(self) -> list[CashDifference]:
        with self.desk.ledger.read() as ours, self.shadow.read() as theirs:
            return compare_cash(ours, theirs)

    def other_rows(self) -> list[str]:
        with self.desk.ledger.read() as ours, self.shadow.read() as theirs:
            return differing_rows(ours, theirs)

    def off_the_broker(self) -> list[Item]:
        broker, prices = read_account(self.desk)
        with self.shadow.read() as connection:
            items = judge(connection, broker, prices=prices)
        return [item for item in items if item.books != item.broker]

    def shares(self, book: str, symbol: str) -> Decimal:
        with self.shadow.read() as connection:
            return positions(connection).get(book, {}).get(symbol, ZERO)

    def everything(self) -> list[str]:
        """Every row of the shadow, as SQL."""
        raw = self.shadow.engine.raw_connection()
        try:
            return list(_sqlite(raw).iterdump())
        finally:
            raw.close()


@contextmanager
def rebuilt(desk: Desk) -> Iterator[Rebuilt]:
    shadow = Ledger("sqlite://")
    yield Rebuilt(desk, shadow)
    shadow.close()


@contextmanager
def restored(ledger: Ledger) -> Iterator[None]:
    """Put a ledger in memory back afterwards to what it was."""
    raw = ledger.engine.raw_connection()
    before = _sqlite(raw).serialize()
    raw.close()
    yield
    raw = ledger.engine.raw_connection()
    _sqlite(raw).deserialize(before)
    raw.close()


def _sqlite(raw: PoolProxiedConnection) -> sqlite3.Connection:
    assert isinstance(raw.driver_connection, sqlite3.Connection)
    return raw.driver_connection


def damage(ledger: Ledger, *statements: str) -> None:
    """Change the ledger's file behind the program's back, against the rules of the database."""
    raw = ledger.engine.raw_connection()
    connection = _sqlite(raw)
    connection.execute("PRAGMA foreign_keys = OFF")
    for statement in statements:
        assert connection.execute(statement).rowcount > 0, statement
    connection.execute("PRAGMA foreign_keys = ON")
    raw.close()
