"""The market-data API, `/v2/stocks`: bars, latest bars, quotes and trades, snapshots.

Every answer is as of the simulated clock. Symbols that are unknown, or have nothing to show yet,
are left out. Daily bars carry midnight in New York as their time and appear once their session has
closed; until then the day's bar so far is in the snapshot only.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alchemiser_dagster.embedded.answers import choice, count, json_answer, text, words
from alchemiser_dagster.embedded.bar_pages import ADJUSTMENTS, BarQuery, page_of_bars
from alchemiser_dagster.embedded.brokerage import Brokerage
from alchemiser_dagster.embedded.clock import last_opened_session
from alchemiser_dagster.embedded.market import Bar, whole_bar
from alchemiser_dagster.embedded.prices import Quote, Trade
from alchemiser_dagster.embedded.refusals import RefusalError, bad_data_request
from alchemiser_dagster.embedded.wire import read_moment, utc_nanos, utc_seconds

MOST_BARS = 10_000
DEFAULT_BARS = 1_000
VENUE = "V"

Json = dict[str, object]


class DataApi:
    """The routes of the market-data API."""

    def __init__(self, broker: Brokerage) -> None:
        self._broker = broker

    def routes(self) -> list[Route]:
        table = [
            ("/v2/stocks/bars", self.bars),
            ("/v2/stocks/bars/latest", self.latest_bars),
            ("/v2/stocks/quotes/latest", self.latest_quotes),
            ("/v2/stocks/trades/latest", self.latest_trades),
            ("/v2/stocks/snapshots", self.snapshots),
        ]
        return [Route(path, handler, methods=["GET"]) for path, handler in table]

    async def bars(self, request: Request) -> Response:
        try:
            query = self._bar_query(request)
        except RefusalError as refusal:
            raise bad_data_request(refusal.message) from refusal
        market, now = self._broker.market, self._broker.state.now
        pages, token = page_of_bars(market, now, query)
        return json_answer({"bars": pages, "next_page_token": token})

    def _bar_query(self, request: Request) -> BarQuery:
        symbols = self._symbols(request)
        start, end = text(request, "start"), text(request, "end")
        return BarQuery(
            symbols=symbols,
            timeframe=text(request, "timeframe") or "1Day",
            start=read_moment(start, "start") if start else None,
            end=read_moment(end, "end", end_of_day=True) if end else None,
            limit=count(request, "limit", DEFAULT_BARS, MOST_BARS),
            adjustment=choice(request, "adjustment", ADJUSTMENTS, "raw"),
            descending=choice(request, "sort", ("asc", "desc"), "asc") == "desc",
            page_token=text(request, "page_token"),
        )

    async def latest_bars(self, request: Request) -> Response:
        found: Json = {}
        for symbol in self._symbols(request):
            bar = self._minute_bar(symbol)
            if bar is not None:
                found[symbol] = bar_view(bar)
        return json_answer({"bars": found})

    async def latest_quotes(self, request: Request) -> Response:
        found: Json = {}
        for symbol in self._symbols(request):
            quote = self._broker.market.quote(symbol, self._broker.state.now)
            if quote is not None:
                found[symbol] = quote_view(quote)
        return json_answer({"quotes": found})

    async def latest_trades(self, request: Request) -> Response:
        found: Json = {}
        for symbol in self._symbols(request):
            trade = self._broker.market.trade(symbol, self._broker.state.now)
            if trade is not None:
                found[symbol] = trade_view(trade)
        return json_answer({"trades": found})

    async def snapshots(self, request: Request) -> Response:
        found: Json = {}
        for symbol in self._symbols(request):
            if self._broker.market.trade(symbol, self._broker.state.now) is not None:
                found[symbol] = self._snapshot(symbol)
        return json_answer(found)

    def _snapshot(self, symbol: str) -> Json:
        market, now = self._broker.market, self._broker.state.now
        session = last_opened_session(now)
        daily = market.session_bar(symbol, session, now)
        bars = market.bars[symbol]
        before = bars.rows_until(session) - (2 if bars.row(session) is not None else 1)
        trade, quote = market.trade(symbol, now), market.quote(symbol, now)
        minute = self._minute_bar(symbol)
        return {
            "latestTrade": trade_view(trade) if trade is not None else None,
            "latestQuote": quote_view(quote) if quote is not None else None,
            "minuteBar": bar_view(minute) if minute is not None else None,
            "dailyBar": bar_view(daily) if daily is not None else None,
            "prevDailyBar": bar_view(whole_bar(bars, before)) if before >= 0 else None,
        }

    def _minute_bar(self, symbol: str) -> Bar | None:
        """The bar of the last completed minute of the last session that has opened."""
        market, now = self._broker.market, self._broker.state.now
        if symbol not in market.bars:
            return None
        session = last_opened_session(now)
        return market.minute_bar(symbol, session, now)

    def _symbols(self, request: Request) -> tuple[str, ...]:
        """The symbols asked for, each once, in alphabetical order."""
        symbols = words(request, "symbols")
        if not symbols:
            raise bad_data_request("symbols is required")
        return tuple(sorted(set(symbols)))


def bar_view(bar: Bar) -> Json:
    return {
        "t": utc_seconds(bar.at),
        "o": bar.open,
        "h": bar.high,
        "l": bar.low,
        "c": bar.close,
        "v": bar.volume,
        "n": None,
        "vw": None,
    }


def quote_view(quote: Quote) -> Json:
    return {
        "t": utc_nanos(quote.at),
        "bp": float(quote.bid),
        "bs": quote.bid_size,
        "bx": VENUE,
        "ap": float(quote.ask),
        "as": quote.ask_size,
        "ax": VENUE,
        "c": ["R"],
        "z": "A",
    }


def trade_view(trade: Trade) -> Json:
    return {
        "t": utc_nanos(trade.at),
        "p": float(trade.price),
        "s": 100,
        "x": VENUE,
        "i": 1,
        "c": ["@"],
        "z": "A",
    }
