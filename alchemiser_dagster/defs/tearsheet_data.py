"""Gathering what tearsheets are made from: published tables, closes, and the ledger's lot exits."""

from collections.abc import Sequence
from datetime import date

import polars as pl
from polars.exceptions import PanicException, PolarsError
from sqlalchemy import Connection

from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.defs.account_performance import ACCOUNT_PERFORMANCE
from alchemiser_dagster.defs.attribution import attribution_key
from alchemiser_dagster.defs.history import HELD_WEIGHTS, history_key
from alchemiser_dagster.defs.reference import WHOLE
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tables import TableMissing, TableStore
from alchemiser_dagster.ledger.queries import all_books, exits_of
from alchemiser_dagster.market.sessions import next_session, sessions_between
from alchemiser_dagster.market.snapshots import SnapshotDamaged, SnapshotMissing
from alchemiser_dagster.reports.data import BENCHMARK_SYMBOL, AccountData, TearsheetData
from alchemiser_dagster.reports.inputs import (
    ACCOUNT,
    ATTRIBUTION,
    CLOSES,
    EXITS,
    FILLS,
    LOTS,
    MODEL_WEIGHTS,
    PAPER,
    PERFORMANCE,
    ColumnsMissing,
    Schema,
    empty,
)
from alchemiser_dagster.reports.names import file_of
from alchemiser_dagster.storage import StorageError

UNREPORTABLE = (TableMissing, ColumnsMissing, SnapshotMissing, SnapshotDamaged, StorageError)
"""Why the tables of a tearsheet cannot be had."""


def tearsheet_data(records: AccountRecords, book: Book) -> TearsheetData:
    """Everything about one book up to its last published performance.

    Raises one of `UNREPORTABLE`, or ReturnsError.
    """
    tables, name = records.tables, book.name
    performance = every_session(tables, ["performance", name], PERFORMANCE)
    lots = every_session(tables, ["lots", name], LOTS)
    closes, is_synthetic = _closes(records, {*lots["symbol"], BENCHMARK_SYMBOL})
    with records.ledger.read() as connection:
        opened = _opened(connection, name)
        exits = _exits(connection, name, performance["date"].max())  # type: ignore[arg-type]
    return TearsheetData(
        book=name,
        title=book.symphony.title if book.symphony else name,
        is_synthetic=is_synthetic,
        opened=opened,
        due=_due(opened, performance),
        performance=performance,
        paper=_whole(tables, history_key(name), WHOLE, PAPER),
        model_weights=_whole(tables, history_key(name), HELD_WEIGHTS, MODEL_WEIGHTS),
        closes=closes,
        lots=lots,
        exits=exits,
        fills=every_session(tables, ["fills", name], FILLS),
        attribution=every_session(tables, attribution_key(name), ATTRIBUTION),
    )


def account_data(records: AccountRecords, books: Sequence[Book]) -> AccountData:
    """Everything about the account; links to the tearsheets of `books`.

    Raises one of `UNREPORTABLE`, or ReturnsError.
    """
    tables = records.tables
    closes, is_synthetic = _closes(records, {BENCHMARK_SYMBOL})
    papers = {
        book.name: _whole(tables, history_key(book.name), WHOLE, PAPER)
        for book in books
        if tables.exists(history_key(book.name), WHOLE)
    }
    account = every_session(tables, [ACCOUNT_PERFORMANCE], ACCOUNT)
    return AccountData(
        name="Account",
        is_synthetic=is_synthetic,
        opened=records.facts.inception,
        due=_due(records.facts.inception, account),
        books=every_session(tables, ["portfolio_performance"], PERFORMANCE),
        account=account,
        papers=papers,
        closes=closes,
        pages={book.name: file_of(book.name) for book in books},
    )


def every_session(tables: TableStore, key: Sequence[str], schema: Schema) -> pl.DataFrame:
    """An asset's tables of all sessions on top of each other, the oldest first; only the columns
    of `schema`. `date` is the session where the tables do not say it.

    One query over all files: a table a session are thousands of them. Raises TableMissing.
    """
    sessions = tables.sessions(key)
    if not sessions:
        return empty(schema)
    places = [tables.files.location(tables.name(key, session)) for session in sessions]
    scan = pl.scan_parquet(
        places,
        storage_options=tables.files.storage_options,
        extra_columns="ignore",
        include_file_paths=FILE,
    )
    try:
        if "date" in schema and "date" not in scan.collect_schema():
            scan = scan.with_columns(date=pl.col(FILE).str.extract(SESSION).str.to_date())
        return scan.select(list(schema)).collect()
    except (PolarsError, PanicException) as error:
        raise TableMissing(
            f"{'/'.join(key)}: expected whole tables of {', '.join(schema)} of "
            f"{sessions[0]} to {sessions[-1]}, was {str(error).splitlines()[0]}: materialise them "
            "again"
        ) from error


FILE, SESSION = "file", r"(\d{4}-\d{2}-\d{2})\.parquet$"


def _whole(tables: TableStore, key: Sequence[str], name: str, schema: Schema) -> pl.DataFrame:
    """An unpartitioned table, without rows where it has not been made."""
    return tables.read(key, name) if tables.exists(key, name) else empty(schema)


def _closes(records: AccountRecords, symbols: set[str]) -> tuple[pl.DataFrame, bool]:
    """The closes of `symbols` as the latest snapshot has them, and whether they are made up."""
    sessions = records.snapshots.sessions()
    if not sessions:
        return empty(CLOSES), False
    snapshot = records.snapshots.get(sessions[-1])
    bars = records.snapshots.scan(sessions[-1], snapshot.sha256)
    asked = bars.filter(pl.col("symbol").is_in(sorted(symbols))).select(list(CLOSES))
    return asked.collect(), snapshot.origin.is_synthetic


def _opened(connection: Connection, book: str) -> date | None:
    """The session on whose evening a book was opened, None before that."""
    return next((row.opened_session for row in all_books(connection) if row.book == book), None)


def _due(opened: date | None, rows: pl.DataFrame) -> list[date]:
    """The sessions after the opening up to the last of `rows`."""
    last: date | None = rows["date"].max()  # type: ignore[assignment]
    if opened is None or last is None or last <= opened:
        return []
    return sessions_between(next_session(opened), last)


def _exits(connection: Connection, book: str, through: date | None) -> pl.DataFrame:
    found = exits_of(connection, book, through=through)
    rows = [{name: getattr(row, name) for name in EXITS} for row in found]
    return pl.DataFrame(rows, schema=dict(EXITS))
