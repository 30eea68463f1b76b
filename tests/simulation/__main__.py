"""`python -m tests.simulation`: many seeds, or the story of one.

python -m tests.simulation --seeds 300             seeds 0 to 299, tables, exit code 1 on failure
python -m tests.simulation --seed 17 --verbose     every step of seed 17
python -m tests.simulation --mistakes 100          which of seeds 0 to 99 finds each mistake
"""

import argparse
import sys
from collections.abc import Callable

from rich.console import Console

from tests.simulation.campaign import Campaign, run_campaign, run_seed, summary
from tests.simulation.hunt import find_mistakes, mistakes_table

EVERY = 100


def main(arguments: list[str] | None = None) -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds to run")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--seed", type=int, help="run this seed only")
    parser.add_argument("--verbose", action="store_true", help="tell the story of --seed")
    parser.add_argument("--mistakes", type=int, help="look for each mistake in so many seeds")
    given = parser.parse_args(arguments)
    out = Console(highlight=False, soft_wrap=True, width=160)
    if given.mistakes is not None:
        found = find_mistakes(range(given.first, given.first + given.mistakes), _say(out))
        out.print(mistakes_table(found))
        return 1 if None in found.values() else 0
    if given.seed is not None:
        outcome = run_seed(given.seed, _say(out) if given.verbose else None)
        out.print(f"seed {given.seed}: {outcome.violation or 'no violation'}", markup=False)
        return 1 if outcome.violation else 0
    seeds = range(given.first, given.first + given.seeds)
    campaign = run_campaign(seeds, given.jobs, lambda so_far: _progress(out, so_far))
    for table in summary(campaign):
        out.print(table)
        out.print()
    for seed in campaign.failed:
        out.print(f"again: python -m tests.simulation --seed {seed} --verbose", markup=False)
    verdict = f"{len(campaign.failed)} failed" if campaign.failed else "no violation"
    out.print(f"{campaign.seeds:,} seeds in {campaign.seconds:,.0f} s: {verdict}")
    return 1 if campaign.failed else 0


def _say(out: Console) -> Callable[[str], None]:
    return lambda line: out.print(line, markup=False)


def _progress(out: Console, campaign: Campaign) -> None:
    if campaign.last in campaign.failed:
        out.print(f"seed {campaign.last}: {campaign.failed[campaign.last]}", markup=False)
    if campaign.seeds % EVERY == 0:
        so_far = f"{len(campaign.failed)} failed, {campaign.seconds:,.0f} s"
        out.print(f"{campaign.seeds:,} seeds, {so_far}")


if __name__ == "__main__":
    sys.exit(main())
