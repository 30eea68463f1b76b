"""The journal: every row that moves shares or cash, in order, each tied to the one before.

    hash(n) = sha256(hash(n-1), kind, payload)        hash(0) = 64 zeros

Rows are only ever added. A row that is lost, added or changed afterwards, in the journal or in the
tables behind it, is found: the hashes no longer meet (`verify`), or the books rebuilt from the
journal are not those of the tables.

Journaled are the facts that nothing else follows from: fills; cash entries that no fill explains;
lots that no fill opened; adjustments of lots. Lots of fills, exits and book positions follow.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from alchemiser_dagster.ledger.schema import journal

FIRST_HASH = "0" * 64

_INSERT = insert(journal)
_LAST = select(journal.c.sequence, journal.c.hash).order_by(journal.c.sequence.desc()).limit(1)


@dataclass(frozen=True)
class Entry:
    """One entry of the journal: the rows added to the table `kind`, values as JSON has them."""

    sequence: int
    kind: str
    rows: list[dict[str, Any]]


def enter(
    connection: Connection, table: Table, rows: Mapping[str, Any] | Sequence[Mapping[str, Any]]
) -> None:
    """Add rows to `table` and to the journal, in the caller's transaction."""
    enter_each(connection, table, [[rows] if isinstance(rows, Mapping) else rows])


def enter_each(
    connection: Connection, table: Table, groups: Iterable[Sequence[Mapping[str, Any]]]
) -> None:
    """Add groups of rows to `table` at once, and each to the journal as an entry of its own."""
    told = [group for group in groups if group]
    if not told:
        return
    connection.execute(insert(table), [dict(row) for group in told for row in group])
    _append(connection, table.name, told)


def append(connection: Connection, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add an entry to the journal only: its rows are in the table `kind` already."""
    _append(connection, kind, [rows])


def _append(
    connection: Connection, kind: str, groups: Iterable[Sequence[Mapping[str, Any]]]
) -> None:
    last = connection.execute(_LAST).first()
    sequence, previous = (0, FIRST_HASH) if last is None else (last.sequence, last.hash)
    added = []
    for rows in groups:
        payload = _canonical([dict(row) for row in rows])
        sequence, own = sequence + 1, _hash(previous, kind, payload)
        added.append(
            {
                "sequence": sequence,
                "kind": kind,
                "payload": payload,
                "previous_hash": previous,
                "hash": own,
            }
        )
        previous = own
    connection.execute(_INSERT, added)


def entries(connection: Connection) -> Iterator[Entry]:
    """The whole journal, oldest first."""
    for row in connection.execute(select(journal).order_by(journal.c.sequence)):
        yield Entry(row.sequence, row.kind, json.loads(row.payload))


def verify(connection: Connection) -> list[str]:
    """What is wrong with the chain, a line each; empty when it is whole."""
    wrong: list[str] = []
    previous, expected = FIRST_HASH, 1
    for row in connection.execute(select(journal).order_by(journal.c.sequence)):
        if row.sequence != expected:
            wrong.append(f"expected entry {expected}, was {row.sequence}: entries are missing")
        if row.previous_hash != previous:
            wrong.append(f"entry {row.sequence} does not follow the one before it")
        if row.hash != _hash(row.previous_hash, row.kind, row.payload):
            wrong.append(f"entry {row.sequence} ({row.kind}) was changed after it was written")
        previous, expected = row.hash, row.sequence + 1
    return wrong


def _hash(previous: str, kind: str, payload: str) -> str:
    return sha256(f"{previous}\n{kind}\n{payload}".encode()).hexdigest()


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"expected a Decimal, a date or a moment, was {type(value).__name__}")


_canonical = json.JSONEncoder(default=_plain, sort_keys=True, separators=(",", ":")).encode
