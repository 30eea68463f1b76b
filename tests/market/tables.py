"""Small bars tables for tests."""

from datetime import date
from pathlib import Path

import polars as pl

MON, TUE, WED, THU = (date(2024, 3, 25 + n) for n in range(4))
GOOD_FRIDAY, SATURDAY = date(2024, 3, 29), date(2024, 3, 30)


def bar(symbol: str | None, day: date | None, close: float | None, **changed: object) -> dict:
    """One row with all prices at `close`, then changed as told."""
    row: dict = {"symbol": symbol, "date": day}
    row |= dict.fromkeys(("open", "high", "low", "close"), close)
    return row | {"volume": 1000} | changed


def table(*rows: dict) -> pl.DataFrame:
    return pl.DataFrame(list(rows), infer_schema_length=None)


def written(folder: Path, content: pl.DataFrame) -> Path:
    path = folder / "bars.parquet"
    content.write_parquet(path)
    return path
