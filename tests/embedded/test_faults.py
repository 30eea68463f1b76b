"""Faults through the SDK: what the client sees, and what is on the broker's book meanwhile."""

import functools
import json
import re
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderStatus
from alpaca.trading.requests import ReplaceOrderRequest
from pydantic import ValidationError

from alchemiser_dagster.embedded import Connection, ControlError, read_rules
from tests.embedded.conftest import Desk, Open, new_york, tiny_bars
from tests.embedded.order_requests import limit

POST_ORDER = {"method": "POST", "path": "/v2/orders"}
GET_ORDER = {"method": "GET", "path": "/v2/orders*"}
QUOTES = StockLatestQuoteRequest(symbol_or_symbols=["STILL", "WILD"])


def resting(name: str = "one", qty: str = "2") -> object:
    return limit("buy", "STILL", qty, "90.00", client_order_id=name)


def on_the_book(desk: Desk) -> list[str]:
    return [
        row["client_order_id"]
        for row in desk.trading.get("/orders", {"status": "all", "limit": 500, "direction": "asc"})
    ]


def fired(desk: Desk) -> list[int]:
    return [rule["fired"] for rule in desk.control.faults()]


def test_two_429_then_an_answer(desk: Desk) -> None:
    desk.control.add_fault(action="status", status=429, times=2, match={"path": "/v2/clock"})
    assert desk.trading.get_clock().is_open
    (rule,) = desk.control.faults()
    assert (rule["seen"], rule["fired"]) == (3, 2)


def test_429_for_ever_leaves_no_order(desk: Desk) -> None:
    desk.control.add_fault(action="status", status=429, match=POST_ORDER)
    with pytest.raises(APIError) as refused:
        desk.trading.submit_order(resting())
    assert (refused.value.status_code, refused.value.code) == (429, 42910000)
    assert fired(desk) == [4]  # the SDK tries four times
    assert on_the_book(desk) == []


def test_504_after_acceptance_is_sent_again_by_the_sdk(desk: Desk) -> None:
    """With a client id the second one is refused as a duplicate: the order is live."""
    desk.control.add_fault(
        action="status", status=504, body="html", stage="after_commit", match=POST_ORDER, times=1
    )
    with pytest.raises(APIError) as refused:
        desk.trading.submit_order(resting())
    assert refused.value.status_code == 422
    assert on_the_book(desk) == ["one"]
    assert desk.trading.get_order_by_client_id("one").status is OrderStatus.NEW


def test_504_after_acceptance_without_a_client_id_makes_two_orders(desk: Desk) -> None:
    desk.control.add_fault(
        action="status", status=504, stage="after_commit", match=POST_ORDER, times=1
    )
    desk.trading.submit_order(limit("buy", "STILL", "2", "90.00"))
    assert len(on_the_book(desk)) == 2


@pytest.mark.parametrize("stage", ["before", "after_commit"])
@pytest.mark.parametrize(
    "fault",
    [
        {"action": "status", "status": 500},
        {"action": "status", "status": 502, "body": "html"},
        {"action": "status", "status": 503, "body": "empty"},
        {"action": "status", "status": 403, "body": "html"},
        {"action": "redirect", "location": "/elsewhere"},
        {"action": "reset"},
        {"action": "hang", "seconds": 0.2},
    ],
)
def test_stage_says_whether_the_order_is_on_the_book(
    desk: Desk, stage: str, fault: dict[str, object]
) -> None:
    desk.control.add_fault(stage=stage, match=POST_ORDER, times=1, **fault)
    with pytest.raises((APIError, requests.RequestException, TypeError)):
        desk.trading.submit_order(resting())
    assert fired(desk) == [1]
    assert on_the_book(desk) == (["one"] if stage == "after_commit" else [])
    assert desk.trading.get_clock().is_open


def test_hang_meets_the_clients_timeout(desk: Desk) -> None:
    session = desk.trading._session
    session.request = functools.partial(session.request, timeout=(2, 0.3))  # type: ignore[method-assign]
    desk.control.add_fault(
        action="hang", seconds=2, stage="after_commit", match=POST_ORDER, times=1
    )
    with pytest.raises(requests.ReadTimeout):
        desk.trading.submit_order(resting())
    assert on_the_book(desk) == ["one"]


def test_delay_changes_nothing_but_the_time(desk: Desk) -> None:
    desk.control.add_fault(action="delay", seconds=0.2, match=POST_ORDER)
    order = desk.trading.submit_order(resting())
    assert order.status is OrderStatus.PENDING_NEW


@pytest.mark.parametrize("action", ["truncate_body", "bad_json"])
def test_broken_body_of_an_accepted_order(desk: Desk, action: str) -> None:
    desk.control.add_fault(action=action, stage="after_commit", match=POST_ORDER, times=1)
    with pytest.raises(requests.RequestException):
        desk.trading.submit_order(resting())
    assert on_the_book(desk) == ["one"]


@pytest.mark.parametrize("field", ["status", "asset_class"])
def test_unknown_enum_in_the_answer_of_an_accepted_order(desk: Desk, field: str) -> None:
    desk.control.add_fault(
        action="unknown_enum", field=field, stage="after_commit", match=POST_ORDER, times=1
    )
    with pytest.raises(ValidationError):
        desk.trading.submit_order(resting())
    assert on_the_book(desk) == ["one"]


def test_null_where_the_sdk_wants_a_value(desk: Desk) -> None:
    desk.control.add_fault(
        action="null_field", field="updated_at", stage="after_commit", match=GET_ORDER, times=1
    )
    order = desk.trading.submit_order(resting())
    with pytest.raises(ValidationError):
        desk.trading.get_order_by_id(order.id)


def test_reading_by_client_id_lags(desk: Desk) -> None:
    """For two simulated seconds the new order cannot be found."""
    desk.control.advance(10)
    desk.control.add_fault(
        action="stale_order", seconds=2, stage="after_commit", match={"path": "/v2/orders:*"}
    )
    desk.trading.submit_order(resting())
    with pytest.raises(APIError) as refused:
        desk.trading.get_order_by_client_id("one")
    assert refused.value.status_code == 404
    desk.control.advance(2.1)
    assert desk.trading.get_order_by_client_id("one").status is OrderStatus.NEW


def test_order_list_lags(desk: Desk) -> None:
    desk.control.add_fault(action="stale_order", seconds=5, stage="after_commit", match=GET_ORDER)
    desk.trading.submit_order(resting("first"))
    desk.control.advance(10)
    desk.trading.submit_order(resting("second"))
    assert on_the_book(desk) == ["first"]


def test_list_leaves_an_order_out(desk: Desk) -> None:
    desk.trading.submit_order(resting("first"))
    desk.trading.submit_order(resting("second"))
    desk.control.add_fault(
        action="drop_item",
        field="client_order_id",
        value="first",
        stage="after_commit",
        match={"path": "/v2/orders"},
    )
    assert on_the_book(desk) == ["second"]
    assert desk.trading.get_order_by_client_id("first").status is OrderStatus.NEW


def test_list_comes_the_other_way_round(desk: Desk) -> None:
    for name in ("first", "second"):
        desk.trading.submit_order(resting(name))
    desk.control.add_fault(
        action="reverse_items", stage="after_commit", match={"path": "/v2/orders"}
    )
    assert on_the_book(desk) == ["second", "first"]


def test_fill_comes_before_the_cancel(desk: Desk) -> None:
    order = desk.trading.submit_order(resting())
    desk.control.add_fault(action="fill_before_cancel", match={"method": "DELETE"})
    with pytest.raises(APIError) as refused:
        desk.trading.cancel_order_by_id(order.id)
    assert refused.value.message == 'order is already in "filled" state'
    assert desk.trading.get_order_by_id(order.id).filled_avg_price == "90"
    assert desk.trading.get_open_position("STILL").qty == "2"


def test_cancel_is_taken_but_the_order_fills(desk: Desk) -> None:
    order = desk.trading.submit_order(resting())
    desk.control.add_fault(action="fill_on_canceled", match={"method": "DELETE"})
    desk.trading.cancel_order_by_id(order.id)
    assert desk.trading.get_order_by_id(order.id).status is OrderStatus.FILLED


def test_cancel_is_taken_and_lost(desk: Desk) -> None:
    order = desk.trading.submit_order(resting())
    desk.control.add_fault(action="cancel_lost", match={"method": "DELETE"}, times=1)
    desk.trading.cancel_order_by_id(order.id)
    assert desk.trading.get_order_by_id(order.id).status is OrderStatus.NEW
    desk.trading.cancel_order_by_id(order.id)
    assert desk.trading.get_order_by_id(order.id).status is OrderStatus.CANCELED


def test_partial_fill_then_the_venue_cancels(desk: Desk) -> None:
    desk.control.add_fault(action="partial_then_cancel", qty=3, match={"symbol": "STILL"})
    order = desk.trading.submit_order(resting(qty="10"))
    done = desk.trading.get_order_by_id(order.id)
    assert (done.status, done.filled_qty) == (OrderStatus.CANCELED, "3")
    assert desk.trading.get_account().cash == "99730"
    assert desk.trading.get_account().buying_power == "99730"


@pytest.mark.parametrize(
    ("action", "status"),
    [("reject_async", OrderStatus.REJECTED), ("expire_early", OrderStatus.EXPIRED)],
)
def test_order_ends_after_a_good_answer(desk: Desk, action: str, status: OrderStatus) -> None:
    desk.control.add_fault(action=action, match={"client_order_id": "on*"}, times=1)
    order = desk.trading.submit_order(resting())
    assert order.status is OrderStatus.PENDING_NEW
    assert desk.trading.get_order_by_id(order.id).status is status
    assert desk.trading.get_account().buying_power == "100000"


def test_replacement_comes_too_late(desk: Desk) -> None:
    """The old order fills; the new one, answered 200, is rejected: exposure is the old one's."""
    old = desk.trading.submit_order(resting())
    desk.control.add_fault(action="replace_lost", match={"method": "PATCH"})
    new = desk.trading.replace_order_by_id(old.id, ReplaceOrderRequest(qty=5))
    assert desk.trading.get_order_by_id(old.id).status is OrderStatus.FILLED
    assert desk.trading.get_order_by_id(new.id).status is OrderStatus.REJECTED
    assert desk.trading.get_open_position("STILL").qty == "2"


def test_quotes_go_wrong(desk: Desk) -> None:
    def one_quote(**fault: object) -> object:
        desk.control.clear_faults()
        desk.control.add_fault(stage="after_commit", symbol="STILL", **fault)
        return desk.data.get_stock_latest_quote(QUOTES)

    fine = desk.data.get_stock_latest_quote(QUOTES)
    stale = one_quote(action="stale_quote", seconds=1200)
    assert stale["STILL"].timestamp == fine["STILL"].timestamp - timedelta(minutes=20)
    assert stale["WILD"] == fine["WILD"]
    assert one_quote(action="zero_side", side="ask")["STILL"].ask_price == 0
    swapped = one_quote(action="crossed")["STILL"]
    assert swapped.bid_price > swapped.ask_price
    equal = one_quote(action="locked")["STILL"]
    assert equal.bid_price == equal.ask_price
    assert list(one_quote(action="missing_symbol")) == ["WILD"]


def test_clock_is_ahead(desk: Desk) -> None:
    desk.control.add_fault(action="clock_skew", seconds=90, stage="after_commit")
    assert desk.trading.get_clock().timestamp == new_york("2024-03-18 10:01:30")


def test_pages_of_bars_go_wrong(desk: Desk) -> None:
    request = StockBarsRequest(
        symbol_or_symbols=["CALM", "STILL"],
        timeframe=TimeFrame.Day,
        start=datetime(2024, 1, 1, tzinfo=UTC),
    )
    bars = {"path": "/v2/stocks/bars"}
    desk.control.add_fault(
        action="missing_bar", date="2024-03-06", stage="after_commit", match=bars
    )
    days = [bar.timestamp.day for bar in desk.data.get_stock_bars(request)["CALM"]]
    assert days[:3] == [4, 5, 7]
    desk.control.clear_faults()
    desk.control.add_fault(action="status", status=500, match=bars, when={"nth": 2})
    query = {"symbols": "CALM,STILL", "timeframe": "1Day", "limit": 15}
    token = desk.data.get("/stocks/bars", query)["next_page_token"]
    with pytest.raises(APIError):
        desk.data.get("/stocks/bars", {**query, "page_token": token})
    desk.control.clear_faults()
    desk.control.add_fault(
        action="set_field", field="next_page_token", value="", stage="after_commit", match=bars
    )
    assert desk.data.get("/stocks/bars", query)["next_page_token"] == ""


def test_when(desk: Desk) -> None:
    """Six requests for the clock, of which those marked x are refused."""

    def pattern(**when: object) -> str:
        desk.control.clear_faults()
        desk.control.add_fault(action="status", status=500, when=when)
        marks = ""
        for _ in range(6):
            try:
                desk.trading.get_clock()
                marks += "."
            except APIError:
                marks += "x"
        return marks

    assert pattern(nth=2) == ".x...."
    assert pattern(after=4) == "....xx"
    assert pattern(every=3) == "..x..x"
    assert pattern(probability=0.0) == "......"
    assert pattern(probability=1.0) == "xxxxxx"
    assert pattern(until="2024-03-18T09:59:00-04:00") == "......"
    assert pattern(**{"from": "2024-03-18T09:59:00-04:00"}) == "xxxxxx"
    by_chance = pattern(probability=0.5)
    assert set(by_chance) == {".", "x"}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"action": "explode"}, "expected an action of stage before"),
        ({"action": "status", "stage": "later"}, "expected a stage of"),
        ({"action": "bad_json"}, "expected an action of stage before"),
        ({"action": "status", "match": {"colour": "red"}}, "expected match with some of"),
        ({"action": "status", "when": {"probability": 2}}, "expected a probability from 0 to 1"),
        ({"action": "crash"}, "was in a thread"),
    ],
)
def test_rules_that_make_no_sense(desk: Desk, rule: dict[str, object], message: str) -> None:
    with pytest.raises(ControlError, match=message):
        desk.control.add_fault(**rule)
    assert desk.control.faults() == []


@pytest.mark.parametrize(("stage", "on_book"), [("before", False), ("after_commit", True)])
def test_crash_before_or_after_commit(tmp_path: Path, stage: str, on_book: bool) -> None:
    """The server dies of one request; started again, the order is absent or present, as it was."""
    bars, state, rules = (tmp_path / n for n in ("bars.parquet", "broker.sqlite", "faults.toml"))
    tiny_bars().write_parquet(bars)
    rules.write_text(
        f'[[fault]]\naction = "crash"\nstage = "{stage}"\nmatch = {{ client_order_id = "fatal" }}\n'
    )
    command = [
        sys.executable,
        "-m",
        "alchemiser_dagster.embedded",
        "--at",
        "2024-03-18T10:00-04:00",
    ]
    command += ["--bars", str(bars), "--state", str(state)]
    found = []
    for extra in (["--faults", str(rules)], []):
        with subprocess.Popen([*command, *extra], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            keys = Connection.read(Path(ready["connection"])).credentials
            client = TradingClient(keys.api_key, keys.secret_key, url_override=ready["url"])
            if extra:
                client.submit_order(resting("safe"))
                with pytest.raises(requests.ConnectionError):
                    client.submit_order(resting("fatal"))
                assert process.wait() == -9
            else:
                found = [row["client_order_id"] for row in client.get("/orders")]
                process.kill()
    assert found == (["fatal", "safe"] if on_book else ["safe"])


def test_faults_given_at_the_start(open_desk: Open) -> None:
    desk = open_desk(faults=[{"action": "status", "status": 500, "match": {"path": "/v2/account"}}])
    with pytest.raises(APIError):
        desk.trading.get_account()
    with pytest.raises(APIError, match="order not found"):
        desk.trading.get_order_by_id(uuid.uuid4())


def test_the_examples_of_the_page_are_rules(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "embedded_broker.md"
    (example,) = re.findall(r"```toml\n(.*?)```", page.read_text(), flags=re.DOTALL)
    file = tmp_path / "faults.toml"
    file.write_text(example)
    assert [rule["action"] for rule in read_rules(file)] == ["reset", "status", "bust_fill"]
