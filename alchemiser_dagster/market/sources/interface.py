"""What a source of daily bars is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import polars as pl


class SourceError(RuntimeError):
    """A source did not deliver, or delivered something that is no table of daily bars."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source gave: `bars`, and the bars of sessions under way that it has left out."""

    bars: pl.DataFrame
    dropped_partial: int = 0


class BarSource(Protocol):
    """Completed daily bars of US stocks and funds, and their corporate actions."""

    @property
    def name(self) -> str:
        """For people, wherever the bars or what follows from them is shown."""

    @property
    def is_synthetic(self) -> bool:
        """Whether the prices are made up."""

    @property
    def feed(self) -> str | None:
        """Whose trades the bars are of: "sip" (all exchanges), "iex" (one); None: unknown."""

    def fetch(self, symbols: Iterable[str], first: date, last: date) -> Fetched:
        """The bars of `symbols` for the sessions from `first` to `last`.

        They are in the form of the bars table (see `bars.conformed_bars`): its columns and types,
        sorted. Rows may be broken, which `bars.sift_bars` sets aside and `bars.checked_bars`
        refuses. Symbols may be spelled in any way (`BRK/B`, `BRK.B`, `BRK-B`). One that the source
        does not know is absent from the table; `bars.missing_symbols` names those.

        Raises:
            BarsError: the bars are no table of bars at all.
            SourceError: the source did not deliver.
        """

    def daily_bars(self, symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """The bars alone of `fetch`."""

    def corporate_actions(
        self, symbols: Iterable[str], first: date, last: date
    ) -> pl.DataFrame | None:
        """The table of `actions` with ex-dates from `first` to `last`; None: the source has none.

        Raises:
            BarsError: what it delivered are no corporate actions.
            SourceError: it did not deliver.
        """
