"""A broker whose clock is wrong for a few readings: none of them is believed by itself.

Three readings in a row that agree begin a walk, set its clock, and open an account.
"""

from datetime import timedelta

import pytest
from sqlalchemy import select

from alchemiser_dagster.embedded.faults import FaultRule
from alchemiser_dagster.execution import phases
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.session_clock import LARGEST_JUMP, SessionClock
from alchemiser_dagster.ledger.schema import account, activities, orders

from .conftest import FIRST, SECOND
from .scripted import ScriptedDay

HOUR, DAY = 3600, 86_400


class Killed(BaseException):
    pass


@pytest.fixture
def day() -> ScriptedDay:
    """One book, `a`, with 20,000 dollars; XYZ is quoted 100.00/100.20 and fills by the script."""
    day = ScriptedDay.open(cash="20_000", books={"a": "1"})
    day.hold("XYZ", "100.00/100.20")
    return day


def wrong_clock(
    day: ScriptedDay, seconds: float, *, readings: int = 1, after: int = 0
) -> FaultRule:
    """So many readings, after the next few, are wrong by so many seconds."""
    return day.fault(
        action="clock_skew", stage="after_commit", seconds=seconds, times=readings,
        when={"after": after}, match={"path": "/v2/clock"},
    )  # fmt: skip


# --- a clock that begins -------------------------------------------------------------------------


@pytest.mark.parametrize("readings", [1, 2])
@pytest.mark.parametrize("seconds", [-DAY, -300, 300, DAY])
def test_wrong_readings_begin_no_clock(day: ScriptedDay, seconds: float, readings: int) -> None:
    wrong = wrong_clock(day, seconds, readings=readings)
    clock = SessionClock(day.desk.gateway)
    assert wrong.fired == readings
    assert clock.estimate() == day.broker.now


def test_a_clock_that_never_agrees_with_itself_begins_nothing(day: ScriptedDay) -> None:
    for n in range(0, 10, 2):
        wrong_clock(day, 60, after=n)
    with pytest.raises(BrokerError, match="expected a steady clock"):
        SessionClock(day.desk.gateway)


def test_a_clock_that_keeps_to_its_new_time_is_believed_and_says_so(day: ScriptedDay) -> None:
    clock = SessionClock(day.desk.gateway)
    wrong_clock(day, HOUR, readings=100)
    moments = [clock.read() for _ in range(4)]
    assert [moment.now - day.broker.now for moment in moments] == [
        timedelta(0), timedelta(0), timedelta(hours=1), timedelta(hours=1)
    ]  # fmt: skip
    assert [moment.set_by for moment in moments] == [
        timedelta(0), timedelta(0), timedelta(hours=1), timedelta(0)
    ]  # fmt: skip


# --- a walk --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "readings", [1, 2, 3], ids=["once", "twice", "so long that it is believed"]
)
def test_an_order_that_never_arrived_is_given_up_in_time_whatever_the_clock_said(
    day: ScriptedDay, readings: int
) -> None:
    """Killed before the order was sent. Two hours later a walk begins by a clock an hour ahead.

    It looks for the order for ten seconds, not until the hour has passed.
    """

    def submit(**_: object) -> None:
        raise Killed

    day.begin(FIRST, {"a": day.want("a", XYZ="100")})
    day.size(FIRST)
    day.desk.gateway.submit = submit  # type: ignore[method-assign, assignment]
    with pytest.raises(Killed):
        phases.buy(day.desk, FIRST)
    day.script.wait(2 * HOUR)
    began = day.broker.now
    wrong_clock(day, HOUR, readings=readings)
    phases.buy(day.desk, FIRST)
    assert timedelta(seconds=10) <= day.broker.now - began < timedelta(seconds=30)
    with day.desk.ledger.read() as connection:
        assert connection.execute(select(orders.c.state)).scalars().all() == ["not_accepted"]


def test_a_resting_order_keeps_its_ten_seconds_when_the_clock_is_set(day: ScriptedDay) -> None:
    """Begun by a clock five minutes behind, which comes right while the first order rests."""
    day.begin(FIRST, {"a": day.want("a", XYZ="100")})
    day.size(FIRST)
    wrong_clock(day, -300, readings=4)
    day.fill("XYZ.B.a1.s2", "100")
    phases.buy(day.desk, FIRST)
    first, second = day._orders()
    assert first.canceled_at is not None
    rested = first.canceled_at - first.created_at
    assert timedelta(seconds=10) <= rested <= timedelta(seconds=10) + LARGEST_JUMP
    assert second.status == "filled"


def test_one_reading_does_not_bring_the_last_minute_back(day: ScriptedDay) -> None:
    """With 50 seconds left the clock says once that there are nearly six minutes."""
    day.begin(FIRST, {"a": day.want("a", XYZ="100")}, seconds_left=65)
    day.size(FIRST)
    day.script.wait(15)
    wrong_clock(day, -300)
    phases.buy(day.desk, FIRST)
    assert day.sent() == []


# --- an account ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [300, DAY])
def test_books_opened_while_the_clock_is_ahead_lose_nothing_of_what_follows(
    day: ScriptedDay, seconds: float
) -> None:
    """The gate reads the right time; then it is tomorrow twice; then somebody pays in 7 dollars.

    They are a deposit, not a difference that nobody can explain.
    """
    wrong_clock(day, seconds, readings=2, after=1)
    day.fill("XYZ.B.a1.s1", "100")
    day.begin(FIRST, {"a": day.want("a", XYZ="100")})
    with day.desk.ledger.read() as connection:
        assert connection.execute(select(account.c.opened_at)).scalar_one() <= day.broker.now
    day.script.wait(1)
    day.control.move_cash(7)
    reports = [day.finish(FIRST), day.trade(SECOND, {"a": day.want("a")})]
    assert [report.breaks for report in reports] == [(), ()]
    with day.desk.ledger.read() as connection:
        posted = connection.execute(select(activities.c.kind)).scalars().all()
    assert posted == ["CSD"]
    assert day.disagreements() == []
