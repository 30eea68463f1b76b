"""Series of daily returns, as the pages compare them: live, on paper, of the benchmark."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alchemiser_dagster.history.statistics import Statistics, require_fractions, statistics


@dataclass(frozen=True, eq=False)
class Returns:
    """Daily returns as fractions, one a session, the oldest first; there may be none.

    Raises ReturnsError when one of them is no fraction.
    """

    name: str
    sessions: tuple[date, ...]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.sessions:
            require_fractions(self.sessions, self.values)

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def index(self) -> NDArray[np.float64]:
        """prod(1 + r) up to each session; the start, 1, is not in it."""
        return np.cumprod(1 + self.values, dtype=np.float64)

    @property
    def total(self) -> float | None:
        """The return of the whole, None where there is none."""
        return float(self.index[-1]) - 1 if len(self) else None

    def since(self, first: date) -> "Returns":
        """Those of `first` and later."""
        return self._where([session >= first for session in self.sessions])

    def before(self, end: date) -> "Returns":
        """Those before `end`."""
        return self._where([session < end for session in self.sessions])

    def within(self, sessions: Container[date]) -> "Returns":
        """Those of the sessions given."""
        return self._where([session in sessions for session in self.sessions])

    def figures(self, turnover: NDArray[np.float64] | None = None) -> Statistics | None:
        """Their statistics, None where there is none."""
        return statistics(self.sessions, self.values, turnover) if len(self) else None

    def _where(self, chosen: list[bool]) -> "Returns":
        kept = tuple(session for session, is_in in zip(self.sessions, chosen, strict=True) if is_in)
        return Returns(self.name, kept, self.values[np.array(chosen, dtype=bool)])


def returns_of(name: str, table: pl.DataFrame, column: str) -> Returns:
    """The returns in a column of a table with a `date`; rows without a return are left out."""
    rows = table.select("date", column).drop_nulls().sort("date")
    return Returns(name, tuple(rows["date"]), rows[column].cast(pl.Float64).to_numpy())


def returns_of_closes(name: str, closes: pl.DataFrame) -> Returns:
    """The returns from close to close of one symbol: columns date, adj_close."""
    change = closes.sort("date").select("date", r=pl.col("adj_close").pct_change())
    return returns_of(name, change, "r")
