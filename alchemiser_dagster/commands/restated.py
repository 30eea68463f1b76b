"""`alchemiser restated`: what the vendor has changed in the past, and whom it would have moved."""

from datetime import date

import polars as pl
from rich.table import Table

from alchemiser_dagster.books.strategies import BooksError
from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.commands.terminal import fail, out
from alchemiser_dagster.defs.bars import ACTIONS
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.market.restated_signals import ChangedSignal, changed_signals
from alchemiser_dagster.market.restatements import OverlapError, restatements
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.snapshots import Snapshot, SnapshotDamaged, SnapshotMissing
from alchemiser_dagster.symphony import Symphony

PAST_SESSIONS = 60
"""How many past signals are made again; before the account's inception nobody traded on them."""


def restated(session: date | None) -> None:
    """Compare a session's snapshot (None: the latest) with the one before it."""
    records = opened_records()
    try:
        snapshot, before = _pair(records, session)
        now = records.snapshots.scan(snapshot.session).collect()
        then = records.snapshots.scan(before.session).collect()
        found = restatements(then, now, _actions(records, snapshot.session))
        since = max(
            records.facts.inception,
            sessions_between(before.first, before.session)[-PAST_SESSIONS:][0],
        )
        changed = changed_signals(_symphonies(records), then, now, since)
    except (SnapshotMissing, SnapshotDamaged, OverlapError, BooksError) as error:
        fail(str(error))
    out.print(
        f"The snapshot of {snapshot.session} against that of {before.session} "
        f"({snapshot.origin.source})",
        highlight=False,
    )
    if found.is_empty():
        out.print("Nothing in the past was restated.")
    else:
        table = Table(title="Restated", title_justify="left")
        for name in ("symbol", "kind", "first", "last", "bars", "ratio", "says"):
            table.add_column(name, justify="right" if name in ("bars", "ratio") else "left")
        for row in found.iter_rows(named=True):
            ratio = "" if row["ratio"] is None else f"{row['ratio']:.6f}"
            table.add_row(
                row["symbol"], row["kind"], str(row["first"]), str(row["last"]),
                str(row["bars"]), ratio, row["says"],
            )  # fmt: skip
        out.print(table)
    if not changed:
        out.print(f"No signal from {since} on would have been another.", highlight=False)
        return
    out.print(_changes(changed))


def _actions(records: AccountRecords, session: date) -> pl.DataFrame | None:
    """The corporate actions known in the evening of a session; None where there was no feed."""
    try:
        return records.tables.read([ACTIONS], session.isoformat())
    except TableMissing:
        return None  # the comparison is told that nothing is known


def _pair(records: AccountRecords, session: date | None) -> tuple[Snapshot, Snapshot]:
    known = records.snapshots.sessions()
    if session is None and not known:
        fail("no snapshot of bars has been taken; `alchemiser bars` takes one")
    snapshot = records.snapshots.get(session or known[-1])
    before = records.snapshots.before(snapshot.session)
    if before is None:
        fail(f"the snapshot of {snapshot.session} is the account's first: nothing was before it")
    return snapshot, before


def _symphonies(records: AccountRecords) -> list[Symphony]:
    return [book.symphony for book in records.books() if book.enabled and book.symphony is not None]


def _changes(changed: list[ChangedSignal]) -> Table:
    table = Table(title="Signals that would have been others", title_justify="left")
    for name in ("book", "session", "was", "would be"):
        table.add_column(name)
    for signal in changed:
        table.add_row(signal.book, str(signal.session), _words(signal.before), _words(signal.now))
    return table


def _words(weights: dict[str, float] | None) -> str:
    if weights is None:
        return "no signal"
    largest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{symbol} {weight:.1%}" for symbol, weight in largest)
