"""The daily bars behind the market: one table, cut by symbol on first use.

A bar may be shown from its session's close on, and its open, high, low and close shape the path
of that session (see `paths`); nothing here gives out a bar of a session that has not begun.

A column `split` is optional. It says how many shares one share became on its ex-date, the session
of the bar: 4.0 for four for one, 0.1 for one for ten, and 1.0 or null on any other day. With it,
prices and volumes are those traded on the day, before any later split (`traded_prices` makes them
so where a file has them adjusted); without it there are no splits, and the prices are usually
adjusted for those there have been.
"""

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.market.sessions import sessions_between

PRICES = ("open", "high", "low", "close")
COLUMNS = ("symbol", "date", *PRICES, "volume", "adj_close")
SPLIT = "split"

EPOCH = date(1970, 1, 1)

Floats = NDArray[np.float64]
Days = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SymbolBars:
    """All bars of one symbol, ascending; `days` counts from 1970-01-01, volume may be NaN.

    `shares` is what one share from before the first bar has become by the end of each session.
    """

    symbol: str
    days: Days
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    adj_close: Floats
    split: Floats
    shares: Floats

    def row(self, session: date) -> int | None:
        """Where the bar of `session` is, or None if the symbol has none."""
        day = (session - EPOCH).days
        position = int(np.searchsorted(self.days, day))
        return position if position < len(self.days) and self.days[position] == day else None

    def rows_until(self, session: date) -> int:
        """How many bars there are up to and including `session`."""
        return int(np.searchsorted(self.days, (session - EPOCH).days, side="right"))

    def date_of(self, row: int) -> date:
        return date.fromordinal(EPOCH.toordinal() + int(self.days[row]))

    @property
    def first(self) -> date:
        return self.date_of(0)

    @property
    def last(self) -> date:
        return self.date_of(len(self.days) - 1)


class BarTable:
    """Daily bars by symbol, each a view of the whole, from a table of the columns `COLUMNS`.

    Raises BarsError when a column is missing, the table is empty, a (symbol, date) is twice in it,
    a date is no session, or a price is not positive or outside its own low and high.
    """

    def __init__(self, table: pl.DataFrame) -> None:
        missing = [column for column in COLUMNS if column not in table.columns]
        if missing:
            raise BarsError(f"expected the columns {', '.join(COLUMNS)}; missing {missing}")
        if table.is_empty():
            raise BarsError("expected at least one bar, the table is empty")
        table = table.select(
            pl.col("symbol").cast(pl.String),
            pl.col("date").cast(pl.Date),
            *(pl.col(name).cast(pl.Float64) for name in (*PRICES, "volume", "adj_close")),
            (pl.col(SPLIT) if SPLIT in table.columns else pl.lit(1.0))
            .cast(pl.Float64)
            .fill_null(1.0)
            .alias(SPLIT),
        )
        _check(table)
        table = _in_order(table)
        runs = table.get_column("symbol").rle().struct.unnest()
        self._days = table.get_column("date").to_physical().cast(pl.Int64).to_numpy()
        self._columns = {
            name: table.get_column(name).fill_null(np.nan).to_numpy()
            for name in (*PRICES, "volume", "adj_close", SPLIT)
        }
        self._cuts: dict[str, tuple[int, int]] = {}
        start = 0
        for length, symbol in zip(runs["len"].to_list(), runs["value"].to_list(), strict=True):
            self._cuts[symbol] = (start, length)
            start += length
        self._loaded: dict[str, SymbolBars] = {}

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol, ascending."""
        return tuple(self._cuts)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._cuts

    def __getitem__(self, symbol: str) -> SymbolBars:
        found = self._loaded.get(symbol)
        if found is None:
            start, length = self._cuts[symbol]
            cut = slice(start, start + length)
            columns = {name: column[cut] for name, column in self._columns.items()}
            shares = np.cumprod(columns[SPLIT])
            found = SymbolBars(symbol=symbol, days=self._days[cut], shares=shares, **columns)
            self._loaded[symbol] = found
        return found

    def fingerprint(self, symbol: str, until: date) -> str:
        """A hash of the tradable bars of `symbol` up to and including `until`.

        Adjusted closes are left out: a vendor recomputes them backwards at every dividend.
        """
        bars = self[symbol]
        count = bars.rows_until(until)
        digest = hashlib.blake2b(digest_size=16)
        for column in (bars.days, bars.open, bars.high, bars.low, bars.close, bars.volume):
            digest.update(column[:count].tobytes())
        if (bars.split[:count] != 1).any():
            digest.update(bars.split[:count].tobytes())
        return digest.hexdigest()


def _check(table: pl.DataFrame) -> None:
    low, high = pl.col("low"), pl.col("high")
    bad = table.filter(
        pl.any_horizontal(
            *(pl.col(name).is_null() | ~pl.col(name).is_finite() for name in PRICES),
            low <= 0,
            *(~pl.col(name).is_between(low, high) for name in ("open", "close")),
        )
    )
    if not bad.is_empty():
        row = bad.row(0, named=True)
        raise BarsError(
            f"expected 0 < low <= open, close <= high, was {row['symbol']} {row['date']}: "
            f"open {row['open']}, high {row['high']}, low {row['low']}, close {row['close']}"
        )
    odd = table.filter(~pl.col(SPLIT).is_finite() | (pl.col(SPLIT) <= 0))
    if not odd.is_empty():
        row = odd.row(0, named=True)
        raise BarsError(
            f"expected a split above 0, was {row['symbol']} {row['date']}: {row[SPLIT]}"
        )
    days = table.get_column("date").unique().sort().to_list()
    sessions = set(sessions_between(days[0], days[-1]))
    closed = [day for day in days if day not in sessions]
    if closed:
        raise BarsError(f"expected bars of NYSE sessions, was {closed[0]} ({closed[0]:%A})")


def _in_order(table: pl.DataFrame) -> pl.DataFrame:
    """The table by symbol, then date; raises BarsError if one pair is there twice."""
    same = pl.col("symbol") == pl.col("symbol").shift(1)
    ascending = (pl.col("symbol") > pl.col("symbol").shift(1)) | (
        same & (pl.col("date") > pl.col("date").shift(1))
    )
    if table.select(ascending.fill_null(True).all()).item():
        return table
    table = table.sort("symbol", "date")
    twice = table.filter(same & (pl.col("date") == pl.col("date").shift(1)))
    if not twice.is_empty():
        symbol, day = twice.row(0)[:2]
        raise BarsError(f"expected one bar per symbol and session, was two of {symbol} on {day}")
    return table
