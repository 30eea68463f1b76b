"""Prices made ready for evaluation: each symbol's own bars, and what is derived from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.symphony.graph import Indicator
from alchemiser_dagster.symphony.indicators import evaluate_indicator
from alchemiser_dagster.symphony.prices import ClosingPrices
from alchemiser_dagster.symphony.rolling import Column
from alchemiser_dagster.symphony.symbols import canonical_symbol
from alchemiser_dagster.symphony.vocabulary import bars_needed


@dataclass(frozen=True, eq=False)
class SymbolHistory:
    """A symbol's bars: the sessions (as row numbers) that have one, and their closes."""

    rows: NDArray[np.int64]
    closes: Column


class History:
    """The price history of one evaluation, of `length` sessions."""

    def __init__(self, prices: ClosingPrices) -> None:
        self.prices = prices
        self.length = len(prices.sessions)
        self._columns = {canonical_symbol(s): i for i, s in enumerate(prices.symbols)}
        self._symbols: dict[str, SymbolHistory] = {}
        self._growth: dict[str, Column] = {}

    def symbol(self, symbol: str) -> SymbolHistory:
        """The bars of a symbol; none where the prices do not know it."""
        if symbol not in self._symbols:
            column = self._columns.get(symbol)
            if column is None:
                rows, closes = np.zeros(0, dtype=np.int64), np.zeros(0)
            else:
                closes = np.ascontiguousarray(self.prices.closes[:, column])
                rows = np.flatnonzero(np.isfinite(closes))
                closes = closes[rows]
            self._symbols[symbol] = SymbolHistory(rows, closes)
        return self._symbols[symbol]

    def indicator(self, indicator: Indicator) -> Column:
        """An indicator in every session; NaN where it is undefined or the symbol has no bar."""
        own = self.symbol(indicator.symbol)
        if len(own.rows) == self.length:
            return evaluate_indicator(indicator.name, indicator.windows, own.closes)
        column = np.full(self.length, np.nan)
        if len(own.rows):
            column[own.rows] = evaluate_indicator(indicator.name, indicator.windows, own.closes)
        return column

    def growth(self, symbol: str) -> Column:
        """What holding the symbol from each session to the next one returns, as a fraction.

        0 where the next session has no bar, NaN before the first bar and in the last session.
        """
        if symbol not in self._growth:
            own = self.symbol(symbol)
            column = np.full(self.length, np.nan)
            if len(own.rows):
                column[own.rows[0] : -1] = 0.0
                column[own.rows[1:] - 1] = own.closes[1:] / own.closes[:-1] - 1
            self._growth[symbol] = column
        return self._growth[symbol]

    def why_undefined(self, indicator: Indicator, row: int) -> str:
        """Why an indicator has no value in the session of `row`."""
        own = self.symbol(indicator.symbol)
        bars = int(np.searchsorted(own.rows, row, side="right"))
        if bars == 0:
            return f"{indicator} has no value: {indicator.symbol} has no bars"
        needed = bars_needed(indicator.name, indicator.windows)
        if bars < needed:
            short = needed - bars
            return (
                f"{indicator} has no value: needs {needed} bars, {indicator.symbol} has {bars}, "
                f"{short} {'bar' if short == 1 else 'bars'} short"
            )
        last = int(own.rows[bars - 1])
        if last < row:
            age = row - last
            return (
                f"{indicator} has no value: the last bar of {indicator.symbol} is of "
                f"{self.prices.sessions[last]}, {age} {'session' if age == 1 else 'sessions'} old"
            )
        return f"{indicator} has no value: closes of {indicator.symbol} give no finite number"
