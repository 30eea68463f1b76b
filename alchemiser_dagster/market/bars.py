"""The bars table, and how it is read from a parquet file.

One row per (symbol, session), sorted by symbol and date:

==========  =======  ==============================================================
column      type     meaning
==========  =======  ==============================================================
symbol      String   the broker's spelling: `BRK.B`
date        Date     an NYSE session
open ..     Float64  open, high, low, close in US dollars: what an order would have
close                traded at (files often hold them adjusted for later splits)
volume      Float64  shares; null where unknown
adj_close   Float64  close adjusted for splits and dividends, so that its ratio from
                     one session to another is the total return. Only ratios mean
                     something; equal to close where a source has none
==========  =======  ==============================================================

A gap in a price history changes signals silently. So a file is used whole or not at all, one
broken row being an error that names it; and of what a vendor sends, a symbol is used whole or not
at all (`sift_bars`).
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PanicException, PolarsError

from alchemiser_dagster.market.quality import broken_rows, first_broken_rule
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.symphony import ClosingPrices

PRICES = ("open", "high", "low", "close")
REQUIRED_COLUMNS = ("symbol", "date", *PRICES, "volume")
BARS_SCHEMA = pl.Schema(
    {"symbol": pl.String(), "date": pl.Date()}
    | {column: pl.Float64() for column in (*PRICES, "volume", "adj_close")}
)


class BarsError(ValueError):
    """Bars that cannot be used."""


class UnreadableBarsError(BarsError):
    """The file is absent, empty, truncated, damaged or no parquet."""


class BarsColumnError(BarsError):
    """The file lacks columns, or they have the wrong type."""


class BarsRowError(BarsError):
    """Rows break the rules of the table."""


def empty_bars() -> pl.DataFrame:
    """A bars table without rows."""
    return BARS_SCHEMA.to_frame()


def read_bars(
    path: Path,
    symbols: Iterable[str] | None = None,
    first: date | None = None,
    last: date | None = None,
) -> pl.DataFrame:
    """The bars of a parquet file, checked whole, then cut to `symbols` and to [first, last].

    The file needs the columns symbol, date, open, high, low, close, volume; adj_close is
    optional, further columns are ignored. Numbers may have any numeric type, symbols may be
    categorical and spelled `BRK/B` or `BRK.B`, dates may be midnights without a time zone.
    A symbol without bars is absent from the result (see `missing_symbols`).

    Raises:
        UnreadableBarsError, BarsColumnError, BarsRowError: see the classes.
    """
    bars = checked_bars(read_columns(path), origin=str(path))
    return select_bars(bars, symbols, first, last)


def read_columns(path: Path) -> pl.DataFrame:
    """The columns of a bars table that a parquet file has, of whatever type; nothing is checked.

    Raises:
        UnreadableBarsError, BarsColumnError: see the classes.
    """
    if not path.is_file():
        was = "a folder" if path.is_dir() else "nothing there"
        raise UnreadableBarsError(f"{path}: expected a parquet file of bars, was {was}")
    if path.stat().st_size == 0:
        raise UnreadableBarsError(
            f"{path}: expected a parquet file of bars, was an empty file (0 bytes); "
            "write or fetch it anew"
        )
    try:
        present = pl.read_parquet_schema(path)
        _require_columns(present, origin=str(path))
        columns = [name for name in (*REQUIRED_COLUMNS, "adj_close") if name in present]
        return pl.read_parquet(path, columns=columns, glob=False, hive_partitioning=False)
    except (PolarsError, PanicException, OSError) as error:
        raise UnreadableBarsError(
            f"{path}: expected a whole parquet file of bars, was one that cannot be read "
            f"({str(error).splitlines()[0]}); it may be truncated or of another format: "
            "write or fetch it anew"
        ) from error


def conformed_bars(table: pl.DataFrame, origin: str) -> pl.DataFrame:
    """`table` with exactly the columns and types of `BARS_SCHEMA`, sorted by symbol and date.

    Its rows may be broken; `checked_bars` refuses them, `sift_bars` sets them aside.

    Raises:
        BarsColumnError: see the class; `origin` says in it where the table comes from.
    """
    _require_columns(table.columns, origin)
    wrong = [
        f"{name} of type {expected}, was {table.schema[name]}"
        for name, expected in _expected_types(table.columns).items()
        if not _has_type(table[name], expected)
    ]
    if wrong:
        raise BarsColumnError(f"{origin}: expected column " + "; ".join(wrong))
    adjusted = pl.col("adj_close") if "adj_close" in table.columns else pl.lit(None)
    bars = table.select(
        _dotted(table["symbol"]),
        _calendar_date(pl.col("date").cast(pl.Date)),
        pl.col(*PRICES, "volume").cast(pl.Float64),
        adjusted.cast(pl.Float64).fill_null(pl.col("close")).alias("adj_close"),
    )
    return bars.sort("symbol", "date")


def checked_bars(table: pl.DataFrame, origin: str) -> pl.DataFrame:
    """`table` in the form of the bars table; `origin` says in errors where it comes from.

    Raises:
        BarsColumnError, BarsRowError: see the classes.
    """
    bars = conformed_bars(table, origin)
    problems = broken_rows(bars)
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise BarsRowError(
            f"{origin}: expected one sound bar per symbol and NYSE session, was:{listed}\n"
            "  Repair these rows or fetch the file anew; nothing of it was used."
        )
    return _closed(bars)


def sift_bars(bars: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The sound symbols of `bars`, and the rows that are set aside.

    `bars` is as `conformed_bars` gives it. A symbol with one broken row is set aside whole; its
    rows have the further column rule: the name of the check (symbols, sessions, unique, prices)
    that the row fails, null for a row that is sound in itself. Both tables are sorted by symbol and
    date, and every row of `bars` is in one of them.
    """
    marked = bars.with_columns(first_broken_rule(bars))
    broken = marked.filter(pl.col("rule").is_not_null())["symbol"].unique().drop_nulls()
    set_aside = (pl.col("rule").is_not_null() | pl.col("symbol").is_in(broken.implode())).fill_null(
        True
    )
    sound = _closed(marked.filter(~set_aside).drop("rule"))
    return sound, marked.filter(set_aside)


def select_bars(
    bars: pl.DataFrame,
    symbols: Iterable[str] | None = None,
    first: date | None = None,
    last: date | None = None,
) -> pl.DataFrame:
    """The rows of `symbols` (any spelling) from `first` to `last`, both included; None: all."""
    if symbols is not None:
        wanted = sorted({broker_symbol(symbol) for symbol in symbols})
        bars = bars.filter(pl.col("symbol").is_in(wanted))
    if first is not None:
        bars = bars.filter(pl.col("date") >= first)
    if last is not None:
        bars = bars.filter(pl.col("date") <= last)
    return bars


def missing_symbols(bars: pl.DataFrame, wanted: Iterable[str]) -> list[str]:
    """The symbols of `wanted` without a single bar in `bars`, in the broker's spelling, sorted."""
    present = set(bars["symbol"].unique().to_list())
    return sorted({broker_symbol(symbol) for symbol in wanted} - present)


def closing_prices(bars: pl.DataFrame, through: date | None = None) -> ClosingPrices:
    """The adjusted closes of `bars`, as the symphony language wants them.

    One row per NYSE session from the first bar to `through` (None: to the last bar), whether or
    not a symbol has a bar there; one column per symbol of `bars`; NaN where there is no bar.
    """
    bars = select_bars(bars, last=through)
    symbols = bars["symbol"].unique().sort()
    days = [day for day in (bars["date"].min(), through or bars["date"].max()) if day is not None]
    sessions = sessions_between(days[0], days[-1]) if days else []  # type: ignore[arg-type]
    closes = np.full((len(sessions), len(symbols)), np.nan)
    row = pl.Series(sessions, dtype=pl.Date).search_sorted(bars["date"])
    column = symbols.search_sorted(bars["symbol"])
    closes[row.to_numpy(), column.to_numpy()] = bars["adj_close"].to_numpy()
    return ClosingPrices(sessions=tuple(sessions), symbols=tuple(symbols), closes=closes)


def _closed(bars: pl.DataFrame) -> pl.DataFrame:
    """Sound bars without what rounding has left open: low <= open, close <= high exactly."""
    return bars.with_columns(
        high=pl.max_horizontal("open", "high", "close"),
        low=pl.min_horizontal("open", "low", "close"),
    )


def _require_columns(present: Iterable[str], origin: str) -> None:
    present = list(present)
    missing = [name for name in REQUIRED_COLUMNS if name not in present]
    if missing:
        raise BarsColumnError(
            f"{origin}: expected the columns {', '.join(REQUIRED_COLUMNS)} "
            f"(and optionally adj_close), was {', '.join(present)}: "
            f"{', '.join(missing)} missing"
        )


def _expected_types(columns: Iterable[str]) -> dict[str, str]:
    numbers = [*PRICES, "volume", *(["adj_close"] if "adj_close" in columns else [])]
    return {"symbol": "text", "date": "date"} | dict.fromkeys(numbers, "number")


def _has_type(column: pl.Series, expected: str) -> bool:
    dtype = column.dtype
    match expected:
        case "text":
            return isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
        case "date":
            if isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
                return bool((column == column.dt.truncate("1d")).all())
            return isinstance(dtype, pl.Date)
        case _:
            return dtype.is_numeric() or isinstance(dtype, pl.Null)


def _calendar_date(day: pl.Expr) -> pl.Expr:
    """`day`, or null where it is outside the years that Python's dates know."""
    return pl.when(day.dt.year().is_between(date.min.year, date.max.year)).then(day)


def _dotted(symbols: pl.Series) -> pl.Series:
    """The column in the broker's spelling, worked out once per distinct symbol."""
    names = symbols.cast(pl.String)
    spelled = {name: broker_symbol(name) for name in names.unique().to_list() if name is not None}
    if all(name == dotted for name, dotted in spelled.items()):
        return names.alias("symbol")
    return names.replace_strict(spelled, default=None, return_dtype=pl.String).alias("symbol")
