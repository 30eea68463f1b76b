"""Historical daily bars in pages: by symbol, then by time, with a token for the next page.

Adjustment: `raw` is the bars table's own price; `split` divides it, and multiplies the volume, by
the splits from then to today's that are in the table (if it has none, its prices have usually been
adjusted already); `all` is the raw price times adj_close / close, scaled so that the factor is 1
at the symbol's last bar shown, and divided by today's split; `dividend` is what remains of `all`
without splits. So the answer depends on nothing later than the clock, though it changes, as a
vendor's does, with a later split or dividend.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

import numpy as np

from alchemiser_dagster.embedded.bars import EPOCH, Floats, SymbolBars
from alchemiser_dagster.embedded.clock import last_closed_session, new_york_date
from alchemiser_dagster.embedded.market import Market, midnight, rows_split
from alchemiser_dagster.embedded.refusals import bad_data_request
from alchemiser_dagster.embedded.wire import utc_seconds

ADJUSTMENTS = ("raw", "split", "dividend", "all")
SPLIT_ADJUSTED = ("split", "all")
JUST_BEFORE = timedelta(microseconds=1)
FACTOR_DECIMALS = 12
DAILY = ("1Day", "1D")


BarRow = dict[str, object]


@dataclass(frozen=True, slots=True)
class BarQuery:
    """What a request for bars asks for; `limit` is bars per page over all symbols."""

    symbols: tuple[str, ...]
    timeframe: str
    start: datetime | None
    end: datetime | None
    limit: int
    adjustment: str
    descending: bool
    page_token: str | None


def page_of_bars(
    market: Market, now: datetime, query: BarQuery
) -> tuple[dict[str, list[BarRow]], str | None]:
    """The bars of one page by symbol, and the token of the next page, None at the end.

    Raises RefusalError for a timeframe other than a day and for a token that is not ours.
    """
    if query.timeframe not in DAILY:
        raise bad_data_request(f"invalid timeframe: expected 1Day, was {query.timeframe}")
    after = _read_token(query.page_token) if query.page_token is not None else None
    left = query.limit
    pages: dict[str, list[BarRow]] = {}
    last: tuple[str, date] | None = None
    for symbol in query.symbols:
        if symbol not in market.bars or (after is not None and symbol < after[0]):
            continue
        bars = market.bars[symbol]
        rows = _rows(bars, now, query)
        if after is not None and symbol == after[0]:
            rows = _beyond(bars, rows, after[1], query.descending)
        if rows and left == 0:
            assert last is not None
            return pages, _token(*last)
        taken = rows[:left]
        if taken:
            factors = _factors(bars, now, query.adjustment)
            growth = None
            if query.adjustment in SPLIT_ADJUSTED:
                growth = _growth(bars, now)
            pages[symbol] = _written(bars, taken, factors, growth)
            left -= len(taken)
            last = (symbol, bars.date_of(taken[-1]))
        if len(taken) < len(rows):
            assert last is not None
            return pages, _token(*last)
    return pages, None


def _rows(bars: SymbolBars, now: datetime, query: BarQuery) -> range:
    """The rows that have closed by now and whose time is in [start, end]."""
    last = last_closed_session(now)
    if query.end is not None:
        last = min(last, new_york_date(query.end))
    start = 0
    if query.start is not None:
        start = bars.rows_until(new_york_date(query.start - JUST_BEFORE))
    stop = bars.rows_until(last)
    rows = range(start, max(start, stop))
    return rows[::-1] if query.descending else rows


def _beyond(bars: SymbolBars, rows: range, day: date, descending: bool) -> range:
    shown = bars.rows_until(day)
    kept = [row for row in rows if (row < shown - 1 if descending else row >= shown)]
    return range(kept[0], kept[-1] + rows.step, rows.step) if kept else range(0)


def _factors(bars: SymbolBars, now: datetime, adjustment: str) -> Floats | None:
    """What to multiply the prices of each row shown with; None for nothing."""
    shown = bars.rows_until(last_closed_session(now))
    if shown == 0 or adjustment == "raw":
        return None
    growth = _growth(bars, now)
    if adjustment == "split":
        return None if bool((growth == 1).all()) else 1 / growth
    ratio = bars.adj_close[:shown] / bars.close[:shown]
    factors = ratio / ratio[-1]
    factors = factors * growth / growth[-1] if adjustment == "dividend" else factors / growth[-1]
    return np.asarray(np.round(factors, FACTOR_DECIMALS), dtype=np.float64)


def _growth(bars: SymbolBars, now: datetime) -> Floats:
    """Shares as they are now for one share of each row shown."""
    shown = bars.rows_until(last_closed_session(now))
    return np.asarray(bars.shares[rows_split(bars, now) - 1] / bars.shares[:shown])


def _written(
    bars: SymbolBars, rows: range, factors: Floats | None, growth: Floats | None
) -> list[BarRow]:
    """The bars as the data API writes them, prices times `factors`, volumes times `growth`."""
    at = np.fromiter(rows, dtype=np.int64, count=len(rows))
    prices = [
        (column[at] if factors is None else column[at] * factors[at]).tolist()
        for column in (bars.open, bars.high, bars.low, bars.close)
    ]
    shares = bars.volume[at] if growth is None else bars.volume[at] * growth[at]
    volumes = np.nan_to_num(shares, nan=0.0).tolist()
    times = [_time_of(day) for day in bars.days[at].tolist()]
    return [
        {"t": t, "o": o, "h": h, "l": low, "c": c, "v": v, "n": None, "vw": None}
        for t, o, h, low, c, v in zip(times, *prices, volumes, strict=True)
    ]


@lru_cache(maxsize=16384)
def _time_of(day: int) -> str:
    return utc_seconds(midnight(date.fromordinal(EPOCH.toordinal() + day)))


def _token(symbol: str, day: date) -> str:
    text = f"{symbol}|D|{midnight(day):%Y-%m-%dT%H:%M:%SZ}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read_token(token: str) -> tuple[str, date]:
    try:
        text = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
        symbol, unit, moment = text.split("|")
        if unit != "D":
            raise ValueError(unit)
        return symbol, datetime.fromisoformat(moment).date()
    except (ValueError, binascii.Error):
        raise bad_data_request("invalid page_token") from None
