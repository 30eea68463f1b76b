"""What `alchemiser status` says of the bars: the latest snapshot, and the books it stops."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.defs.bars import FINDINGS
from alchemiser_dagster.defs.freshness import DUE
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.market.findings_table import counted
from alchemiser_dagster.market.fitness import stopping, why_unfit
from alchemiser_dagster.market.sessions import last_completed_session, sessions_between
from alchemiser_dagster.market.snapshots import Snapshot, SnapshotDamaged, SnapshotMissing
from alchemiser_dagster.settings import BrokerMode
from alchemiser_dagster.storage.files import StorageError


def latest_bars(
    records: AccountRecords, books: Iterable[Book], traded: date | None
) -> tuple[str, list[str]]:
    """One sentence on the latest snapshot, and one for everything about it that stops a book.

    `traded` is the account's last session, None before the first.
    """
    try:
        taken = records.snapshots.sessions()
        if not taken:
            return "No snapshot of bars has been taken yet.", []
        snapshot = records.snapshots.get(taken[-1])
        age = _age(snapshot.session, _expected(records, traded))
        count, stopped = _stopped(records, books, snapshot.session)
    except (SnapshotDamaged, SnapshotMissing, StorageError) as error:
        return "The latest bars cannot be read.", [str(error)]
    except TableMissing as missing:
        return f"{_described(snapshot, age)}; they were not checked.", [
            f"no book trades on the bars of {snapshot.session}: {missing}"
        ]
    if not stopped:
        return f"{_described(snapshot, age)}; no finding stops a book.", []
    stops = "stops" if count == 1 else "stop"
    findings = f"{counted(count, 'finding')} {stops} {counted(len(stopped), 'book')}"
    return f"{_described(snapshot, age)}; {findings}.", stopped


def _stopped(
    records: AccountRecords, books: Iterable[Book], session: date
) -> tuple[int, list[str]]:
    """How many findings stop a book, and a sentence for each book that they stop."""
    findings = records.tables.read([FINDINGS], session.isoformat())
    symbols = {book.name: records.symbols_of(book) for book in books if book.enabled}
    reasons = {book: why_unfit(findings, own) for book, own in symbols.items()}
    return stopping(findings, set().union(*symbols.values())).height, [
        f"{book} does not trade on the bars of {session}: {reason}"
        for book, reason in sorted(reasons.items())
        if reason is not None
    ]


def _expected(records: AccountRecords, traded: date | None) -> date:
    """The session whose bars should be there by now. An embedded account has a time of its own."""
    if records.facts.mode is BrokerMode.EMBEDDED:
        return traded or records.facts.inception
    return last_completed_session(datetime.now(UTC), DUE)


def _age(session: date, expected: date) -> str:
    behind = len(sessions_between(session, expected)) - 1
    return f"{counted(behind, 'session')} behind" if behind > 0 else "up to date"


def _described(snapshot: Snapshot, age: str) -> str:
    origin = snapshot.origin
    return (
        f"Bars of {snapshot.session} ({age}): {len(snapshot.symbols)} symbols; {origin.source}, "
        f"fetched {origin.fetched_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    )
