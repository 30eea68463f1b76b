"""Running the embedded broker: in a thread of this process, or in the foreground.

Both bind 127.0.0.1 only. The keys and the control token are drawn once per state file and kept
beside it in `<state>.connection.json`, readable by the owner only, with the address of the running
server: a server that is killed and started again on the same port is the same broker to its
clients.
"""

import json
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType

import polars as pl
import uvicorn

from alchemiser_dagster.embedded.bars import BarTable
from alchemiser_dagster.embedded.brokerage import AccountTerms, Brokerage
from alchemiser_dagster.embedded.clock import MANUAL, ClockMode
from alchemiser_dagster.embedded.control import ControlClient
from alchemiser_dagster.embedded.faults import FaultPlan
from alchemiser_dagster.embedded.gate import Credentials, Gate
from alchemiser_dagster.embedded.matching import PAPER, Profile
from alchemiser_dagster.embedded.pacemaker import Pacemaker
from alchemiser_dagster.embedded.store import Store
from alchemiser_dagster.embedded.traffic import Traffic

LOOPBACK = "127.0.0.1"
START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 10


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a broker runs, and what opens it; kept in `<state>.connection.json`."""

    url: str
    credentials: Credentials

    @staticmethod
    def path_for(state: Path) -> Path:
        return state.with_name(state.name + ".connection.json")

    @classmethod
    def read(cls, path: Path) -> "Connection":
        """The connection written at `path` by the broker started last."""
        kept = json.loads(path.read_text())
        url = kept.pop("url")
        return cls(url, Credentials(**kept))

    def write(self, path: Path) -> None:
        """Write it to `path` at once, readable by the owner only."""
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        fields = {
            "url": self.url,
            "api_key": self.credentials.api_key,
            "secret_key": self.credentials.secret_key,
            "control_token": self.credentials.control_token,
        }
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(fields, file)
        draft.replace(path)

    def control(self) -> ControlClient:
        return ControlClient(self.url, self.credentials.control_token)


class EmbeddedBroker:
    """An Alpaca-compatible broker on loopback, its account in the file `state`.

    `bars` is a table of symbol, date, open, high, low, close, volume, adj_close. A new state file
    opens an account at `opened_at` with `opening_cash`; an existing one goes on where it was, and
    is refused (StateFileError) when it was opened on other terms or other bars. `port` 0 takes a
    free one. `rate_limit` is requests per minute, None for no limit; `faults` are
    rules as `embedded.faults` describes them.

        with EmbeddedBroker(bars, Path("broker.sqlite"), opened_at=monday) as broker:
            client = TradingClient(broker.api_key, broker.secret_key, url_override=broker.url)
    """

    def __init__(
        self,
        bars: pl.DataFrame,
        state: Path,
        *,
        opened_at: datetime,
        opening_cash: Decimal = Decimal("100000"),
        seed: int = 7,
        clock: ClockMode = MANUAL,
        port: int = 0,
        margin_multiplier: str = "1",
        profile: Profile = PAPER,
        rate_limit: int | None = None,
        faults: Sequence[Mapping[str, object]] = (),
    ) -> None:
        self._bars = bars
        self._state = state
        self._terms = AccountTerms(opened_at, opening_cash, seed, margin_multiplier, profile)
        self._clock = clock
        self._port = port
        self._rate_limit = rate_limit
        self._faults = faults
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._store: Store | None = None
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """Where it runs; raises RuntimeError before it is started."""
        if self._connection is None:
            raise RuntimeError("expected a started broker; call start() first")
        return self._connection

    @property
    def url(self) -> str:
        """What to give the SDK's clients as `url_override`."""
        return self.connection.url

    @property
    def stream_url(self) -> str:
        """What to give `TradingStream` as `url_override`."""
        return self.connection.url.replace("http", "ws", 1) + "/stream"

    @property
    def api_key(self) -> str:
        return self.connection.credentials.api_key

    @property
    def secret_key(self) -> str:
        return self.connection.credentials.secret_key

    @property
    def control_token(self) -> str:
        return self.connection.credentials.control_token

    def control(self) -> ControlClient:
        """A client of the control API."""
        return self.connection.control()

    def start(self) -> "EmbeddedBroker":
        """Serve in a thread of this process, ready when this returns."""
        if self._thread is not None:
            raise RuntimeError("expected a broker that is not running; it was started already")
        listener = self._open(may_crash=False)
        assert self._server is not None
        server = self._server
        self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="embedded-alpaca", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS_MAX
        while not server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                self.stop()
                raise RuntimeError(f"the embedded broker did not start on {self.url}")
            time.sleep(0.002)
        return self

    def run(self, announce: bool = False) -> None:
        """Serve in the foreground until SIGINT or SIGTERM.

        With `announce`, print one line of JSON once the port takes connections: url, pid, and the
        path of the connection file.
        """
        listener = self._open(may_crash=True)
        if announce:
            path = Connection.path_for(self._state)
            ready = {"url": self.url, "pid": os.getpid(), "connection": str(path)}
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
        assert self._server is not None
        try:
            self._server.run(sockets=[listener])
        finally:
            self._close()

    def stop(self) -> None:
        """Stop serving and close the state file; harmless if it is not running."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(STOP_SECONDS_MAX)
        self._close()

    def __enter__(self) -> "EmbeddedBroker":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _open(self, may_crash: bool) -> socket.socket:
        """Open the state, bind the port and write the connection file."""
        bars = BarTable(self._bars)
        self._store = Store(self._state)
        try:
            broker = Brokerage(self._store, bars, self._terms)
            listener = _listen(self._port)
        except BaseException:
            self._close()
            raise
        url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        path = Connection.path_for(self._state)
        credentials = Connection.read(path).credentials if path.exists() else _new_credentials()
        self._connection = Connection(url, credentials)
        self._connection.write(path)
        plan = FaultPlan(self._terms.seed, may_crash)
        plan.add(self._faults)
        gate = Gate(
            broker, credentials, Pacemaker(broker, self._clock), Traffic(self._rate_limit), plan
        )
        config = uvicorn.Config(
            gate,
            lifespan="off",
            ws="websockets-sansio",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        return listener

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()
        self._store = self._server = self._thread = self._connection = None


def serve(
    bars: pl.DataFrame,
    state: Path,
    *,
    opened_at: datetime,
    port: int = 0,
    opening_cash: Decimal = Decimal("100000"),
    seed: int = 7,
    clock: ClockMode = MANUAL,
    profile: Profile = PAPER,
    rate_limit: int | None = None,
    faults: Sequence[Mapping[str, object]] = (),
) -> None:
    """Serve in the foreground, after printing one line of JSON: url, pid, connection (a path)."""
    broker = EmbeddedBroker(
        bars,
        state,
        opened_at=opened_at,
        opening_cash=opening_cash,
        seed=seed,
        clock=clock,
        port=port,
        profile=profile,
        rate_limit=rate_limit,
        faults=faults,
    )
    broker.run(announce=True)


def _listen(port: int) -> socket.socket:
    """A listening socket on loopback.

    The protocol is named because asyncio sets TCP_NODELAY only on sockets that say they are TCP;
    without it each answer waits for a delayed acknowledgement, some 40 ms.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def _new_credentials() -> Credentials:
    return Credentials(
        api_key=f"EMB{secrets.token_hex(8).upper()}",
        secret_key=secrets.token_urlsafe(30),
        control_token=secrets.token_urlsafe(30),
    )
