"""S13: after three failures of transport in a row the broker is left alone for half a minute."""

from datetime import timedelta
from decimal import Decimal

import pytest

from alchemiser_dagster.execution.breaker import Breaker
from alchemiser_dagster.market.sessions import session_close

from .conftest import FIRST
from .scripted import ORDER, ScriptedDay

BEGINS = session_close(FIRST) - timedelta(minutes=15)
READS = {"method": "GET", "path": "/v2/orders*"}


def pauses(course: str) -> list[float | None]:
    """The pause after each attempt: "f" fails, "w" works."""
    breaker = Breaker()
    found: list[float | None] = []
    for one in course:
        if one == "f":
            found.append(breaker.failed())
        else:
            breaker.worked()
            found.append(None)
    return found


@pytest.mark.parametrize(
    ("course", "expected"),
    [
        ("fff", [2, 2, 30]),
        ("ffwff", [2, 2, None, 2, 2]),
        ("ffff", [2, 2, 30, 30]),
        ("fffwf", [2, 2, 30, None, 30]),
        ("fffwwf", [2, 2, 30, None, None, 2]),
    ],
    ids=["three open it", "two do not", "one probe", "one success is not enough", "two close it"],
)
def test_s13_the_breaker(course: str, expected: list[float | None]) -> None:
    assert pauses(course) == expected


def test_s13_three_failed_readings_pause_the_walk() -> None:
    day = ScriptedDay.open(books={"a": "1"})
    day.hold("XYZ", "100.00/100.20")
    failing = day.fault(
        action="status",
        status=503,
        match=READS,
        when={"from": BEGINS + timedelta(seconds=3)},
        times=9,
    )
    day.fill("XYZ.B.a1.s4", "100")
    assert day.trade(FIRST, {"a": day.want("a", XYZ="100")}).outcome == "success"
    assert failing.fired == 9
    first, second, *_ = [order.created_at for order in day._orders()]
    assert second - first >= timedelta(seconds=30 + 2 + 2)


def test_s13_refusals_do_not_count() -> None:
    """Eight symbols are refused in a row, and the ninth is bought without a pause."""
    symbols = [f"S{n}" for n in range(9)]
    day = ScriptedDay.open(books={"a": "1"}, prices=dict.fromkeys(symbols, 100.0))
    body = {"code": 42210000, "message": "no"}
    day.fault(action="status", status=422, body=body, match=ORDER, times=8)
    wishes = {"a": day.want("a", **dict.fromkeys(symbols, "10"))}
    day.trade(FIRST, wishes)
    assert len(day.sent()) >= 9
    (order, *_) = day._orders()
    assert order.created_at - BEGINS < timedelta(seconds=5)
    assert day.cash()["a"] < Decimal(100_000)
