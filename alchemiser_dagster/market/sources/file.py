"""Daily bars of a file, and the corporate actions it may have beside them."""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path

import polars as pl

from alchemiser_dagster.market.actions import Action, actions_table, select_actions
from alchemiser_dagster.market.bars import (
    BarsColumnError,
    conformed_bars,
    read_columns,
    select_bars,
)
from alchemiser_dagster.market.sources.interface import Fetched, SourceError

DIVIDEND, SPLIT = "dividend", "split"


class FileSource:
    """The bars of one parquet file; see `bars.read_bars` for what it may hold.

    Two further columns are its corporate actions: `dividend`, US dollars a share, and `split`,
    shares after it per share before, on the ex-date. Null, 0 and a split of 1 are no action.
    """

    is_synthetic = False
    feed = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"file {path}"

    def fetch(self, symbols: Iterable[str], first: date, last: date) -> Fetched:
        return Fetched(self.daily_bars(symbols, first, last))

    def daily_bars(self, symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
        bars = _whole_file(self.path.absolute(), _identity(self.path))
        return select_bars(bars, symbols, first, last)

    def corporate_actions(
        self, symbols: Iterable[str], first: date, last: date
    ) -> pl.DataFrame | None:
        actions = _actions_of_file(self.path.absolute(), _identity(self.path))
        return None if actions is None else select_actions(actions, symbols, first, last)


def _identity(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file is written anew; None if there is none."""
    if not path.exists():
        return None
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=1)
def _whole_file(path: Path, identity: tuple[int, int, int] | None) -> pl.DataFrame:
    """The bars of the file, kept until it is written anew: replays ask for it often."""
    return conformed_bars(read_columns(path), origin=str(path))


@lru_cache(maxsize=1)
def _actions_of_file(path: Path, identity: tuple[int, int, int] | None) -> pl.DataFrame | None:
    """The actions of the file, kept like its bars; None if it has a column for none."""
    _whole_file(path, identity)  # says what is wrong with a file that cannot be read
    present = pl.read_parquet_schema(path)
    columns = [name for name in (DIVIDEND, SPLIT) if name in present]
    if not columns:
        return None
    wrong = [
        f"{name} was {present[name]}"
        for name in columns
        if not (present[name].is_numeric() or present[name] == pl.Null())
    ]
    if wrong:
        raise BarsColumnError(f"{path}: expected numbers in its columns {', '.join(wrong)}")
    table = pl.read_parquet(path, columns=["symbol", "date", *columns], hive_partitioning=False)
    return actions_table(action for name in columns for action in _actions(table, name, path))


def _actions(table: pl.DataFrame, column: str, path: Path) -> Iterator[Action]:
    """The actions of one column; raises SourceError for a number that is no amount or ratio."""
    value, none = pl.col(column).cast(pl.Float64), 0.0 if column == DIVIDEND else 1.0
    rows = table.select(pl.col("symbol").cast(pl.String), pl.col("date").cast(pl.Date), value)
    for symbol, day, number in rows.filter(value.is_not_null(), ~value.is_in([0.0, none])).rows():
        if not 0 < number < float("inf") or symbol is None or day is None:
            raise SourceError(
                f"{path}: expected a {column} above 0 of a symbol and a date, was {number} of "
                f"{symbol} on {day}; repair the row or leave the column out"
            )
        if column == DIVIDEND:
            yield Action(symbol, day, "dividend", amount=number)
        else:
            yield Action(symbol, day, "split", ratio=number)
