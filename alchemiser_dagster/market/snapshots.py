"""Snapshots: the bars as they were known in the evening of a session, immutable and checked.

    daily_bars/2026-01-15/<sha256>.parquet   the bars; named by the hash of its bytes, never changed
    daily_bars/2026-01-15.json               the pointer: which of them is the session's snapshot,
                                             how it was made, and those it has superseded
    daily_bars/2026-01-15.reason.txt         why the session has none, where that was recorded

The pointer is written last, so a process that dies in between leaves the snapshot before. The same
bars give the same bytes, hence the same name; whoever keeps something worked out from a snapshot
keeps it under the hash, never under a number of rows. (Another version of polars may write other
bytes; snapshots that are stored keep theirs.)

Before anything of a snapshot is read, its bytes are hashed: once in a process, and anew when the
file has changed.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import polars as pl
from polars.exceptions import PanicException, PolarsError
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from alchemiser_dagster.market.bars import BARS_SCHEMA
from alchemiser_dagster.market.sessions import aware
from alchemiser_dagster.market.snapshot_content import STORED_SCHEMA, columns, encoded
from alchemiser_dagster.storage.files import FileMissing, Files, StorageError

FOLDER = "daily_bars/"
POINTER, REFUSAL, CONTENT = ".json", ".reason.txt", ".parquet"
UNUSED = "nothing of it was used"


class SnapshotMissing(Exception):
    """There is no snapshot of the session."""


class SnapshotDamaged(Exception):
    """A snapshot, or the pointer to it, is not what was stored."""


@dataclass(frozen=True)
class Origin:
    """How a snapshot was made.

    `adjustment` says what adj_close is adjusted for, `calendar` whose version of the sessions was
    used. `dropped_partial` counts the bars of sessions that had not closed; `quarantined` names the
    symbols that were left out for a broken row.
    """

    source: str
    is_synthetic: bool
    feed: str | None
    adjustment: str
    fetched_at: AwareDatetime
    calendar: str
    dropped_partial: int
    quarantined: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """The pointer: everything about a snapshot but its bars.

    `size` is in bytes, `first` the earliest date of a bar, `superseded` the hashes of the
    session's earlier snapshots, the oldest first; their bars are still there.
    """

    session: date
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size: int
    rows: int
    symbols: tuple[str, ...]
    first: date
    origin: Origin
    superseded: tuple[str, ...]


_POINTER = TypeAdapter(Snapshot)
_verified: set[tuple[str, str, str]] = set()
"""Location, stamp and hash of the files that this process has found whole."""


class SnapshotStore:
    """The snapshots in `files`.

    Beside the errors named below every method raises StorageError where the store fails.
    """

    def __init__(self, files: Files) -> None:
        self.files = files

    def save(self, session: date, bars: pl.DataFrame, origin: Origin) -> Snapshot:
        """Make `bars` the session's snapshot. Those it supersedes stay where they are.

        Bars that are stored already are not written again, unless what is stored is damaged.

        Raises:
            BarsColumnError, BarsRowError: not a bars table, or one without a row.
        """
        aware(origin.fetched_at)
        content = encoded(bars)
        sha256 = hashlib.sha256(content).hexdigest()
        superseded = self._superseded(session, sha256)
        name = _content(session, sha256)
        if not self._holds(name, sha256):
            self.files.write(name, content)
        snapshot = Snapshot(
            session=session,
            sha256=sha256,
            size=len(content),
            rows=bars.height,
            symbols=tuple(bars["symbol"].unique().sort()),
            first=bars["date"].min(),  # type: ignore[arg-type]
            origin=origin,
            superseded=superseded,
        )
        self.files.write(_pointer(session), _written(snapshot))
        self.files.delete(_refusal(session))
        return snapshot

    def find(self, session: date) -> Snapshot | None:
        """The session's snapshot, None if there is none. Raises SnapshotDamaged (the pointer)."""
        name = _pointer(session)
        try:
            content = self.files.read(name)
        except FileMissing:
            return None
        try:
            snapshot = _POINTER.validate_json(content)
        except ValidationError as error:
            wrong = error.errors()[0]
            place = ".".join(str(part) for part in wrong["loc"]) or "the file"
            flaw = f"expected a snapshot's pointer, was {place}: {wrong['msg']}"
            raise self._damaged(session, name, flaw) from error
        if snapshot.session != session:
            flaw = f"expected the pointer of {session}, was that of {snapshot.session}"
            raise self._damaged(session, name, flaw)
        return snapshot

    def get(self, session: date) -> Snapshot:
        """The session's snapshot. Raises SnapshotMissing, SnapshotDamaged (the pointer)."""
        snapshot = self.find(session)
        if snapshot is None:
            reason = self.refusal(session) or "it has not been materialised"
            raise SnapshotMissing(
                f"expected a snapshot of the bars of {session}, was none ({reason}): "
                f"materialise daily_bars of {session}"
            )
        return snapshot

    def scan(self, session: date, sha256: str | None = None) -> pl.LazyFrame:
        """The bars of the session's snapshot, or of the earlier one with the hash `sha256`.

        A lazy table of `BARS_SCHEMA`, sorted by symbol and date; only the columns and symbols that
        are asked for are read.

        Raises:
            SnapshotMissing: there is none.
            SnapshotDamaged: it is not what was stored.
        """
        if sha256 is None:
            snapshot = self.get(session)
            return self._checked(session, snapshot.sha256, snapshot.size)
        if not self.files.exists(_content(session, sha256)):
            raise SnapshotMissing(
                f"expected the bars of {session} with the hash {sha256}, was none: "
                "restore the file from a copy, or use the session's present snapshot"
            )
        return self._checked(session, sha256)

    def sessions(self) -> list[date]:
        """The sessions that have a snapshot, ascending."""
        found = []
        for name in self.files.names(FOLDER):
            key = name.removeprefix(FOLDER).removesuffix(POINTER)
            with suppress(ValueError):  # not a pointer
                if name == _pointer(date.fromisoformat(key)):
                    found.append(date.fromisoformat(key))
        return sorted(found)

    def before(self, session: date) -> Snapshot | None:
        """The snapshot of the latest earlier session that has one. Raises SnapshotDamaged."""
        earlier = [known for known in self.sessions() if known < session]
        return self.find(earlier[-1]) if earlier else None

    def refuse(self, session: date, reason: str) -> None:
        """Keep why no snapshot was made of the session; one that is there stays."""
        self.files.write(_refusal(session), reason.encode())

    def refusal(self, session: date) -> str | None:
        """Why no snapshot was made of the session, unless one has been since."""
        try:
            return self.files.read(_refusal(session)).decode()
        except FileMissing:
            return None

    def _checked(self, session: date, sha256: str, size: int | None = None) -> pl.LazyFrame:
        """The bars of a file that holds what was stored. `size` is None for a superseded one."""
        name = _content(session, sha256)
        bars = pl.scan_parquet(
            self.files.location(name),
            storage_options=self.files.storage_options,
            glob=False,
            hive_partitioning=False,
        )
        try:
            seen = self.files.location(name), self.files.stamp(name), sha256
            flaw = None if seen in _verified else self._flaw(name, sha256, size, bars)
        except FileMissing:
            flaw = f"expected {size} bytes, was nothing there"
        if flaw and size is None:
            remedy = "restore it from a copy, or use the session's present snapshot"
            raise SnapshotDamaged(f"{self.files.location(name)}: {flaw}; {UNUSED}: {remedy}")
        if flaw:
            raise self._damaged(session, name, flaw)
        _verified.add(seen)
        return bars.select(BARS_SCHEMA.names())

    def _flaw(self, name: str, sha256: str, size: int | None, bars: pl.LazyFrame) -> str | None:
        """What is wrong with the file of a snapshot's bars, None when it is sound."""
        was = self.files.size(name)
        if size is not None and was != size:
            return f"expected {size} bytes, was {f'{was} bytes' if was else 'empty'}"
        found = self.files.sha256(name)
        if found != sha256:
            return f"expected the SHA-256 {sha256}, was {found} (of {was} bytes)"
        try:
            schema = bars.collect_schema()
        except OSError as error:
            raise StorageError(
                f"{self.files.location(name)}: stored whole, but polars cannot read it ({error}): "
                "see to AWS_REGION, which must be the bucket's, and to AWS_ENDPOINT_URL"
            ) from error
        except (PolarsError, PanicException) as error:
            return f"expected a parquet file, was one that cannot be read ({error})"
        if schema != STORED_SCHEMA:
            return f"expected {columns(STORED_SCHEMA)}, was {columns(schema)}"
        return None

    def _superseded(self, session: date, sha256: str) -> tuple[str, ...]:
        """What the snapshot with the hash `sha256` supersedes, the oldest first."""
        try:
            before = self.find(session)
            known = (*before.superseded, before.sha256) if before else ()
        except SnapshotDamaged:  # in what order is lost
            contents = self.files.names(f"{FOLDER}{session}/")
            known = tuple(name.rpartition("/")[2].removesuffix(CONTENT) for name in contents)
        return tuple(earlier for earlier in dict.fromkeys(known) if earlier != sha256)

    def _holds(self, name: str, sha256: str) -> bool:
        try:
            return self.files.sha256(name) == sha256
        except FileMissing:
            return False

    def _damaged(self, session: date, name: str, flaw: str) -> SnapshotDamaged:
        return SnapshotDamaged(
            f"{self.files.location(name)}: {flaw}; {UNUSED}: "
            f"materialise daily_bars of {session} again"
        )


def _pointer(session: date) -> str:
    return f"{FOLDER}{session}{POINTER}"


def _refusal(session: date) -> str:
    return f"{FOLDER}{session}{REFUSAL}"


def _content(session: date, sha256: str) -> str:
    return f"{FOLDER}{session}/{sha256}{CONTENT}"


def _written(snapshot: Snapshot) -> bytes:
    """The pointer as JSON, a line for each field."""
    fields = _POINTER.dump_python(snapshot, mode="json")
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in fields.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()
