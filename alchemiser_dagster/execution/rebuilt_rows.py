"""Where the rows of a ledger are other than those that were made again from the broker's history.

Book by book two ledgers may sum to the same and not be the same: the price of a fill moves neither
a share nor a cent any more. So the tables that a swap replaces are compared row by row, but for
what only says when and in which order something was written. The journal is among that; what is
wrong with it says `identities.journal_broken`.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, inspect, select

from alchemiser_dagster.ledger.schema import (
    activities,
    cash_entries,
    crosses,
    executions,
    fills,
    lot_adjustments,
    lot_exits,
    lots,
)

COMPARED = (
    executions, crosses, fills, lots, lot_exits, lot_adjustments, cash_entries, activities,
)  # fmt: skip
_KEYS = {cash_entries.name: ("kind", "source_id", "book")}
"""What a row is known by where that is not its primary key, a mere number."""
_WRITTEN = {cash_entries.name: {"entry_id"}, activities.name: {"posted_at", "treatment"}}
"""Columns that say how a row was written, not what happened."""


def differing_rows(ledger: Connection, rebuilt: Connection) -> list[str]:
    """A line for every table of which rows differ: how many, and the first of them."""
    found = []
    for table in COMPARED:
        lines = list(_differing(table, _rows(ledger, table), _rows(rebuilt, table)))
        if lines:
            rows = "1 row differs" if len(lines) == 1 else f"{len(lines)} rows differ, the first"
            found.append(f"{table.name}: {rows}: {lines[0]}")
    return found


Rows = dict[tuple[Any, ...], dict[str, Any]]


def _rows(connection: Connection, table: Table) -> Rows:
    key = _KEYS.get(table.name) or tuple(one.name for one in inspect(table).primary_key.columns)
    columns = [one for one in table.columns if one.name not in _WRITTEN.get(table.name, ())]
    rows = (dict(row._mapping) for row in connection.execute(select(*columns)))
    return {tuple(row[name] for name in key): row for row in rows}


def _differing(table: Table, ours: Rows, theirs: Rows) -> Iterator[str]:
    for key in sorted(ours.keys() | theirs.keys()):
        name = " ".join(map(str, key))
        if key not in ours:
            yield f"{name} is missing"
        elif key not in theirs:
            yield f"{name} is not in the rebuilt books"
        elif ours[key] != theirs[key]:
            changed = (one for one in ours[key] if ours[key][one] != theirs[key][one])
            column = next(changed)
            yield f"{name}, {column}: expected {theirs[key][column]}, was {ours[key][column]}"
