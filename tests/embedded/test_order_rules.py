"""What the broker refuses, with Alpaca's status, code and message."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderStatus
from alpaca.trading.requests import ClosePositionRequest

from tests.embedded.conftest import Desk, Open
from tests.embedded.order_requests import dollars, limit, market


def post(desk: Desk, **body: object) -> requests.Response:
    """Submit a body as it is, past the SDK's own checks."""
    order = {"symbol": "STILL", "side": "buy", "type": "limit", "time_in_force": "day", **body}
    keys = {
        "APCA-API-KEY-ID": desk.broker.api_key,
        "APCA-API-SECRET-KEY": desk.broker.secret_key,
    }
    return requests.post(f"{desk.broker.url}/v2/orders", json=order, headers=keys, timeout=10)


def refusal(answer: requests.Response) -> tuple[int, int, str]:
    body = answer.json()
    return answer.status_code, body["code"], body["message"]


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        ({"qty": 1, "limit_price": 189.123}, 422, 42210000, "sub-penny increment"),
        ({"qty": 1, "limit_price": 0.12345}, 422, 42210000, "sub-penny increment"),
        ({"qty": 1, "limit_price": 1.001}, 422, 42210000, "sub-penny increment"),
        ({"qty": 1, "limit_price": 0}, 422, 40010001, "limit price must be > 0"),
        ({"qty": 1}, 422, 40010001, "limit orders require a limit price"),
        ({"limit_price": 10}, 422, 40010001, "qty or notional is required"),
        ({"qty": 0, "limit_price": 10}, 422, 40010001, "qty must be > 0"),
        ({"qty": -1, "limit_price": 10}, 422, 40010001, "qty must be > 0"),
        ({"qty": 0.1 + 0.2, "limit_price": 10}, 422, 40010001, "9 decimal places"),
        ({"qty": 1, "notional": 5, "type": "market"}, 422, 40010001, "only one of qty or notional"),
        ({"notional": 500.755, "type": "market"}, 422, 42210000, "limited to 2 decimal places"),
        ({"notional": 0.99, "type": "market"}, 422, 40010001, "notional must be >= 1.00"),
        ({"qty": 0.001, "type": "market"}, 403, 40310000, "cost basis must be >= minimal amount"),
        ({"qty": 1.5, "limit_price": 10, "time_in_force": "gtc"}, 422, 42210000, "DAY orders"),
        ({"qty": 1, "type": "market", "extended_hours": True}, 422, 42210000, "extended hours"),
        ({"qty": 1, "limit_price": 10, "symbol": "ZZZZ"}, 422, 42210000, 'asset "ZZZZ" not found'),
        ({"qty": 1, "limit_price": 10, "side": "hold"}, 422, 40010001, 'invalid side "hold"'),
        ({"qty": True, "limit_price": 10}, 400, 40010000, "qty must be a number"),
        ({"qty": "1e30", "limit_price": 10}, 400, 40010000, "qty is out of range"),
        ({"qty": "NaN", "limit_price": 10}, 400, 40010000, "qty is out of range"),
    ],
)
def test_refused_at_submission(
    desk: Desk, body: dict[str, object], status: int, code: int, message: str
) -> None:
    answer = post(desk, **body)
    assert refusal(answer)[:2] == (status, code)
    assert message in refusal(answer)[2]
    assert desk.trading.get_orders() == []


@pytest.mark.parametrize(
    "body",
    [
        {"qty": 1, "limit_price": 99.1},
        {"qty": "1", "limit_price": "99.10"},
        {"qty": 1, "limit_price": 0.1234, "symbol": "THIN"},
        {"qty": 0.123456789, "limit_price": 50},
    ],
)
def test_accepted_at_submission(desk: Desk, body: dict[str, object]) -> None:
    assert post(desk, **body).status_code == 200


def test_smallest_quantity_is_a_billionth(desk: Desk) -> None:
    """A billionth of a share is a valid quantity; to buy it is below the least value."""
    assert "cost basis" in refusal(post(desk, qty=1e-9, limit_price=50))[2]
    desk.trading.submit_order(market("buy", "STILL", "1"))
    assert post(desk, side="sell", qty=1e-9, limit_price=99).status_code == 200


def test_client_order_id_is_unique_for_ever(desk: Desk) -> None:
    for side, price in (("buy", "90.00"), ("buy", "101.00")):
        name = f"once {price}"
        order = desk.trading.submit_order(limit(side, "STILL", "1", price, client_order_id=name))
        with pytest.raises(APIError) as refused:
            desk.trading.submit_order(limit(side, "STILL", "1", price, client_order_id=name))
        assert (refused.value.status_code, refused.value.code) == (422, 40010001)
        assert refused.value.message == "client_order_id must be unique"
        assert desk.trading.get_order_by_client_id(name).id == order.id
    desk.control.advance_to("next_close")
    desk.control.advance_to("next_open")
    with pytest.raises(APIError, match="must be unique"):
        desk.trading.submit_order(limit("buy", "STILL", "1", "90.00", client_order_id="once 90.00"))


def test_client_order_id_length_and_characters(desk: Desk) -> None:
    for name in ("x" * 128, "a:b", "a b", "a/b", "paper.20240318.0.nuclear.TQQQ.B.a1.s1"):
        order = desk.trading.submit_order(limit("buy", "STILL", "1", "9.00", client_order_id=name))
        assert desk.trading.get_order_by_client_id(name).id == order.id
    with pytest.raises(APIError, match="no more than 128 characters"):
        desk.trading.submit_order(limit("buy", "STILL", "1", "9.00", client_order_id="x" * 129))
    with pytest.raises(APIError) as refused:
        desk.trading.get_order_by_client_id("never sent")
    assert refused.value.status_code == 404


def test_eight_parallel_submissions_of_one_id_make_one_order(desk: Desk) -> None:
    with ThreadPoolExecutor(8) as pool:
        body = {"qty": 1, "limit_price": 90, "client_order_id": "one"}
        answers = list(pool.map(lambda _: post(desk, **body), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 7
    assert len(desk.trading.get_orders()) == 1


def test_selling_more_than_is_free(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "STILL", "10"))
    desk.trading.submit_order(limit("sell", "STILL", "9.45", "120.00"))
    assert desk.trading.get_open_position("STILL").qty_available == "0.55"
    with pytest.raises(APIError) as refused:
        desk.trading.submit_order(market("sell", "STILL", "1.05"))
    assert refused.value.status_code == 403
    assert json.loads(str(refused.value)) == {
        "code": 40310000,
        "message": "insufficient qty available for order (requested: 1.05, available: 0.55)",
        "available": "0.55",
        "existing_qty": "10",
        "held_for_orders": "9.45",
        "symbol": "STILL",
    }


def test_short_sales(desk: Desk, open_desk: Open) -> None:
    with pytest.raises(APIError, match="account is not allowed to short"):
        desk.trading.submit_order(market("sell", "STILL", "1"))
    margin = open_desk(margin_multiplier="2")
    with pytest.raises(APIError, match="fractional orders cannot be sold short"):
        margin.trading.submit_order(market("sell", "STILL", "0.5"))
    margin.control.set_asset("STILL", shortable=False)
    with pytest.raises(APIError, match="cannot be sold short"):
        margin.trading.submit_order(market("sell", "STILL", "1"))


def test_asset_flags(desk: Desk) -> None:
    desk.control.set_asset("STILL", fractionable=False)
    assert desk.trading.get_asset("STILL").fractionable is False
    with pytest.raises(APIError) as refused:
        desk.trading.submit_order(market("buy", "STILL", "1.5"))
    assert (refused.value.status_code, refused.value.code) == (403, 40310000)
    assert refused.value.message == 'asset "STILL" is not fractionable'
    desk.control.set_asset("STILL", tradable=False)
    with pytest.raises(APIError, match="is not tradable"):
        desk.trading.submit_order(market("buy", "STILL", "1"))
    desk.control.set_asset("STILL", active=False)
    with pytest.raises(APIError, match="is not active"):
        desk.trading.submit_order(market("buy", "STILL", "1"))


def test_position_intent_must_fit(desk: Desk) -> None:
    answer = post(desk, qty=1, limit_price=90, position_intent="buy_to_close")
    assert refusal(answer)[2] == (
        "position intent mismatch, inferred: buy_to_open, specified: buy_to_close"
    )
    assert post(desk, qty=1, limit_price=90, position_intent="buy_to_open").status_code == 200


def shape(kind: str, side: str) -> dict[str, object]:
    """An order of a kind; limits stand at 95 or 105, stops where the side may have them."""
    stop = 105 if side == "buy" else 95
    return {
        "market": {"type": "market"},
        "low limit": {"type": "limit", "limit_price": 95},
        "high limit": {"type": "limit", "limit_price": 105},
        "stop": {"type": "stop", "stop_price": stop},
        "stop limit": {"type": "stop_limit", "stop_price": stop, "limit_price": stop},
    }[kind]


KINDS = ("market", "low limit", "high limit", "stop", "stop limit")


@pytest.mark.parametrize(
    ("standing", "coming", "side"),
    [(s, c, side) for s, c in itertools.product(KINDS, KINDS) for side in ("buy", "sell")],
)
def test_wash_trades(open_desk: Open, standing: str, coming: str, side: str) -> None:
    """Sent after hours, so that the first order stands; 2 shares of STILL are held.

    Two orders with limits stand together if the buy's is below the sale's; nothing else does.
    """
    desk = open_desk()
    desk.trading.submit_order(market("buy", "STILL", "2"))
    desk.control.advance_to("next_close")
    opposite = "sell" if side == "buy" else "buy"
    first, second = shape(standing, side), shape(coming, opposite)
    stood = post(desk, qty=1, side=side, **first)
    came = post(desk, qty=1, side=opposite, **second)
    assert stood.status_code == 200
    limits = {side: first.get("limit_price"), opposite: second.get("limit_price")}
    if None not in limits.values() and limits["buy"] < limits["sell"]:  # type: ignore[operator]
        assert came.status_code == 200
        return
    assert refusal(came) == (403, 40310000, "potential wash trade detected. use complex orders")
    kind = "limit" if "limit" in standing else "market/stop"
    assert came.json()["reject_reason"] == f"opposite side {kind} order exists"
    assert came.json()["existing_order_id"] == stood.json()["id"]


def test_closing_positions(desk: Desk) -> None:
    with pytest.raises(APIError) as refused:
        desk.trading.close_position("STILL")
    assert refused.value.message == "position does not exist"
    desk.trading.submit_order(market("buy", "STILL", "10"))
    desk.trading.submit_order(market("buy", "CALM", "1.5"))
    third = desk.trading.close_position("STILL", ClosePositionRequest(percentage="33.3333"))
    assert third.qty == "3"  # whole shares stay whole
    part = desk.trading.close_position("CALM", ClosePositionRequest(percentage="33.3333"))
    assert part.qty == "0.4999995"
    two = desk.trading.close_position("STILL", ClosePositionRequest(qty="2"))
    assert desk.trading.get_order_by_id(two.id).status is OrderStatus.FILLED
    assert desk.trading.get_open_position("STILL").qty == "5"
    with pytest.raises(APIError, match="insufficient qty"):
        desk.trading.close_position("STILL", ClosePositionRequest(qty="6"))


def test_closing_all_positions(desk: Desk) -> None:
    for symbol in ("CALM", "STILL"):
        desk.trading.submit_order(market("buy", symbol, "4"))
    desk.trading.submit_order(limit("sell", "STILL", "1", "200.00"))
    rows = desk.trading.close_all_positions(cancel_orders=False)
    assert [(row.symbol, row.status) for row in rows] == [("CALM", 200), ("STILL", 403)]
    assert rows[1].body.code == 40310000
    rows = desk.trading.close_all_positions(cancel_orders=True)
    assert [(row.symbol, row.status) for row in rows] == [("STILL", 200)]
    assert desk.trading.get_all_positions() == []
    assert desk.trading.close_all_positions() == []


def test_whole_share_sale_below_a_dollar_is_taken(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "THIN", "3"))
    order = desk.trading.submit_order(market("sell", "THIN", "1"))
    assert desk.trading.get_order_by_id(order.id).status is OrderStatus.FILLED


def test_dollar_order_of_an_unfractionable_asset(desk: Desk) -> None:
    desk.control.set_asset("STILL", fractionable=False)
    with pytest.raises(APIError, match="is not fractionable"):
        desk.trading.submit_order(dollars("buy", "STILL", "100"))
