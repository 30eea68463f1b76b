"""When a symphony trades."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import exchange_calendars
import pytest

from alchemiser_dagster.symphony import Rebalancing, SymphonyError, due, read_symphony
from alchemiser_dagster.symphony.rebalancing import Frequency
from tests.symphony.market import program

HALVES = {"A": 0.5, "B": 0.5}


def sessions(first: str, last: str) -> list[date]:
    calendar = exchange_calendars.get_calendar("XNYS", start="2023-01-03", end="2024-12-31")
    return [day.date() for day in calendar.sessions_in_range(first, last)]


def trades(frequency: Frequency, first: str, last: str) -> list[str]:
    """The sessions on which a book trades that follows the schedule, as month-day."""
    rebalancing, before, found = Rebalancing(frequency), None, []
    for session in sessions(first, last):
        if due(rebalancing, session, before, HALVES, HALVES, HALVES):
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
    assert due(weekly, date(2024, 6, 5), date(2024, 5, 28), HALVES, HALVES, HALVES)


@pytest.mark.parametrize(
    ("drifted", "expected"),
    [
        ({"A": 0.599, "B": 0.401}, False),  # r3
        ({"A": 0.6, "B": 0.4}, False),  # exactly on the edge
        ({"A": 0.601, "B": 0.399}, True),  # r4
        ({"A": 0.45, "B": 0.44, "C": 0.11}, True),  # something that is no target any more
    ],
)
def test_corridor(drifted: dict[str, float], expected: bool) -> None:
    corridor = Rebalancing(None, Decimal("0.10"))
    day, before = date(2024, 6, 5), date(2024, 6, 4)
    assert due(corridor, day, before, HALVES, HALVES, drifted) is expected


def test_other_holdings_are_due_whatever_the_drift() -> None:  # r5
    corridor = Rebalancing(None, Decimal("0.10"))
    targets = {"A": 0.5, "C": 0.5}
    day, before = date(2024, 6, 5), date(2024, 6, 4)
    assert due(corridor, day, before, targets, HALVES, targets)


def test_daily_is_due_without_any_change() -> None:  # r7
    day, before = date(2024, 6, 5), date(2024, 6, 4)
    drifted = {"A": 0.51, "B": 0.49}
    assert due(Rebalancing(), day, before, HALVES, HALVES, drifted)


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
