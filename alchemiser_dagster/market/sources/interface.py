"""What a source of daily bars is."""

from collections.abc import Iterable
from datetime import date
from typing import Protocol

import polars as pl


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
