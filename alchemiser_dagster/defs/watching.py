"""Two sensors that notice what changes around the market data.

strategy_files   a strategy, its capital or what is known of symbols was written, changed or
                 removed: bars of the symbols that are new are fetched at once
calendar_watch   the broker's calendar and ours differ in the days to come
"""

import hashlib
import json
from pathlib import Path

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from alchemiser_dagster.books.strategies import BooksError
from alchemiser_dagster.defs.reference import BROKER_SILENT
from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk
from alchemiser_dagster.execution.broker_calendar import calendar_disagreements

FILES_SECONDS = 60
CALENDAR_SECONDS = 600
PATTERNS = ("*.clj", "*.toml")


def strategy_files_sensor(bars_job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """The sensor that reads the strategies folder."""

    @dg.sensor(
        name="strategy_files",
        job=bars_job,
        minimum_interval_seconds=FILES_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def strategy_files(
        context: dg.SensorEvaluationContext, records: AccountRecords
    ) -> dg.SensorResult | dg.SkipReason:
        """Notice strategy files that are new, changed or removed, and bring the bars they need.

        A new book's own assets appear when the code location is reloaded.
        """
        now = file_hashes(Path(records.strategies))
        cursor = json.dumps(now, sort_keys=True)
        if context.cursor is None:
            return dg.SensorResult(skip_reason=f"{len(now)} files known from now on", cursor=cursor)
        changes = changed_files(json.loads(context.cursor), now)
        if not changes:
            return dg.SkipReason("no file has changed")
        says = "; ".join(changes)
        try:
            symbols = records.universe().symbols
        except BooksError as error:
            # The cursor stays: the change is looked at again until the folder can be used.
            return dg.SkipReason(f"{says}; but the strategies cannot be used: {error}")
        known = records.snapshots.sessions()
        if not known:
            return dg.SensorResult(
                skip_reason=f"{says}; no bars have been taken yet", cursor=cursor
            )
        snapshot = records.snapshots.get(known[-1])
        wanted = sorted(symbols - {*snapshot.symbols, *snapshot.origin.quarantined})
        if not wanted:
            return dg.SensorResult(
                skip_reason=f"{says}; bars of every symbol are there", cursor=cursor
            )
        context.log.info(f"{says}; reload the code location to see new books")
        return dg.SensorResult(
            run_requests=[
                dg.RunRequest(
                    run_key=f"strategies:{_digest(cursor.encode())}",
                    partition_key=snapshot.session.isoformat(),
                    tags={"alchemiser/new_symbols": ", ".join(wanted)[:250]},
                )
            ],
            cursor=cursor,
        )

    return strategy_files


def calendar_watch_sensor(calendar_job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """The sensor that compares calendars."""

    @dg.sensor(
        name="calendar_watch",
        job=calendar_job,
        minimum_interval_seconds=CALENDAR_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def calendar_watch(
        context: dg.SensorEvaluationContext, trading: TradingDesk
    ) -> dg.RunRequest | dg.SkipReason:
        """Notice closures and early closes that only the broker knows of.

        The day's trading needs no help: its window is the broker's. The run that is requested shows
        the difference as a failed check, once for each difference.
        """
        try:
            found = calendar_disagreements(trading.desk())
        except BROKER_SILENT as error:
            return dg.SkipReason(f"the broker's calendar cannot be read: {error}")
        if not found:
            return dg.SkipReason("the broker's calendar is ours")
        says = "; ".join(found)
        return dg.RunRequest(
            run_key=f"calendar:{_digest(says.encode())}",
            tags={"alchemiser/calendar": says[:250]},
        )

    return calendar_watch


def file_hashes(folder: Path) -> dict[str, str]:
    """The content hash of each strategy file and table of `folder`, by name."""
    files = sorted({path for pattern in PATTERNS for path in folder.glob(pattern)})
    return {path.name: _digest(path.read_bytes()) for path in files}


def changed_files(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """What happened to which file, a phrase each."""
    return [
        *(f"{name} is new" for name in sorted(now.keys() - before.keys())),
        *(
            f"{name} has changed"
            for name in sorted(now)
            if before.get(name, now[name]) != now[name]
        ),
        *(f"{name} is gone" for name in sorted(before.keys() - now.keys())),
    ]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
