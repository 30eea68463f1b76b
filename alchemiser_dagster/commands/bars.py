"""`alchemiser bars`: take the snapshot of a session now, check it, and say what was found.

It runs the same assets as the evening schedule, with a progress bar.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from rich.table import Table

from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.commands.replay import QUIET, dagster_instance, failures_of
from alchemiser_dagster.commands.terminal import err, fail, out, progress_bar
from alchemiser_dagster.defs.bars import FINDINGS
from alchemiser_dagster.defs.resources import DOWNLOAD_PROGRESS, AccountRecords
from alchemiser_dagster.market.sessions import SessionError, is_session, last_completed_session
from alchemiser_dagster.market.sources import Progress
from alchemiser_dagster.settings import Home, SettingsError

LISTED_MAX = 40


def bars(session: date | None) -> None:
    """Take and check the snapshot of `session` (None: the last completed one)."""
    records = opened_records()
    try:
        facts = records.facts
        last = last_completed_session(datetime.now(UTC))
        session = session or last
        if not is_session(session) or not facts.inception <= session <= last:
            fail(f"expected a session from {facts.inception} to {last}, was {session}")
    except (SettingsError, SessionError) as error:
        fail(str(error))
    with _progress():
        failure = _materialise(records, session)
    snapshot = records.snapshots.find(session)
    if failure is not None or snapshot is None:
        fail(failure or f"there is no snapshot of {session}; the run `bars` in the UI says why")
    origin = snapshot.origin
    out.print(
        f"Snapshot of {session}: {len(snapshot.symbols)} symbols, {snapshot.rows:,} bars from "
        f"{snapshot.first} on, {snapshot.size / 1e6:.1f} MB; {origin.source}, "
        f"fetched {origin.fetched_at:%Y-%m-%d %H:%M} UTC",
        highlight=False,
    )
    out.print(f"Content {snapshot.sha256}", highlight=False)
    findings = records.tables.read([FINDINGS], session.isoformat())
    if findings.is_empty():
        out.print("The checks found nothing.")
        return
    out.print(_table(findings))
    if findings.height > LISTED_MAX:
        err.print(f"... and {findings.height - LISTED_MAX} more; the UI has them all")
    if "error" in findings["severity"]:
        fail("books that use a symbol with an error do not trade on this snapshot")


def _materialise(records: AccountRecords, session: date) -> str | None:
    """Run the job `bars`; why it failed, None when it did not."""
    from alchemiser_dagster.definitions import build_definitions

    home = Home(Path(records.home))
    job = build_definitions(home, records.strategies).resolve_job_def("bars")
    with dagster_instance(home) as instance:
        result = job.execute_in_process(
            instance=instance,
            partition_key=session.isoformat(),
            raise_on_error=False,
            run_config=QUIET,
        )
    if result.success:
        return None
    return "\n".join(failures_of(result)) or "the run `bars` failed; its log is in the UI"


@contextmanager
def _progress() -> Iterator[None]:
    with progress_bar() as shown:
        task = shown.add_task("bars", total=None)

        def tell(progress: Progress) -> None:
            waited = f", waited {progress.waited:.0f} s" if progress.waited >= 1 else ""
            shown.update(
                task,
                description=f"{progress.bars:,} bars{waited}",
                completed=progress.done,
                total=progress.total,
            )

        token = DOWNLOAD_PROGRESS.set(tell)
        try:
            yield
        finally:
            DOWNLOAD_PROGRESS.reset(token)


def _table(findings: pl.DataFrame) -> Table:
    table = Table(title="Found", title_justify="left")
    for name in ("check", "severity", "symbol", "date", "says"):
        table.add_column(name, overflow="fold")
    for row in findings.head(LISTED_MAX).iter_rows(named=True):
        table.add_row(
            row["check"], row["severity"], row["symbol"] or "", str(row["date"] or ""), row["says"]
        )
    return table
