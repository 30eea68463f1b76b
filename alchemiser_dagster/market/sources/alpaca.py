"""Daily bars from Alpaca's market data, through alpaca-py.

Only completed bars. While the market is open Alpaca answers with a partial bar of today if the
window reaches it, so the window ends with the last session that has closed and settled, and
whatever lies beyond is dropped all the same.

Daily bars are stamped with midnight New York. alpaca-py takes a naive datetime for UTC, which is
four or five hours off and loses the last bar; hence windows are aware, from the midnight of the
first session to the last microsecond of the last one, New York time. A window never reaches
into the last minutes before now, which the SIP feed refuses to accounts on the free plan.

Two downloads: unadjusted bars are the prices an order met; bars adjusted for splits and dividends
give adj_close.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from logging import getLogger

import polars as pl
from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.models import BarSet
from alpaca.data.requests import StockBarsRequest
from alpaca.data.timeframe import TimeFrame
from requests import RequestException

from alchemiser_dagster.market.bars import PRICES, checked_bars, empty_bars
from alchemiser_dagster.market.sessions import NEW_YORK, aware, last_completed_session
from alchemiser_dagster.market.sources.interface import SourceError
from alchemiser_dagster.market.symbols import broker_symbol

SYMBOLS_PER_REQUEST = 100
SETTLE = timedelta(minutes=15)
"""How long after the close a daily bar may still change; also the age from which the free plan
may read the SIP feed."""

log = getLogger(__name__)


def request_window(first: date, last: date, now: datetime) -> tuple[datetime, datetime]:
    """Start and end, aware, of a request for the daily bars from `first` to `last`."""
    start = datetime.combine(first, time.min, NEW_YORK)
    end = datetime.combine(last + timedelta(days=1), time.min, NEW_YORK) - timedelta(microseconds=1)
    return start, min(end, aware(now) - SETTLE)


class AlpacaSource:
    """Bars of one Alpaca feed: SIP (all exchanges) or IEX, whose closes differ from SIP's.

    `now` tells the time: the simulated one where the client talks to an embedded broker.
    """

    is_synthetic = False

    def __init__(
        self,
        client: StockHistoricalDataClient,
        feed: DataFeed = DataFeed.SIP,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.client = client
        self.feed = feed
        self.now = now
        self.name = f"Alpaca ({feed.value})"

    def daily_bars(self, symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
        now = aware(self.now())
        last = min(last, last_completed_session(now, SETTLE))
        wanted = sorted({broker_symbol(symbol) for symbol in symbols})
        if not wanted or first > last:
            return empty_bars()
        traded = self._downloaded(wanted, first, last, now, Adjustment.RAW)
        adjusted = self._downloaded(wanted, first, last, now, Adjustment.ALL)
        if traded.is_empty() and adjusted.is_empty():
            return empty_bars()
        adj_close = adjusted.select("symbol", "date", adj_close="close")
        bars = traded.join(adj_close, on=["symbol", "date"], how="full", coalesce=True)
        self._refuse_unpaired(bars)
        return checked_bars(bars, origin=self.name)

    def _downloaded(
        self, symbols: list[str], first: date, last: date, now: datetime, adjustment: Adjustment
    ) -> pl.DataFrame:
        start, end = request_window(first, last, now)
        rows: list[tuple[str, date, float, float, float, float, float]] = []
        for start_at in range(0, len(symbols), SYMBOLS_PER_REQUEST):
            request = StockBarsRequest(
                symbol_or_symbols=symbols[start_at : start_at + SYMBOLS_PER_REQUEST],
                timeframe=TimeFrame.Day,
                start=start,
                end=end,
                adjustment=adjustment,
                feed=self.feed,
            )
            rows.extend(_rows(self._answer(request)))
        kept = [row for row in rows if first <= row[1] <= last]
        if len(kept) < len(rows):
            dropped = len(rows) - len(kept)
            log.info("%s: %d bars outside %s..%s dropped", self.name, dropped, first, last)
        schema = {"symbol": pl.String, "date": pl.Date} | dict.fromkeys(
            (*PRICES, "volume"), pl.Float64
        )
        return pl.DataFrame(kept, schema=schema, orient="row")

    def _answer(self, request: StockBarsRequest) -> BarSet:
        try:
            answer = self.client.get_stock_bars(request)
        except (APIError, RequestException, ValueError, TypeError, AttributeError) as error:
            # the last three: alpaca-py on answers that are not of the documented form
            symbols = request.symbol_or_symbols
            raise SourceError(
                f"{self.name}: expected daily bars of {symbols[0]} and {len(symbols) - 1} more, "
                f"was {type(error).__name__}: {error}"
            ) from error
        if not isinstance(answer, BarSet):
            raise SourceError(
                f"{self.name}: expected a BarSet, was {type(answer).__name__}; "
                "build the client without raw_data"
            )
        return answer

    def _refuse_unpaired(self, bars: pl.DataFrame) -> None:
        unpaired = bars.filter(pl.col("close").is_null() != pl.col("adj_close").is_null())
        if not unpaired.is_empty():
            symbol, day = unpaired.select("symbol", "date").row(0)
            raise SourceError(
                f"{self.name}: expected each bar both unadjusted and adjusted, was "
                f"{unpaired.height} with one only, the first of {symbol} on {day}; fetch anew"
            )


def _rows(answer: BarSet) -> Iterator[tuple[str, date, float, float, float, float, float]]:
    for symbol, bars in answer.data.items():
        for bar in bars:
            day = bar.timestamp.astimezone(NEW_YORK).date()
            yield broker_symbol(symbol), day, bar.open, bar.high, bar.low, bar.close, bar.volume
