"""The broker's stream ends a pause early, and only that."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderSide, TimeInForce
from alpaca.trading.requests import LimitOrderRequest
from alpaca.trading.stream import TradingStream

from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.execution.updates import TradeUpdates
from alchemiser_dagster.market.sessions import session_open

from .conftest import FIRST, small_market

LONG = 30.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    opened_at = session_open(FIRST) + timedelta(hours=1)
    with EmbeddedBroker(small_market(), tmp_path / "broker.db", opened_at=opened_at) as broker:
        yield broker


def test_an_order_that_moves_ends_the_pause(broker: EmbeddedBroker) -> None:
    updates = TradeUpdates(
        lambda: TradingStream(
            broker.api_key, broker.secret_key, url_override=broker.stream_url, raw_data=True
        )
    )
    trading = TradingClient(broker.api_key, broker.secret_key, url_override=broker.url)
    try:
        began = time.monotonic()
        updates.wait(0.2)  # connects; nothing has happened
        assert time.monotonic() - began >= 0.2
        for n in range(100):  # until it listens
            order = LimitOrderRequest(
                symbol="XYZ",
                qty=1,
                side=OrderSide.BUY,
                time_in_force=TimeInForce.DAY,
                limit_price=1.0,
                client_order_id=f"probe-{n}",
            )
            trading.submit_order(order)
            began = time.monotonic()
            updates.wait(0.1)
            if time.monotonic() - began < 0.09:
                break
        trading.cancel_orders()
        began = time.monotonic()
        updates.wait(LONG)
        assert time.monotonic() - began < LONG / 2
    finally:
        updates.close()


def test_without_a_stream_a_pause_is_a_pause() -> None:
    """Nobody answers there: the pause lasts as long as it was asked for, and nothing is raised."""
    updates = TradeUpdates(
        lambda: TradingStream("key", "secret", url_override="ws://127.0.0.1:9/stream")
    )
    try:
        began = time.monotonic()
        updates.wait(0.3)
        assert 0.3 <= time.monotonic() - began < 5
    finally:
        updates.close()
