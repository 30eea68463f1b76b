"""Whether the tables still say what the journal was told.

The journal keeps a copy of every row that moves shares or cash. A row that is changed in its table
afterwards need not show anywhere else (the price of a fill moves no lot), so the two are compared
row by row. What changes by design, the shares left of a lot, is not part of what the journal keeps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Date, Table, select, true

from alchemiser_dagster.ledger.columns import Exact, Instant
from alchemiser_dagster.ledger.journal import entries
from alchemiser_dagster.ledger.schema import cash_entries, fills, lot_adjustments, lots

BUST = "bust"
"""Kind of the adjustments that follow from a fill that undoes another."""
TRADED = ("buy", "sell")
"""Kinds of the cash entries that follow from fills."""

Values = dict[str, Any]
"""A row: values by column."""


@dataclass(frozen=True)
class _Journaled:
    """Which rows of a table the journal has, and which of their columns never change."""

    table: Table
    key: tuple[str, ...]
    later: frozenset[str]
    where: ColumnElement[bool]


_JOURNALED = (
    _Journaled(fills, ("fill_id",), frozenset(), true()),
    _Journaled(
        cash_entries,
        ("kind", "source_id", "book"),
        frozenset({"entry_id"}),
        cash_entries.c.kind.not_in(TRADED),
    ),
    _Journaled(
        lots,
        ("lot_id",),
        frozenset({"quantity", "cost"}),
        lots.c.lot_id.not_in(select(fills.c.fill_id)),
    ),
    _Journaled(
        lot_adjustments, ("lot_id", "source_id"), frozenset(), lot_adjustments.c.kind != BUST
    ),
)


def unlike_the_journal(connection: Connection) -> list[str]:
    """Rows of the tables that are not as the journal was told; a line each, none when all are."""
    told: dict[str, list[Values]] = {}
    for entry in entries(connection):
        told.setdefault(entry.kind, []).extend(entry.rows)
    wrong = []
    for kept in _JOURNALED:
        table = kept.table
        written = {
            _key(kept, row): _kept(kept, row)
            for row in (typed(table, raw) for raw in told.get(table.name, []))
            if row.get("kind") != BUST
        }
        present = {
            _key(kept, row): _kept(kept, row)
            for row in (
                dict(found._mapping)
                for found in connection.execute(select(table).where(kept.where))
            )
        }
        for key in sorted(written.keys() | present.keys()):
            name = f"{table.name}, row ({', '.join(key)})"
            if key not in present:
                wrong.append(f"{name}: is in the journal and not in the table")
            elif key not in written:
                wrong.append(f"{name}: is in the table and not in the journal")
            else:
                wrong += [
                    f"{name}: expected {column} {value}, as it was journaled, "
                    f"was {present[key].get(column)}"
                    for column, value in written[key].items()
                    if present[key].get(column) != value
                ]
    return wrong


def typed(table: Table, raw: Values) -> Values:
    """A row of the journal with the values that its table has."""
    read = _readers(table)
    return {
        name: read[name](value) if isinstance(value, str) else value for name, value in raw.items()
    }


@cache
def _readers(table: Table) -> dict[str, Callable[[str], Any]]:
    """How the text of each column is read; the journal has hundreds of thousands of them."""
    return {column.name: _reader(column) for column in table.c}


def _reader(column: Column[Any]) -> Callable[[str], Any]:
    if isinstance(column.type, Exact):
        return Decimal
    if isinstance(column.type, Instant):
        return datetime.fromisoformat
    return date.fromisoformat if isinstance(column.type, Date) else str


def _key(kept: _Journaled, row: Values) -> tuple[str, ...]:
    return tuple(str(row[column]) for column in kept.key)


def _kept(kept: _Journaled, row: Values) -> Values:
    return {column: value for column, value in row.items() if column not in kept.later}
