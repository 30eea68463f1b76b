"""Many orders at a broker that counts calls: none is refused, and no time is lost."""

from datetime import timedelta

import pytest
import requests

from alchemiser_dagster.api_calls import CallBudget
from alchemiser_dagster.execution.desk import WINDOW
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail
from alchemiser_dagster.market.sessions import session_close

from .busy_session import trade_many
from .conftest import FIRST
from .scripted import ScriptedDay

FIRST_MINUTE = session_close(FIRST) - WINDOW


def test_orders_that_have_to_wait_for_the_next_minute_lose_nothing_by_it() -> None:
    """60 orders at 60 calls a minute: those of the second minute have their ten seconds too."""
    pace = trade_many(60, allowance=60)
    assert pace.outcome == "success"
    assert pace.statuses == {200: sum(pace.calls.values())}
    assert (pace.calls["POST orders"], pace.calls["DELETE orders"]) == (60, 0)
    assert pace.ratio <= 1.2


def test_orders_that_walk_leave_calls_for_each_other() -> None:
    """A third of 60 orders takes seven calls each, most of the others one."""
    pace = trade_many(60, stubborn=20, allowance=60)
    assert pace.outcome == "success"
    assert set(pace.statuses) == {200, 204}
    assert (pace.calls["POST orders"], pace.calls["DELETE orders"]) == (40 + 20 * 4, 20 * 3)
    assert pace.seconds <= 1.2 * pace.least_of_all
    orders = pace.calls["POST orders"] + pace.calls["DELETE orders"]
    assert sum(pace.calls.values()) - orders <= orders / 2


def test_a_halt_does_not_wait_for_the_next_minute_of_calls() -> None:
    """At 15:45:20, the minute's calls spent but for the last three, an operator halts the account.

    No order follows, and the first are taken back at once: clock, orders, and one cancel.
    """
    halted = FIRST_MINUTE + timedelta(seconds=20)

    def halt(day: ScriptedDay) -> None:
        day.script.at(halted, lambda: day.brake(Rail.HALT, ACCOUNT))

    pace = trade_many(60, stubborn=60, allowance=60, begin=halt)
    sent = pace.calls["POST orders"]
    assert 0 < sent < 60
    assert pace.calls["DELETE orders"] == sent
    taken_back = [at for at, kind in pace.log if kind == "DELETE orders"]
    assert min(taken_back) <= halted + timedelta(seconds=5)
    assert all(at <= halted for at, kind in pace.log if kind == "POST orders")


class Clock:
    """A broker's minute, and what was waited for."""

    def __init__(self) -> None:
        self.now = 30.0
        self.waited: list[float] = []
        self.budget = CallBudget(now=lambda: self.now, wait=self.wait)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds

    def hears(self, remaining: int, *, reset: float = 60.0) -> None:
        answer = requests.Response()
        answer.headers["X-RateLimit-Limit"] = "200"
        answer.headers["X-RateLimit-Remaining"] = str(remaining)
        answer.headers["X-RateLimit-Reset"] = str(reset)
        self.budget.learn(answer)


def test_the_last_call_of_a_minute_is_followed_by_the_next_minute() -> None:
    clock = Clock()
    clock.hears(1)
    clock.budget.spend()
    assert clock.waited == []
    clock.budget.spend()
    assert clock.waited == [30.0]


@pytest.mark.parametrize(("left", "spared"), [(200, True), (11, True), (10, False), (0, False)])
def test_the_last_calls_of_a_minute_are_not_for_orders(left: int, spared: bool) -> None:
    clock = Clock()
    clock.hears(left)
    assert clock.budget.can_spare() is spared
    clock.now = 60.0
    assert clock.budget.can_spare()


@pytest.mark.parametrize(
    ("left", "kept", "seconds"),
    [(200, 0, 0.45), (200, 110, 1.0), (200, 197, 30.0), (3, 50, 30.0), (0, 0, 30.0)],
)
def test_reading_is_spread_over_what_is_left(left: int, kept: int, seconds: float) -> None:
    """Three calls again and again for the thirty seconds that the minute still has."""
    clock = Clock()
    clock.hears(left)
    assert clock.budget.interval(3, kept=kept) == pytest.approx(seconds)


def test_where_nobody_counts_there_is_nothing_to_wait_for() -> None:
    clock = Clock()
    assert clock.budget.can_spare()
    assert clock.budget.interval(3, kept=1000) == 0


def test_a_clock_that_disagrees_with_ours_is_not_waited_for() -> None:
    clock = Clock()
    clock.hears(0, reset=3_630.0)
    assert clock.budget.next_minute == 0
    clock.budget.spend()
    assert clock.waited == []
