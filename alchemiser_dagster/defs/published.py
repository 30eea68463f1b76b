"""What is published of each book, for a diagnosis: the last signal and the last performance."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from alchemiser_dagster.defs.resources import as_session
from alchemiser_dagster.defs.signals import signal_key
from alchemiser_dagster.defs.tables import TableMissing, TableStore
from alchemiser_dagster.execution.diagnosis_books import PERFORMANCE_FIGURES, Published


def published_books(tables: TableStore, books: Iterable[str]) -> dict[str, Published]:
    """What there is of each of `books`, by name. Raises StorageError where tables cannot be read.

    A performance that is damaged, or lacks a figure that the ledger gives, is a problem and no
    error.
    """
    return {book: _published(tables, book) for book in books}


def _published(tables: TableStore, book: str) -> Published:
    signals, key = tables.sessions(signal_key(book)), ["performance", book]
    performances = tables.sessions(key)
    figures, problem = None, None
    if performances:
        figures, problem = _figures(tables, key, performances[-1])
    return Published(
        signal=_last(signals),
        refusal=_refusal(tables, book, signals),
        performance=_last(performances),
        figures=figures,
        problem=problem,
    )


def _last(sessions: list[str]) -> date | None:
    return as_session(sessions[-1]) if sessions else None


def _refusal(tables: TableStore, book: str, signals: list[str]) -> str | None:
    """Why there is no signal after the last one, where that was recorded."""
    refused = tables.refused(signal_key(book))
    if not refused or (signals and refused[-1] < signals[-1]):
        return None
    return tables.refusal(signal_key(book), refused[-1])


def _figures(
    tables: TableStore, key: list[str], session: str
) -> tuple[dict[str, Decimal] | None, str | None]:
    try:
        table = tables.read(key, session)
    except TableMissing as damaged:
        return None, str(damaged)
    missing = [name for name in PERFORMANCE_FIGURES if name not in table.columns]
    if table.height != 1 or missing:
        shape = f"{table.height} rows" + (f" without {', '.join(missing)}" if missing else "")
        return None, f"{'/'.join(key)} of {session}: expected one row with its figures, was {shape}"
    row = table.row(0, named=True)
    return {name: Decimal(row[name]) for name in PERFORMANCE_FIGURES if row[name] is not None}, None
