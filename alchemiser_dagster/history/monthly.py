"""Returns of calendar months and years: prod(1 + r) - 1 over their sessions.

The first and the last may be of a part only. Source: CFA Institute, Global Investment Performance
Standards (2020), which has the returns of shorter periods linked geometrically.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alchemiser_dagster.history.statistics import require_fractions


def monthly_returns(sessions: Sequence[date], returns: NDArray[np.float64]) -> pl.DataFrame:
    """Columns year, month (1 to 12) and return (a fraction), one row a month, the oldest first.

    `sessions` ascend. Raises ReturnsError when there are no returns, not one for each session, or
    they are not fractions.
    """
    return _linked(sessions, returns, ["year", "month"])


def yearly_returns(sessions: Sequence[date], returns: NDArray[np.float64]) -> pl.DataFrame:
    """Columns year and return (a fraction), one row a year; otherwise like `monthly_returns`."""
    return _linked(sessions, returns, ["year"])


def _linked(
    sessions: Sequence[date], returns: NDArray[np.float64], period: list[str]
) -> pl.DataFrame:
    require_fractions(sessions, returns)
    days = pl.Series("date", sessions, dtype=pl.Date)
    return (
        pl.DataFrame({"year": days.dt.year(), "month": days.dt.month(), "growth": 1 + returns})
        .group_by(period, maintain_order=True)
        .agg((pl.col("growth").product() - 1).alias("return"))
        .with_columns(pl.col(*period).cast(pl.Int64))
    )
