"""Looking for the first seed whose simulation shows a deliberate mistake."""

from collections.abc import Callable, Mapping, Sequence

from rich import box
from rich.table import Table

from tests.simulation.campaign import Outcome, run_seed
from tests.simulation.mistakes import MISTAKES, Mistake


def find_mistakes(
    seeds: Sequence[int], progress: Callable[[str], None]
) -> dict[str, Outcome | None]:
    """The first outcome with a violation by name of mistake; None where no seed shows it."""
    found: dict[str, Outcome | None] = {}
    for mistake in MISTAKES:
        outcome = found[mistake.name] = first_violation(mistake, seeds)
        progress(f"{mistake.name}: {'no seed' if outcome is None else f'seed {outcome.seed}'}")
    return found


def first_violation(mistake: Mistake, seeds: Sequence[int]) -> Outcome | None:
    """The first of `seeds` that ends in a violation while the mistake is made, and only then."""
    for seed in seeds:
        with mistake.made():
            outcome = run_seed(seed)
        if outcome.violation is not None and run_seed(seed).violation is None:
            return outcome
    return None


def mistakes_table(found: Mapping[str, Outcome | None]) -> Table:
    """The mistakes with the seeds that show them, as a table that is Markdown too."""
    table = Table(box=box.MARKDOWN)
    table.add_column("Mistake")
    table.add_column("seed", justify="right")
    table.add_column("what is seen first")
    for name, outcome in found.items():
        seen = "nothing" if outcome is None else str(outcome.violation).split("; ")[0][:110]
        table.add_row(name, "" if outcome is None else str(outcome.seed), seen)
    return table
