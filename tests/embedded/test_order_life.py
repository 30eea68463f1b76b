"""The life of an order through the SDK: accepted, new, filled, cancelled, expired, replaced."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderClass, OrderStatus, PositionIntent, QueryOrderStatus
from alpaca.trading.requests import GetOrdersRequest, ReplaceOrderRequest

from alchemiser_dagster.embedded import Profile
from tests.embedded.conftest import Desk, Open, new_york
from tests.embedded.order_requests import dollars, limit, market


def test_limit_buy_in_session(desk: Desk) -> None:
    order = desk.trading.submit_order(limit("buy", "STILL", "10", "90.00"))
    assert order.status is OrderStatus.PENDING_NEW
    assert order.order_class is OrderClass.SIMPLE
    assert order.position_intent is PositionIntent.BUY_TO_OPEN
    assert order.expires_at == new_york("2024-03-18 16:00")
    assert desk.trading.get_order_by_id(order.id).status is OrderStatus.NEW


def test_marketable_limit_fills_at_the_touch(desk: Desk) -> None:
    order = desk.trading.submit_order(limit("buy", "STILL", "10", "101.00"))
    filled = desk.trading.get_order_by_id(order.id)
    assert filled.status is OrderStatus.FILLED
    assert (filled.filled_qty, filled.filled_avg_price) == ("10", "100.01")
    (fill,) = desk.trading.get("/account/activities/FILL")
    assert (fill["cum_qty"], fill["leaves_qty"], fill["type"]) == ("10", "0", "fill")
    assert (fill["price"], fill["order_id"]) == ("100.01", str(order.id))


def test_resting_limit_fills_at_its_price_when_the_market_comes_to_it(desk: Desk) -> None:
    """WILD ranges from 16 to 24 each day and stands between at the open."""
    order = desk.trading.submit_order(limit("buy", "WILD", "10", "16.50"))
    desk.control.advance_to("next_close")
    filled = desk.trading.get_order_by_id(order.id)
    assert filled.status in (OrderStatus.FILLED, OrderStatus.EXPIRED)
    if filled.status is OrderStatus.EXPIRED:  # the low came before ten o'clock
        filled = _next_day(desk)
    assert filled.filled_avg_price == "16.5"


def _next_day(desk: Desk) -> object:
    desk.control.advance_to("next_open")
    order = desk.trading.submit_order(limit("buy", "WILD", "10", "16.50"))
    desk.control.advance_to("next_close")
    return desk.trading.get_order_by_id(order.id)


def test_order_after_the_close_waits_for_the_next_open(open_desk: Open) -> None:
    desk = open_desk("2024-03-18 16:30")
    order = desk.trading.submit_order(limit("buy", "CALM", "1", "70.00"))
    assert order.status is OrderStatus.ACCEPTED
    assert order.expires_at == new_york("2024-03-19 16:00")
    desk.control.advance_to(new_york("2024-03-19 09:29"))
    assert desk.trading.get_order_by_id(order.id).status is OrderStatus.ACCEPTED
    desk.control.advance_to("next_open")
    filled = desk.trading.get_order_by_id(order.id)
    assert filled.status is OrderStatus.FILLED
    assert Decimal(str(filled.filled_avg_price)) == Decimal("61.01")  # opens at 61, ask a cent up


def test_partial_fills_add_up(open_desk: Open) -> None:
    desk = open_desk(profile=Profile(partial_fills=1.0))
    order = desk.trading.submit_order(market("buy", "CALM", "100"))
    after_first = desk.trading.get_order_by_id(order.id)
    assert after_first.status is OrderStatus.PARTIALLY_FILLED
    desk.control.advance_to("next_close")
    fills = desk.trading.get("/account/activities/FILL", {"direction": "asc"})
    assert len(fills) > 1
    done = desk.trading.get_order_by_id(order.id)
    quantities = [Decimal(fill["qty"]) for fill in fills]
    values = [Decimal(fill["qty"]) * Decimal(fill["price"]) for fill in fills]
    assert done.status is OrderStatus.FILLED
    assert sum(quantities) == Decimal(str(done.filled_qty)) == 100
    mean = sum(values) / sum(quantities)
    assert abs(Decimal(str(done.filled_avg_price)) - mean) <= Decimal("0.0000005")
    assert [fill["type"] for fill in fills] == ["partial_fill"] * (len(fills) - 1) + ["fill"]


def test_one_fill_in_ten_is_partial(desk: Desk, open_desk: Open) -> None:
    desk = open_desk(profile=Profile(), opening_cash=Decimal(10_000_000))
    for _ in range(200):
        desk.trading.submit_order(market("buy", "STILL", "100"))
    orders = desk.trading.get_orders(GetOrdersRequest(status=QueryOrderStatus.ALL, limit=500))
    partial = sum(order.status is OrderStatus.PARTIALLY_FILLED for order in orders)
    assert 8 <= partial <= 34


def test_unfilled_day_order_expires_at_the_close(desk: Desk) -> None:
    order = desk.trading.submit_order(limit("buy", "STILL", "10", "90.00"))
    desk.control.advance_to("next_close")
    expired = desk.trading.get_order_by_id(order.id)
    assert expired.status is OrderStatus.EXPIRED
    assert expired.expired_at == new_york("2024-03-18 16:00")
    assert desk.trading.get_account().buying_power == "100000"


def test_day_order_on_an_early_close_expires_at_one(open_desk: Open) -> None:
    desk = open_desk("2024-11-29 12:00")
    assert desk.trading.get_clock().next_close == new_york("2024-11-29 13:00")
    order = desk.trading.submit_order(limit("buy", "STILL", "1", "90.00"))
    assert order.expires_at == new_york("2024-11-29 13:00")


def test_good_till_canceled_order_lasts(desk: Desk) -> None:
    order = desk.trading.submit_order(limit("buy", "STILL", "10", "90.00", time_in_force="gtc"))
    for _ in range(3):
        desk.control.advance_to("next_close")
    assert desk.trading.get_order_by_id(order.id).status is OrderStatus.NEW
    desk.control.advance_to(new_york("2024-07-01 12:00"))
    assert desk.trading.get_order_by_id(order.id).status is OrderStatus.EXPIRED


def test_cancel(desk: Desk) -> None:
    order = desk.trading.submit_order(limit("buy", "STILL", "10", "90.00"))
    desk.trading.cancel_order_by_id(order.id)
    canceled = desk.trading.get_order_by_id(order.id)
    assert canceled.status is OrderStatus.CANCELED
    assert canceled.canceled_at is not None
    with pytest.raises(APIError, match='already in \\\\"canceled\\\\" state') as refused:
        desk.trading.cancel_order_by_id(order.id)
    assert (refused.value.status_code, refused.value.code) == (422, 42210000)


def test_cancel_of_an_unknown_and_of_a_filled_order(desk: Desk) -> None:
    with pytest.raises(APIError) as refused:
        desk.trading.cancel_order_by_id(uuid.uuid4())
    assert (refused.value.status_code, refused.value.code) == (404, 40410000)
    order = desk.trading.submit_order(market("buy", "STILL", "1"))
    with pytest.raises(APIError) as refused:
        desk.trading.cancel_order_by_id(order.id)
    assert refused.value.message == 'order is already in "filled" state'


def test_cancel_all(desk: Desk) -> None:
    assert desk.trading.cancel_orders() == []
    ids = [desk.trading.submit_order(limit("buy", s, "1", "10.00")).id for s in ("CALM", "STILL")]
    canceled = desk.trading.cancel_orders()
    assert [(row.id, row.status) for row in canceled] == [(order_id, 200) for order_id in ids]
    assert desk.trading.get_orders() == []


def test_replace(desk: Desk) -> None:
    old = desk.trading.submit_order(limit("buy", "STILL", "10", "90.00"))
    change = ReplaceOrderRequest(qty=20, limit_price=91.0, client_order_id="second")
    new = desk.trading.replace_order_by_id(old.id, change)
    assert (new.replaces, new.qty, new.limit_price) == (old.id, "20", "91")
    assert new.client_order_id == "second"
    old = desk.trading.get_order_by_id(old.id)
    assert (old.status, old.replaced_by) == (OrderStatus.REPLACED, new.id)
    assert desk.trading.get_account().buying_power == "98180"


def test_replacing_holds_the_larger_of_the_two_until_time_passes(desk: Desk) -> None:
    """Either may be the one that fills: 10 at 90.00 hold 900, 20 hold 1,800, 5 hold 450."""

    def held() -> Decimal:
        return 100_000 - Decimal(str(desk.trading.get_account().buying_power))

    order = desk.trading.submit_order(limit("buy", "STILL", "10", "90.00"))
    more = desk.trading.replace_order_by_id(order.id, ReplaceOrderRequest(qty=20))
    assert held() == 1800
    less = desk.trading.replace_order_by_id(more.id, ReplaceOrderRequest(qty=5))
    assert held() == 1800
    desk.control.advance(1)
    assert held() == 450
    desk.trading.cancel_order_by_id(less.id)
    assert held() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (ReplaceOrderRequest(limit_price=90.0), "order parameters are not changed"),
        (ReplaceOrderRequest(limit_price=90.123), "sub-penny increment"),
        (ReplaceOrderRequest(qty=2000), "insufficient buying power"),
    ],
)
def test_replace_refused(desk: Desk, change: ReplaceOrderRequest, message: str) -> None:
    order = desk.trading.submit_order(limit("buy", "STILL", "10", "90.00"))
    with pytest.raises(APIError, match=message):
        desk.trading.replace_order_by_id(order.id, change)
    assert desk.trading.get_order_by_id(order.id).status is OrderStatus.NEW


def test_replace_of_queued_notional_and_ended_orders_is_refused(open_desk: Open) -> None:
    desk = open_desk("2024-03-18 17:00")
    change = ReplaceOrderRequest(limit_price=91.0)
    queued = desk.trading.submit_order(limit("buy", "STILL", "10", "90.00"))
    with pytest.raises(APIError, match="cannot replace order in accepted status"):
        desk.trading.replace_order_by_id(queued.id, change)
    desk.trading.cancel_order_by_id(queued.id)
    with pytest.raises(APIError, match="already in"):
        desk.trading.replace_order_by_id(queued.id, change)
    notional = desk.trading.submit_order(dollars("buy", "STILL", "50"))
    with pytest.raises(APIError, match="cannot replace order in accepted status"):
        desk.trading.replace_order_by_id(notional.id, change)


def test_replace_of_a_partly_filled_order_is_for_the_rest(open_desk: Open) -> None:
    desk = open_desk(profile=Profile(partial_fills=1.0))
    old = desk.trading.submit_order(limit("buy", "STILL", "100", "100.01"))
    filled = int(str(desk.trading.get_order_by_id(old.id).filled_qty))
    assert 0 < filled < 100
    with pytest.raises(APIError, match="qty must be > filled_qty"):
        desk.trading.replace_order_by_id(old.id, ReplaceOrderRequest(qty=filled))
    new = desk.trading.replace_order_by_id(old.id, ReplaceOrderRequest(qty=100, limit_price=90.0))
    assert int(str(new.qty)) == 100 - filled


def test_notional_order(desk: Desk) -> None:
    order = desk.trading.submit_order(dollars("buy", "STILL", "1000"))
    assert (order.qty, order.notional, order.filled_qty) == (None, "1000", "0")
    filled = desk.trading.get_order_by_id(order.id)
    assert filled.status is OrderStatus.FILLED
    assert filled.filled_qty == "9.999000099"  # 1000 / 100.01, cut to nine decimals
    assert desk.trading.get_account().cash == "99000"


def test_extended_hours_order_fills_after_the_close_at_a_wide_quote(open_desk: Open) -> None:
    desk = open_desk("2024-03-18 17:00")
    order = desk.trading.submit_order(limit("buy", "WILD", "5", "30.00", extended_hours=True))
    filled = desk.trading.get_order_by_id(order.id)
    assert filled.status is OrderStatus.FILLED
    close = Decimal(22)
    assert Decimal(str(filled.filled_avg_price)) > close + Decimal("0.05")
    waiting = desk.trading.submit_order(limit("buy", "WILD", "5", "10.00", extended_hours=True))
    assert waiting.expires_at == new_york("2024-03-18 20:00")
    desk.control.advance_to("next_open")
    assert desk.trading.get_order_by_id(waiting.id).status is OrderStatus.EXPIRED


def test_halted_symbol_accepts_and_never_fills(desk: Desk) -> None:
    desk.control.set_asset("STILL", halted=True)
    order = desk.trading.submit_order(market("buy", "STILL", "1"))
    desk.control.advance(3600)
    assert desk.trading.get_order_by_id(order.id).status is OrderStatus.NEW
    desk.control.set_asset("STILL", halted=False)
    desk.control.advance(60)
    assert desk.trading.get_order_by_id(order.id).status is OrderStatus.FILLED


def test_listing_orders(desk: Desk) -> None:
    made = [
        desk.trading.submit_order(limit("buy", symbol, "1", "10.00", client_order_id=f"o{n}"))
        for n, symbol in enumerate(["CALM", "STILL", "CALM", "WILD"])
    ]
    desk.trading.cancel_order_by_id(made[0].id)

    def names(**query: object) -> list[str]:
        return [o.client_order_id for o in desk.trading.get_orders(GetOrdersRequest(**query))]

    assert names() == ["o3", "o2", "o1"]
    assert names(status="closed") == ["o0"]
    assert names(status="all", direction="asc") == ["o0", "o1", "o2", "o3"]
    assert names(status="all", limit=2) == ["o3", "o2"]
    assert names(symbols=["CALM", "WILD"]) == ["o3", "o2"]
    assert names(side="sell") == []
    assert names(status="all", after=made[1].submitted_at) == ["o3", "o2"]
    assert names(status="all", until=made[1].submitted_at) == ["o0"]


def test_paging_back_by_time_loses_nothing_though_the_clock_stands(desk: Desk) -> None:
    for n in range(7):
        desk.trading.submit_order(limit("buy", "STILL", "1", "10.00", client_order_id=str(n)))
    seen: list[str] = []
    until = datetime(2030, 1, 1, tzinfo=UTC)
    while page := desk.trading.get_orders(GetOrdersRequest(status="all", limit=2, until=until)):
        seen += [order.client_order_id for order in page]
        until = page[-1].submitted_at
    assert seen == list("6543210")


def test_activities_page_to_the_end(desk: Desk) -> None:
    for _ in range(5):
        desk.trading.submit_order(market("buy", "STILL", "1"))
    first = desk.trading.get("/account/activities", {"page_size": 2, "direction": "asc"})
    desk.trading.submit_order(market("buy", "STILL", "1"))
    seen = list(first)
    while page := desk.trading.get(
        "/account/activities",
        {"page_size": 2, "direction": "asc", "page_token": seen[-1]["id"]},
    ):
        seen += page
    assert len({row["id"] for row in seen}) == 6
    assert seen[0]["id"].startswith("20240318100000000::")
    after = desk.trading.get("/account/activities", {"after": seen[3]["transaction_time"]})
    assert [row["id"] for row in after] == [row["id"] for row in reversed(seen[4:])]
    today = desk.trading.get("/account/activities/FILL", {"date": "2024-03-18"})
    assert len(today) == 6
    assert desk.trading.get("/account/activities/FILL", {"date": "2024-03-19"}) == []


def test_clock_never_goes_back(desk: Desk) -> None:
    from alchemiser_dagster.embedded import ControlError

    now = desk.control.now()
    with pytest.raises(ControlError, match="expected a time at or after"):
        desk.control.advance_to(now - timedelta(seconds=1))
    with pytest.raises(ControlError, match="advance_seconds"):
        desk.control.advance(-1)
    assert desk.control.now() == now
