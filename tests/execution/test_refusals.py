"""What follows when the broker refuses an order, by its reason and never by its code alone.

Where the embedded broker can be brought to refuse by itself, it is; else a fault rule answers.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from alchemiser_dagster.execution.errors import OrderRefused, Refusal
from alchemiser_dagster.execution.gate import check_gate
from alchemiser_dagster.execution.settlement import SessionReport
from alchemiser_dagster.ledger.queries import positions
from alchemiser_dagster.ledger.rails import rail_state
from alchemiser_dagster.ledger.schema import orders

from .conftest import FIRST, SECOND
from .scripted import ORDER, ScriptedDay

D = Decimal
FORBIDDEN = 40310000


@pytest.fixture
def day() -> ScriptedDay:
    """One book, `a`, with 20,000 dollars; XYZ is quoted 100.00/100.20 and fills by the script."""
    day = ScriptedDay.open(cash="20_000", books={"a": "1"})
    day.hold("XYZ", "100.00/100.20")
    return day


def refuse(day: ScriptedDay, status: int, code: int, message: str, **rule: object) -> None:
    """Refuse the orders in XYZ, all or as many `times`."""
    body = {"code": code, "message": message}
    match = {**ORDER, "symbol": "XYZ"}
    day.fault(action="status", status=status, body=body, match=match, **rule)


def buy(day: ScriptedDay) -> SessionReport:
    """Buy 100 XYZ and 10 ABC; ABC is refused by nobody."""
    return day.trade(FIRST, {"a": day.want("a", XYZ="100", ABC="10")})


def own(day: ScriptedDay, shares: str) -> None:
    """The first session: the book buys shares of XYZ, and 10 of ABC."""
    day.fill("XYZ.B.a1.s1", shares)
    day.trade(FIRST, {"a": day.want("a", XYZ=shares, ABC="10")})


def sell(day: ScriptedDay) -> SessionReport:
    """Sell all XYZ."""
    return day.trade(SECOND, {"a": day.want("a", ABC="10")})


def attempts(day: ScriptedDay, side: str = "B") -> list[str]:
    """Attempt and step of every order sent in XYZ."""
    return [name.split(f".XYZ.{side}.")[1] for name in day.sent() if f".XYZ.{side}." in name]


# --- once more, differently ----------------------------------------------------------------------


def test_x28_an_order_beyond_the_buying_power_is_sent_once_more_smaller() -> None:
    """12,000 wanted, 9,000 left after a withdrawal, ask 90.00: 9,000 / (90 x 1.05) shares."""
    day = ScriptedDay.open(cash="12_300", books={"a": "1"}, prices={"XYZ": 89.99})
    day.hold("XYZ", "89.98/90.00")
    day.begin(FIRST, {"a": day.want("a", XYZ="133.333333")})
    day.size(FIRST)
    day.script.wait(1)
    day.control.move_cash(-3300)
    day.fill("XYZ.B.a2.s1", "95.238095", after=1)
    report = day.finish(FIRST)
    assert day.orders("XYZ") == ["a2.s1 buy 95.238095 at 89.99: filled, 95.238095 filled"]
    assert attempts(day)[:2] == ["a1.s1", "a2.s1"]
    assert report.books["a"][0] == "partial"
    assert day.differences() == []


def test_x28_a_second_refusal_is_final(day: ScriptedDay) -> None:
    refuse(day, 403, FORBIDDEN, "insufficient buying power")
    report = buy(day)
    assert attempts(day) == ["a1.s1", "a2.s1"]
    assert day.trade_of("a", "XYZ", FIRST)[0] == "failed"
    assert "insufficient buying power" in report.books["a"][1]
    assert day.held("a", "ABC") == 10


def test_x29_shares_held_by_another_order_are_left_to_it(day: ScriptedDay) -> None:
    """10 owned, 2 of them in an order that somebody placed by hand: the other 8 are sold."""
    own(day, "10")
    day.script.at(
        day.broker.now + timedelta(hours=23),
        lambda: day.desk.gateway.submit(
            client_order_id="by-hand", symbol="XYZ", side="sell", quantity=D(2), limit_price=D(200)
        ),
    )
    day.script.wait(23 * 3600)
    day.fill("XYZ.S.a2.s1", "8", after=1)
    report = sell(day)
    assert day.orders("XYZ")[-1] == "a2.s1 sell 8 at 100.10: filled, 8 filled"
    assert attempts(day, "S")[:2] == ["a1.s1", "a2.s1"]
    assert report.books["a"][0] == "partial"
    assert day.held("a", "XYZ") == 2
    assert day.differences() == []


def test_x29_shares_that_are_not_there_are_not_sold_and_freeze_the_symbol(
    day: ScriptedDay,
) -> None:
    """The broker says that none are available, and no order of anybody holds them."""
    own(day, "10")
    day.begin(SECOND, {"a": day.want("a", ABC="10")})
    with day.broker.brokerage.unit():
        del day.broker.brokerage.state.positions["XYZ"]
        day.broker.brokerage.books.changes.positions.add("XYZ")
    report = day.finish(SECOND)
    assert day.orders("XYZ")[1:] == []
    assert [str(item.classification) for item in report.breaks] == ["shortfall"]
    with day.desk.ledger.read() as connection:
        assert set(rail_state(connection).frozen_symbols) == {"XYZ"}
        assert positions(connection)["a"]["XYZ"] == 10


def test_a_wash_trade_is_waited_for_once(day: ScriptedDay) -> None:
    """Somebody's sale by hand stands in the way; five seconds later it is gone."""
    refuse(day, 403, FORBIDDEN, "potential wash trade detected. use complex orders", times=1)
    day.fill("XYZ.B.a2.s1", "100", after=1)
    began = day.broker.now
    assert buy(day).outcome == "success"
    assert attempts(day) == ["a1.s1", "a2.s1"]
    (sent,) = (o.created_at for o in day._orders() if o.client_order_id.endswith("XYZ.B.a2.s1"))
    assert sent - began >= timedelta(seconds=5)


def test_a_second_wash_trade_ends_the_purchase(day: ScriptedDay) -> None:
    refuse(day, 403, FORBIDDEN, "potential wash trade detected. use complex orders")
    report = buy(day)
    assert attempts(day) == ["a1.s1", "a2.s1"]
    assert "wash trade" in report.books["a"][1]


def test_a_fraction_refused_is_bought_in_whole_shares(day: ScriptedDay) -> None:
    """100.5 wanted; the asset turned out not to be fractionable after the plan was made."""
    day.begin(FIRST, {"a": day.want("a", XYZ="100.5", ABC="10")})
    day.size(FIRST)
    day.control.set_asset("XYZ", fractionable=False)
    day.fill("XYZ.B.a2.s1", "100", after=1)
    report = day.finish(FIRST)
    assert attempts(day) == ["a1.s1", "a2.s1"]
    assert day.orders("XYZ") == ["a2.s1 buy 100 at 100.10: filled, 100 filled"]
    assert report.books["a"][0] in ("traded", "partial")


def test_p21_of_an_exit_the_fraction_refused_stays_in_its_book(day: ScriptedDay) -> None:
    """The whole part is sold. The broker's command to close the position is not used: it would
    close other books' shares too, by an order without an id of ours."""
    own(day, "10.3")
    day.begin(SECOND, {"a": day.want("a", ABC="10")})
    day.control.set_asset("XYZ", fractionable=False)
    day.fill("XYZ.S.a2.s1", "10", after=1)
    report = day.finish(SECOND)
    assert day.orders("XYZ")[-1] == "a2.s1 sell 10 at 100.10: filled, 10 filled"
    assert day.held("a", "XYZ") == D("0.3")
    assert report.books["a"][0] == "partial"
    assert "whole shares only" in report.books["a"][1]
    assert not [text for text in day.script.asked if "/v2/positions" in text]


# --- the end of it -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (403, 40310100, "trade denied due to pattern day trading protection", Refusal.PROTECTION),
        (422, 42210000, "invalid limit_price 100.105. sub-penny increment", Refusal.OTHER),
        (422, 42210000, 'asset "XYZ" is not tradable', Refusal.NOT_TRADABLE),
        (422, 42210000, 'asset "XYZ" not found', Refusal.NOT_TRADABLE),
        (422, 42210000, "asset XYZ is not active", Refusal.NOT_TRADABLE),
        (403, 40310000, "cost basis must be >= minimal amount of order 1", Refusal.TOO_SMALL),
        (403, 40310000, "something new", Refusal.OTHER),
    ],
    ids=["X31", "sub-penny", "not tradable", "not found", "inactive", "X14", "unheard of"],
)
def test_a_refusal_that_nothing_can_be_done_about_is_final_at_once(
    day: ScriptedDay, status: int, code: int, message: str, kind: Refusal
) -> None:
    """One order is sent, the reason is kept, and the other symbols go on."""
    refuse(day, status, code, message)
    report = buy(day)
    assert OrderRefused(status, code, message).refusal is kind
    assert attempts(day) == ["a1.s1"]
    assert message in report.books["a"][1]
    assert day.held("a", "ABC") == 10
    with day.desk.ledger.read() as connection:
        (kept,) = connection.execute(
            select(orders.c.state, orders.c.message).where(orders.c.client_order_id.contains("XYZ"))
        )
    assert (kept.state, message in kept.message) == ("rejected", True)


def test_x31_a_sale_that_the_broker_protects_against_is_not_tried_again(day: ScriptedDay) -> None:
    own(day, "10")
    refuse(day, 403, 40310100, "trade denied due to pattern day trading protection")
    report = sell(day)
    assert attempts(day, "S") == ["a1.s1"]
    assert report.books["a"][0] == "failed"
    assert day.held("a", "XYZ") == 10


def test_x14_a_rest_worth_less_than_a_dollar_is_not_ordered(day: ScriptedDay) -> None:
    """99.995 of 100 shares fill; the 50 cents that are left are no order, and no failure."""
    day.fill("XYZ.B.a1.s1", "99.995", after=5)
    assert buy(day).outcome == "success"
    assert day.orders("XYZ") == ["a1.s1 buy 100 at 100.10: canceled, 99.995 filled"]
    assert day.trade_of("a", "XYZ", FIRST) == ("filled", "")


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, FORBIDDEN, "account is restricted to liquidation only"),
        (401, 40110000, "request is not authorized"),
        (403, FORBIDDEN, "account is not authorized to trade"),
    ],
    ids=["restricted", "401", "blocked"],
)
def test_an_account_that_may_not_trade_is_halted(
    day: ScriptedDay, status: int, code: int, message: str
) -> None:
    """One refusal, and not one order more, in no symbol, until an operator resumes trading."""
    refuse(day, status, code, message)
    day.hold("ABC")
    report = buy(day)
    assert len(attempts(day)) == 1
    assert report.outcome == "failure"
    assert [line for line in day.orders("ABC") if ": filled" in line] == []
    with day.desk.ledger.read() as connection:
        assert message in str(rail_state(connection).halted_account)
    sent = len(day.sent())
    day.trade(SECOND, {"a": day.want("a", ABC="10")})
    assert len(day.sent()) == sent


def test_keys_refused_on_a_reading_stop_the_walk_and_a_restart_finishes_it(
    day: ScriptedDay,
) -> None:
    """Without keys nothing can be known: the run ends, and the orders are found again later."""
    refused = day.fault(
        action="status", status=401, match={"method": "GET", "path": "/v2/orders*"}, times=1
    )
    day.fill("XYZ.B.a1.s1", "100", after=5)
    with pytest.raises(Exception, match="HTTP 401"):
        buy(day)
    assert refused.fired == 1
    assert check_gate(day.desk, FIRST) is not None
    assert day.finish(FIRST).outcome == "success"
    assert day.orders("XYZ") == ["a1.s1 buy 100 at 100.10: filled, 100 filled"]
    assert day.differences() == []
