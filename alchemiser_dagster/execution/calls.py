"""Calls to the broker: none without a timeout, reads tried again, all within the allowance.

The broker answers a number of calls a minute (200) and says with each answer how many are left:

    X-RateLimit-Limit 200    X-RateLimit-Remaining 3    X-RateLimit-Reset 1767225600 (epoch seconds)

`CallBudget` keeps count and waits for the next minute before it would be refused. Whoever has many
calls to make asks it first: orders may spend all but a twentieth of a minute's calls, so that there
are always some left to see what became of them, and reading again and again is spread over what
the orders will not need:

    left   to go   orders to come    orders        three calls of reading
     180    60 s               20    may be sent   every 1.1 s
      60    30 s               50    may be sent   every 9 s
      10    20 s               50    have to wait  in the next minute

alpaca-py's own retries are switched off: they do not ask whether a call has effects. Here only
reads are repeated.
"""

import functools
import math
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import requests
from alpaca.common.exceptions import APIError

from alchemiser_dagster.execution.errors import BrokerError, BrokerRefusesKeys, read

TIMEOUT_SECONDS = (3, 10)
READ_TRIES = 3
FIRST_RETRY_SECONDS = 1.0
LONGEST_MINUTE = 61.0
"""A reset further away than this is a clock that disagrees with ours."""

T = TypeVar("T")


class SdkClient(Protocol):
    """What every client of alpaca-py has, and its constructor does not let us set."""

    _retry: int
    _session: requests.Session


class CallBudget:
    """The calls left in the running minute, as the broker counts them.

    `now` is the time in epoch seconds and `wait` lets seconds pass, both in broker time.
    """

    def __init__(
        self, *, now: Callable[[], float] = time.time, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self._now = now
        self._wait = wait
        self._allowance = 0
        self._remaining: int | None = None
        self._reset = 0.0
        self.calls = 0

    @property
    def next_minute(self) -> float:
        """Seconds until the broker counts anew; 0 where it does not count."""
        seconds = self._reset - self._now()
        return seconds if self._remaining is not None and 0 < seconds <= LONGEST_MINUTE else 0.0

    def can_spare(self) -> bool:
        """Whether a call may be made now that can as well be made in the next minute."""
        return self._left() > self._allowance // 20

    def interval(self, calls: int, *, kept: int) -> float:
        """Seconds after which so many calls can be made again and again until the next minute.

        `kept` calls of those that are left are for something else.
        """
        return self.next_minute * min(1.0, calls / max(self._left() - kept, 1))

    def _left(self) -> float:
        if self._remaining is None:
            return math.inf
        return self._remaining if self._now() < self._reset else self._allowance

    def spend(self) -> None:
        """Take one call, after waiting for the next minute if none is left."""
        self.calls += 1
        if self._remaining is None:
            return
        if self._remaining <= 0:
            seconds = self._reset - self._now()
            if 0 < seconds <= LONGEST_MINUTE:
                self._wait(seconds)
            self._remaining = None
            return
        self._remaining -= 1

    def learn(self, answer: requests.Response, *_: object, **__: object) -> None:
        """Take over what the broker says is left."""
        try:
            self._allowance = int(answer.headers["X-RateLimit-Limit"])
            self._remaining = int(answer.headers["X-RateLimit-Remaining"])
            self._reset = float(answer.headers["X-RateLimit-Reset"])
        except (KeyError, ValueError):
            self._remaining = None  # a proxy's answer, or an API without an allowance


def discipline(client: SdkClient, budget: CallBudget) -> None:
    """Give a client of alpaca-py timeouts and the budget; take its own retries away."""
    client._retry = 0
    session = client._session
    send = functools.partial(session.request, timeout=TIMEOUT_SECONDS)

    def request(*arguments: Any, **options: Any) -> requests.Response:
        budget.spend()
        return send(*arguments, **options)

    session.request = request  # type: ignore[method-assign]
    session.hooks["response"].append(budget.learn)


def read_again(what: str, call: Callable[[], T], wait: Callable[[float], object]) -> T:
    """Make a call without effects, up to three times. Raises BrokerError, `what` in its text."""
    for attempt in range(READ_TRIES):
        try:
            return call()
        except (APIError, requests.RequestException, TypeError, ValueError, KeyError) as error:
            if isinstance(error, APIError) and error.status_code == requests.codes.unauthorized:
                raise BrokerRefusesKeys(f"reading {what}: {_brief(error)}") from error
            verdict = isinstance(error, APIError) and _is_final(error)
            if verdict or attempt + 1 == READ_TRIES:
                raise BrokerError(f"reading {what}: {_brief(error)}") from error
            wait(FIRST_RETRY_SECONDS * 2**attempt)
    raise AssertionError("unreachable")


def _is_final(error: APIError) -> bool:
    status = error.status_code or requests.codes.server_error
    return bool(
        requests.codes.bad_request <= status < requests.codes.server_error
        and status != requests.codes.too_many_requests
    )


def _brief(error: Exception) -> str:
    if isinstance(error, APIError):
        status, code, message = read(error)
        return f"HTTP {status}, code {code}: {message or 'no readable body'}"
    return type(error).__name__
