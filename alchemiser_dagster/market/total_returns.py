"""Returns with dividends, from the adjusted closes of a snapshot of bars."""

from datetime import date

import polars as pl


def adjusted_as_of(bars: pl.LazyFrame, session: date) -> dict[str, float]:
    """Each symbol's adjusted close at its last bar up to `session`, from a table of bars.

    Only ratios mean something, and only of one table: that of two sessions is the total return
    between them, 1 where there was no bar since.
    """
    last = (
        bars.filter(pl.col("date") <= session)
        .group_by("symbol")
        .agg(pl.col("adj_close").sort_by("date").last())
    )
    return dict(last.collect().iter_rows())
