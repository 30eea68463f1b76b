"""Daily bars from a parquet file."""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from pathlib import Path

import polars as pl

from alchemiser_dagster.market.bars import read_bars, select_bars


class FileSource:
    """The bars of one parquet file; see `bars.read_bars` for what it may hold."""

    is_synthetic = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"file {path}"

    def daily_bars(self, symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
        bars = _whole_file(self.path.absolute(), _identity(self.path))
        return select_bars(bars, symbols, first, last)


def _identity(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file is written anew; None if there is none."""
    if not path.exists():
        return None
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=1)
def _whole_file(path: Path, identity: tuple[int, int, int] | None) -> pl.DataFrame:
    """The checked content of the file, kept until it is written anew: replays ask for it often."""
    return read_bars(path)
