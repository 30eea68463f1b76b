"""An Alpaca data service in memory, beneath the real alpaca-py client."""

import json
from datetime import date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from alpaca.data.enums import DataFeed
from alpaca.data.historical import StockHistoricalDataClient
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from alchemiser_dagster.api_calls import CallBudget
from alchemiser_dagster.market.sessions import NEW_YORK
from alchemiser_dagster.market.sources import AlpacaSource

from .tables import MON, THU, TUE, WED

PAGE = 3


WEEK = {MON: 520.0, TUE: 521.0, WED: 522.0, THU: 523.0}


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A time of day in New York."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK)


class AlpacaData(BaseAdapter):
    """Answers `GET /v2/stocks/bars` from `{adjustment: {symbol: {session: close}}}`, paged.

    Like the real service it gives the bar of the session under way, and bars whose midnight
    (New York) lies within the window.
    """

    def __init__(self, closes: dict[str, dict[str, dict[date, float]]]) -> None:
        super().__init__()
        self.closes = closes
        self.requests: list[dict[str, str]] = []

    def client(self) -> StockHistoricalDataClient:
        client = StockHistoricalDataClient("key", "secret", url_override="http://alpaca.test")
        client._session.mount("http://alpaca.test", self)
        return client

    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:  # type: ignore[override]
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
        self.requests.append(query)
        return answer(request, 200, self.page(query))

    def page(self, query: dict[str, str]) -> dict[str, object]:
        start, end = (datetime.fromisoformat(query[name]) for name in ("start", "end"))
        rows = [
            (symbol, midnight, close)
            for symbol, closes in sorted(self.closes[query["adjustment"]].items())
            if symbol in query["symbols"].split(",")
            for midnight, close in (
                (datetime.combine(day, datetime.min.time(), NEW_YORK), close)
                for day, close in closes.items()
            )
            if start <= midnight <= end
        ]
        first = int(query.get("page_token", 0))
        bars: dict[str, list[dict[str, object]]] = {}
        for symbol, midnight, close in rows[first : first + PAGE]:
            bars.setdefault(symbol, []).append(
                {"t": midnight.isoformat(), "o": close, "h": close, "l": close, "c": close}
                | {"v": 1000, "n": 10, "vw": close}
            )
        more = first + PAGE < len(rows)
        return {"bars": bars, "next_page_token": str(first + PAGE) if more else None}

    def close(self) -> None:
        """Nothing is open."""


class Generous(AlpacaData):
    """Gives every bar there is, whatever the window."""

    def page(self, query: dict[str, str]) -> dict[str, object]:
        window = {"start": "1990-01-01T00:00:00+00:00", "end": "2030-01-01T00:00:00+00:00"}
        return super().page(query | window)


class Refusing(AlpacaData):
    """Answers everything with one status and body."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__({})
        self.status, self.body = status, body

    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:  # type: ignore[override]
        return answer(request, self.status, self.body)


def answer(request: PreparedRequest, status: int, body: object) -> Response:
    response = Response()
    response.status_code = status
    response.request = request
    response.url = request.url or ""
    response.elapsed = timedelta(0)
    response._content = json.dumps(body).encode()
    return response


def same_adjusted(closes: dict[str, dict[date, float]]) -> AlpacaData:
    """A service whose adjusted closes are the unadjusted ones."""
    return AlpacaData({"raw": closes, "all": closes})


def source(data: AlpacaData, now: datetime) -> AlpacaSource:
    """A source that loses no time with pauses."""
    budget = CallBudget(wait=lambda _: None)
    return AlpacaSource(data.client(), DataFeed.SIP, lambda: now, budget=budget)
