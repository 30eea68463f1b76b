"""The bars of a snapshot as parquet.

Sorted by symbol and date. A row group has room for `SYMBOLS_PER_GROUP` symbols with as long a
history as any has: where histories are equally long it holds whole symbols, else a symbol may begin
in one and end in the next. With the statistics of each, a reader of a few symbols and one column
passes over the rest.

The columns stand in another order than in the bars table: what signals are made from is together
at the front, so that a reader of a bucket asks for one stretch of each row group.
"""

import io
from collections.abc import Mapping

import polars as pl

from alchemiser_dagster.market.bars import BARS_SCHEMA, BarsColumnError, BarsRowError

STORED_SCHEMA = pl.Schema(
    {
        name: BARS_SCHEMA[name]
        for name in ("symbol", "date", "adj_close", "close", "open", "high", "low", "volume")
    }
)
SYMBOLS_PER_GROUP = 4
"""Measured (`benchmarks.market.snapshot`): with fewer, a whole table is slow to read; with more, a
book of 25 symbols reads most of it."""


def encoded(bars: pl.DataFrame) -> bytes:
    """The bytes of a parquet file: equal bars give equal bytes, however they lie in memory.

    Raises:
        BarsColumnError, BarsRowError: not a bars table, or one without a row.
    """
    if bars.schema != BARS_SCHEMA:
        raise BarsColumnError(f"expected {columns(BARS_SCHEMA)}, was {columns(bars.schema)}")
    if bars.is_empty():
        raise BarsRowError("expected bars, was a table without a row")
    bars = bars.select(STORED_SCHEMA.names()).sort("symbol", "date", maintain_order=True)
    longest = int(bars.group_by("symbol").len()["len"].max())  # type: ignore[arg-type]
    content = io.BytesIO()
    bars.write_parquet(
        content,
        compression="zstd",
        compression_level=3,
        statistics=True,
        row_group_size=SYMBOLS_PER_GROUP * longest,
    )
    return content.getvalue()


def columns(schema: Mapping[str, object]) -> str:
    """A table's columns and types, in words."""
    return "the columns " + ", ".join(f"{name} ({dtype})" for name, dtype in schema.items())
