"""A snapshot of ten years and 300 symbols: written and read, beside pyarrow, in one run.

    python -m benchmarks.market.snapshot

The made-up market gives the bars. pyarrow reads the very file that the store has written, with the
same columns and filters, but checks nothing; the store reads the pointer, asks whether the file has
changed, and where it is the first to read it in its process hashes it whole. Both cases are timed:
"first" hashes, "again" does not, and "20 books" hashes once. Writing is compared with pyarrow
writing the same row groups with the same compression; the store also sorts, hashes and waits for
the disk.

The two take turns; times are the best of several rounds. The exit code is 1 where a read that does
not hash, or the evening of 20 books that does, takes more than 1.5 times as long as pyarrow's, or
where the two do not read the same.
"""

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from alchemiser_dagster.market import snapshots
from alchemiser_dagster.market.snapshot_content import STORED_SCHEMA, SYMBOLS_PER_GROUP
from alchemiser_dagster.market.snapshots import Origin, SnapshotStore
from alchemiser_dagster.market.synthetic import DEFAULT_SEED, instruments, synthetic_bars
from alchemiser_dagster.storage import open_files

FIRST, SESSION = date(2016, 1, 4), date(2026, 1, 15)
SYMBOLS, BOOKS, BOOK = 300, 20, 25
ROUNDS = 15
MOST = 1.5
ORIGIN = Origin(
    source=f"synthetic (seed {DEFAULT_SEED})",
    is_synthetic=True,
    feed=None,
    adjustment="all",
    fetched_at=datetime.now(UTC),
    calendar="exchange_calendars",
    dropped_partial=0,
    quarantined=(),
)

Read = Callable[[], pl.DataFrame]
FORGET = snapshots._verified.clear
"""What makes the next read the first of its process."""


class Row(NamedTuple):
    """A line of the report; seconds."""

    what: str
    ours: float
    theirs: float
    is_held: bool = True

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def is_met(self) -> bool:
        return not self.is_held or self.ratio <= MOST


def main() -> int:
    """Print the table; 0 when all is in time and alike."""
    symbols = sorted(instruments())[:SYMBOLS]
    bars = synthetic_bars(DEFAULT_SEED, symbols, FIRST, SESSION)
    with tempfile.TemporaryDirectory(prefix="snapshot-") as folder:
        rows = list(_measured(bars, symbols, Path(folder)))
        [path] = Path(folder, "store", "daily_bars", SESSION.isoformat()).iterdir()
        groups, size = pq.ParquetFile(path).metadata.num_row_groups, path.stat().st_size
    held = f"{size / 1e6:.1f} MB, {groups} row groups"
    title = f"{bars.height:,} bars of {SYMBOLS} symbols: {held}"
    table = Table("", "ours, ms", "pyarrow, ms", "ratio", "", title=title)
    for row in rows:
        ours, theirs = (f"{seconds * 1e3:.1f}" for seconds in (row.ours, row.theirs))
        goal = (f"<= {MOST}" if row.is_met else f"<= {MOST} MISSED") if row.is_held else ""
        table.add_row(row.what, ours, theirs, f"{row.ratio:.2f}", goal)
    Console(width=100).print(table)
    return 0 if all(row.is_met for row in rows) else 1


def _measured(bars: pl.DataFrame, symbols: list[str], folder: Path) -> Iterator[Row]:
    store = SnapshotStore(open_files(folder / "store"))
    writing = _raced(
        lambda: _saved_anew(store, bars),
        lambda: _written(bars, folder / "pyarrow.parquet"),
        rounds=3,
    )
    yield Row("written", *writing, is_held=False)
    path = Path(store.files.location(f"daily_bars/{SESSION}/{store.get(SESSION).sha256}.parquet"))
    # what a session needs: the adjusted closes of a book's symbols, spread over the alphabet ...
    books = [sorted(symbols[n :: SYMBOLS // BOOK][:BOOK]) for n in range(BOOKS)]
    books = [books[n % (SYMBOLS // BOOK)] for n in range(BOOKS)]
    ours, theirs = _book(store, books[0]), _book_by_pyarrow(path, books[0])
    yield from _both(f"adj_close of a book of {BOOK} symbols", ours, theirs)
    evening = _raced(
        lambda: [_book(store, book)() for book in books],
        lambda: [_book_by_pyarrow(path, book)() for book in books],
        prepare=FORGET,
        rounds=5,
    )
    yield Row(f"the same for {BOOKS} books, hashed once", *evening)
    # ... and what orders are sized by
    yield from _both("close of all symbols on one date", _day(store), _day_by_pyarrow(path))
    yield from _both(
        "everything", lambda: store.scan(SESSION).collect(), lambda: pq.read_table(path)
    )


def _book(store: SnapshotStore, book: list[str]) -> Read:
    return lambda: (
        store.scan(SESSION)
        .filter(pl.col("symbol").is_in(book))
        .select("symbol", "date", "adj_close")
        .collect()
    )


def _book_by_pyarrow(path: Path, book: list[str]) -> Callable[[], pa.Table]:
    columns = ["symbol", "date", "adj_close"]
    return lambda: pq.read_table(path, columns=columns, filters=[("symbol", "in", book)])


def _day(store: SnapshotStore) -> Read:
    return lambda: (
        store.scan(SESSION).filter(pl.col("date") == SESSION).select("symbol", "close").collect()
    )


def _day_by_pyarrow(path: Path) -> Callable[[], pa.Table]:
    filters = [("date", "=", SESSION)]
    return lambda: pq.read_table(path, columns=["symbol", "close"], filters=filters)


def _both(what: str, ours: Read, theirs: Callable[[], pa.Table]) -> Iterator[Row]:
    """The read when the file was checked before, and when it was not."""
    expected = pl.from_arrow(theirs())
    assert isinstance(expected, pl.DataFrame)
    if not ours().equals(expected.select(ours().columns)):
        raise AssertionError(f"{what}: the two do not read the same")
    yield Row(f"{what}, again", *_raced(ours, theirs))
    yield Row(f"{what}, first", *_raced(ours, theirs, prepare=FORGET), is_held=False)


def _saved_anew(store: SnapshotStore, bars: pl.DataFrame) -> None:
    for name in store.files.names(""):
        store.files.delete(name)
    store.save(SESSION, bars, ORIGIN)


def _written(bars: pl.DataFrame, path: Path) -> None:
    longest = bars.group_by("symbol").len()["len"].max()
    pq.write_table(
        bars.select(STORED_SCHEMA.names()).to_arrow(),
        path,
        compression="zstd",
        compression_level=3,
        row_group_size=SYMBOLS_PER_GROUP * longest,
    )


def _raced(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    prepare: Callable[[], object] = lambda: None,
    rounds: int = ROUNDS,
) -> tuple[float, float]:
    """Seconds of the fastest round of each."""
    taken: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    for _ in range(rounds):
        prepare()
        for run, times in zip((ours, theirs), taken, strict=True):
            begun = time.perf_counter()
            run()
            times.append(time.perf_counter() - begun)
    return min(taken[0]), min(taken[1])


if __name__ == "__main__":
    sys.exit(main())
