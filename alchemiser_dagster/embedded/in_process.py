"""The embedded broker without a server: requests go straight into the application.

For tests that trade thousands of sessions. The clients are the real ones; only the adapter that
`requests` sends with is another. There is no socket, no thread and no file, and no real time
passes: what takes time takes simulated time, so that equal runs are equal to the microsecond.

    broker = InProcessBroker(bars, opened_at=monday_at_ten)
    client = TradingClient("key", "secret", url_override=broker.url)
    client._session.mount(broker.url, broker.adapter)

**Faults.** Each has its effect at the client: a reset is a ConnectionError, a body cut short a
ChunkedEncodingError. A request that is kept waiting moves the clock; when it waits for longer than
the client's read timeout, the client gets its ReadTimeout then and goes on, and the request itself
goes on when its time has come, while the client is doing something else:

    15:45:00   POST /v2/orders, kept waiting for 15 s
    15:45:10   the client's timeout of 10 s: ReadTimeout; it looks the order up, and finds none
    15:45:15   the order is accepted

The rate limit counts simulated minutes.
"""

import heapq
import io
from collections.abc import Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from starlette.types import Message, Send

from alchemiser_dagster.embedded.bars import BarTable
from alchemiser_dagster.embedded.brokerage import AccountTerms, Brokerage
from alchemiser_dagster.embedded.clock import MANUAL
from alchemiser_dagster.embedded.control import ControlClient
from alchemiser_dagster.embedded.faults import FaultPlan
from alchemiser_dagster.embedded.gate import Credentials, Gate
from alchemiser_dagster.embedded.matching import PAPER, Profile
from alchemiser_dagster.embedded.pacemaker import Pacemaker
from alchemiser_dagster.embedded.store import IN_MEMORY, Store
from alchemiser_dagster.embedded.traffic import Traffic
from alchemiser_dagster.market.sessions import aware

HOST = "127.0.0.1:1"
"""Nothing listens there: a client without the adapter is refused by the operating system."""
CREDENTIALS = Credentials("EMBINPROCESS", "in-process", "in-process")


class InProcessBroker:
    """An Alpaca-compatible broker in this process, its account in memory.

    The arguments are those of `EmbeddedBroker`; `rate_limit` is requests per simulated minute.
    The clock moves when `advance` or `advance_to` or the control API says so, and while a fault
    keeps a request waiting.
    """

    url = f"http://{HOST}"
    api_key = CREDENTIALS.api_key
    secret_key = CREDENTIALS.secret_key

    def __init__(
        self,
        bars: pl.DataFrame,
        *,
        opened_at: datetime,
        opening_cash: Decimal = Decimal("100000"),
        seed: int = 7,
        margin_multiplier: str = "1",
        profile: Profile = PAPER,
        rate_limit: int | None = None,
        faults: Sequence[Mapping[str, object]] = (),
    ) -> None:
        terms = AccountTerms(opened_at, opening_cash, seed, margin_multiplier, profile)
        self.brokerage = Brokerage(Store(IN_MEMORY), BarTable(bars), terms)
        self.faults = FaultPlan(seed)
        self.faults.add(faults)
        self._gate = Gate(
            self.brokerage,
            CREDENTIALS,
            Pacemaker(self.brokerage, MANUAL),
            Traffic(rate_limit, lambda: self.now.timestamp()),
            self.faults,
            _SimulatedLine(),
        )
        self._waiting: list[tuple[datetime, int, _Exchange]] = []
        self._exchanges = 0
        self.adapter: BaseAdapter = InProcessAdapter(self)

    @property
    def now(self) -> datetime:
        """The simulated time, UTC."""
        return self.brokerage.state.now

    def control(self) -> ControlClient:
        """A client of the control API."""
        client = ControlClient(self.url, CREDENTIALS.control_token)
        client.mount(self.adapter)
        return client

    def advance(self, seconds: float) -> datetime:
        """Move the clock by `seconds`, playing what happens meanwhile; the new time."""
        return self.advance_to(self.now + timedelta(seconds=seconds))

    def advance_to(self, moment: datetime) -> datetime:
        """Move the clock to an aware `moment`, unless it is there already; the new time."""
        moment = aware(moment).astimezone(UTC)
        while self._waiting and self._waiting[0][0] <= moment:
            due, _, exchange = heapq.heappop(self._waiting)
            self._move_to(due)
            until = exchange.go_on()
            if until is not None:
                self._keep_waiting(self.now + until, exchange)
        self._move_to(moment)
        return self.now

    def close(self) -> None:
        """Forget the account."""
        self.brokerage.store.close()

    def exchange(
        self, request: requests.PreparedRequest, patience: float | None
    ) -> requests.Response:
        """Serve one request of a client that waits for `patience` seconds at most, None: for ever.

        Raises what `requests` raises: ReadTimeout, ConnectionError, ChunkedEncodingError.
        """
        gives_up = None if patience is None else self.now + timedelta(seconds=patience)
        exchange = _Exchange(request)
        exchange.course = self._gate(exchange.scope(), exchange.receive, exchange.send)
        while (wait := exchange.go_on()) is not None:
            until = self.now + wait
            if gives_up is not None and until > gives_up:
                self._keep_waiting(until, exchange)
                self.advance_to(gives_up)
                raise requests.ReadTimeout(f"read timeout={patience}", request=request)
            self.advance_to(until)
        self.advance_to(self.now)  # the control API may have moved it past what was waiting
        return exchange.answer()

    def _keep_waiting(self, until: datetime, exchange: "_Exchange") -> None:
        self._exchanges += 1
        heapq.heappush(self._waiting, (until, self._exchanges, exchange))

    def _move_to(self, moment: datetime) -> None:
        if moment > self.now:
            with self.brokerage.unit():
                self.brokerage.timeline.advance_to(moment)


class InProcessAdapter(BaseAdapter):
    """What a `requests` session sends with, instead of a connection pool."""

    def __init__(self, broker: InProcessBroker) -> None:
        super().__init__()
        self._broker = broker

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Serve `request`; of the arguments only the read timeout has a meaning here."""
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        return self._broker.exchange(request, patience)

    def close(self) -> None:
        """There is nothing to close."""


class _Wait:
    """What a coroutine awaits to be continued later; the application itself awaits nothing else."""

    def __init__(self, seconds: float) -> None:
        self.duration = timedelta(seconds=seconds)

    def __await__(self) -> Generator["_Wait", None, None]:
        yield self


class _SimulatedLine:
    """A line on which only simulated time passes; `raw` is the `send` of an `_Exchange`."""

    async def wait(self, seconds: float) -> None:
        await _Wait(seconds)

    async def reset(self, raw: Send) -> None:
        exchange: _Exchange = raw.__self__  # type: ignore[attr-defined]
        exchange.end = "reset"

    async def cut(self, raw: Send) -> None:
        exchange: _Exchange = raw.__self__  # type: ignore[attr-defined]
        exchange.end = "cut"


@dataclass(slots=True)
class _Exchange:
    """A request and what has come back of its answer.

    `course` is the application's work on it, which `go_on` continues. `end` says how the line
    ended: whole, reset or cut.
    """

    request: requests.PreparedRequest
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    end: str = "whole"
    course: Coroutine[_Wait, None, None] | Any = None

    def go_on(self) -> timedelta | None:
        """Continue until the next wait, whose length this returns, or until the end: None."""
        try:
            wait: _Wait = self.course.send(None)
        except StopIteration:
            return None
        return wait.duration

    def scope(self) -> dict[str, Any]:
        """The request in the form of the ASGI specification."""
        url = urlsplit(str(self.request.url))
        headers = [
            (name.lower().encode("latin-1"), _bytes(value))
            for name, value in self.request.headers.items()
        ]
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.request.method,
            "scheme": url.scheme,
            "path": unquote(url.path),
            "raw_path": url.path.encode(),
            "query_string": url.query.encode(),
            "root_path": "",
            "headers": [(b"host", url.netloc.encode()), *headers],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 1),
        }

    async def receive(self) -> Message:
        return {"type": "http.request", "body": _bytes(self.request.body), "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    def answer(self) -> requests.Response:
        """The answer as a client of `requests` gets it; raises what a broken line raises."""
        if self.end == "reset":
            raise requests.ConnectionError(
                ConnectionResetError(104, "Connection reset by peer"), request=self.request
            )
        if self.end == "cut":
            raise requests.exceptions.ChunkedEncodingError(
                f"incomplete read: {len(self.body)} bytes read", request=self.request
            )
        answer = requests.Response()
        answer.status_code = self.status
        answer.headers = CaseInsensitiveDict(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers
        )
        answer.encoding = requests.utils.get_encoding_from_headers(answer.headers)
        answer.raw = io.BytesIO(self.body)
        answer.url = str(self.request.url)
        answer.request = self.request
        answer.reason = ""
        return answer


def _bytes(value: Any) -> bytes:
    """A header or a body of `requests`, which may be text, bytes or absent."""
    if value is None:
        return b""
    return value if isinstance(value, bytes) else str(value).encode()
