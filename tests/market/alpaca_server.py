"""Alpaca's real clients on the embedded broker, and small markets to serve."""

from collections.abc import Callable, Iterable
from datetime import date, datetime

import polars as pl
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.historical.corporate_actions import CorporateActionsClient

from alchemiser_dagster.api_calls import CallBudget
from alchemiser_dagster.embedded import EmbeddedBroker, InProcessBroker
from alchemiser_dagster.market.bars import BARS_SCHEMA
from alchemiser_dagster.market.sessions import NEW_YORK, sessions_between
from alchemiser_dagster.market.sources import AlpacaSource
from alchemiser_dagster.market.synthetic import synthetic_bars

from .tables import bar

Broker = EmbeddedBroker | InProcessBroker
BARS_ROUTE = {"path": "/v2/stocks/bars"}


class Pauses(list[float]):
    """Seconds that were waited for, in no time at all."""

    def budget(self) -> CallBudget:
        return CallBudget(wait=self.append)


def source_on(
    broker: Broker, now: datetime | Callable[[], datetime], **options: object
) -> AlpacaSource:
    """A source of bars and corporate actions; `now` is its time."""
    clients = [
        kind(broker.api_key, broker.secret_key, url_override=broker.url)
        for kind in (StockHistoricalDataClient, CorporateActionsClient)
    ]
    for client in clients:
        client._session.trust_env = False
        if isinstance(broker, InProcessBroker):
            client._session.mount(broker.url, broker.adapter)
    clock = (lambda: now) if isinstance(now, datetime) else now
    options.setdefault("budget", Pauses().budget())
    return AlpacaSource(clients[0], now=clock, actions_client=clients[1], **options)  # type: ignore[arg-type]


def evening_of(day: date) -> datetime:
    """Six in the evening in New York."""
    return datetime(day.year, day.month, day.day, 18, tzinfo=NEW_YORK)


def made_up(symbols: Iterable[str], first: date, last: date) -> pl.DataFrame:
    """Bars of any symbols whatever, each with the prices of a synthetic one."""
    known = synthetic_bars(5, ["SPY"], first, last)
    return pl.concat(known.with_columns(symbol=pl.lit(symbol)) for symbol in sorted(symbols))


def history(
    symbol: str, last: date, *closes: float, adjusted: Iterable[float] = (), **splits: float
) -> pl.DataFrame:
    """Bars of the sessions up to `last`, with a column split: `on_0328=10` is ten for one."""
    sessions = sessions_between(date(last.year, 1, 2), last)[-len(closes) :]
    adj_closes = list(adjusted) or list(closes)
    rows = [
        bar(symbol, day, close, adj_close=adj_close, split=splits.get(f"on_{day:%m%d}"))
        for day, close, adj_close in zip(sessions, closes, adj_closes, strict=True)
    ]
    return pl.DataFrame(rows, BARS_SCHEMA | {"split": pl.Float64()}, strict=False)
