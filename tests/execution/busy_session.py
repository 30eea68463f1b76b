"""A session of many orders at a broker that allows so many calls a minute.

One book buys one share of each of many symbols, quoted 100.00/100.20 all day. In most the first
limit fills two seconds after it has come; the *stubborn* ones fill at market only, after every
limit has had its ten seconds. The day begins with a whole minute's allowance:

    15:45:00  reads, orders until the allowance is nearly spent
    15:46:00  the other orders; what has filled is posted; the end

What the allowance alone permits is reckoned from the calls that nothing can spare: one an order,
one a cancel, and a few for everything else. Alpaca counts fixed minutes, all of whose calls may be
made at once, so n calls take (n - 1) // allowance minutes.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
from requests.adapters import BaseAdapter

from alchemiser_dagster.embedded import InProcessBroker

from .conftest import FIRST
from .scripted import ScriptedDay

HANDFUL = 20
"""Calls of a session besides its orders: clock, calendar, account, positions, assets, quotes,
orders and activities, at its beginning and at its end."""
MINUTE = 60
FILLS_AFTER = 2.0
"""Seconds."""


@dataclass(frozen=True)
class Pace:
    """How a session went: simulated seconds, calls with their time and kind, answers by status.

    `allowance` is the calls a minute.
    """

    seconds: float
    log: Sequence[tuple[datetime, str]]
    statuses: Mapping[int, int]
    allowance: int
    outcome: str

    @property
    def calls(self) -> Counter[str]:
        """How many of each kind."""
        return Counter(kind for _, kind in self.log)

    @property
    def needed(self) -> int:
        """Calls that nothing can spare."""
        return self.calls["POST orders"] + self.calls["DELETE orders"] + HANDFUL

    @property
    def least(self) -> float:
        """Seconds that the allowance alone makes them take."""
        return self._minutes(self.needed) * MINUTE

    @property
    def least_of_all(self) -> float:
        """Seconds that the allowance alone makes all calls take that were made."""
        return self._minutes(len(self.log)) * MINUTE

    def _minutes(self, calls: int) -> int:
        return (calls - 1) // self.allowance

    @property
    def ratio(self) -> float:
        """What the session took, of that."""
        return self.seconds / self.least


@dataclass
class _Counted(BaseAdapter):
    """Keeps count of what goes through."""

    inner: BaseAdapter
    broker: InProcessBroker
    log: list[tuple[datetime, str]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        self.log.append((self.broker.now, _kind(request)))
        answer = self.inner.send(request, timeout=options["timeout"])
        self.statuses[answer.status_code] += 1
        return answer

    def close(self) -> None:
        """There is nothing to close."""


def trade_many(
    orders: int,
    *,
    stubborn: int = 0,
    allowance: int = 200,
    begin: Callable[[ScriptedDay], object] = lambda _: None,
) -> Pace:
    """Trade a session of `orders` blocks, `stubborn` of which walk through all steps.

    `begin` may script more before the session begins.
    """
    symbols = [f"S{number:03d}" for number in range(orders)]
    day = ScriptedDay.open(
        cash=str(150 * orders),
        books={"a": "1"},
        prices=dict.fromkeys(symbols, 100.1),
        rate_limit=allowance,
    )
    for number, symbol in enumerate(symbols):
        day.hold(symbol, "100.00/100.20")
        # Spread over all, as the walk takes them by size and name.
        slow = (number + 1) * stubborn // orders > number * stubborn // orders
        step, after = ("s4", 0.0) if slow else ("s1", FILLS_AFTER)
        day.fill(f"{symbol}.B.a1.{step}", "1", after=after)
    wish = day.want("a", **dict.fromkeys(symbols, "1"))
    day.open_window(FIRST)
    begin(day)
    began, counted = day.broker.now, _count(day)
    report = day.trade(FIRST, {"a": wish})
    assert day.disagreements() == []
    return Pace(
        seconds=(day.broker.now - began) / timedelta(seconds=1),
        log=counted.log,
        statuses=counted.statuses,
        allowance=allowance,
        outcome=report.outcome,
    )


def _count(day: ScriptedDay) -> _Counted:
    adapter = day.desk.gateway._trading._session.get_adapter(day.broker.url)
    counted = _Counted(adapter, day.broker)
    for client in (day.desk.gateway._trading, day.desk.gateway._data):
        client._session.mount(day.broker.url, counted)
    return counted


def _kind(request: requests.PreparedRequest) -> str:
    """Like "GET orders"."""
    path = str(request.path_url).split("?")[0]
    for known in ("activities", "quotes"):
        if known in path:
            return f"{request.method} {known}"
    return f"{request.method} {path.split('/')[2].split(':')[0]}"
