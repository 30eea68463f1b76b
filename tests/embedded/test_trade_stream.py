"""The trading stream through the SDK's own client, and its faults."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest
from alpaca.trading.models import TradeUpdate
from alpaca.trading.stream import TradingStream
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from alchemiser_dagster.embedded import Profile
from tests.embedded.conftest import Desk, Open
from tests.embedded.order_requests import limit, market

WAIT_SECONDS = 10


class Heard(list[TradeUpdate]):
    def names(self) -> list[str]:
        return [getattr(update.event, "value", update.event) for update in self]

    def wait_for(self, count: int) -> "Heard":
        deadline = time.monotonic() + WAIT_SECONDS
        while len(self) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self


@contextmanager
def listening(desk: Desk) -> Iterator[Heard]:
    """What a TradingStream hears, once it listens."""
    heard = Heard()
    stream = TradingStream(
        desk.broker.api_key, desk.broker.secret_key, url_override=desk.broker.stream_url
    )

    async def handler(update: TradeUpdate) -> None:
        heard.append(update)

    stream.subscribe_trade_updates(handler)
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + WAIT_SECONDS
    probe = 0
    while not heard and time.monotonic() < deadline:  # orders are heard once it listens
        name = f"probe {probe}"
        order = desk.trading.submit_order(limit("buy", "STILL", "1", "9.00", client_order_id=name))
        desk.trading.cancel_order_by_id(order.id)
        probe += 1
        time.sleep(0.05)
    time.sleep(0.1)
    heard.clear()
    try:
        yield heard
    finally:
        stream.stop()


def test_new_partial_fill_fill(open_desk: Open) -> None:
    desk = open_desk(profile=Profile(partial_fills=1.0))
    with listening(desk) as heard:
        order = desk.trading.submit_order(market("buy", "STILL", "100"))
        desk.control.advance_to("next_close")
        fills = desk.trading.get("/account/activities/FILL")
        heard.wait_for(1 + len(fills))
        assert heard.names() == ["new"] + ["partial_fill"] * (len(fills) - 1) + ["fill"]
        assert heard[0].order.status.value == "new"
        assert heard[0].order.filled_qty == "0"
        held = Decimal(0)
        for update in heard[1:]:
            held += Decimal(str(update.qty))
            assert Decimal(str(update.position_qty)) == held
            assert Decimal(str(update.order.filled_qty)) == held
        assert heard[-1].order.id == order.id
        assert len({update.execution_id for update in heard[1:]}) == len(fills)


def test_cancel_and_expiry_are_heard(desk: Desk) -> None:
    with listening(desk) as heard:
        first = desk.trading.submit_order(limit("buy", "STILL", "1", "90.00"))
        desk.trading.submit_order(limit("buy", "STILL", "1", "91.00"))
        desk.trading.cancel_order_by_id(first.id)
        desk.control.advance_to("next_close")
        assert heard.wait_for(4).names() == ["new", "new", "canceled", "expired"]


def test_events_go_wrong(desk: Desk) -> None:
    with listening(desk) as heard:

        def names(count: int, **fault: object) -> list[str]:
            heard.clear()
            desk.control.clear_faults()
            desk.control.add_fault(stage="stream", **fault)
            desk.trading.submit_order(market("buy", "STILL", "1"))
            heard.wait_for(count)
            time.sleep(0.05)
            return heard.names()

        assert names(3, action="duplicate", match={"path": "fill"}) == ["new", "fill", "fill"]
        assert names(2, action="reorder", match={"path": "new"}) == ["fill", "new"]
        assert names(1, action="drop", match={"path": "fill"}) == ["new"]
        assert names(2, action="delay", seconds=0.1) == ["new", "fill"]


def test_disconnected_client_comes_back(desk: Desk) -> None:
    with listening(desk) as heard:
        desk.control.add_fault(stage="stream", action="disconnect", times=1)
        desk.trading.submit_order(market("buy", "STILL", "1"))
        deadline = time.monotonic() + WAIT_SECONDS
        while not heard and time.monotonic() < deadline:
            desk.trading.submit_order(market("buy", "STILL", "1"))
            time.sleep(0.1)
        assert set(heard.names()) <= {"new", "fill"}
        assert heard


def test_wrong_keys_are_unauthorized(desk: Desk) -> None:
    with connect(desk.broker.stream_url) as socket:
        socket.send(json.dumps({"action": "auth", "key": "EMBWRONG", "secret": "wrong"}))
        assert json.loads(socket.recv()) == {
            "stream": "authorization",
            "data": {"status": "unauthorized", "action": "auth"},
        }
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)


@pytest.mark.parametrize("frame", [b"\xff", "[]", "nonsense"])
def test_frames_that_are_no_message_end_the_connection(desk: Desk, frame: bytes | str) -> None:
    with connect(desk.broker.stream_url) as socket:
        socket.send(frame)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
    assert desk.trading.get_clock().is_open
