"""The trading stream, `/stream`: every event of every order, as it is committed.

The client authenticates, listens to `trade_updates`, and gets binary frames holding JSON, as from
Alpaca's paper venue. There is no replay: what happens while nobody listens is found by REST only.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from alchemiser_dagster.embedded.brokerage import Brokerage
from alchemiser_dagster.embedded.faults import FaultPlan, FaultRule, Occasion
from alchemiser_dagster.embedded.money import plain
from alchemiser_dagster.embedded.state import Changes, OrderEvent
from alchemiser_dagster.embedded.views import order_view
from alchemiser_dagster.embedded.wire import utc_nanos

TRADE_UPDATES = "trade_updates"
TICK_SECONDS = 0.25

Json = dict[str, Any]
CheckKeys = Callable[[str, str], bool]


class TradeStream:
    """Serves the stream to any number of listeners; `tick` keeps a running clock going."""

    def __init__(
        self,
        broker: Brokerage,
        faults: FaultPlan,
        check_keys: CheckKeys,
        tick: Callable[[], None],
    ) -> None:
        self._broker = broker
        self._faults = faults
        self._check_keys = check_keys
        self._tick = tick
        self._queues: set[asyncio.Queue[OrderEvent]] = set()
        broker.listeners.append(self._publish)

    def _publish(self, changes: Changes) -> None:
        for queue in self._queues:
            for event in changes.events:
                queue.put_nowait(event)

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection to its end."""
        await socket.accept()
        queue: asyncio.Queue[OrderEvent] = asyncio.Queue()
        sending: asyncio.Task[None] | None = None
        try:
            if not await self._authenticate(socket):
                await socket.close()
                return
            while True:
                streams = _streams(await _message(socket))
                if streams is None:
                    continue
                listening = TRADE_UPDATES in streams
                if listening and sending is None:
                    self._queues.add(queue)
                    sending = asyncio.create_task(self._send_events(socket, queue))
                elif not listening and sending is not None:
                    self._queues.discard(queue)
                    sending.cancel()
                    sending = None
                held = [TRADE_UPDATES] if listening else []
                await _send(socket, {"stream": "listening", "data": {"streams": held}})
        except WebSocketDisconnect:
            return
        finally:
            self._queues.discard(queue)
            if sending is not None:
                sending.cancel()

    async def _authenticate(self, socket: WebSocket) -> bool:
        message = await _message(socket)
        given = message.get("data", {}) if message.get("action") == "authenticate" else message
        key = str(given.get("key_id", given.get("key", "")))
        secret = str(given.get("secret_key", given.get("secret", "")))
        authorized = self._check_keys(key, secret)
        data = {
            "status": "authorized" if authorized else "unauthorized",
            "action": str(message.get("action", "")),
        }
        await _send(socket, {"stream": "authorization", "data": data})
        return authorized

    async def _send_events(self, socket: WebSocket, queue: asyncio.Queue[OrderEvent]) -> None:
        held_back: list[tuple[int, Json]] = []
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), TICK_SECONDS)
            except TimeoutError:
                self._tick()
                continue
            rules = self._faults.due("stream", _occasion(event), self._broker.state.now)
            message = {"stream": TRADE_UPDATES, "data": event_view(event)}
            actions = {rule.action: rule for rule in rules}
            if "disconnect" in actions:
                await socket.close(1012)
                return
            if "delay" in actions:
                await asyncio.sleep(_number(actions["delay"], "seconds", 1.0))
            held_back = [(count - 1, kept) for count, kept in held_back]
            if "reorder" in actions:
                held_back.append((int(_number(actions["reorder"], "by", 1)), message))
            elif "drop" not in actions:
                await _send(socket, message)
                if "duplicate" in actions:
                    await _send(socket, message)
            for _, kept in [item for item in held_back if item[0] <= 0]:
                await _send(socket, kept)
            held_back = [item for item in held_back if item[0] > 0]


def event_view(event: OrderEvent) -> Json:
    """An event as the stream writes it; the order is as it was then."""
    view: Json = {
        "event": event.event,
        "timestamp": utc_nanos(event.at),
        "order": order_view(event.order),
    }
    if event.execution_id is not None:
        assert event.qty is not None
        assert event.price is not None
        assert event.position_qty is not None
        view |= {
            "execution_id": event.execution_id,
            "qty": plain(event.qty),
            "price": plain(event.price),
            "position_qty": plain(event.position_qty),
        }
    return view


def _occasion(event: OrderEvent) -> Occasion:
    order = event.order
    return Occasion(
        method="STREAM",
        path=event.event,
        symbols=frozenset({order.symbol}),
        side=order.side,
        client_order_id=order.client_order_id,
    )


def _streams(message: Mapping[str, Any]) -> list[str] | None:
    """The streams that a `listen` message names; None for any other message."""
    if message.get("action") != "listen":
        return None
    streams = message.get("data", {}).get("streams", [])
    return [str(stream) for stream in streams]


def _number(rule: FaultRule, name: str, default: float) -> float:
    value = rule.settings.get(name, default)
    return float(value) if isinstance(value, int | float) else default


async def _message(socket: WebSocket) -> Json:
    """The next JSON object; anything else ends the connection."""
    received = await socket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1000))
    try:
        message = json.loads(received.get("text") or received.get("bytes") or b"")
    except ValueError:
        message = None
    if not isinstance(message, dict):
        await socket.close(1003)
        raise WebSocketDisconnect(1003)
    return message


async def _send(socket: WebSocket, message: Json) -> None:
    await socket.send_bytes(json.dumps(message, separators=(",", ":")).encode())
