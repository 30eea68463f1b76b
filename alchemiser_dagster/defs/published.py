"""What is published of each book, for a diagnosis: the last signal and the last performance."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from alchemiser_dagster.defs.resources import as_session
from alchemiser_dagster.defs.signals import signal_key
from alchemiser_dagster.defs.tables import TableMissing, TableStore
from alchemiser_dagster.execution.diagnosis_books import Published


def published_books(tables: TableStore, books: Iterable[str]) -> dict[str, Published]:
    """What there is of each of `books`, by name. Raises StorageError where tables cannot be read.

    A performance that is damaged, or has no cash in it, is a problem and no error.
    """
    return {book: _published(tables, book) for book in books}


def _published(tables: TableStore, book: str) -> Published:
    signals, key = tables.sessions(signal_key(book)), ["performance", book]
    performances = tables.sessions(key)
    cash, problem = None, None
    if performances:
        cash, problem = _cash(tables, key, performances[-1])
    return Published(
        signal=_last(signals),
        refusal=_refusal(tables, book, signals),
        performance=_last(performances),
        cash=cash,
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


def _cash(tables: TableStore, key: list[str], session: str) -> tuple[Decimal | None, str | None]:
    try:
        table = tables.read(key, session)
    except TableMissing as damaged:
        return None, str(damaged)
    if table.height != 1 or "cash" not in table.columns:
        shape = f"{table.height} rows of {', '.join(table.columns)}"
        return None, f"{'/'.join(key)} of {session}: expected one row with its cash, was {shape}"
    cash: Decimal = table["cash"].item()
    return cash, None
