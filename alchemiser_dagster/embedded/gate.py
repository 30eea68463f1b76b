"""The HTTP application: who may come in, what every answer carries, and how errors look.

Before a request reaches an API it must name a loopback host (a web page could otherwise reach the
server through a name of its own), be within the rate limit, and carry the right credentials: the
account's keys for the two Alpaca APIs, the control token for `/_sim`. Unknown paths are answered
with 404 and counted, so that a test suite can assert that nothing unbuilt was called. There are no
redirects: the SDK would take one for an answer.
"""

import hmac
import logging
import uuid
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from alchemiser_dagster.embedded.answers import json_answer
from alchemiser_dagster.embedded.api_account import AccountApi
from alchemiser_dagster.embedded.api_control import VERSION, ControlApi
from alchemiser_dagster.embedded.api_corporate import CorporateActionsApi
from alchemiser_dagster.embedded.api_data import DataApi
from alchemiser_dagster.embedded.api_options import OptionsApi
from alchemiser_dagster.embedded.api_trading import TradingApi
from alchemiser_dagster.embedded.brokerage import Brokerage
from alchemiser_dagster.embedded.fault_injection import FaultInjector
from alchemiser_dagster.embedded.faults import FaultPlan
from alchemiser_dagster.embedded.lines import Line, SocketLine
from alchemiser_dagster.embedded.pacemaker import Pacemaker
from alchemiser_dagster.embedded.refusals import NOT_FOUND, TOO_MANY_REQUESTS, RefusalError
from alchemiser_dagster.embedded.trade_stream import TradeStream
from alchemiser_dagster.embedded.traffic import Traffic

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost"})
SERVER_HEADER = "X-Embedded-Alpaca"
STREAM_PATH = "/stream"
CONTROL_PREFIX = "/_sim/"
DATA_PREFIXES = ("/v2/stocks/", "/v1beta1/", "/v1/")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The account's keys and the token of the control API. Never shown in a repr."""

    api_key: str
    secret_key: str
    control_token: str

    def __repr__(self) -> str:
        return "Credentials(...)"


class Gate:
    """The ASGI application over one account, served over `line`."""

    def __init__(
        self,
        broker: Brokerage,
        credentials: Credentials,
        pacemaker: Pacemaker,
        traffic: Traffic,
        faults: FaultPlan,
        line: Line | None = None,
    ) -> None:
        self._credentials = credentials
        self._pacemaker = pacemaker
        self._traffic = traffic
        router = Router(
            [
                *AccountApi(broker).routes(),
                *TradingApi(broker).routes(),
                *DataApi(broker).routes(),
                *OptionsApi(broker).routes(),
                *CorporateActionsApi(broker).routes(),
                *ControlApi(broker, traffic, faults).routes(),
            ],
            redirect_slashes=False,
        )
        self._apis: ASGIApp = router
        self._stream = TradeStream(broker, faults, self._are_keys, pacemaker.tick)
        self._faulty = FaultInjector(router, faults, broker, line or SocketLine())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._serve_stream(WebSocket(scope, receive, send))
            return
        if scope["type"] != "http":
            raise RuntimeError(f"expected an http request, was {scope['type']}")
        scope["app"] = self
        request = Request(scope, receive)
        headers = [
            (name.lower().encode(), value.encode())
            for name, value in {
                SERVER_HEADER: VERSION,
                "X-Request-ID": uuid.uuid4().hex,
            }.items()
        ]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                limits = self._traffic.headers().items()
                message["headers"] = [
                    *message["headers"],
                    *headers,
                    *((name.lower().encode(), value.encode()) for name, value in limits),
                ]
            await send(message)

        refused = self._refused(request)
        if refused is not None:
            await refused(scope, receive, send_with_headers)
            return
        try:
            self._pacemaker.before(request.method, request.url.path)
            if request.url.path.startswith(CONTROL_PREFIX):
                await self._apis(scope, receive, send_with_headers)
            else:
                await self._faulty(scope, receive, send_with_headers, raw=send)
        except RefusalError as refusal:
            await json_answer(refusal.body(), refusal.status)(scope, receive, send_with_headers)
        except HTTPException as error:
            answer = self._no_such_route(request, error.status_code)
            await answer(scope, receive, send_with_headers)
        except Exception:
            self._traffic.server_errors += 1
            log.exception("%s %s failed", request.method, request.url.path)
            body = {"code": 50010000, "message": "internal server error occurred"}
            await json_answer(body, 500)(scope, receive, send_with_headers)

    async def _serve_stream(self, socket: WebSocket) -> None:
        if not _is_loopback(socket.headers.get("host", "")) or socket.url.path != STREAM_PATH:
            await socket.close()
            return
        await self._stream.serve(socket)

    def _refused(self, request: Request) -> Response | None:
        """The answer to a request that may not come in, or None."""
        if not _is_loopback(request.headers.get("host", "")):
            return json_answer({"code": 40310000, "message": "foreign Host header"}, 403)
        path = request.url.path
        if path.startswith(CONTROL_PREFIX):
            given = request.headers.get("authorization", "")
            if not _same(given, f"Bearer {self._credentials.control_token}"):
                return json_answer({"message": "control token required"}, 401)
            return None
        data = path.startswith(DATA_PREFIXES)
        if not self._traffic.admit():
            if data:
                return json_answer({"message": "too many requests."}, 429)
            body = {"code": TOO_MANY_REQUESTS, "message": "rate limit exceeded"}
            return json_answer(body, 429)
        if not self._has_keys(request):
            if data:
                return json_answer({"message": "forbidden."}, 403)
            return json_answer({"message": "unauthorized."}, 401)
        return None

    def _has_keys(self, request: Request) -> bool:
        key = request.headers.get("apca-api-key-id", "")
        secret = request.headers.get("apca-api-secret-key", "")
        return self._are_keys(key, secret)

    def _are_keys(self, key: str, secret: str) -> bool:
        right_key = _same(key, self._credentials.api_key)
        return _same(secret, self._credentials.secret_key) and right_key

    def _no_such_route(self, request: Request, status: int) -> Response:
        if status == 405:
            return json_answer({"code": 40510000, "message": "method not allowed"}, 405)
        name = f"{request.method} {request.url.path}"
        self._traffic.unknown_paths[name] = self._traffic.unknown_paths.get(name, 0) + 1
        body = {"code": NOT_FOUND, "message": "endpoint not found"}
        return json_answer(body, 404, {"X-Embedded-Alpaca-Unknown": "path"})


def _is_loopback(host: str) -> bool:
    return host.rsplit(":", 1)[0] in LOOPBACK_HOSTS


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
