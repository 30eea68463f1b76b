"""When a symphony trades."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import exchange_calendars
import pytest

from alchemiser_dagster.symphony import Rebalancing, SymphonyError, read_symphony
from alchemiser_dagster.symphony.rebalancing import Frequency
from tests.symphony.market import program


def sessions(first: str, last: str) -> list[date]:
    calendar = exchange_calendars.get_calendar("XNYS", start="2023-01-03", end="2024-12-31")
    return [day.date() for day in calendar.sessions_in_range(first, last)]


def trades(frequency: Frequency, first: str, last: str) -> list[str]:
    """The sessions on which a book trades that follows the schedule, as month-day."""
    rebalancing, before, found = Rebalancing(frequency), None, []
    for session in sessions(first, last):
        if rebalancing.due_on(session, before):
            before = session
            found.append(f"{session:%m-%d}")
    return found


def test_weekly() -> None:  # r1: Monday 2024-05-27 is a holiday
    assert trades(Frequency.WEEKLY, "2024-05-20", "2024-06-04") == ["05-20", "05-28", "06-03"]


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        (Frequency.MONTHLY, "12-20 01-02 02-01 03-01 04-01 05-01 06-03 07-01"),
        (Frequency.QUARTERLY, "12-20 01-02 04-01 07-01"),
        (Frequency.YEARLY, "12-20 01-02"),
        (Frequency.NONE, "12-20"),
    ],
)
def test_longer_periods(frequency: Frequency, expected: str) -> None:  # r2
    assert trades(frequency, "2023-12-20", "2024-07-10") == expected.split()


def test_a_missed_first_day_is_caught_up() -> None:
    weekly = Rebalancing(Frequency.WEEKLY)
    assert weekly.due_on(date(2024, 6, 5), date(2024, 5, 28))


def test_a_corridor_is_due_by_the_calendar_only_once() -> None:  # its drift: the planner's tests
    corridor = Rebalancing(None, Decimal("0.10"))
    assert corridor.due_on(date(2024, 6, 5), None)
    assert not corridor.due_on(date(2024, 6, 5), date(2024, 6, 4))


def test_daily_is_always_due() -> None:  # r7
    assert Rebalancing().due_on(date(2024, 6, 5), date(2024, 6, 4))


@pytest.mark.parametrize(
    "header",
    [  # r6
        "{:rebalance-frequency :daily :rebalance-threshold 0.1}",
        "{:rebalance-frequency :hourly}",
        "{:rebalance-threshold 0}",
        "{:rebalance-threshold 1}",
        "{:rebalance-threshold -0.1}",
        "{:rebalance-treshold 0.1}",
        '{:asset-class "CRYPTO"}',
    ],
)
def test_headers_that_mean_nothing(header: str) -> None:
    with pytest.raises(SymphonyError):
        read_symphony(program("UP", header), name="t")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("{}", Rebalancing(Frequency.DAILY)),
        ("{:rebalance-frequency :quarterly}", Rebalancing(Frequency.QUARTERLY)),
        ("{:rebalance-threshold 0.05}", Rebalancing(None, Decimal("0.05"))),
    ],
)
def test_headers(header: str, expected: Rebalancing) -> None:
    assert read_symphony(program("UP", header), name="t").rebalancing == expected
