"""Latency of the embedded broker per endpoint: `python benchmarks/embedded/latency.py`.

Each endpoint is called over one kept connection by a bare HTTP client, which shows what the server
takes, and by alpaca-py's client, which shows what a user waits. Target: the bare median below 2 ms.
The exit code is 1 if an endpoint misses it.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import requests
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockLatestQuoteRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.models import Order
from alpaca.trading.requests import LimitOrderRequest, MarketOrderRequest
from rich.console import Console
from rich.table import Table

from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.market.sessions import NEW_YORK, sessions_between

SYMBOLS = [f"S{n:03d}" for n in range(240)]
FIRST, LAST = date(2009, 1, 2), date(2024, 12, 31)
OPENED_AT = datetime(2024, 6, 3, 10, tzinfo=NEW_YORK)
TARGET_MS = 2.0
MILLISECONDS = 1000


def market() -> pl.DataFrame:
    """240 symbols over 4,000 sessions, all near 100 dollars."""
    days = pl.DataFrame({"date": sessions_between(FIRST, LAST)})
    phase = pl.col("number") % 97 / 97
    prices = {
        "open": 100 + phase,
        "high": 102 + phase,
        "low": 98 + phase,
        "close": 101 + phase,
        "volume": pl.lit(1_000_000.0),
        "adj_close": 101 + phase,
    }
    numbered = days.with_row_index("number")
    return (
        pl.DataFrame({"symbol": SYMBOLS})
        .join(numbered, how="cross")
        .with_columns(**prices)
        .drop("number")
    )


def spread_ms(call: Callable[[int], object], rounds: int) -> tuple[float, float]:
    """Median and 99th percentile of the calls, in milliseconds."""
    for warm_up in range(5):
        call(-warm_up - 1)
    taken = []
    for number in range(rounds):
        start = time.perf_counter()
        call(number)
        taken.append((time.perf_counter() - start) * MILLISECONDS)
    taken.sort()
    return taken[rounds // 2], taken[int(rounds * 0.99)]


class Bench:
    """Calls on a running broker, by a bare client and by the SDK."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.url = broker.url
        self.bare = requests.Session()
        self.bare.trust_env = False
        self.bare.headers["APCA-API-KEY-ID"] = broker.api_key
        self.bare.headers["APCA-API-SECRET-KEY"] = broker.secret_key
        keys = (broker.api_key, broker.secret_key)
        self.trading = TradingClient(*keys, url_override=broker.url)
        self.data = StockHistoricalDataClient(*keys, url_override=broker.url)
        self.order = self.trading.submit_order(resting(1))

    def get(self, path: str) -> Callable[[int], object]:
        return lambda _: self._checked(self.bare.get(self.url + path))

    def post(self, **body: Any) -> Callable[[int], object]:
        order = {"side": "buy", "qty": 1, "time_in_force": "day", **body}
        return lambda _: self._checked(self.bare.post(f"{self.url}/v2/orders", json=order))

    @staticmethod
    def _checked(answer: requests.Response) -> None:
        assert answer.ok, f"expected success, was {answer.status_code}: {answer.text}"

    def rows(self) -> list[tuple[str, Callable[[int], object], Callable[[int], object]]]:
        assert isinstance(self.order, Order)
        order_id = str(self.order.id)
        quotes = StockLatestQuoteRequest(symbol_or_symbols=SYMBOLS[:10])
        bars = f"/v2/stocks/bars?timeframe=1Day&start=2023-01-01&symbols={SYMBOLS[0]}"
        return [
            ("GET clock", self.get("/v2/clock"), lambda _: self.trading.get_clock()),
            ("GET account", self.get("/v2/account"), lambda _: self.trading.get_account()),
            (
                "GET order",
                self.get(f"/v2/orders/{order_id}"),
                lambda _: self.trading.get_order_by_id(order_id),
            ),
            ("GET orders (50)", self.get("/v2/orders"), lambda _: self.trading.get_orders()),
            (
                "GET positions",
                self.get("/v2/positions"),
                lambda _: self.trading.get_all_positions(),
            ),
            (
                "GET 10 quotes",
                self.get(f"/v2/stocks/quotes/latest?symbols={','.join(SYMBOLS[:10])}"),
                lambda _: self.data.get_stock_latest_quote(quotes),
            ),
            ("GET 355 bars", self.get(bars), self.get(bars)),
            (
                "POST market order, filled",
                self.post(symbol=SYMBOLS[1], type="market"),
                lambda _: self.trading.submit_order(filled()),
            ),
            (
                "POST limit order",
                self.post(symbol=SYMBOLS[0], type="limit", limit_price=50),
                lambda n: self.trading.submit_order(resting(n)),
            ),
        ]


def resting(number: int) -> LimitOrderRequest:
    price = 40 + abs(number) % 100 / 100
    return LimitOrderRequest(
        symbol=SYMBOLS[0],
        qty=1,
        side=OrderSide.BUY,
        time_in_force=TimeInForce.DAY,
        limit_price=round(price, 2),
    )


def filled() -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol=SYMBOLS[1], qty=1, side=OrderSide.BUY, time_in_force=TimeInForce.DAY
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    rounds: int = parser.parse_args().rounds
    console = Console()
    bars = market()
    table = Table(title=f"Milliseconds over {rounds} calls")
    for name in ("endpoint", "bare p50", "bare p99", "SDK p50", "SDK p99"):
        table.add_column(name, justify="left" if name == "endpoint" else "right")
    slow = []
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        broker = EmbeddedBroker(
            bars, Path(folder) / "bench.sqlite", opened_at=OPENED_AT, opening_cash=Decimal(10**9)
        )
        with broker:
            console.print(f"{bars.height:,} bars; started in {time.perf_counter() - start:.2f} s")
            for name, bare, sdk in Bench(broker).rows():
                figures = (*spread_ms(bare, rounds), *spread_ms(sdk, rounds))
                table.add_row(name, *(f"{figure:.2f}" for figure in figures))
                if figures[0] > TARGET_MS:
                    slow.append(name)
            control = broker.control()
            start = time.perf_counter()
            control.advance_to("next_close")
            table.caption = (
                f"to the close with {2 * rounds} open orders: {time.perf_counter() - start:.2f} s"
            )
    console.print(table)
    if slow:
        console.print(f"above {TARGET_MS} ms: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
