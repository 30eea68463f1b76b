"""Prices made ready for evaluation: each symbol's own bars, and each indicator column once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.symphony.graph import Indicator
from alchemiser_dagster.symphony.indicators import Column, evaluate_indicator
from alchemiser_dagster.symphony.prices import ClosingPrices
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
        self._indicators: dict[tuple[object, ...], Column] = {}
        self._returns: dict[str, Column] = {}

    def symbol(self, symbol: str) -> SymbolHistory:
        """The bars of a symbol; none where the prices do not know it."""
        if symbol not in self._symbols:
            column = self._columns.get(symbol)
            closes = (
                np.full(self.length, np.nan) if column is None else self.prices.closes[:, column]
            )
            rows = np.flatnonzero(np.isfinite(closes))
            self._symbols[symbol] = SymbolHistory(rows, closes[rows])
        return self._symbols[symbol]

    def indicator(self, indicator: Indicator) -> Column:
        """An indicator in every session; NaN where it is undefined or the symbol has no bar."""
        key = (indicator.name, indicator.symbol, indicator.windows)
        if key not in self._indicators:
            own = self.symbol(indicator.symbol)
            column = np.full(self.length, np.nan)
            column[own.rows] = evaluate_indicator(indicator.name, indicator.windows, own.closes)
            self._indicators[key] = column
        return self._indicators[key]

    def returns(self, symbol: str) -> Column:
        """Daily returns as fractions; 0 in a session without a bar, and before the second one."""
        if symbol not in self._returns:
            own = self.symbol(symbol)
            column = np.zeros(self.length)
            column[own.rows[1:]] = own.closes[1:] / own.closes[:-1] - 1
            self._returns[symbol] = column
        return self._returns[symbol]

    def why_undefined(self, indicator: Indicator, row: int) -> str:
        """Why an indicator has no value in the session of `row`."""
        own = self.symbol(indicator.symbol)
        bars = int(np.searchsorted(own.rows, row, side="right"))
        if bars == 0:
            return f"{indicator} has no bars of {indicator.symbol}"
        latest = int(own.rows[bars - 1])
        if latest < row:
            return (
                f"{indicator} is stale: the last bar of {indicator.symbol} is of "
                f"{self.prices.sessions[latest]}, {row - latest} sessions old"
            )
        needed = bars_needed(indicator.name, indicator.windows)
        if bars < needed:
            return (
                f"{indicator} needs {needed} bars of {indicator.symbol}, was {bars} "
                f"({needed - bars} short)"
            )
        return f"{indicator} has no value"
