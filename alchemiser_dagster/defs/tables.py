"""Published tables: one parquet file per asset and session, and the IO manager around them.

Every partitioned asset gives a mapping {session: table} and is given {session: lazy table}, whether
it runs for one session or for a range, so that a range gives the same bytes as its days one by one.
A file appears whole or not at all.
"""

import io
from collections.abc import Mapping, Sequence
from functools import lru_cache

import dagster as dg
import polars as pl
from polars.exceptions import PanicException, PolarsError

from alchemiser_dagster.market.snapshots import SnapshotStore
from alchemiser_dagster.storage import FileMissing, Files, open_files

SessionTables = dict[str, pl.DataFrame]
"""Tables by session, the session as an ISO date (Dagster's partition key)."""
SessionScans = dict[str, pl.LazyFrame]
"""Tables by session, of which only the columns and rows asked for are read."""


REFUSAL = ".reason.txt"
"""How the name of a file ends that says why there is no table."""


class TableMissing(Exception):
    """A table that has not been materialised, or cannot be read; the message says which and why."""


class TableStore:
    """The tables in a folder or bucket: `<asset key>/<session>.parquet`."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def name(self, key: Sequence[str], session: str) -> str:
        """The name of an asset's table of a session among the files."""
        return "/".join([*key, f"{session}.parquet"])

    def exists(self, key: Sequence[str], session: str) -> bool:
        """Whether an asset has a table of a session."""
        return self.files.exists(self.name(key, session))

    def sessions(self, key: Sequence[str]) -> list[str]:
        """The sessions that an asset has tables of, oldest first."""
        return self._named(key, ".parquet")

    def refused(self, key: Sequence[str]) -> list[str]:
        """The sessions for which it was recorded why an asset has no table, oldest first."""
        return self._named(key, REFUSAL)

    def write(self, key: Sequence[str], session: str, table: pl.DataFrame) -> None:
        """Store a table, replacing an earlier one in one step. Raises StorageError."""
        content = io.BytesIO()
        table.write_parquet(content)
        self.files.write(self.name(key, session), content.getvalue())
        self.files.delete(self._refusal(key, session))

    def read(self, key: Sequence[str], session: str) -> pl.DataFrame:
        """The table of an asset's session. Raises TableMissing."""
        self._require(key, session)
        name = self.name(key, session)
        try:
            return pl.read_parquet(self.files.read(name))
        except (PolarsError, PanicException) as error:
            raise TableMissing(
                f"{'/'.join(key)} of {session}: expected a whole parquet file at "
                f"{self.files.location(name)}, was a damaged one ({str(error).splitlines()[0]}): "
                "materialise it again"
            ) from error

    def scan(self, key: Sequence[str], session: str) -> pl.LazyFrame:
        """The table of an asset's session, to be read as far as it is needed."""
        self._require(key, session)
        location = self.files.location(self.name(key, session))
        return pl.scan_parquet(location, storage_options=self.files.storage_options)

    def refuse(self, key: Sequence[str], session: str, reason: str) -> None:
        """Keep why an asset has no table for a session, in place of an earlier table."""
        self.files.write(self._refusal(key, session), reason.encode())
        self.files.delete(self.name(key, session))

    def refusal(self, key: Sequence[str], session: str) -> str | None:
        """Why an asset has no table for a session, where that was recorded."""
        try:
            return self.files.read(self._refusal(key, session)).decode()
        except FileMissing:
            return None

    def _require(self, key: Sequence[str], session: str) -> None:
        if not self.exists(key, session):
            why = self.refusal(key, session) or "it has not been materialised"
            raise TableMissing(f"{'/'.join(key)} of {session}: {why}")

    def _refusal(self, key: Sequence[str], session: str) -> str:
        return "/".join([*key, session + REFUSAL])

    def _named(self, key: Sequence[str], ending: str) -> list[str]:
        folder = "/".join([*key, ""])
        names = (name.removeprefix(folder) for name in self.files.names(folder))
        return [
            name.removesuffix(ending) for name in names if name.endswith(ending) and "/" not in name
        ]


@lru_cache(maxsize=8)
def files_at(location: str) -> Files:
    """The files of a place, opened once in a process: clients of S3 take long to make."""
    return open_files(location)


@lru_cache(maxsize=8)
def snapshots_at(location: str) -> SnapshotStore:
    """The snapshots of bars in a place."""
    return SnapshotStore(files_at(location))


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
        store = TableStore(files_at(self.root))
        for session, table in obj.items():
            store.write(context.asset_key.path, session, table)

    def load_input(self, context: dg.InputContext) -> SessionScans:
        """Read the tables of the sessions that the run's sessions map to."""
        store = TableStore(files_at(self.root))
        return {
            session: store.scan(context.asset_key.path, session)
            for session in context.asset_partition_keys
        }
