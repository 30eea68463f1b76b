"""The walk and the clock: what is sent when, and what no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from alchemiser_dagster.execution.gate import SessionRefused
from alchemiser_dagster.market.sessions import session_close

from .conftest import FIRST, SECOND, wish
from .scripted import ScriptedDay

CLOSE = session_close(FIRST)
CLOCK = {"path": "/v2/clock"}


@pytest.fixture
def day() -> ScriptedDay:
    """One book, `a`, with 20,000 dollars; XYZ is quoted 100.00/100.20 and fills by the script."""
    day = ScriptedDay.open(cash="20_000", books={"a": "1"})
    day.hold("XYZ", "100.00/100.20")
    return day


def buy(day: ScriptedDay, shares: str = "100", *, seconds_left: int = 0) -> str:
    """A session in which the book buys shares of XYZ; the book's outcome."""
    wishes = {"a": day.want("a", XYZ=shares)}
    return day.trade(FIRST, wishes, seconds_left=seconds_left).books["a"][0]


def sent_at(day: ScriptedDay, symbol: str) -> list[datetime]:
    """When each order of the desk in a symbol came."""
    return [order.created_at for order in day._orders() if order.symbol == symbol]


def test_x24_with_90_seconds_left_the_limits_are_left_out(day: ScriptedDay) -> None:
    day.fill("XYZ.B.a1.s4", "100")
    assert buy(day, seconds_left=90) == "traded"
    assert day.orders("XYZ") == ["a1.s4 buy 100 market: filled, 100 filled"]


def test_x24_a_limit_order_is_not_kept_into_the_last_two_minutes(day: ScriptedDay) -> None:
    day.fill("XYZ.B.a1.s4", "100")
    assert buy(day, seconds_left=125) == "traded"
    assert [line.split(":")[0] for line in day.orders("XYZ")] == [
        "a1.s1 buy 100 at 100.10",
        "a1.s4 buy 100 market",
    ]


def test_x25_with_50_seconds_left_nothing_is_sent(day: ScriptedDay) -> None:
    """Planned in time, but the minute before the close had begun when it was to be bought."""
    day.begin(FIRST, {"a": day.want("a", XYZ="100")}, seconds_left=65)
    day.size(FIRST)
    day.script.wait(15)
    report = day.finish(FIRST)
    assert day.sent() == []
    assert day.trade_of("a", "XYZ", FIRST)[1] == "too close to the end of the session"
    assert report.books["a"][0] == "failed"


def test_x25_nor_when_the_ledger_was_locked_until_then(
    day: ScriptedDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order is to be written down 65 seconds before the close, and the ledger keeps waiting."""
    day.begin(FIRST, {"a": day.want("a", XYZ="100")}, seconds_left=65)
    day.size(FIRST)
    really = day.desk.ledger.write

    @contextmanager
    def write() -> Iterator[Connection]:
        day.script.wait(4)
        with really() as connection:
            yield connection

    monkeypatch.setattr(day.desk.ledger, "write", write)
    day.finish(FIRST)
    assert day.sent() == []
    assert day.trade_of("a", "XYZ", FIRST)[1] == "too close to the end of the session"


def test_x25_and_what_is_open_then_is_cancelled(day: ScriptedDay) -> None:
    buy(day, seconds_left=70)
    assert day.orders("XYZ") == ["a1.s4 buy 100 market: canceled, 0 filled"]
    (cancelled,) = (
        order.canceled_at for order in day._orders() if order.client_order_id.endswith("s4")
    )
    assert cancelled is not None
    assert CLOSE - timedelta(seconds=60) <= cancelled < CLOSE - timedelta(seconds=50)


def test_x25_later_still_the_session_is_refused(day: ScriptedDay) -> None:
    with pytest.raises(SessionRefused, match="has closed"):
        day.begin(FIRST, {"a": wish(XYZ="1")}, seconds_left=50)


def test_x26_a_closed_market_gets_no_order_of_any_kind(day: ScriptedDay) -> None:
    day.fault(stage="after_commit", action="set_field", field="is_open", value=False, match=CLOCK)
    with pytest.raises(SessionRefused, match="the market is closed although 2026-11-03"):
        buy(day)
    assert day.sent() == []


def test_x26_neither_does_one_that_closes_after_the_plan(day: ScriptedDay) -> None:
    """A market order would wait for the next opening. The session is no success."""
    day.begin(FIRST, {"a": day.want("a", XYZ="100")})
    day.fault(stage="after_commit", action="set_field", field="is_open", value=False, match=CLOCK)
    report = day.finish(FIRST)
    assert day.sent() == []
    assert report.outcome == "failure"
    assert report.books["a"][0] == "failed"


def test_x27_a_clock_that_does_not_answer_counts_as_closed(day: ScriptedDay) -> None:
    failing = day.fault(action="status", status=500, match=CLOCK)
    with pytest.raises(SessionRefused, match="the broker cannot be asked"):
        buy(day)
    assert failing.fired == 3
    assert day.sent() == []


def test_x27_a_clock_that_fails_during_the_walk_stops_it_and_no_more(day: ScriptedDay) -> None:
    """No order follows another while nobody can say what time it is."""
    begins = CLOSE - timedelta(minutes=14, seconds=50)
    day.fault(
        action="status", status=500, match=CLOCK,
        when={"from": begins, "until": begins + timedelta(seconds=60)},
    )  # fmt: skip
    day.fill("XYZ.B.a1.s4", "100")
    assert buy(day) == "traded"
    moments = sent_at(day, "XYZ")
    assert not any(begins <= moment <= begins + timedelta(seconds=60) for moment in moments)
    assert len(moments) == 4


def test_x23_all_walks_of_a_large_session_end_in_time() -> None:
    """16 sales, then 20 purchases, each walked to its market order, at 200 calls a minute."""
    old, new = [f"OLD{n:02}" for n in range(16)], [f"NEW{n:02}" for n in range(20)]
    day = ScriptedDay.open(
        cash="100_000",
        books={"a": "1"},
        prices=dict.fromkeys((*old, *new), 100.0),
        rate_limit=200,
    )
    day.trade(FIRST, {"a": day.want("a", **dict.fromkeys(old, "50"))})
    for side, symbols in (("S", old), ("B", new)):
        for symbol in symbols:
            day.hold(symbol)
            day.fill(f"{symbol}.{side}.a1.s4", "50" if side == "S" else "40", after=28)
    report = day.trade(SECOND, {"a": day.want("a", **dict.fromkeys(new, "40"))})
    assert report.outcome == "success"
    assert day.sides(SECOND) == {s: {"sell"} for s in old} | {s: {"buy"} for s in new}
    began = session_close(SECOND) - timedelta(minutes=15)
    assert day.broker.now - began <= timedelta(seconds=380)
    assert report.trades == 36
