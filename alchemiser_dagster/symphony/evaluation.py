"""The weights of a symphony in every session, and why some sessions have none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alchemiser_dagster.symphony.errors import SignalUnavailable
from alchemiser_dagster.symphony.prices import ClosingPrices
from alchemiser_dagster.symphony.reasons import Diagnosis
from alchemiser_dagster.symphony.symphony import Symphony


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A symphony's weights: `weights[i, j]` of `symbols[j]` in `sessions[i]`.

    Rows sum to 1 where `available`, and are 0 elsewhere.
    """

    symphony: Symphony
    closes: ClosingPrices
    symbols: tuple[str, ...]
    weights: NDArray[np.float64]
    available: NDArray[np.bool_]
    warnings: tuple[str, ...]

    @property
    def sessions(self) -> tuple[date, ...]:
        """The sessions evaluated, ascending."""
        return self.closes.sessions

    @cached_property
    def _diagnosis(self) -> Diagnosis:
        return Diagnosis(self.symphony, self.closes)

    def reason(self, session: date) -> str | None:
        """Why `session` has no weights; None where it has.

        Raises SignalUnavailable for a session that was not evaluated.
        """
        row = self._row(session)
        return None if self.available[row] else self._diagnosis.reason(row).detail

    def reasons(self, first: date | None = None, last: date | None = None) -> Counter[str]:
        """How many sessions from `first` to `last` have no weights, by what is missing."""
        return Counter(
            self._diagnosis.reason(int(row)).summary
            for row in np.flatnonzero(~self.available)
            if (first is None or self.sessions[row] >= first)
            and (last is None or self.sessions[row] <= last)
        )

    def at(self, session: date) -> dict[str, float]:
        """The positive weights of a session by symbol. Raises SignalUnavailable."""
        reason = self.reason(session)
        if reason is not None:
            raise SignalUnavailable(self.symphony.name, session, reason)
        row = self.weights[self._row(session)]
        return {self.symbols[i]: float(row[i]) for i in np.flatnonzero(row > 0)}

    def to_frame(self) -> pl.DataFrame:
        """Rows (date, strategy, symbol, weight): one for each positive weight of a session."""
        rows, columns = np.nonzero(self.weights > 0)
        return pl.DataFrame(
            {
                "date": pl.Series(self.sessions, dtype=pl.Date).gather(rows),
                "strategy": pl.repeat(self.symphony.name, len(rows), eager=True),
                "symbol": pl.Series(self.symbols, dtype=pl.String).gather(columns),
                "weight": self.weights[rows, columns],
            }
        )

    def _row(self, session: date) -> int:
        row = self._rows.get(session)
        if row is None:
            raise SignalUnavailable(
                self.symphony.name, session, "it is not among the sessions evaluated"
            )
        return row

    @cached_property
    def _rows(self) -> dict[date, int]:
        return {session: row for row, session in enumerate(self.sessions)}
