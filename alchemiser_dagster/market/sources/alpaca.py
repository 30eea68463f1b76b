"""Daily bars and corporate actions from Alpaca's market data, through alpaca-py.

Only completed bars. While the market is open Alpaca answers with a partial bar of today if the
window reaches it, so the window ends with the last session that has closed and settled, and
whatever lies beyond is dropped all the same, and counted.

Two downloads: unadjusted bars are the prices an order met; bars adjusted for splits and dividends
give adj_close. Both are as of the day they are made: Alpaca's `asof` is left at today, so that a
symbol's history is that of the company that has the symbol now, older names of it included.

A download is made in parts of whole symbols, unadjusted and adjusted together, each some six pages
of 10,000 bars. With a `scratch` folder the parts are kept until the last one is there, so that
a download that was interrupted goes on where it was, as long as it is the same evening's: vendors
adjust histories overnight. Calls are as `api_calls` makes them: within the allowance, a 429 is
waited out, and what fails for a moment is asked for again.

alpaca-py's models are passed over: an object for each bar takes more time than the download (of 300
symbols for 504 sessions, 6.6 s of processor time with them and 1.8 s without).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from logging import getLogger
from pathlib import Path

import polars as pl
from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment, DataFeed
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.requests import CorporateActionsRequest, StockBarsRequest
from alpaca.data.timeframe import TimeFrame
from requests import RequestException, codes

from alchemiser_dagster.api_calls import CallBudget, discipline, persist
from alchemiser_dagster.market.actions import actions_table, select_actions
from alchemiser_dagster.market.bars import BARS_SCHEMA, empty_bars
from alchemiser_dagster.market.sessions import NEW_YORK, aware, last_completed_session
from alchemiser_dagster.market.sources.alpaca_actions import (
    PROCESSED_AFTER,
    PROCESSED_BEFORE,
    actions_of,
)
from alchemiser_dagster.market.sources.alpaca_bars import SETTLE, paired, request_window, rows_of
from alchemiser_dagster.market.sources.interface import Fetched, SourceError
from alchemiser_dagster.market.sources.scratch import Scratch
from alchemiser_dagster.market.symbols import broker_symbol

SYMBOLS_PER_REQUEST = 100
BARS_PER_PART = 60_000
REMEDIES = {
    codes.unauthorized: "check the API key and its secret",
    codes.forbidden: "check the API key and its secret, and that the account's plan has the feed",
    codes.too_many_requests: "something else spends the calls of this key: ask again later",
}
RECENT_SIP = "recent SIP data"

_SDK_ERRORS = (ValueError, TypeError, AttributeError, LookupError)
"""What alpaca-py raises over answers that are not of the documented form."""

log = getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is: parts done (of which some were kept before), calls made, bars had.

    `waited` is the seconds that the rate limit has cost so far.
    """

    done: int
    total: int
    kept: int
    bars: int
    calls: int
    waited: float


@dataclass(frozen=True, slots=True)
class _Span:
    """The sessions that are asked for, at the moment `now`."""

    first: date
    last: date
    now: datetime

    def groups(self, symbols: list[str]) -> list[list[str]]:
        """The symbols in parts of about `BARS_PER_PART` bars."""
        weekdays = (self.last - self.first).days * 5 // 7 + 1
        size = max(1, min(SYMBOLS_PER_REQUEST, BARS_PER_PART // weekdays))
        return _groups(symbols, size)


class AlpacaSource:
    """Bars of one Alpaca feed: SIP (all exchanges) or IEX, whose closes differ from SIP's.

    `now` tells the time: the simulated one where the client talks to an embedded broker. The
    clients are the source's from then on: they are given timeouts, and `budget`, the calls that
    the data host allows. Without `actions_client` there are no corporate actions. `progress` is
    told of every part of a download.
    """

    is_synthetic = False

    def __init__(
        self,
        client: StockHistoricalDataClient,
        feed: DataFeed = DataFeed.SIP,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        actions_client: CorporateActionsClient | None = None,
        scratch: Path | None = None,
        progress: Callable[[Progress], None] | None = None,
        budget: CallBudget | None = None,
    ) -> None:
        self.feed = feed.value
        self.now = now
        self.name = f"Alpaca ({feed.value})"
        self._client = client
        self._feed = feed
        self._actions_client = actions_client
        self._scratch = scratch
        self._progress = progress or (lambda _: None)
        self._budget = budget or CallBudget()
        for own in (client, actions_client):
            if own is not None:
                discipline(own, self._budget)
                persist(own, self._budget)
                own._use_raw_data = True

    def daily_bars(self, symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
        return self.fetch(symbols, first, last).bars

    def fetch(self, symbols: Iterable[str], first: date, last: date) -> Fetched:
        """As `BarSource` says, up to the last session that has closed and settled."""
        now = aware(self.now())
        completed = last_completed_session(now, SETTLE)
        span = _Span(first, min(last, completed), now)
        wanted = sorted({broker_symbol(symbol) for symbol in symbols})
        if not wanted or span.first > span.last:
            return Fetched(empty_bars())
        bars = pl.concat(self._parts(wanted, span, completed))
        partial = bars.filter(pl.col("date") > completed)
        kept = bars.filter(pl.col("date").is_between(span.first, span.last))
        if kept.height < bars.height:
            log.warning(
                "%s: %d bars outside %s..%s dropped, %d of them of sessions that are not over",
                *(self.name, bars.height - kept.height, span.first, span.last, partial.height),
            )
        return Fetched(kept.sort("symbol", "date"), partial.height)

    def corporate_actions(
        self, symbols: Iterable[str], first: date, last: date
    ) -> pl.DataFrame | None:
        if self._actions_client is None:
            return None
        wanted = sorted({broker_symbol(symbol) for symbol in symbols})
        found = [
            action
            for group in _groups(wanted, SYMBOLS_PER_REQUEST)
            for action in actions_of(self._actions(group, first, last), self.name)
        ]
        return select_actions(actions_table(found), wanted, first, last)

    def _parts(self, wanted: list[str], span: _Span, completed: date) -> Iterator[pl.DataFrame]:
        """The bars in parts, one after the other, from the scratch folder where it has them."""
        scratch = Scratch(self._scratch, span.now.astimezone(NEW_YORK).date())
        groups = span.groups(wanted)
        keys, kept, bars = [], 0, 0
        for group in groups:
            key = scratch.key(
                host=str(self._client._base_url),
                feed=self.feed,
                symbols=group,
                first=span.first,
                last=span.last,
                completed=completed,
            )
            part = scratch.find(key, BARS_SCHEMA)
            if part is None:
                part = self._downloaded(group, span)
                scratch.keep(key, part)
            else:
                kept += 1
            keys.append(key)
            bars += part.height
            self._progress(
                Progress(
                    len(keys), len(groups), kept, bars, self._budget.calls, self._budget.waited
                )
            )
            yield part
        scratch.clear(keys)

    def _downloaded(self, symbols: list[str], span: _Span) -> pl.DataFrame:
        traded = self._rows(symbols, span, Adjustment.RAW)
        return paired(traded, self._rows(symbols, span, Adjustment.ALL))

    def _rows(self, symbols: list[str], span: _Span, adjustment: Adjustment) -> pl.DataFrame:
        start, end = request_window(span.first, span.last, span.now)
        request = StockBarsRequest(
            symbol_or_symbols=symbols,
            timeframe=TimeFrame.Day,
            start=start,
            end=end,
            adjustment=adjustment,
            feed=self._feed,
        )
        answer = self._answer(
            f"daily bars of {_listed(symbols)}", lambda: self._client.get_stock_bars(request)
        )
        return rows_of(answer, self.name)

    def _actions(self, symbols: list[str], first: date, last: date) -> object:
        client = self._actions_client
        assert client is not None
        request = CorporateActionsRequest(
            symbols=symbols,
            start=first - PROCESSED_BEFORE,
            end=last + PROCESSED_AFTER,
            limit=None,  # alpaca-py takes a limit, its default of 1,000 too, for the total
        )
        return self._answer(
            f"corporate actions of {_listed(symbols)}",
            lambda: client.get_corporate_actions(request),
        )

    def _answer(self, what: str, call: Callable[[], object]) -> object:
        try:
            return call()
        except (APIError, RequestException, *_SDK_ERRORS) as error:
            raise SourceError(f"{self.name}: expected {what}, was {_said(error)}") from error


def _said(error: Exception) -> str:
    """What went wrong, in Alpaca's words where there are any, and what to do about it."""
    if not isinstance(error, APIError):
        return f"{type(error).__name__}: {str(error)[:200]}; fetch again"
    remedy = REMEDIES.get(error.status_code, "fetch again")
    if RECENT_SIP in str(error):
        remedy = (
            "the account's plan may read this feed up to 15 minutes ago only: fetch later, or use "
            "the feed iex"
        )
    return f"HTTP {error.status_code}: {str(error)[:200] or 'no reason given'}; {remedy}"


def _listed(symbols: list[str]) -> str:
    more = f" and {len(symbols) - 1} more" if len(symbols) > 1 else ""
    return f"{symbols[0]}{more}"


def _groups(symbols: list[str], size: int) -> list[list[str]]:
    return [symbols[start : start + size] for start in range(0, len(symbols), size)]
