"""The walk through the spread, step by step: what is sent, when, and for how many shares."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from alchemiser_dagster.execution.quality_records import block_quality
from alchemiser_dagster.ledger.queries import open_lots
from alchemiser_dagster.market.sessions import session_close

from .conftest import FIRST, SECOND
from .scripted import QUOTES, ScriptedDay

D = Decimal
CLOSE = session_close(FIRST)
READ_ORDERS = {"method": "GET", "path": "/v2/orders*"}
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


def own(day: ScriptedDay, shares: str, symbol: str = "XYZ") -> None:
    """The first session: the book buys shares at 100.00."""
    day.hold(symbol, "100.00/100.20")
    day.fill(f"{symbol}.B.a1.s1", shares, at="100.00")
    day.trade(FIRST, {"a": day.want("a", **{symbol: shares})})


def executed(day: ScriptedDay) -> list[tuple[Decimal, Decimal]]:
    """(shares, dollars) of each lot of the book."""
    with day.desk.ledger.read() as connection:
        return [(lot.quantity, lot.cost) for lot in open_lots(connection, book="a")]


def sent_at(day: ScriptedDay, symbol: str) -> list[datetime]:
    """When each order of the desk in a symbol came."""
    return [order.created_at for order in day._orders() if order.symbol == symbol]


# --- the limits ----------------------------------------------------------------------------------


def test_x01_a_purchase_walks_through_the_spread_and_then_pays_the_market(
    day: ScriptedDay,
) -> None:
    day.fill("XYZ.B.a1.s4", "100")
    assert buy(day) == "traded"
    assert day.orders("XYZ") == [
        "a1.s1 buy 100 at 100.10: canceled, 0 filled",
        "a1.s2 buy 100 at 100.15: canceled, 0 filled",
        "a1.s3 buy 100 at 100.19: canceled, 0 filled",
        "a1.s4 buy 100 market: filled, 100 filled",
    ]


def test_x02_a_sale_walks_the_other_way(day: ScriptedDay) -> None:
    own(day, "10")
    day.fill("XYZ.S.a1.s4", "10")
    day.trade(SECOND, {"a": day.want("a", ABC="1")})
    assert day.orders("XYZ")[-4:] == [
        "a1.s1 sell 10 at 100.10: canceled, 0 filled",
        "a1.s2 sell 10 at 100.05: canceled, 0 filled",
        "a1.s3 sell 10 at 100.01: canceled, 0 filled",
        "a1.s4 sell 10 market: filled, 10 filled",
    ]


def test_x03_an_order_that_would_be_placed_again_at_the_same_price_is_kept(
    day: ScriptedDay,
) -> None:
    """Quote 10.00/10.01: the third limit is the second, so nothing is cancelled in between."""
    day.hold("TEN", "10.00/10.01")
    day.fill("TEN.B.a1.s4", "100")
    day.trade(FIRST, {"a": day.want("a", TEN="100")})
    assert day.orders("TEN") == [
        "a1.s1 buy 100 at 10.00: canceled, 0 filled",
        "a1.s2 buy 100 at 10.01: canceled, 0 filled",
        "a1.s4 buy 100 market: filled, 100 filled",
    ]
    _, second, third = sent_at(day, "TEN")
    assert third - second >= timedelta(seconds=20)


@pytest.mark.parametrize(
    ("quote", "said"),
    [
        ("107.00/0", "one-sided quote"),
        ("100.10/100.00", "crossed quote"),
        ("100.00/115.00", "wide quote"),
        ("100.00/110.00", None),
    ],
    ids=["one-sided", "crossed", "13.95 % wide", "9.52 % will do"],
)
def test_x07_without_a_valid_quote_nothing_is_sent(
    day: ScriptedDay, quote: str, said: str | None
) -> None:
    """The quote goes bad after the plan was made, and is asked for three times more."""
    day.begin(FIRST, {"a": day.want("a", XYZ="100")})
    day.quote("XYZ", quote)
    began = day.broker.now
    day.finish(FIRST)
    if said is None:
        assert day.sent()
        return
    assert day.sent() == []
    state, reason = day.trade_of("a", "XYZ", FIRST)
    assert (state, reason.partition(":")[0]) == ("failed", "no valid quote")
    assert said in reason
    assert day.broker.now - began >= timedelta(seconds=3)


def test_x07_a_quote_that_comes_good_again_is_traded_on(day: ScriptedDay) -> None:
    day.fill("XYZ.B.a1.s1", "100")
    day.begin(FIRST, {"a": day.want("a", XYZ="100")})
    bad = day.fault(stage="after_commit", action="crossed", match={"path": QUOTES}, times=3)
    assert day.finish(FIRST).outcome == "success"
    assert bad.fired == 3


# --- what filled, and what is left ---------------------------------------------------------------


def test_x08_three_fills_have_one_vwap_and_one_slippage(day: ScriptedDay) -> None:
    """40 at 100.10, 35 at 100.15, 25 at 100.22: 100.1475, 4.745 bps above the mid on arrival."""
    day.fill("XYZ.B.a1.s1", "40", after=5)
    day.fill("XYZ.B.a1.s2", "35", after=5)
    day.fill("XYZ.B.a1.s4", "25", at="100.22", after=5)
    assert buy(day) == "traded"
    with day.desk.ledger.read() as connection:
        quality = block_quality(connection, f"{FIRST}.XYZ.2")
    assert (quality.arrival_mid, quality.vwap) == (D("100.10"), D("100.1475"))
    assert quality.slippage_bps is not None
    assert round(quality.slippage_bps, 3) == D("4.745")
    assert quality.slippage_dollars == D("4.75")
    assert (quality.steps, quality.order_types) == (4, ("limit", "market"))


def test_x09_fills_are_the_brokers_executions_not_its_average(day: ScriptedDay) -> None:
    """40 at 100.10, then 60 at 100.20; the average of 100.16 is booked nowhere."""
    day.fill("XYZ.B.a1.s4", "40", at="100.10", after=2)
    day.fill("XYZ.B.a1.s4", "60", at="100.20", after=4)
    assert buy(day) == "traded"
    assert executed(day) == [(D(40), D("4004.00")), (D(60), D("6012.00"))]


def test_x10_what_fills_while_an_order_is_cancelled_is_not_ordered_again(
    day: ScriptedDay,
) -> None:
    """30 had filled when the cancel was sent; 20 more fill before it is final."""
    day.fill("XYZ.B.a1.s1", "30", after=5)
    day.fill("XYZ.B.a1.s1", "20", at_cancel=True)
    day.fill("XYZ.B.a1.s2", "50", after=5)
    assert buy(day) == "traded"
    assert day.orders("XYZ") == [
        "a1.s1 buy 100 at 100.10: canceled, 50 filled",
        "a1.s2 buy 50 at 100.15: filled, 50 filled",
    ]
    assert day.held("a", "XYZ") == 100


@pytest.mark.parametrize("status", ["expired", "rejected", "canceled", "done_for_day"])
def test_x11_the_next_order_is_for_what_is_left(status: str) -> None:
    """4 of 10 fill, then the venue ends the order: 6 more are sold, and none of B's 5."""
    day = ScriptedDay.open(cash="20_000", books={"a": "0.5", "b": "0.5"})
    day.hold("XYZ", "100.00/100.20")
    day.fill("XYZ.B.a1.s1", "15")
    day.trade(FIRST, {"a": day.want("a", XYZ="10"), "b": day.want("b", XYZ="5")})
    day.fill("XYZ.S.a1.s1", "4", after=2)
    day.end("XYZ.S.a1.s1", status, after=3)
    day.fill("XYZ.S.a1.s2", "6", after=2)
    report = day.trade(SECOND, {"a": day.want("a", ABC="1"), "b": day.want("b")})
    assert report.books == {"a": ("traded", ""), "b": ("held", "")}
    assert day.orders("XYZ")[1:] == [
        f"a1.s1 sell 10 at 100.10: {status}, 4 filled",
        "a1.s2 sell 6 at 100.05: filled, 6 filled",
    ]
    assert [day.held(book, "XYZ") for book in ("a", "b")] == [D(0), D(5)]
    assert day.differences() == []


def test_x12_what_did_not_fill_in_time_goes_back_to_the_book(day: ScriptedDay) -> None:
    """37 of 100 fill before the deadline; the rest is cancelled, and its dollars stay cash."""
    day.fill("XYZ.B.a1.s4", "37", after=5)
    assert buy(day, seconds_left=80) == "partial"
    assert day.orders("XYZ") == ["a1.s4 buy 100 market: canceled, 37 filled"]
    assert executed(day) == [(D(37), D("3707.40"))]
    assert day.cash()["a"] == D("20000") - D("3707.40")
    assert day.trade_of("a", "XYZ", FIRST)[0] == "partial"


@pytest.mark.parametrize("held", ["7.2273576", "0.123456789"])
def test_x13_an_exit_sells_all_nine_decimals(day: ScriptedDay, held: str) -> None:
    """7.2273576 shares are owned, so 7.227358 are never asked for."""
    day.fill("XYZ.B.a1.s1", held, after=5)
    day.end("XYZ.B.a1.s1", "canceled", after=6)
    for step in ("s2", "s3", "s4"):
        day.end(f"XYZ.B.a1.{step}", "canceled")
    buy(day, "8")
    assert day.held("a", "XYZ") == D(held)
    day.fill("XYZ.S.a1.s1", held)
    day.trade(SECOND, {"a": day.want("a", ABC="1")})
    assert day.orders("XYZ")[-1] == f"a1.s1 sell {held} at 100.10: filled, {held} filled"
    assert day.held("a", "XYZ") == 0


def test_x32_a_market_order_that_stays_partly_filled_is_ended(day: ScriptedDay) -> None:
    """After 30 seconds of a halt it is cancelled; what filled is booked, and the trade partial."""
    day.fill("XYZ.B.a1.s4", "25", after=10)
    assert buy(day) == "partial"
    assert day.orders("XYZ")[-1] == "a1.s4 buy 100 market: canceled, 25 filled"
    (*_, last) = day._orders()
    assert last.canceled_at is not None
    assert timedelta(seconds=30) <= last.canceled_at - last.created_at < timedelta(seconds=35)
    assert day.held("a", "XYZ") == 25
    assert not day.broker.brokerage.state.orders


def test_x34_the_ledger_has_the_price_paid_not_the_mid(day: ScriptedDay) -> None:
    """2 shares at 50.125 with a mid of 50.00 on arrival: 25 bps, 25 cents."""
    day.hold("ABC", "49.70/50.30")
    day.fill("ABC.B.a1.s2", "2", at="50.125")
    day.trade(FIRST, {"a": day.want("a", ABC="2")})
    assert executed(day) == [(D(2), D("100.25"))]
    with day.desk.ledger.read() as connection:
        quality = block_quality(connection, f"{FIRST}.ABC.2")
    assert (quality.slippage_bps, quality.slippage_dollars) == (D("25.00"), D("0.25"))
