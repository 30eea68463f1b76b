"""Making requests go wrong: the rules of `faults` applied to the traffic of the server."""

import json
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alchemiser_dagster.embedded.answers import json_answer
from alchemiser_dagster.embedded.brokerage import Brokerage
from alchemiser_dagster.embedded.faults import ORDER_ACTIONS, FaultPlan, FaultRule, Occasion
from alchemiser_dagster.embedded.lines import Line
from alchemiser_dagster.embedded.order_desk import Fate
from alchemiser_dagster.embedded.orders import Order
from alchemiser_dagster.embedded.refusals import RefusalError
from alchemiser_dagster.embedded.spoiled_answers import SPOILERS
from alchemiser_dagster.embedded.views import order_view

HANG_SECONDS = 30.0
ORDER_PATH = "/v2/orders/"
ENTRY_FATES = frozenset({"reject_async", "partial_then_cancel", "expire_early", "replace_lost"})
HTML_ERROR = "<html><head><title>{0}</title></head><body><center>nginx</center></body></html>"


class AnsweredError(Exception):
    """The request has had its answer, or will never have one."""


@dataclass(slots=True)
class _Captured:
    """An answer held back to be spoiled."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")


class FaultInjector:
    """Stands before `app` and lets the rules of `plan` act on what passes over `line`."""

    def __init__(self, app: ASGIApp, plan: FaultPlan, broker: Brokerage, line: Line) -> None:
        self._app = app
        self._plan = plan
        self._broker = broker
        self._line = line

    async def __call__(self, scope: Scope, receive: Receive, send: Send, raw: Send) -> None:
        """Serve one request; `raw` is the server's own `send`, which knows the connection."""
        if not self._plan.rules:
            await self._app(scope, receive, send)
            return
        body = await _body_of(receive)
        occasion = self._occasion(scope, body)
        now = self._broker.state.now
        try:
            for rule in self._plan.due("before", occasion, now):
                await self._before(rule, scope, send, raw)
            spoiling = self._plan.due("after_commit", occasion, now)
            if not spoiling:
                await self._app(scope, _replay(body), send)
                return
            answer = _Captured()
            await self._app(scope, _replay(body), answer.take)
            for rule in spoiling:
                await self._spoil(rule, answer, scope, send, raw)
            await _send_captured(answer, send)
        except AnsweredError:
            return
        finally:
            self._broker.desk.fate = None

    async def _before(self, rule: FaultRule, scope: Scope, send: Send, raw: Send) -> None:
        if rule.action not in ORDER_ACTIONS:
            await self._disturb(rule, send, raw)
        elif rule.action in ENTRY_FATES:
            qty = rule.settings.get("qty")
            self._broker.desk.fate = Fate(rule.action, Decimal(str(qty)) if qty else None)
        elif rule.action == "bust_fill":
            with self._broker.unit():
                self._broker.bust_last_fill(str(rule.settings.get("symbol", "")))
        else:
            await self._interfere_with_cancel(rule, scope, send)

    async def _interfere_with_cancel(self, rule: FaultRule, scope: Scope, send: Send) -> None:
        order = self._broker.state.orders.get(scope["path"].removeprefix(ORDER_PATH))
        if scope["method"] != "DELETE" or order is None:
            return
        if rule.action != "cancel_lost":
            with self._broker.unit():
                self._broker.desk.venue.fill_now(order)
        if rule.action != "fill_before_cancel":
            await self._answer(Response(status_code=204), send)

    async def _disturb(self, rule: FaultRule, send: Send, raw: Send) -> None:
        settings = rule.settings
        match rule.action:
            case "status":
                await self._answer(_error_answer(settings), send)
            case "redirect":
                headers = {"Location": str(settings.get("location", "/"))}
                await self._answer(Response(status_code=307, headers=headers), send)
            case "delay":
                await self._line.wait(_seconds(settings, 1.0))
            case "hang":
                await self._line.wait(_seconds(settings, HANG_SECONDS))
                await self._reset(raw)
            case "reset":
                await self._reset(raw)
            case "crash":
                os.kill(os.getpid(), signal.SIGKILL)

    async def _spoil(
        self, rule: FaultRule, answer: _Captured, scope: Scope, send: Send, raw: Send
    ) -> None:
        match rule.action:
            case "truncate_body":
                await self._truncate(answer, send, raw)
            case "bad_json":
                _set_body(answer, b'{"id": "0')
            case "stale_order":
                _set_body(answer, self._stale_order(rule, answer))
            case action if action in SPOILERS:
                if answer.status < 300:
                    spoiled = SPOILERS[action](json.loads(answer.body), rule.settings)
                    _set_body(answer, json.dumps(spoiled).encode())
            case _:
                await self._disturb(rule, send, raw)

    def _stale_order(self, rule: FaultRule, answer: _Captured) -> bytes:
        """The order, or the orders, of an answer as they were `seconds` ago."""
        cutoff = self._broker.state.now - timedelta(seconds=_seconds(rule.settings, 1.0))
        found = json.loads(answer.body)
        if isinstance(found, list):
            old = (self._broker.store.order_as_of(row["id"], cutoff) for row in found)
            rows = [order_view(order) for order in old if order is not None]
            return json.dumps(rows).encode()
        order = self._broker.store.order_as_of(found.get("id", ""), cutoff)
        if order is None:
            answer.status = 404
            return b'{"code":40410000,"message":"order not found"}'
        return json.dumps(order_view(order)).encode()

    async def _reset(self, raw: Send) -> None:
        await self._line.reset(raw)
        raise AnsweredError

    async def _truncate(self, answer: _Captured, send: Send, raw: Send) -> None:
        """Announce the whole body, send half of it, and close the connection."""
        start = {"status": answer.status, "headers": answer.headers}
        await send({"type": "http.response.start", **start})
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await self._line.cut(raw)
        raise AnsweredError

    async def _answer(self, answer: Response, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": answer.status_code,
                "headers": answer.raw_headers,
            }
        )
        await send({"type": "http.response.body", "body": answer.body})
        raise AnsweredError

    def _occasion(self, scope: Scope, body: bytes) -> Occasion:
        """What the rules may match: taken from the body, the query, or the order named."""
        path: str = scope["path"]
        query = dict(parse_qsl(scope.get("query_string", b"").decode()))
        sent = {**query, **_json_object(body)}
        symbols = {str(sent["symbol"])} if sent.get("symbol") else set()
        symbols |= {symbol for symbol in str(sent.get("symbols", "")).split(",") if symbol}
        order = self._order_named(path)
        if order is not None:
            sent = {"side": order.side, "client_order_id": order.client_order_id, **sent}
            symbols.add(order.symbol)
        return Occasion(
            method=scope["method"],
            path=path,
            symbols=frozenset(symbols),
            side=str(sent["side"]) if sent.get("side") else None,
            client_order_id=str(sent["client_order_id"]) if sent.get("client_order_id") else None,
        )

    def _order_named(self, path: str) -> Order | None:
        if not path.startswith(ORDER_PATH):
            return None
        try:
            return self._broker.desk.order(path.removeprefix(ORDER_PATH))
        except RefusalError:
            return None


def _error_answer(settings: Mapping[str, object]) -> Response:
    """The answer of a `status` rule: JSON by default, `body` "html" or "empty", or an object."""
    given = settings.get("status", 500)
    status = given if isinstance(given, int) else 500
    body = settings.get("body", "json")
    extra = settings.get("headers", {})
    headers = {str(k): str(v) for k, v in extra.items()} if isinstance(extra, Mapping) else {}
    if body == "html":
        return Response(HTML_ERROR.format(status), status, headers, media_type="text/html")
    if body == "empty":
        return Response(b"", status, headers)
    if isinstance(body, Mapping):
        return json_answer(body, status, headers)
    code = settings.get("code", status * 100_000 + 10_000)
    message = settings.get("message", "injected fault")
    return json_answer({"code": code, "message": message}, status, headers)


def _seconds(settings: Mapping[str, object], default: float) -> float:
    value = settings.get("seconds", default)
    return float(value) if isinstance(value, int | float) else default


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def _body_of(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


def _replay(body: bytes) -> Receive:
    """A `receive` that gives the whole body at once."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _set_body(answer: _Captured, body: bytes) -> None:
    answer.body = body
    answer.headers = [(k, v) for k, v in answer.headers if k.lower() != b"content-length"]
    answer.headers.append((b"content-length", str(len(body)).encode()))


async def _send_captured(answer: _Captured, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
