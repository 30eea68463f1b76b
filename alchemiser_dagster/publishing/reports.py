"""CSV reports of a session: every book's performance, the lots it has open, what it traded.

    performance/<session>.csv    a row a book: the columns of `portfolio_performance`
    open_lots/<session>.csv      a row a lot, by book and entry, as it was at the end of the session
    trades/<session>.csv         a row a fill, by book and time

UTF-8, a comma between columns, LF at the end of lines. Numbers are exact and without zeros at the
end, times are UTC. The same session gives the same bytes, and a file that has them is left alone.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection

from alchemiser_dagster.ledger.queries import all_books, fills_of, open_lots_by_book
from alchemiser_dagster.publishing.items import value_of
from alchemiser_dagster.storage import FileMissing, Files

LOT_COLUMNS = (
    "session",
    "book",
    "symbol",
    "lot_id",
    "entry_at",
    "entry_quantity",
    "entry_price",
    "quantity",
    "cost",
)
TRADE_COLUMNS = (
    "session",
    "book",
    "symbol",
    "side",
    "quantity",
    "price",
    "cash",
    "executed_at",
    "fill_id",
    "trade_id",
    "client_order_id",
    "cross_id",
    "busts",
)

Row = Mapping[str, Any]


def session_reports(
    connection: Connection, session: date, performance: Sequence[Row]
) -> dict[str, bytes]:
    """The files of a session by name. `performance` has its rows of `portfolio_performance`."""
    lots = open_lots_by_book(connection, through=session)
    books = [row.book for row in all_books(connection)]
    held: list[Row] = [
        {"session": session, "book": book} | vars(lot)
        for book, lot in sorted(lots, key=lambda pair: pair[0])
    ]
    traded: list[Row] = [
        row._asdict() for book in books for row in fills_of(connection, book, session)
    ]
    by_book = sorted(performance, key=lambda row: row["book"])
    return {
        f"performance/{session}.csv": _csv(list(by_book[0]) if by_book else ["date"], by_book),
        f"open_lots/{session}.csv": _csv(LOT_COLUMNS, held),
        f"trades/{session}.csv": _csv(TRADE_COLUMNS, traded),
    }


def publish_reports(files: Files, reports: Mapping[str, bytes]) -> int:
    """Put the files that are not there as they are; returns how many. Raises StorageError."""
    changed = [name for name, content in reports.items() if not _is_there(files, name, content)]
    for name in changed:
        files.write(name, reports[name])
    return len(changed)


def _is_there(files: Files, name: str, content: bytes) -> bool:
    try:
        return files.sha256(name) == hashlib.sha256(content).hexdigest()
    except FileMissing:
        return False


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    return "" if value is None else value_of(value)
