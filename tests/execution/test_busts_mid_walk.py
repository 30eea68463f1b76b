"""Executions that the venue takes back while the session is still going on.

The order's filled quantity shrinks by them, but they stay in the list of executions, and an
activity follows that undoes them. Both are posted; what is wanted is not ordered again.
"""

from decimal import Decimal

import pytest

from .conftest import FIRST, SECOND
from .scripted import ScriptedDay

D = Decimal


@pytest.fixture
def day() -> ScriptedDay:
    """One book, `a`, with 20,000 dollars; XYZ is quoted 100.00/100.20 and fills by the script."""
    day = ScriptedDay.open(cash="20_000", books={"a": "1"})
    day.hold("XYZ", "100.00/100.20")
    return day


def bust(day: ScriptedDay) -> None:
    with day.broker.brokerage.unit():
        day.broker.brokerage.bust_last_fill("XYZ")


@pytest.mark.parametrize(
    ("parts", "left"), [(["40", "60"], 40), (["100"], 0)], ids=["in part", "whole"]
)
def test_an_order_busted_before_it_was_posted_ends_with_its_session(
    day: ScriptedDay, parts: list[str], left: int
) -> None:
    """Filled and taken back between two looks: the session comes to its end, and so the next."""
    for number, shares in enumerate(parts):
        day.fill("XYZ.B.a1.s1", shares, after=6.5 + number / 4)
    day.then("XYZ.B.a1.s1", lambda: bust(day), after=8)
    report = day.trade(FIRST, {"a": day.want("a", XYZ="100")})
    assert report.breaks == ()
    assert day.held("a", "XYZ") == left
    assert day.disagreements() == []
    report = day.trade(SECOND, {"a": day.want("a")})
    assert report.outcome == "success"
    assert day.disagreements() == []


def test_a_bust_after_the_posting_is_undone_at_the_end_of_the_session(day: ScriptedDay) -> None:
    day.fill("XYZ.B.a1.s1", "60", after=5)
    day.then("XYZ.B.a1.s2", lambda: bust(day), after=3)
    day.fill("XYZ.B.a1.s2", "40", after=5)
    day.trade(FIRST, {"a": day.want("a", XYZ="100")})
    assert day.held("a", "XYZ") == 40
    assert day.disagreements() == []
    assert day.trade(SECOND, {"a": day.want("a")}).outcome == "success"


def test_an_order_busted_while_it_works_does_not_stop_the_account(day: ScriptedDay) -> None:
    """It fills again what was taken back: the figures do not add up, and somebody has to look.

    The session ends all the same, and the books have what the broker has.
    """
    day.fill("XYZ.B.a1.s1", "40", after=2)
    day.then("XYZ.B.a1.s1", lambda: bust(day), after=3)
    day.fill("XYZ.B.a1.s1", "100", after=4)
    day.trade(FIRST, {"a": day.want("a", XYZ="100")})
    assert not day.broker.brokerage.state.orders
    assert day.differences() == []
    day.trade(SECOND, {"a": day.want("a")})
    assert day.differences() == []
