"""Daily bars of the made-up market: the embedded default."""

from collections.abc import Iterable
from datetime import date

import polars as pl

from alchemiser_dagster.market.actions import empty_actions
from alchemiser_dagster.market.sources.interface import Fetched
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.market.synthetic import synthetic_bars


class SyntheticSource:
    """The made-up market of `synthetic`; the same seed gives the same bars for ever."""

    is_synthetic = True
    feed = None

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.name = f"synthetic (seed {seed})"

    def fetch(self, symbols: Iterable[str], first: date, last: date) -> Fetched:
        return Fetched(self.daily_bars(symbols, first, last))

    def daily_bars(self, symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
        return synthetic_bars(self.seed, [broker_symbol(symbol) for symbol in symbols], first, last)

    def corporate_actions(self, symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
        """An empty table: nothing is paid out or split in this market."""
        return empty_actions()
