"""Published tables: one parquet file per asset and session, and the IO manager around them.

Every partitioned asset gives a mapping {session: table} and is given {session: lazy table}, whether
it runs for one session or for a range, so that a range gives the same bytes as its days one by one.
A file appears whole or not at all.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import dagster as dg
import polars as pl

SessionTables = dict[str, pl.DataFrame]
"""Tables by session, the session as an ISO date (Dagster's partition key)."""
SessionScans = dict[str, pl.LazyFrame]
"""Tables by session, of which only the columns and rows asked for are read."""


class TableMissing(Exception):
    """A table that has not been materialised."""


class TableStore:
    """The folder of tables: `<root>/<asset key>/<session>.parquet`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: Sequence[str], session: str) -> Path:
        """Where the table of an asset's session lies."""
        return self.root.joinpath(*key) / f"{session}.parquet"

    def write(self, key: Sequence[str], session: str, table: pl.DataFrame) -> Path:
        """Store a table, replacing an earlier one in one step."""
        path = self.path(key, session)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{session}.{os.getpid()}.new")
        table.write_parquet(draft)
        draft.replace(path)
        self._refusal(key, session).unlink(missing_ok=True)
        return path

    def read(self, key: Sequence[str], session: str) -> pl.DataFrame:
        """The table of an asset's session. Raises TableMissing."""
        return self.scan(key, session).collect()

    def scan(self, key: Sequence[str], session: str) -> pl.LazyFrame:
        """The table of an asset's session, to be read as far as it is needed."""
        path = self.path(key, session)
        if not path.exists():
            why = self.refusal(key, session) or "it has not been materialised"
            raise TableMissing(f"{'/'.join(key)} of {session}: {why}")
        return pl.scan_parquet(path)

    def refuse(self, key: Sequence[str], session: str, reason: str) -> None:
        """Keep why an asset has no table for a session, in place of an earlier table."""
        path = self._refusal(key, session)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(reason, encoding="utf-8")
        self.path(key, session).unlink(missing_ok=True)

    def refusal(self, key: Sequence[str], session: str) -> str | None:
        """Why an asset has no table for a session, where that was recorded."""
        path = self._refusal(key, session)
        return path.read_text(encoding="utf-8") if path.exists() else None

    def _refusal(self, key: Sequence[str], session: str) -> Path:
        return self.path(key, session).with_suffix(".reason.txt")


class SessionTablesIOManager(dg.ConfigurableIOManager):
    """Stores and loads {session: table}."""

    root: str

    def handle_output(self, context: dg.OutputContext, obj: Mapping[str, pl.DataFrame]) -> None:
        """Write one file for each session of the run."""
        expected = list(context.asset_partition_keys)
        if sorted(obj) != sorted(expected):
            raise dg.DagsterInvariantViolationError(
                f"expected tables of {expected}, was {sorted(obj)}"
            )
        store = TableStore(Path(self.root))
        for session, table in obj.items():
            store.write(context.asset_key.path, session, table)

    def load_input(self, context: dg.InputContext) -> SessionScans:
        """Read the tables of the sessions that the run's sessions map to."""
        store = TableStore(Path(self.root))
        return {
            session: store.scan(context.asset_key.path, session)
            for session in context.asset_partition_keys
        }
