"""The brakes, pulled while orders are at work: they are taken back, and nothing new is sent.

A wants 60 and B 40 of XYZ, in one order; each wants another symbol of its own besides. While the
second orders of all three walks are at work, and nothing has filled but what a test says, somebody
brakes.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.exc import OperationalError

from alchemiser_dagster.execution.settlement import SessionReport
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail, book_scope, symbol_scope
from alchemiser_dagster.market.sessions import session_close

from .conftest import FIRST, SECOND
from .scripted import ORDER, ScriptedDay

D = Decimal
BRAKED = 15.5
"""Seconds into the window: the second orders have just been sent, and would rest until 24."""


@pytest.fixture
def day() -> ScriptedDay:
    day = ScriptedDay.open()
    for symbol, quote in {"XYZ": "100.00/100.20", "ABC": "49.90/50.10"}.items():
        day.hold(symbol, quote)
    day.hold("THIN", "19.90/20.10")
    return day


def brake_at(day: ScriptedDay, seconds: float, happen: Callable[[], object]) -> datetime:
    """Have it happen so many seconds after the window opens; when that is."""
    moment = session_close(FIRST) - timedelta(minutes=15) + timedelta(seconds=seconds)
    day.script.at(moment, happen)
    return moment


def buy(day: ScriptedDay) -> SessionReport:
    return day.trade(
        FIRST, {"a": day.want("a", XYZ="60", ABC="100"), "b": day.want("b", XYZ="40", THIN="100")}
    )


def sent_after(day: ScriptedDay, moment: datetime) -> set[str]:
    """Symbols of which an order came after a moment."""
    return {order.symbol for order in day._orders() if order.created_at > moment}


def ended_by(day: ScriptedDay, symbol: str) -> datetime:
    """When the last order of a symbol was cancelled."""
    (*_, last) = [order for order in day._orders() if order.symbol == symbol]
    assert last.canceled_at is not None
    return last.canceled_at


def test_halting_the_account_takes_every_order_back(day: ScriptedDay) -> None:
    """Within the five seconds of a round; the books end blocked, with the reason."""
    at = brake_at(day, BRAKED, lambda: day.brake(Rail.HALT, ACCOUNT))
    report = buy(day)
    assert sent_after(day, at) == set()
    assert day.broker.brokerage.state.orders == {}
    for symbol in ("XYZ", "ABC", "THIN"):
        assert at <= ended_by(day, symbol) <= at + timedelta(seconds=5)
    assert {state for state, _ in report.books.values()} == {"blocked"}
    assert "the account is halted: a test" in report.books["a"][1]
    assert day.holdings() == {}


def test_a_halted_account_stays_halted_and_trades_again_when_resumed(day: ScriptedDay) -> None:
    brake_at(day, BRAKED, lambda: day.brake(Rail.HALT, ACCOUNT))
    buy(day)
    sent = day.sent()
    for symbol in ("XYZ", "ABC", "THIN"):
        day.release(symbol)
    wishes = {"a": day.want("a", XYZ="60"), "b": day.want("b", XYZ="40")}
    day.trade(SECOND, wishes)
    assert day.sent() == sent
    day.brake(Rail.HALT, ACCOUNT, on=False)
    third = SECOND + timedelta(days=1)
    assert day.trade(third, wishes).outcome == "success"
    assert [day.held(book, "XYZ") for book in ("a", "b")] == [D(60), D(40)]


def test_halting_a_book_leaves_the_others_going(day: ScriptedDay) -> None:
    """The common order is taken back; the next ones are for B's 40 alone."""
    at = brake_at(day, BRAKED, lambda: day.brake(Rail.HALT, book_scope("a")))
    day.fill("XYZ.B.a1.s3", "40")
    day.fill("THIN.B.a1.s3", "100")
    report = buy(day)
    assert day.orders("XYZ") == [
        "a1.s1 buy 100 at 100.10: canceled, 0 filled",
        "a1.s2 buy 100 at 100.15: canceled, 0 filled",
        "a1.s3 buy 40 at 100.19: filled, 40 filled",
    ]
    assert sent_after(day, at) == {"XYZ", "THIN"}
    assert ended_by(day, "ABC") <= at + timedelta(seconds=5)
    assert (report.books["a"][0], report.books["b"]) == ("blocked", ("traded", ""))
    assert day.holdings() == {"b": {"XYZ": D(40), "THIN": D(100)}}
    assert day.disagreements() == []


def test_halting_a_symbol_leaves_the_others_going(day: ScriptedDay) -> None:
    at = brake_at(day, BRAKED, lambda: day.brake(Rail.HALT, symbol_scope("XYZ")))
    day.fill("ABC.B.a1.s3", "100")
    day.fill("THIN.B.a1.s3", "100")
    report = buy(day)
    assert sent_after(day, at) == {"ABC", "THIN"}
    assert ended_by(day, "XYZ") <= at + timedelta(seconds=5)
    assert day.holdings() == {"a": {"ABC": D(100)}, "b": {"THIN": D(100)}}
    assert "XYZ is halted" in report.books["b"][1]


def test_what_had_filled_before_the_brake_is_booked(day: ScriptedDay) -> None:
    """30 before it, 10 more while the order is taken back: 24 are A's and 16 B's."""
    brake_at(day, BRAKED, lambda: day.brake(Rail.HALT, ACCOUNT))
    day.fill("XYZ.B.a1.s2", "30", after=1)
    day.fill("XYZ.B.a1.s2", "10", at_cancel=True)
    report = buy(day)
    assert day.holdings() == {"a": {"XYZ": D(24)}, "b": {"XYZ": D(16)}}
    assert report.books["a"][0] == "blocked"
    assert day.trade_of("a", "XYZ", FIRST)[0] == "partial"
    assert day.disagreements() == []


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM rails",
        "UPDATE rails SET state = 'perhaps'",
        "UPDATE rails SET rail = 'hlat'",
    ],
)
def test_x33_a_halt_that_is_lost_or_unreadable_is_on(day: ScriptedDay, damage: str) -> None:
    """Orders at work are taken back, and no new ones are sent."""

    def spoil() -> None:
        with day.desk.ledger.write() as connection:
            connection.exec_driver_sql(damage)

    at = brake_at(day, BRAKED, spoil)
    report = buy(day)
    assert sent_after(day, at) == set()
    assert day.broker.brokerage.state.orders == {}
    assert {state for state, _ in report.books.values()} == {"blocked"}


def test_x33_rails_that_cannot_be_read_at_all_stop_the_orders_and_then_the_run(
    day: ScriptedDay,
) -> None:
    def spoil() -> None:
        with day.desk.ledger.write() as connection:
            connection.exec_driver_sql("DROP TABLE rails")

    at = brake_at(day, BRAKED, spoil)
    with pytest.raises(OperationalError, match="no such table: rails"):
        buy(day)
    assert sent_after(day, at) == set()
    assert day.broker.brokerage.state.orders == {}


def test_x33_before_the_first_order_nothing_is_sent(day: ScriptedDay) -> None:
    day.begin(FIRST, {"a": day.want("a", XYZ="60"), "b": day.want("b", XYZ="40")})
    with day.desk.ledger.write() as connection:
        connection.exec_driver_sql("DELETE FROM rails")
    report = day.finish(FIRST)
    assert day.sent() == []
    assert {state for state, _ in report.books.values()} == {"blocked"}


def test_a_heavy_loss_stops_purchases_and_lets_sales_go_on(day: ScriptedDay) -> None:
    """`daily_loss`, set by hand in the middle of the sales of the second session."""
    day.fill("XYZ.B.a1.s1", "60")
    day.trade(FIRST, {"a": day.want("a", XYZ="60"), "b": day.want("b")})
    day.then("XYZ.S.a1.s1", lambda: day.brake(Rail.DAILY_LOSS, ACCOUNT), after=2)
    day.fill("XYZ.S.a1.s2", "60")
    report = day.trade(SECOND, {"a": day.want("a", ABC="100"), "b": day.want("b", THIN="100")})
    assert day.sides(SECOND) == {"XYZ": {"sell"}}
    assert day.holdings() == {}
    assert "nothing is bought" in report.books["b"][1]


def test_a_book_that_is_flattened_in_the_middle_buys_no_more(day: ScriptedDay) -> None:
    at = brake_at(day, BRAKED, lambda: day.brake(Rail.FLATTEN, book_scope("a")))
    day.fill("XYZ.B.a1.s3", "40")
    buy(day)
    assert "ABC" not in sent_after(day, at)
    assert day.held("a", "XYZ") == 0
    assert day.held("b", "XYZ") == 40


def test_a_flattened_book_is_sold_next_session_and_the_others_keep_theirs(
    day: ScriptedDay,
) -> None:
    day.fill("XYZ.B.a1.s1", "100")
    day.trade(FIRST, {"a": day.want("a", XYZ="60"), "b": day.want("b", XYZ="40")})
    day.brake(Rail.FLATTEN, book_scope("a"))
    day.fill("XYZ.S.a1.s1", "60")
    day.trade(SECOND, {"a": day.want("a", XYZ="60"), "b": day.want("b")})
    assert day.holdings() == {"b": {"XYZ": D(40)}}


def test_an_order_in_doubt_is_not_sent_again_under_a_brake(day: ScriptedDay) -> None:
    """It never arrived, and while it was looked for the symbol was halted."""
    day.fault(action="reset", match={**ORDER, "symbol": "XYZ"}, times=1)
    brake_at(day, 4, lambda: day.brake(Rail.HALT, symbol_scope("XYZ")))
    day.fill("ABC.B.a1.s1", "100")
    day.fill("THIN.B.a1.s1", "100")
    report = buy(day)
    assert [name for name in day.sent() if ".XYZ." in name] == ["e.20261103.0.n2.XYZ.B.a1.s1"]
    assert day.orders("XYZ") == []
    assert day.holdings() == {"a": {"ABC": D(100)}, "b": {"THIN": D(100)}}
    assert report.outcome == "failure"


def test_a_cancel_that_gets_lost_under_a_brake_is_asked_for_again(day: ScriptedDay) -> None:
    """Two of them do; the third, at most half a minute after the brake, ends the order."""
    at = brake_at(day, BRAKED, lambda: day.brake(Rail.HALT, ACCOUNT))
    match = {"method": "DELETE", "symbol": "XYZ"}
    lost = day.fault(action="cancel_lost", match=match, when={"from": at}, times=2)
    buy(day)
    assert lost.fired == 2
    assert ended_by(day, "XYZ") <= at + timedelta(seconds=35)
    assert sent_after(day, at) == set()
