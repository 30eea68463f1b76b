"""Opening the store and its transactions, on SQLite (the embedded default) and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, select

from alchemiser_dagster.ledger.schema import SCHEMA_VERSION, account, metadata


class LedgerError(Exception):
    """The ledger cannot be used, or would become untrue."""


class Ledger:
    """A connection to the store; cheap to make, safe to share between threads.

    `url` is an SQLAlchemy URL. The tables are made when they are not there yet.
    """

    def __init__(self, url: str) -> None:
        self.engine = _sqlite(url) if url.startswith("sqlite") else create_engine(url)
        metadata.create_all(self.engine)
        with self.read() as connection:
            version = connection.execute(select(account.c.schema_version)).scalar()
        if version not in (None, SCHEMA_VERSION):
            raise LedgerError(
                f"expected a ledger of schema version {SCHEMA_VERSION}, was {version}: {url}"
            )

    @classmethod
    def at(cls, path: Path) -> "Ledger":
        """The SQLite ledger in the file `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite:///{path}")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent read: everything in the block sees one state of the store."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: all of the block is recorded, or none of it."""
        writer = self.engine.execution_options(alchemiser_write=True)
        with writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        # The driver must not open transactions by itself: `_begin` decides how they start.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # a committed intent survives a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes the write lock at once, so that it never acts on what it read before
        # somebody else wrote.
        writing = connection.get_execution_options().get("alchemiser_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
