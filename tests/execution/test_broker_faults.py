"""A session on a broker that misbehaves: the shares wanted, each bought once, and books that agree.

Each fault is a rule of the embedded broker; every test makes sure that it really happened.
"""

import functools
from decimal import Decimal

import pytest
import requests

from alchemiser_dagster.execution.errors import OutcomeUnknown
from alchemiser_dagster.execution.gate import SessionRefused
from alchemiser_dagster.execution.gateway import Gateway

from .conftest import FIRST, SECOND, TradingDay, wish

D = Decimal
ORDER = {"method": "POST", "path": "/v2/orders"}
CANCEL = {"method": "DELETE", "path": "/v2/orders/*"}
BY_CLIENT_ID = {"path": "/v2/orders:by_client_order_id"}
QUOTES = {"path": "/v2/stocks/quotes/latest"}

FAULTS = {
    "429 before": {"action": "status", "status": 429, "match": ORDER, "times": 1},
    "500 before": {"action": "status", "status": 500, "match": ORDER, "times": 1},
    "502 html after": {
        "action": "status",
        "status": 502,
        "body": "html",
        "stage": "after_commit",
        "match": ORDER,
        "times": 1,
    },
    "504 after": {
        "action": "status",
        "status": 504,
        "stage": "after_commit",
        "match": ORDER,
        "times": 1,
    },
    "403 html after": {
        "action": "status",
        "status": 403,
        "body": "html",
        "stage": "after_commit",
        "match": ORDER,
        "times": 1,
    },
    "reset before": {"action": "reset", "match": ORDER, "times": 1},
    "reset after": {"action": "reset", "stage": "after_commit", "match": ORDER, "times": 1},
    "truncated": {"action": "truncate_body", "stage": "after_commit", "match": ORDER, "times": 1},
    "bad json": {"action": "bad_json", "stage": "after_commit", "match": ORDER, "times": 1},
    "unknown status": {
        "action": "unknown_enum",
        "stage": "after_commit",
        "match": ORDER,
        "times": 1,
    },
    "partial then canceled": {
        "action": "partial_then_cancel",
        "qty": 1,
        "match": ORDER,
        "times": 1,
    },
    "rejected late": {"action": "reject_async", "match": ORDER, "times": 1},
    "activities twice": {
        "action": "duplicate_items",
        "stage": "after_commit",
        "match": {"path": "/v2/account/activities/FILL"},
        "times": 2,
    },
    "crossed": {"action": "crossed", "stage": "after_commit", "match": QUOTES, "times": 1},
    "one side": {"action": "zero_side", "stage": "after_commit", "match": QUOTES, "times": 1},
    "clock ahead": {
        "action": "clock_skew",
        "seconds": 0.5,
        "stage": "after_commit",
        "match": {"path": "/v2/clock"},
        "times": 3,
    },
}


def bought_once(day: TradingDay) -> None:
    """Half of 6,000 dollars each in XYZ near 100 and ABC near 50; books and broker agree."""
    held = day.holdings()["a"]
    assert held["XYZ"] == pytest.approx(D("29.4"), rel=D("0.04"))
    assert held["ABC"] == pytest.approx(D("58.8"), rel=D("0.04"))
    at_broker = {s: p.quantity for s, p in day.desk.gateway.positions().items()}
    assert held == at_broker
    assert sum(day.cash().values()) == day.desk.gateway.account().cash


@pytest.mark.parametrize("name", FAULTS)
def test_wanted_shares_are_bought_once(day: TradingDay, name: str) -> None:
    day.open_window(FIRST)
    day.control.add_fault(**FAULTS[name])
    day.trade(FIRST, {"a": wish(XYZ="0.5", ABC="0.5"), "b": wish()})
    assert day.control.faults()[0]["fired"] >= 1
    bought_once(day)


def test_an_order_that_reads_do_not_show_yet_is_not_sent_again(day: TradingDay) -> None:
    """Accepted, the answer lost, and looked up too early: two readings find nothing."""
    day.open_window(FIRST)
    day.control.add_fault(action="reset", stage="after_commit", match=ORDER, times=1)
    day.control.add_fault(
        action="drop_item",
        stage="after_commit",
        match={"method": "GET", "path": "/v2/orders"},
        field="client_order_id",
        value="e.20261103.0.n2.XYZ.B.a1.s1",  # the first that is sent
        times=4,
    )
    missing = {"code": 40410000, "message": "order not found"}
    day.control.add_fault(action="status", status=404, body=missing, match=BY_CLIENT_ID, times=2)
    day.trade(FIRST, {"a": wish(XYZ="0.5", ABC="0.5"), "b": wish()})
    assert [rule["fired"] for rule in day.control.faults()] == [1, 4, 2]
    bought_once(day)


def test_an_answer_that_never_comes_ends_in_a_timeout_and_a_look(
    day: TradingDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = day.desk.gateway._trading._session
    asked = functools.partial(requests.Session.request, session, timeout=0.5)
    monkeypatch.setattr(session, "request", asked)
    day.open_window(FIRST)
    day.control.add_fault(action="hang", seconds=1, stage="after_commit", match=ORDER, times=1)
    day.trade(FIRST, {"a": wish(XYZ="0.5", ABC="0.5"), "b": wish()})
    bought_once(day)


@pytest.mark.parametrize("action", ["fill_before_cancel", "fill_on_canceled"])
def test_an_order_that_fills_while_it_is_canceled(day: TradingDay, action: str) -> None:
    """The quotes are so far apart that the first limit rests, and is then to be canceled."""
    day.open_window(FIRST)
    day.control.add_fault(action=action, match=CANCEL, times=1)
    day.trade(FIRST, {"a": wish(XYZ="0.5", ABC="0.5"), "b": wish()})
    bought_once(day)


def test_rejected_keys_stop_the_run_at_once(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.control.add_fault(action="status", status=401, match={"path": "/v2/account"})
    with pytest.raises(SessionRefused, match="HTTP 401"):
        day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish()})
    assert day.control.faults()[0]["fired"] == 1


def test_429_for_ever_leaves_no_order_and_no_doubt_that_it_is_unknown(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.control.add_fault(action="status", status=429, match=ORDER)
    gateway: Gateway = day.desk.gateway
    with pytest.raises(OutcomeUnknown, match="HTTP 429"):
        gateway.submit(
            client_order_id="one", symbol="XYZ", side="buy", quantity=D(1), limit_price=None
        )
    assert day.control.faults()[0]["fired"] == 1
    assert gateway.order("one") is None


def test_a_symbol_without_a_quote_is_not_priced_at_nothing(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.control.add_fault(action="missing_symbol", symbol="ABC", stage="after_commit", match=QUOTES)
    report = day.trade(FIRST, {"a": wish(ABC="1"), "b": wish(XYZ="1")})
    assert report.books["a"][0] == "failed"
    assert "ABC" in report.books["a"][1]
    assert set(day.desk.gateway.positions()) == {"XYZ"}


def test_a_holding_no_longer_fractionable_ends_without_a_loop(day: TradingDay) -> None:
    """What cannot be sold in fractions is said, and the session comes to its end."""
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="0.5", ABC="0.5"), "b": wish()})
    day.control.set_asset("XYZ", fractionable=False)
    day.open_window(SECOND)
    report = day.trade(SECOND, {"a": wish(ABC="1"), "b": wish()})
    assert report.books["a"][0] in ("traded", "partial", "failed")
    left = day.desk.gateway.positions().get("XYZ")
    assert left is None or left.quantity < 30


def test_a_trade_busted_overnight_is_taken_out_of_the_books(day: TradingDay) -> None:
    """The broker no longer has the shares, says so, and the next session trades what is left."""
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="0.5", ABC="0.5"), "b": wish()})
    day.control.add_fault(action="bust_fill", symbol="XYZ", match={"path": "/v2/clock"}, times=1)
    day.open_window(SECOND)
    report = day.trade(SECOND, {"a": wish(ABC="1"), "b": wish()})
    assert day.control.faults()[0]["fired"] == 1
    assert report.books["a"] == ("traded", "")
    assert set(day.holdings()["a"]) == {"ABC"}
    assert day.differences() == []


def test_buying_power_gone_in_the_middle_of_a_run(day: TradingDay) -> None:
    """The orders refused are not sent again and again; those before stand."""
    day.open_window(FIRST)
    day.control.add_fault(
        action="status",
        status=403,
        code=40310000,
        message="insufficient buying power",
        match={**ORDER, "symbol": "ABC"},
    )
    report = day.trade(FIRST, {"a": wish(XYZ="0.5", ABC="0.5"), "b": wish()})
    held = day.desk.gateway.positions()
    assert set(held) == {"XYZ"} == set(day.holdings()["a"])
    assert held["XYZ"].quantity == day.holdings()["a"]["XYZ"]
    assert report.books["a"][0] == "partial"
    assert report.outcome == "failure"  # one of two symbols
    assert 1 <= day.control.faults()[0]["fired"] <= 6
