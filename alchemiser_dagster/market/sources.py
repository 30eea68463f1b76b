"""Where daily bars come from: one small interface, and the two sources that need no account.

The third, Alpaca, is in `alpaca_source`.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import polars as pl

from alchemiser_dagster.market.bars import read_bars, select_bars
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.market.synthetic import synthetic_bars


class SourceError(RuntimeError):
    """A source did not deliver, or delivered something that is no table of daily bars."""


class BarSource(Protocol):
    """Completed daily bars of US stocks and funds."""

    @property
    def name(self) -> str:
        """For people, wherever the bars or what follows from them is shown."""

    @property
    def is_synthetic(self) -> bool:
        """Whether the prices are made up."""

    def daily_bars(self, symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """The bars table (see `bars`) of `symbols` for the sessions from `first` to `last`.

        Symbols may be spelled either way (`BRK/B`, `BRK.B`). One that the source does not know is
        absent from the table; `bars.missing_symbols` names those.

        Raises:
            BarsError: the bars break the rules of the table.
            SourceError: the source did not deliver.
        """


class FileSource:
    """The bars of one parquet file; see `bars.read_bars` for what it may hold."""

    is_synthetic = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"file {path}"

    def daily_bars(self, symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
        modified = self.path.stat().st_mtime_ns if self.path.exists() else 0
        return select_bars(_whole_file(self.path.absolute(), modified), symbols, first, last)


@lru_cache(maxsize=1)
def _whole_file(path: Path, modified: int) -> pl.DataFrame:
    """The checked content of the file, kept until it is written anew: replays ask for it often."""
    return read_bars(path)


class SyntheticSource:
    """The made-up market of `synthetic`; the same seed gives the same bars for ever."""

    is_synthetic = True

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.name = f"synthetic (seed {seed})"

    def daily_bars(self, symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
        return synthetic_bars(self.seed, [broker_symbol(symbol) for symbol in symbols], first, last)
