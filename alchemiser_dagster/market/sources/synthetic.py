"""Daily bars of the made-up market: the embedded default."""

from collections.abc import Iterable
from datetime import date

import polars as pl

from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.market.synthetic import synthetic_bars


class SyntheticSource:
    """The made-up market of `synthetic`; the same seed gives the same bars for ever."""

    is_synthetic = True

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.name = f"synthetic (seed {seed})"

    def daily_bars(self, symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
        return synthetic_bars(self.seed, [broker_symbol(symbol) for symbol in symbols], first, last)
