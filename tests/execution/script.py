"""A market that stands still, and a script of what happens at its broker, and when.

Things can be set to happen at a moment, some time after an order has come, or in the instant before
the end of an order is looked at. They happen while the program waits, or when it asks something.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import requests
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient
from requests.adapters import BaseAdapter

from alchemiser_dagster.embedded import InProcessBroker
from alchemiser_dagster.embedded.state import Changes
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.market.sessions import sessions_between


def flat_market(
    prices: Mapping[str, float],
    later: Mapping[str, tuple[date, float]] | None = None,
    *,
    first: date = date(2026, 8, 3),
) -> pl.DataFrame:
    """Bars of a market that stands still, from `first` to December 2026.

    `later` gives a symbol another price from a session on.
    """
    rows = []
    for symbol, price in prices.items():
        changes, then = (later or {}).get(symbol, (date.max, price))
        for day in sessions_between(first, date(2026, 12, 11)):
            at = then if day >= changes else price
            rows.append((symbol, day, at, at, at, at, 5e6, at))
    columns = ["symbol", "date", "open", "high", "low", "close", "volume", "adj_close"]
    return pl.DataFrame(rows, schema=columns, orient="row")


@dataclass
class Script:
    """What happens at the broker, and when; and what it was asked."""

    broker: InProcessBroker
    asked: list[str] = field(default_factory=list)
    """Those with effects: "POST <client order id>", "DELETE <client order id>"."""
    _cues: list[tuple[datetime, Callable[[], object]]] = field(default_factory=list)
    _on_order: dict[str, list[tuple[float, Callable[[], object]]]] = field(default_factory=dict)
    _on_cancel: dict[str, list[Callable[[], object]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.broker.brokerage.listeners.append(self._see)

    def wait(self, seconds: float) -> None:
        """Let time pass, and what is due happen at its moment."""
        end = self.broker.now + timedelta(seconds=seconds)
        while (due := self._next(end)) is not None:
            at, happen = due
            self.broker.advance_to(max(at, self.broker.now))
            happen()
        self.broker.advance_to(end)

    def at(self, moment: datetime, happen: Callable[[], object]) -> None:
        """Have something happen at a moment."""
        self._cues.append((moment, happen))

    def when_it_comes(self, order: str, after: float, happen: Callable[[], object]) -> None:
        """Have something happen so many seconds after an order has come."""
        self._on_order.setdefault(order, []).append((after, happen))

    def when_its_end_is_asked(self, order: str, happen: Callable[[], object]) -> None:
        """Have something happen before the first request to cancel an order is looked at."""
        self._on_cancel.setdefault(order, []).append(happen)

    def before(self, request: requests.PreparedRequest) -> None:
        """What is due before a request is served."""
        while (due := self._next(self.broker.now)) is not None:
            due[1]()
        path = str(request.path_url)
        if request.method == "POST":
            self.asked.append(f"POST {json.loads(request.body or b'{}')['client_order_id']}")
        elif request.method == "DELETE":
            name = self.broker.brokerage.desk.order(path.rsplit("/", 1)[1]).client_order_id
            self.asked.append(f"DELETE {name}")
            for order in [end for end in self._on_cancel if name.endswith(end)]:
                for happen in self._on_cancel.pop(order):
                    happen()

    def _next(self, end: datetime) -> tuple[datetime, Callable[[], object]] | None:
        self._cues.sort(key=lambda cue: cue[0])
        return self._cues.pop(0) if self._cues and self._cues[0][0] <= end else None

    def _see(self, changes: Changes) -> None:
        for event in changes.events:
            name = event.order.client_order_id
            for order in [end for end in self._on_order if name.endswith(end)]:
                for after, happen in self._on_order.pop(order):
                    self.at(self.broker.now + timedelta(seconds=after), happen)


class _Transport(BaseAdapter):
    """What the desk's HTTP sessions send with."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        self._script.before(request)
        return self._script.broker.adapter.send(request, stream=stream, timeout=timeout)

    def close(self) -> None:
        """There is nothing to close."""


def scripted_gateway(broker: InProcessBroker, script: Script) -> Gateway:
    """The gateway to a broker in this process, with the script at work in every pause."""
    keys = (broker.api_key, broker.secret_key)
    trading = TradingClient(*keys, paper=True, raw_data=True, url_override=broker.url)
    data = StockHistoricalDataClient(*keys, raw_data=True, url_override=broker.url)
    for client in (trading, data):
        client._session.trust_env = False
        client._session.mount(broker.url, _Transport(script))
    return Gateway(trading, data, wait=script.wait, now=lambda: broker.now.timestamp())
