"""Transactions of the ledger hold on SQLite and on PostgreSQL alike."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from alchemiser_dagster.ledger.journal import append, entries, verify
from alchemiser_dagster.ledger.schema import cash_entries, journal
from alchemiser_dagster.ledger.store import Ledger


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    ledger = Ledger(ledger_url)
    yield ledger
    ledger.close()


def length(connection: Connection) -> int:
    """How many entries the journal has."""
    return connection.execute(select(func.count()).select_from(journal)).scalar_one()


def test_writers_take_turns_so_that_what_they_looked_up_still_holds(ledger: Ledger) -> None:
    def write(writer: int) -> None:
        for number in range(10):
            with ledger.write() as connection:
                # Looks up the last entry, then adds the next one.
                append(connection, "fills", [{"writer": writer, "number": number}])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with ledger.read() as connection:
        assert verify(connection) == []
        told = [entry.rows[0] for entry in entries(connection)]
    assert len(told) == 40
    for writer in range(4):
        assert [row["number"] for row in told if row["writer"] == writer] == list(range(10))


def test_a_reader_sees_one_state_whatever_is_written_meanwhile(ledger: Ledger) -> None:
    with ledger.read() as reader:
        before = length(reader)
        with ledger.write() as writer:
            append(writer, "fills", [{}])
        assert (before, length(reader)) == (0, 0)
    with ledger.read() as reader:
        assert length(reader) == 1


def test_a_write_that_fails_leaves_nothing(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.write() as connection:
            append(connection, "fills", [{}])
            raise RuntimeError("the power went out")

    with pytest.raises(RuntimeError):
        fail()
    with ledger.read() as connection:
        assert length(connection) == 0


def test_opening_it_again_changes_nothing(ledger: Ledger, ledger_url: str) -> None:
    with ledger.write() as connection:
        append(connection, "fills", [{}])
    again = Ledger(ledger_url)
    with again.read() as connection:
        assert length(connection) == 1
    again.close()


def test_a_ledger_in_memory_keeps_what_was_written() -> None:
    ledger, other = Ledger("sqlite://"), Ledger("sqlite://")
    with ledger.write() as connection:
        append(connection, "fills", [{}])
    with ledger.read() as mine, other.read() as theirs:
        assert (length(mine), length(theirs)) == (1, 0)
    ledger.close()
    other.close()


def test_a_file_is_synced_at_every_commit(tmp_path: Path) -> None:
    ledger = Ledger.at(tmp_path / "folder" / "ledger.db")
    with ledger.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    ledger.close()


def test_cash_of_a_book_that_does_not_exist_is_refused(ledger: Ledger) -> None:
    with pytest.raises(IntegrityError), ledger.write() as connection:
        connection.execute(
            insert(cash_entries).values(
                book="nobody's",
                session=date(2026, 11, 3),
                kind="deposit",
                source_id="d1",
                amount=Decimal(1),
                at=datetime(2026, 11, 3, 21, tzinfo=UTC),
            )
        )
