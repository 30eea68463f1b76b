"""Snapshots and processes: two that save at once, one that dies, one that reads a part."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.snapshots import SnapshotStore
from alchemiser_dagster.market.synthetic import synthetic_bars
from alchemiser_dagster.storage import Files, open_files
from alchemiser_dagster.storage.local import LocalFiles
from tests.storage.stores import AwsServer

from .evening import ORIGIN, evening
from .tables import WED

BOOK = ["SPY", "TLT", "XLK"]

SAVER = """
import sys
from alchemiser_dagster.market.snapshots import SnapshotStore
from alchemiser_dagster.storage import open_files
from tests.market.evening import ORIGIN, evening
from tests.market.tables import WED

store = SnapshotStore(open_files(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for turn in range(int(sys.argv[2])):
    print(store.save(WED, evening(*map(float, sys.argv[3:])), ORIGIN).sha256, flush=True)
"""


def saver(place: str, times: int, *closes: float) -> subprocess.Popen[str]:
    """A process that saves the evening's bars once it is told to."""
    command = [sys.executable, "-c", SAVER, place, str(times), *map(str, closes)]
    process = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def place_of(files: Files) -> str:
    return files.location("x").removesuffix("/x")


def test_m26_two_processes_that_save_a_session_at_once(files: Files) -> None:
    both = [saver(place_of(files), 10) for _ in range(2)]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    hashes = {line for process in both for line in process.communicate()[0].splitlines()}
    assert [process.returncode for process in both] == [0, 0]
    assert len(hashes) == 1
    store = SnapshotStore(files)
    assert store.get(WED).sha256 in hashes
    assert store.get(WED).superseded == ()
    assert store.scan(WED).collect().equals(evening())
    assert len(files.names("")) == 2


def test_two_processes_that_save_other_bars_at_once(files: Files) -> None:
    both = [saver(place_of(files), 5, close) for close in (92.0, 46.0)]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    hashes = {line for process in both for line in process.communicate()[0].splitlines()}
    assert len(hashes) == 2
    store = SnapshotStore(files)
    assert store.get(WED).sha256 in hashes
    assert hashes >= set(store.get(WED).superseded)
    # whichever was last, the bars of both are there and whole
    closes = {store.scan(WED, sha256).collect()["close"][-1] for sha256 in hashes}
    assert closes == {92.0, 46.0}
    assert store.scan(WED).collect()["close"][-1] in closes


class DiesBeforeThePointer(LocalFiles):
    def write(self, name: str, content: bytes) -> None:
        if name.endswith(".json"):
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(name, content)


def test_a_process_that_dies_before_the_pointer_leaves_the_snapshot_before(
    tmp_path: Path,
) -> None:
    store = SnapshotStore(open_files(tmp_path))
    first = store.save(WED, evening(92.0), ORIGIN)
    script = (
        "from tests.market.test_snapshots_processes import *\n"
        f"store = SnapshotStore(DiesBeforeThePointer(Path({str(tmp_path)!r})))\n"
        "store.save(WED, evening(46.0), ORIGIN)"
    )
    died = subprocess.run([sys.executable, "-c", script], check=False)
    assert died.returncode == -signal.SIGKILL
    assert len(store.files.names("daily_bars/2024-03-27/")) == 2
    assert store.get(WED) == first
    assert store.scan(WED).collect().equals(evening(92.0))
    # the bars that were left are those of the next attempt, and nothing was superseded twice
    assert store.save(WED, evening(46.0), ORIGIN).superseded == (first.sha256,)
    assert len(store.files.names("daily_bars/2024-03-27/")) == 2


def test_a_process_killed_at_any_moment_leaves_a_whole_snapshot(tmp_path: Path) -> None:
    store = SnapshotStore(open_files(tmp_path))
    store.save(WED, evening(1.0), ORIGIN)
    known = {store.get(WED).sha256}
    for number in range(3):
        close = 2.0 + number
        process = saver(str(tmp_path), 1_000, close)
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout is not None
        for _ in range(number % 3):  # before its first snapshot, after one, after two
            process.stdout.readline()
        time.sleep(0.0011 * number)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        last = store.scan(WED).collect()
        assert last["close"][-1] in {1.0, *(2.0 + n for n in range(number + 1))}
        assert last.equals(evening(last["close"][-1]))
        known.add(store.get(WED).sha256)
        assert known >= set(store.get(WED).superseded)
    assert len(known) > 1, "every process was killed before it had saved anything"


@pytest.fixture(scope="module")
def ten_years() -> pl.DataFrame:
    symbols = ["AGG", "BIL", "DIA", "GLD", "IWM", "QQQ", *BOOK, "XLE", "XLF", "XLV"]
    return synthetic_bars(1, symbols, date(2016, 1, 4), date(2026, 1, 15))


def test_a_book_is_read_without_the_rest(
    bucket: str, s3_server: AwsServer, ten_years: pl.DataFrame
) -> None:
    """By what a server is asked for: three columns of eight, of a third of the symbols."""
    store = SnapshotStore(open_files(f"s3://{bucket}"))
    saved = store.save(WED, ten_years, ORIGIN)
    store.scan(WED)
    before = s3_server.sent
    wanted = pl.col("symbol").is_in(["IWM", "QQQ", "SPY"])
    closes = store.scan(WED).filter(wanted).select("symbol", "date", "adj_close").collect()
    assert closes.height == 3 * len(sessions_between(date(2016, 1, 4), date(2026, 1, 15)))
    footer, pointer = 262_144, 2_000  # polars takes more than the footer at once
    read = s3_server.sent - before - footer - pointer
    assert read < saved.size / 3 * 3 / 8, f"{read} of {saved.size} bytes"


def test_a_book_is_read_without_the_row_groups_of_other_symbols(
    tmp_path: Path, ten_years: pl.DataFrame
) -> None:
    """By what polars says of itself; AGG, BIL, DIA and GLD share the first of three groups."""
    SnapshotStore(open_files(tmp_path)).save(WED, ten_years, ORIGIN)
    script = (
        "from tests.market.test_snapshots_processes import *\n"
        f"bars = SnapshotStore(open_files({str(tmp_path)!r})).scan(WED)\n"
        "print(bars.filter(pl.col('symbol').is_in(['AGG', 'GLD'])).select('close').collect())"
    )
    environment = os.environ | {"POLARS_VERBOSE": "1"}
    command = [sys.executable, "-c", script]
    said = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stderr
    assert re.search(r"reading 1 / 3 row groups", said)
    assert re.search(r"project: 2 / 8, ", said)


def test_many_readers_hash_a_file_once(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SnapshotStore(files)
    store.save(WED, evening(), ORIGIN)
    hashed = []
    whole = type(files).sha256
    monkeypatch.setattr(
        type(files), "sha256", lambda self, name: hashed.append(name) or whole(self, name)
    )
    for _ in range(20):
        store.scan(WED).collect()
        SnapshotStore(files).scan(WED, store.get(WED).sha256)
    assert len(hashed) == 1
    store.save(WED, evening(46.0), replace(ORIGIN, source="another"))
    hashed.clear()
    for _ in range(20):
        store.scan(WED).collect()
    assert len(hashed) == 1
