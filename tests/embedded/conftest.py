"""A tiny market of hand-made bars, and the real SDK clients on it.

Sessions 2024-03-04 (Monday) to 2024-03-28. STILL is at 100.00 all day, every day: its quote is
99.99 / 100.01. CALM moves a little, WILD a lot, THIN is a half-dollar stock. All
pay a tenth of their price on 2024-03-20, by their adjusted closes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.trading.client import TradingClient

from alchemiser_dagster.embedded import ControlClient, EmbeddedBroker, Profile
from alchemiser_dagster.market.sessions import NEW_YORK, sessions_between

FIRST, LAST = date(2024, 3, 4), date(2024, 3, 28)
DIVIDEND_DAY = date(2024, 3, 20)
WHOLE_FILLS = Profile(partial_fills=0.0)


def new_york(text: str) -> datetime:
    """A moment given in New York time: "2024-03-18 15:45"."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def tiny_bars(last: date = LAST) -> pl.DataFrame:
    shapes: dict[str, Callable[[int], tuple[float, float, float, float]]] = {
        "CALM": lambda n: (50.0 + n, 51.0 + n, 49.5 + n, 50.5 + n),
        "STILL": lambda n: (100.0, 100.0, 100.0, 100.0),
        "THIN": lambda n: (0.5, 0.52, 0.48, 0.51),
        "WILD": lambda n: (20.0, 24.0, 16.0, 18.0 if n % 2 else 22.0),
    }
    rows = [
        {
            "symbol": symbol,
            "date": session,
            **dict(zip(("open", "high", "low", "close"), shape(n), strict=True)),
            "volume": 1_000_000.0,
            "adj_close": shape(n)[3] * (0.9 if session < DIVIDEND_DAY else 1.0),
        }
        for symbol, shape in shapes.items()
        for n, session in enumerate(sessions_between(FIRST, last))
    ]
    return pl.DataFrame(rows)


@dataclass(frozen=True)
class Desk:
    """A started broker with its clients."""

    broker: EmbeddedBroker
    trading: TradingClient
    data: StockHistoricalDataClient
    control: ControlClient


def desk_of(broker: EmbeddedBroker) -> Desk:
    trading = TradingClient(broker.api_key, broker.secret_key, url_override=broker.url)
    data = StockHistoricalDataClient(broker.api_key, broker.secret_key, url_override=broker.url)
    for client in (trading, data):
        client._session.trust_env = False
        client._retry_wait = 0
    return Desk(broker, trading, data, broker.control())


Open = Callable[..., Desk]


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[Open]:
    """Start a broker at a New York time; stopped at the end of the test."""
    started: list[EmbeddedBroker] = []

    def open_(at: str = "2024-03-18 10:00", **terms: object) -> Desk:
        name = str(terms.pop("state", f"broker{len(started)}.sqlite"))
        bars = terms.pop("bars", None)
        settings: dict[str, object] = {"profile": WHOLE_FILLS, **terms}
        broker = EmbeddedBroker(
            tiny_bars() if bars is None else bars,  # type: ignore[arg-type]
            tmp_path / name,
            opened_at=new_york(at),
            **settings,  # type: ignore[arg-type]
        )
        started.append(broker)
        return desk_of(broker.start())

    yield open_
    for broker in started:
        broker.stop()


@pytest.fixture
def desk(open_desk: Open) -> Desk:
    """A broker on Monday 2024-03-18 at 10:00 with 100,000 dollars, filling orders whole."""
    return open_desk()
