"""Opening the store and its transactions, on SQLite (the embedded default) and PostgreSQL.

On both, writers take turns: whoever writes sees everything that was written before, and nobody
writes in between, so that "look, then add" is safe. Readers wait for nobody and see one state.

                 SQLite                       PostgreSQL
    a writer     begins with BEGIN IMMEDIATE  begins by taking an advisory lock
    a reader     BEGIN, in WAL mode           REPEATABLE READ, READ ONLY
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, make_url

from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.migrations.upgrade import bring_up, is_current

__all__ = ["Ledger", "LedgerError"]

LONGEST_WAIT = 30
"""Seconds that a writer waits for the one before it."""


class Ledger:
    """A connection to the store; cheap to make, safe to share between threads.

    `url` is an SQLAlchemy URL: `sqlite:///<path>`, or `postgresql+psycopg2://...` for a database or
    a schema that holds nothing else. `sqlite://` is a ledger in memory, for one thread and without
    a transaction inside another. The tables are made, or migrated, when the ledger is opened
    (`ledger.migrations`).

    Raises LedgerError for a ledger of a newer version.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._writer = self.engine.execution_options(alchemiser_write=True)
        self._reader = self.engine
        if self.engine.dialect.name == "postgresql":
            self._reader = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        try:
            with self._reader.connect() as connection:
                current = is_current(connection)
            if not current:
                with self._writer.begin() as connection:
                    bring_up(connection)
        except LedgerError as error:
            self.close()
            raise LedgerError(f"{self.engine.url.render_as_string()}: {error}") from None

    @classmethod
    def at(cls, path: Path) -> "Ledger":
        """The SQLite ledger in the file `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{path}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent read: everything in the block sees one state of the store."""
        with self._reader.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of the block is recorded, or none of it."""
        with self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    if url.startswith("sqlite"):
        return _sqlite(url)
    try:
        return _postgresql(url)
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"expected the driver {error.name} of a ledger on PostgreSQL, was not installed: "
            "install alchemiser-dagster[postgres]"
        ) from error


def _sqlite(url: str) -> Engine:
    options: dict[str, Any] = {"connect_args": {"timeout": LONGEST_WAIT}}
    if not make_url(url).database:
        options["poolclass"] = StaticPool  # a second connection would be to another ledger
    engine = create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver must not open transactions by itself: `_begin` decides how they start.
        connection.isolation_level = None
        cursor = connection.cursor()
        _use_write_ahead_log(cursor)
        cursor.execute("PRAGMA synchronous = FULL")  # a committed intent survives a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes the write lock at once, so that it never acts on what it read before
        # somebody else wrote.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writing(connection) else "BEGIN")

    return engine


def _use_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    """Set a mode that stays with the file; the one lock that SQLite does not wait for by itself."""
    give_up = monotonic() + LONGEST_WAIT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or monotonic() > give_up:
                raise
        sleep(0.01)


def _postgresql(url: str) -> Engine:
    engine = create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,  # the server may have been restarted
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The lock ends with the transaction. READ COMMITTED, because each statement then sees
        # what the writer before committed; a snapshot would be of before the wait for the lock.
        if _writing(connection):
            connection.exec_driver_sql(
                f"SET LOCAL lock_timeout = '{LONGEST_WAIT}s'; SELECT pg_advisory_xact_lock("
                "hashtext('alchemiser ledger'), hashtext(current_schema()))"
            )

    return engine


def _writing(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("alchemiser_write", False))
