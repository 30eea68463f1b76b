"""Many seeds, on several processes, and the table of what happened in them."""

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from rich import box
from rich.table import Table

from tests.simulation.deaths import Boundary
from tests.simulation.faults import KINDS
from tests.simulation.incidents import IncidentKind
from tests.simulation.scenarios import draw_scenario
from tests.simulation.trader import simulate
from tests.simulation.world import Tally, Violation, World

CHUNK = 8
"""Seeds that a process takes at a time."""


@dataclass(frozen=True)
class Outcome:
    """How one seed ended: what happened, and the violation if there was one."""

    seed: int
    tally: Tally
    violation: str | None


@dataclass
class Campaign:
    """The sum of many seeds. `failed` has the first violation of each failing seed."""

    seeds: int = 0
    last: int | None = None
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)
    failed: dict[int, str] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Add one seed."""
        self.seeds += 1
        self.last = outcome.seed
        self.tally.add(outcome.tally)
        if outcome.violation is not None:
            self.failed[outcome.seed] = outcome.violation


def run_seed(seed: int, tell: Callable[[str], None] | None = None) -> Outcome:
    """Run one seed from its drawing to its end."""
    world = World(draw_scenario(seed), tell)
    try:
        return Outcome(seed, simulate(world), None)
    except Violation as violation:
        world.say(f"!!! {violation}")
        return Outcome(seed, world.finish(), str(violation))
    finally:
        world.close()


def run_seeds(seeds: Iterable[int], jobs: int) -> Iterator[Outcome]:
    """Run seeds on `jobs` processes; outcomes come in the order of the seeds."""
    if jobs == 1:
        yield from map(run_seed, seeds)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start) as pool:
        yield from pool.map(_run_and_tidy, seeds, chunksize=CHUNK)


def _start() -> None:
    """In a process of the pool: garbage is collected between seeds, not within them."""
    gc.disable()
    gc.freeze()


def _run_and_tidy(seed: int) -> Outcome:
    outcome = run_seed(seed)
    gc.collect()
    return outcome


def run_campaign(
    seeds: Iterable[int], jobs: int, progress: Callable[[Campaign], None] | None = None
) -> Campaign:
    """Run all seeds, whether or not some fail."""
    campaign, began = Campaign(), time.monotonic()
    for outcome in run_seeds(seeds, jobs):
        campaign.add(outcome)
        campaign.seconds = time.monotonic() - began
        if progress is not None:
            progress(campaign)
    return campaign


def summary(campaign: Campaign) -> list[Table]:
    """The campaign in tables that are Markdown too."""
    facts = campaign.tally.facts
    totals = _table("Simulation", "number")
    for name, number in (
        ("seeds", campaign.seeds),
        ("sessions", facts["sessions"]),
        ("runs of the program", campaign.tally.runs.total()),
        ("requests", facts["requests"]),
        ("orders accepted", facts["orders"]),
        ("executions", facts["executions"]),
        ("crosses between books", facts["crosses"]),
        ("boundaries passed", facts["boundaries"]),
        ("invariants checked", facts["checks"]),
        ("faults injected", campaign.tally.faults.total()),
        ("kills", campaign.tally.deaths.total()),
        ("incidents", campaign.tally.incidents.total()),
        ("violations", len(campaign.failed)),
    ):
        totals.add_row(name, f"{number:,}")
    return [
        totals,
        _counted("Runs ended", campaign.tally.runs, sorted(campaign.tally.runs)),
        _counted("Faults injected", campaign.tally.faults, [*(k.name for k in KINDS), "outage"]),
        _counted("Killed", campaign.tally.deaths, list(Boundary)),
        _counted("Incidents", campaign.tally.incidents, list(IncidentKind)),
    ]


def _counted(title: str, counts: object, names: Iterable[str]) -> Table:
    table = _table(title, "times")
    for name in names:
        table.add_row(name, f"{counts[name]:,}")  # type: ignore[index]
    return table


def _table(title: str, column: str) -> Table:
    table = Table(box=box.MARKDOWN)
    table.add_column(title)
    table.add_column(column, justify="right")
    return table
