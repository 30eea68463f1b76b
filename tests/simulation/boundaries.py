"""The two places through which the trading program acts on the world, watched.

`WatchedTransport` is what its HTTP sessions send with, `WatchedLedger` its ledger. Both tell a
`Visitor` of every boundary they pass: before and after each request, before, inside and after each
transaction. The visitor may raise there: that is how the program dies.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter
from sqlalchemy import Connection, event

from alchemiser_dagster.ledger.store import Ledger
from tests.simulation.deaths import Boundary
from tests.simulation.faults import NO_RESET

Visitor = Callable[[Boundary, str], None]
"""Is told the kind of boundary, and what is done there."""

MOVES = ("fills", "cash_entries", "lots", "lot_exits")
"""Tables that a fill is written to, one after the other."""
AROUND = {
    "GET": (Boundary.BEFORE_READ, Boundary.AFTER_READ),
    "POST": (Boundary.BEFORE_ORDER, Boundary.AFTER_ORDER),
    "DELETE": (Boundary.BEFORE_CANCEL, Boundary.AFTER_CANCEL),
}


LATENCY = 0.02


class WatchedTransport(BaseAdapter):
    """Sends with `adapter`, and tells `visit` before and after.

    A request takes `LATENCY` seconds to arrive, which `travel` lets pass: no two things happen at
    the same moment. `requests` counts all, `effects` those that are no readings.
    """

    def __init__(
        self, adapter: BaseAdapter, visit: Visitor, travel: Callable[[float], object]
    ) -> None:
        super().__init__()
        self._adapter = adapter
        self._visit = visit
        self._travel = travel
        self.requests = self.effects = 0

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send `request`; whatever comes back, an answer or an error, comes after the visit."""
        self.requests += 1
        self.effects += request.method != "GET"
        before, after = AROUND[str(request.method)]
        what = f"{request.method} {request.path_url}"
        self._visit(before, f"{what} {_text(request.body)}".rstrip())
        self._travel(LATENCY)
        try:
            answer = self._adapter.send(request, stream=stream, timeout=timeout)
        except requests.RequestException as error:
            self._visit(after, f"{what} -> {type(error).__name__}")
            raise
        if NO_RESET in answer.headers:
            for name in [name for name in answer.headers if name.lower().startswith("x-ratelimit")]:
                del answer.headers[name]
        self._visit(after, f"{what} -> {answer.status_code}")
        return answer

    def close(self) -> None:
        """There is nothing to close."""


class WatchedLedger(Ledger):
    """The ledger in the file `path`, telling `visit` of its transactions.

    `touched` are the tables that the present transaction, or the last one, has written to.
    """

    def __init__(self, path: Path, visit: Visitor) -> None:
        super().__init__(f"sqlite:///{path}")
        self._visit = visit
        self.touched: set[str] = set()
        self.is_writing = False
        event.listen(self.engine, "before_cursor_execute", self._before_statement)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """As the ledger's, with visits at its boundaries."""
        self._visit(Boundary.BEFORE_TRANSACTION, "")
        self.touched, self.is_writing = set(), True
        try:
            with super().write() as connection:
                yield connection
                self._visit(Boundary.BEFORE_COMMIT, ", ".join(sorted(self.touched)))
        finally:
            self.is_writing = False
        self._visit(Boundary.AFTER_COMMIT, ", ".join(sorted(self.touched)))

    def _before_statement(
        self, _connection: Any, _cursor: Any, statement: str, *_rest: object
    ) -> None:
        verb, _, rest = statement.partition(" ")
        if verb not in ("INSERT", "UPDATE", "DELETE"):
            return
        table = rest.removeprefix("INTO ").removeprefix("FROM ").split(maxsplit=1)[0].strip('"')
        moving = table in MOVES and bool(self.touched & set(MOVES))
        self.touched.add(table)
        self._visit(Boundary.IN_POSTING if moving else Boundary.IN_TRANSACTION, f"{verb} {table}")


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body or "")
