"""Calls that are made again until they are answered, and what is waited for meanwhile."""

from collections.abc import Iterator

import pytest
import requests
from requests.adapters import BaseAdapter

from alchemiser_dagster.api_calls import (
    LONGEST_MINUTE,
    MINUTES_REFUSED,
    TRIES,
    CallBudget,
    EndlessPages,
    discipline,
    persist,
)

URL = "http://alpaca.test/v2/stocks/bars"
RESET = requests.ConnectionError("connection reset by peer")
Scripted = requests.Response | Exception


def said(status: int = 200, body: bytes = b"{}", **headers: str) -> requests.Response:
    """An answer; the headers are spelled with underscores."""
    answer = requests.Response()
    answer.status_code = status
    answer._content = body
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return answer


def left(calls: int, *, until: float) -> dict[str, str]:
    return {
        "X_RateLimit_Limit": "200",
        "X_RateLimit_Remaining": str(calls),
        "X_RateLimit_Reset": str(until),
    }


class Server(BaseAdapter):
    """Answers as told, one after the other; a client of it, and a clock that only it moves."""

    def __init__(self, *answers: Scripted, again: Scripted | None = None) -> None:
        super().__init__()
        self._answers = iter(answers)
        self._again = again
        self.now = 30.0
        self.waited: list[float] = []
        self.timeouts: set[object] = set()
        self.budget = CallBudget(now=lambda: self.now, wait=self.wait)
        self._retry = 3
        self._session = requests.Session()
        self._session.mount("http://alpaca.test", self)
        discipline(self, self.budget)
        persist(self, self.budget)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds

    def get(self, **params: str | None) -> requests.Response:
        return self._session.request("GET", URL, params=params)

    def send(self, request: requests.PreparedRequest, **options: object) -> requests.Response:  # type: ignore[override]
        self.timeouts.add(options["timeout"])
        answer = next(self._answers, self._again)
        assert answer is not None, "expected no more calls"
        if isinstance(answer, Exception):
            raise answer
        answer.request = request
        return answer

    def close(self) -> None:
        """Nothing is open."""


def test_an_answer_is_taken_as_it_is_and_waited_for_no_longer_than_ten_seconds() -> None:
    server = Server(said(body=b'{"bars": {}}'))
    assert server.get().json() == {"bars": {}}
    assert (server.budget.calls, server.waited, server.timeouts) == (1, [], {(3, 10)})


@pytest.mark.parametrize(
    "failure",
    [
        RESET,
        requests.ReadTimeout(),
        requests.exceptions.ChunkedEncodingError(),
        said(500),
        said(502, b"<html>"),
        said(503, b""),
        said(504),
        said(200, b'{"bars": {"SP'),
    ],
    ids=lambda failure: getattr(failure, "status_code", type(failure).__name__),
)
class TestFailures:
    def test_a_failure_is_followed_by_another_try_after_a_growing_pause(self, failure) -> None:
        server = Server(failure, failure, failure, said())
        assert server.get().status_code == 200
        assert server.waited == [1.0, 2.0, 4.0]
        assert server.budget.waited == 0.0

    def test_one_that_stays_reaches_the_caller(self, failure) -> None:
        server = Server(again=failure)
        if isinstance(failure, Exception):
            with pytest.raises(type(failure)):
                server.get()
        else:
            assert server.get().status_code == failure.status_code
        assert server.budget.calls == TRIES == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_an_answer(status: int) -> None:
    server = Server(said(status, b'{"message": "forbidden."}'))
    assert server.get().json() == {"message": "forbidden."}
    assert (server.budget.calls, server.waited) == (1, [])


class TestTooManyCalls:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            (left(0, until=60), 30.0),
            (left(0, until=60) | {"Retry_After": "7"}, 30.0),
            ({"Retry_After": "7"}, 7.0),
            (left(0, until=3_600) | {"Retry_After": "7"}, 7.0),
            ({"Retry_After": "86400"}, LONGEST_MINUTE),
            ({"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, LONGEST_MINUTE),
            ({}, LONGEST_MINUTE),
        ],
    )
    def test_a_429_is_waited_out(self, headers, seconds) -> None:
        """At second 30, until the reset that is named, or as long as asked, or for a minute."""
        server = Server(said(429, **headers), said())
        assert server.get().status_code == 200
        assert server.waited == [seconds]
        assert server.budget.waited == seconds

    def test_refused_minute_after_minute_it_is_given_up(self) -> None:
        server = Server(again=said(429))
        assert server.get().status_code == 429
        assert server.budget.calls == MINUTES_REFUSED == 10
        assert server.budget.waited == 9 * LONGEST_MINUTE

    def test_refusals_do_not_use_up_the_tries(self) -> None:
        server = Server(*[said(429)] * 5, RESET, RESET, RESET, said())
        assert server.get().status_code == 200

    def test_with_no_calls_left_the_next_minute_is_waited_for_unasked(self) -> None:
        server = Server(said(**left(1, until=60)), said(**left(0, until=60)), said())
        for _ in range(3):
            assert server.get().status_code == 200
        assert server.waited == [30.0]
        assert server.budget.waited == 30.0


class TestPages:
    def pages(self, *tokens: str | None) -> Iterator[str | None]:
        """The tokens that a client comes by who follows each."""
        bodies = [b"null" if token is None else f'"{token}"'.encode() for token in tokens]
        server = Server(*(said(body=b'{"next_page_token": %b}' % body) for body in bodies))
        token: str | None = None
        while True:
            token = server.get(page_token=token).json()["next_page_token"]
            yield token
            if token is None:
                return

    def test_pages_are_followed_to_the_end(self) -> None:
        assert list(self.pages("a", "b", None)) == ["a", "b", None]

    @pytest.mark.parametrize("tokens", [("",), ("a", "a"), ("a", "b", "a"), ("a", "")])
    def test_pages_without_an_end_are_an_error(self, tokens) -> None:
        with pytest.raises(EndlessPages, match="read before"):
            list(self.pages(*tokens))

    def test_another_download_may_have_the_same_pages(self) -> None:
        server = Server(*[said(body=b'{"next_page_token": "a"}')] * 2)
        assert [server.get(page_token=None).status_code for _ in range(2)] == [200, 200]
