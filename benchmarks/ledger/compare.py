"""Posting trades and knowing positions and P&L from them: this project and beancount, in one run.

    python -m benchmarks.ledger.compare [FILLS]

beancount books a text in memory. The project's ledger posts executions into a file, one transaction
an order, each on the disk before the next begins, and keeps a journal beside it. What is alike in
both, booking fills in memory, is timed too: it is how the ledger is checked every session.

Times are of one run each: seconds that passed, and seconds of processor time, which other work on
the machine changes less. The exit code is 1 where the two do not come to the same positions and the
same realised P&L.
"""

import gc
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from alchemiser_dagster.books.rebuild import rebuild
from benchmarks.ledger import ours, theirs, workload

FILLS = 100_000

T = TypeVar("T")


class Took(NamedTuple):
    """Seconds."""

    passed: float
    processor: float


def main(fills: int) -> int:
    """Print seconds and ratios; 0 when all agree."""
    placed = workload.orders(fills)
    with tempfile.TemporaryDirectory(prefix="ledger-") as folder:
        unsafe = ours.without_waiting(ours.prepare(Path(folder) / "unsafe.db", placed))
        without_waiting, _ = _timed(lambda: ours.post(unsafe, placed))
        unsafe.close()
        ledger = ours.prepare(Path(folder) / "ledger.db", placed)
        posting, _ = _timed(lambda: ours.post(ledger, placed))
        reading, found = _timed(lambda: ours.results(ledger))
        posted, facts = ours.posted(ledger), ours.journaled(ledger)
        ledger.close()
    rebuilding, books = _timed(lambda: rebuild(facts))
    text = theirs.write(posted)
    parsing, parsed = _timed(lambda: theirs.parse(text))
    booking, root = _timed(lambda: theirs.book(*parsed))
    rebuilt = (
        {book: state.positions for book, state in books.items() if state.positions},
        {book: books[book].realised for book in workload.BOOKS},
    )
    expected = theirs.results(root)
    executions = sum(len(order.executions) for order in placed)
    say(
        f"{len(posted):,} fills of {executions:,} executions of {len(placed):,} orders; "
        f"{len(workload.BOOKS)} books, {len(workload.SYMBOLS)} symbols"
    )
    say(f"{'':56}   passed   of beancount's   processor   of beancount's")
    for what, took in (
        ("beancount: booking and realization", booking),
        ("the same, in memory: rebuilding the books", rebuilding),
        ("the ledger: posting", posting),
        ("the ledger: posting, if no commit waited for the disk", without_waiting),
        ("the ledger: positions and P&L of all books", reading),
        ("not counted: beancount's parsing", parsing),
    ):
        say(
            f"{what:56} {took.passed:6.2f} s {took.passed / booking.passed:14.2f} x "
            f"{took.processor:9.2f} s {took.processor / booking.processor:14.2f} x"
        )
    waited = (posting.passed - without_waiting.passed) / len(placed)
    say(f"a commit waits for the disk for {waited * 1e3:.2f} ms")
    if not found == rebuilt == expected:
        say("the positions or the realised P&L differ")
        return 1
    say(f"all agree: realised P&L {sum(expected[1].values()):,.2f}")
    return 0


def _timed(run: Callable[[], T]) -> tuple[Took, T]:
    gc.collect()
    passed, processor = time.perf_counter(), time.process_time()
    result = run()
    return Took(time.perf_counter() - passed, time.process_time() - processor), result


def say(line: str) -> None:
    """One line of the report."""
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else FILLS))
