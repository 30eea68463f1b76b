"""Calls to Alpaca's APIs: none without a timeout, all within the allowance.

Each of the hosts, trading and market data, answers a number of calls a minute (200) and says with
each answer how many are left:

    X-RateLimit-Limit 200    X-RateLimit-Remaining 3    X-RateLimit-Reset 1767225600 (epoch seconds)

`CallBudget` keeps count and waits for the next minute before it would be refused. Whoever has many
calls to make asks it first: orders may spend all but a twentieth of a minute's calls, so that there
are always some left to see what became of them, and reading again and again is spread over what
the orders will not need:

    left   to go   orders to come    orders        three calls of reading
     180    60 s               20    may be sent   every 1.1 s
      60    30 s               50    may be sent   every 9 s
      10    20 s               50    have to wait  in the next minute

alpaca-py's own retries are switched off: they do not ask whether a call has effects. `persist`
repeats the calls of a client that only reads, page by page:

    429                                       the minute's reset is waited for, then once more
    no answer, a broken one, HTTP 500 to 599  once more after 1 s, 2 s, 4 s
    anything else                             is the answer
"""

import functools
import math
import time
from collections.abc import Callable
from typing import Any, Protocol

import requests

TIMEOUT_SECONDS = (3, 10)
LONGEST_MINUTE = 61.0
"""A reset further away than this is a clock that disagrees with ours."""
TRIES = 4
FIRST_RETRY_SECONDS = 1.0
MINUTES_REFUSED = 10
"""So many refusals of one call, a minute apart, are no crowded minute any more."""


class EndlessPages(requests.RequestException):
    """An answer names a page that was read before as the next one."""


class SdkClient(Protocol):
    """What every client of alpaca-py has, and its constructor does not let us set."""

    _retry: int
    _session: requests.Session


class CallBudget:
    """The calls left in the running minute, as the broker counts them.

    `now` is the time in epoch seconds and `wait` lets seconds pass, both in broker time. `waited`
    is how many of these went to waiting for calls to be allowed again.
    """

    def __init__(
        self, *, now: Callable[[], float] = time.time, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self._now = now
        self.wait = wait
        self._allowance = 0
        self._remaining: int | None = None
        self._reset = 0.0
        self.calls = 0
        self.waited = 0.0

    @property
    def next_minute(self) -> float:
        """Seconds until the broker counts anew; 0 where it does not count."""
        return self._to_reset() if self._remaining is not None else 0.0

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
            self._wait_out(self._to_reset())
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

    def refused(self, answer: requests.Response) -> None:
        """Wait until calls are taken again, as far as `answer`, a 429, says when; else a minute."""
        self._wait_out(self.next_minute or _retry_after(answer) or LONGEST_MINUTE)

    def _to_reset(self) -> float:
        seconds = self._reset - self._now()
        return seconds if 0 < seconds <= LONGEST_MINUTE else 0.0

    def _wait_out(self, seconds: float) -> None:
        if seconds > 0:
            self.wait(seconds)
            self.waited += seconds
        self._remaining = None


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


def persist(client: SdkClient, budget: CallBudget) -> None:
    """Let a disciplined client that only reads make its calls again until they are answered.

    What still is no answer after `TRIES` reaches the caller as ever: as an APIError, or as the
    RequestException that it was. Pages that come round again are EndlessPages: alpaca-py would
    read them for ever.
    """
    session = client._session
    send = session.request
    pages: set[object] = set()

    def request(*arguments: Any, **options: Any) -> requests.Response:
        answer, body = _answered(lambda: send(*arguments, **options), budget)
        page = (options.get("params") or {}).get("page_token")
        if page is None:
            pages.clear()
        following = body.get("next_page_token") if isinstance(body, dict) else None
        if following == "" or following in pages:
            raise EndlessPages(f"the page after {page!r} is {following!r}, which was read before")
        if following is not None:
            pages.add(following)
        if body is not None:
            answer.json = lambda **_: body  # type: ignore[method-assign]  # decoded once is enough
        return answer

    session.request = request  # type: ignore[method-assign]


def _answered(
    send: Callable[[], requests.Response], budget: CallBudget
) -> tuple[requests.Response, object]:
    """The first answer there is, or else the last that was no answer; and its decoded body."""
    failures = refusals = 0
    while True:
        try:
            answer = send()
        except _NO_ANSWER:
            if failures + 1 == TRIES:
                raise
        else:
            body = _decoded(answer)
            refused = answer.status_code == requests.codes.too_many_requests
            if refused and refusals + 1 < MINUTES_REFUSED:
                refusals += 1
                budget.refused(answer)
                continue
            broken = answer.status_code >= requests.codes.server_error or (
                answer.ok and body is None
            )
            if refused or not broken or failures + 1 == TRIES:
                return answer, body
        budget.wait(FIRST_RETRY_SECONDS * 2**failures)
        failures += 1


_NO_ANSWER = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
)


def _decoded(answer: requests.Response) -> object:
    """The JSON in the body of a success; None if there is none."""
    try:
        return answer.json() if answer.ok else None
    except requests.JSONDecodeError:
        return None


def _retry_after(answer: requests.Response) -> float:
    """The seconds to wait that a header asks for, at most a minute; 0 if it names none."""
    try:
        return min(max(float(answer.headers["Retry-After"]), 0.0), LONGEST_MINUTE)
    except (KeyError, ValueError):
        return 0.0
