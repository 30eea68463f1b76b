"""How fast the symphony language is: `python -m benchmarks.symphony.bench`.

Prints, for the reference workload (see `workload`), each figure with what it includes and the
goal it is held to, and exits with 1 when a goal is missed. Times are the best of several runs.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

from alchemiser_dagster.symphony import (
    ClosingPrices,
    Incremental,
    Symphony,
    evaluate,
    read_symphony,
)
from alchemiser_dagster.symphony.columns import Columns
from alchemiser_dagster.symphony.graph import Indicator, Interner
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.plan import Plan
from alchemiser_dagster.symphony.series import score_unit
from benchmarks.symphony.workload import closing_prices, texts

RUNS = 5
MANY = 500


def main() -> int:
    """Run everything; 0 when every goal is met."""
    sources = texts()
    size = sum(len(text.encode()) for text in sources.values()) / 1e6
    closes = closing_prices()
    symphonies = read_all(sources)
    plan = Plan([symphony.root for symphony in symphonies])
    say(
        f"{len(symphonies)} symphonies, {size:.1f} MB, {len(plan.reached):,} distinct nodes, "
        f"{len(plan.indicator_readers):,} indicator columns, {len(plan.score_readers):,} columns "
        f"over portfolios; {closes.closes.shape[1]} symbols, {len(closes.sessions):,} sessions"
    )
    reading = best(lambda: read_all(sources))
    kernels = best(indicator_columns(symphonies, closes))
    whole = best(lambda: evaluate(symphonies, closes))
    evening = new_session(symphonies, closes)
    many = many_symphonies()
    several = best(lambda: evaluate(many, closes), runs=1)
    memory = peak_memory(symphonies, closes)
    goals = [
        ("text to graph", f"{size / reading:.1f} MB/s", ">= 15", size / reading >= 15),
        ("indicator columns alone", f"{kernels * 1e3:.0f} ms", "", True),
        ("everything, all sessions", f"{whole * 1e3:.0f} ms", "", True),
        ("  over the columns alone", f"{whole / kernels:.2f} x", "<= 2", whole <= 2 * kernels),
        ("one new session", f"{evening * 1e3:.1f} ms", "", True),
        ("  of everything", f"{evening / whole:.1%}", "<= 5 %", evening <= 0.05 * whole),
        (f"{MANY} symphonies", f"{several:.2f} s", "", True),
        (
            "  over the 19",
            f"{several / whole:.1f} x",
            f"<= {MANY / 19:.1f}",
            several <= MANY / 19 * whole,
        ),
        ("peak memory", f"{memory / 1e6:.0f} MB", "< 1000", memory < 1e9),
    ]
    for name, figure, goal, met in goals:
        say(f"{name:28} {figure:>12}   {goal:8} {'' if met else 'MISSED'}")
    return 0 if all(met for *_, met in goals) else 1


def read_all(sources: dict[str, str]) -> list[Symphony]:
    """Every text to its graph, nothing known before."""
    intern = Interner()
    return [read_symphony(text, name, name, intern) for name, text in sources.items()]


def indicator_columns(symphonies: list[Symphony], closes: ClosingPrices) -> Callable[[], None]:
    """The floor: each distinct indicator column once, over symbols and over portfolios.

    What portfolios return from session to session is computed beforehand and not counted.
    """
    plan = Plan([symphony.root for symphony in symphonies])
    columns = Columns(History(closes), plan, keep=True)
    with np.errstate(all="ignore"):
        for node in dict.fromkeys(node for order in plan.orders for node in order):
            columns.compute(node)

    def run() -> None:
        history = History(closes)
        with np.errstate(all="ignore"):
            for name, symbol, windows in plan.indicator_readers:
                history.indicator(Indicator(name, symbol, windows))
            for name, window, unit in plan.score_readers:
                score_unit(name, window, columns.growth[unit])

    return run


def new_session(symphonies: list[Symphony], closes: ClosingPrices) -> float:
    """The median of the last 20 sessions, one at a time after an evaluation of the rest."""
    start = len(closes.sessions) - 20
    past = ClosingPrices(closes.sessions[:start], closes.symbols, closes.closes[:start])
    evening = Incremental(symphonies, past)
    taken = []
    for row in range(start, len(closes.sessions)):
        bars = dict(zip(closes.symbols, closes.closes[row].tolist(), strict=True))
        begun = time.perf_counter()
        evening.advance(closes.sessions[row], bars)
        taken.append(time.perf_counter() - begun)
    return float(np.median(taken))


def many_symphonies() -> list[Symphony]:
    """As many symphonies of the same shapes, each with content of its own."""
    intern = Interner()
    return [read_symphony(text, name, name, intern) for name, text in texts(count=MANY).items()]


def peak_memory(symphonies: list[Symphony], closes: ClosingPrices) -> int:
    """The most that was allocated during one evaluation, closes and graphs not included."""
    gc.collect()
    tracemalloc.start()
    evaluate(symphonies, closes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def best(run: Callable[[], object], runs: int = RUNS) -> float:
    """Seconds of the fastest run."""
    taken = []
    for _ in range(runs):
        begun = time.perf_counter()
        run()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
