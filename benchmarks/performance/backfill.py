"""Performance of a year of 20 books in one run, beside as many empty materialisations, in one run.

    python -m benchmarks.performance.backfill

Both are jobs of 20 assets over 252 session partitions with `single_run`, in the same Dagster store
with the project's own settings; the empty assets compute nothing and store nothing, so their time
is Dagster's own. The two take turns. The exit code is 1 where the performance takes more than 1.5
times as long, or where a session by itself gives other bytes than the range.
"""

import gc
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import dagster as dg
from rich.console import Console

from alchemiser_dagster.commands.replay import QUIET, dagster_instance
from alchemiser_dagster.defs.partitions import session_partitions
from alchemiser_dagster.defs.performance import performance_asset
from alchemiser_dagster.defs.plans import _closes
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tables import SessionTablesIOManager
from alchemiser_dagster.market import snapshots
from alchemiser_dagster.settings import Home
from benchmarks.performance.world import BOOKS, SESSIONS, make_account

ROUNDS = 2
MOST = 1.5

say = Console(width=100, highlight=False).print


class Took(NamedTuple):
    """Seconds that passed, and of processor time."""

    passed: float
    processor: float


class Nothing(dg.IOManager):
    """Stores nothing."""

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Nothing to do."""

    def load_input(self, context: dg.InputContext) -> None:
        """Nothing to load."""


def main() -> int:
    """Say seconds and the ratio; 0 when it is within the limit."""
    with tempfile.TemporaryDirectory(prefix="performance-") as folder:
        records = make_account(Path(folder))
        home = Home(Path(records.home))
        with dagster_instance(home) as instance:
            definitions = _definitions(records, home)
            empty, full = [], []
            for _ in range(ROUNDS):
                empty.append(_run(definitions, instance, "empty"))
                _forget()
                full.append(_run(definitions, instance, "performance"))
            again = _alone(definitions, instance, records)
    made = len(BOOKS) * len(SESSIONS)
    say(f"{made:,} materialisations: {len(BOOKS)} books, {len(SESSIONS)} sessions, one run")
    for name, took in (("empty", empty), ("performance", full)):
        best = min(took)
        say(f"{name:<12} {best.passed:6.1f} s passed, {best.processor:6.1f} s of processor time")
    ratio = min(full).processor / min(empty).processor
    wall = min(full).passed / min(empty).passed
    say(f"ratio        {wall:6.2f} of time passed, {ratio:.2f} of processor time (limit {MOST})")
    say(f"the last session by itself gives the {'same' if again else 'OTHER'} bytes")
    return 0 if wall <= MOST and again else 1


def _definitions(records: AccountRecords, home: Home) -> dg.Definitions:
    partitions = session_partitions(SESSIONS[0])
    selection = dg.AssetSelection.groups
    return dg.Definitions(
        assets=[
            *(performance_asset(book, partitions) for book in BOOKS),
            *(_empty(book, partitions) for book in BOOKS),
        ],
        jobs=[dg.define_asset_job(n, selection=selection(n)) for n in ("empty", "performance")],
        resources={
            "records": records,
            "session_tables": SessionTablesIOManager(root=home.tables),
            "nothing": Nothing(),
        },
        executor=dg.in_process_executor,
    )


def _empty(book: str, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["empty", book],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="empty",
        io_manager_key="nothing",
    )
    def empty() -> None:
        """Nothing."""

    return empty


def _run(definitions: dg.Definitions, instance: dg.DagsterInstance, job: str) -> Took:
    resolved = definitions.resolve_job_def(job)
    tags = {
        "dagster/asset_partition_range_start": SESSIONS[0].isoformat(),
        "dagster/asset_partition_range_end": SESSIONS[-1].isoformat(),
    }
    gc.collect()
    passed, processor = time.perf_counter(), time.process_time()
    resolved.execute_in_process(instance=instance, run_config=QUIET, tags=tags)
    return Took(time.perf_counter() - passed, time.process_time() - processor)


def _alone(
    definitions: dg.Definitions, instance: dg.DagsterInstance, records: AccountRecords
) -> bool:
    """Whether the last session, materialised by itself, is as the range left it."""
    names = [records.tables.name(["performance", b], SESSIONS[-1].isoformat()) for b in BOOKS]
    before = [records.tables.files.read(name) for name in names]
    definitions.resolve_job_def("performance").execute_in_process(
        instance=instance, run_config=QUIET, partition_key=SESSIONS[-1].isoformat()
    )
    return before == [records.tables.files.read(name) for name in names]


def _forget() -> None:
    """Make the next run the first of its process: nothing hashed, no closes read."""
    snapshots._verified.clear()
    _closes.cache_clear()


if __name__ == "__main__":
    sys.exit(main())
