"""Stop and trailing orders, immediate orders, and the opening and closing auctions."""

from decimal import Decimal

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderSide, OrderStatus, TimeInForce
from alpaca.trading.models import Order
from alpaca.trading.requests import (
    LimitOrderRequest,
    MarketOrderRequest,
    OrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopOrderRequest,
    TrailingStopOrderRequest,
)

from alchemiser_dagster.embedded import Profile
from tests.embedded.conftest import Desk, Open, new_york
from tests.embedded.order_requests import market

EVERY_TIME = Profile(partial_fills=0.0, times_in_force=("day", "gtc", "opg", "cls", "ioc", "fok"))


def send(desk: Desk, request: OrderRequest) -> Order:
    order = desk.trading.submit_order(request)
    assert isinstance(order, Order)
    return order


def now(desk: Desk, order: Order) -> Order:
    found = desk.trading.get_order_by_id(order.id)
    assert isinstance(found, Order)
    return found


def holding(open_desk: Open, qty: str = "10") -> Desk:
    """At the open of a day on which WILD goes from 20 through 16 and 24; `qty` of it held."""
    desk = open_desk("2024-03-18 09:30")
    desk.trading.submit_order(market("buy", "WILD", qty))
    return desk


def stop(qty: int, price: float) -> StopOrderRequest:
    return StopOrderRequest(
        symbol="WILD",
        qty=qty,
        side=OrderSide.SELL,
        time_in_force=TimeInForce.DAY,
        stop_price=price,
    )


def test_stop_sells_at_the_market_once_reached(open_desk: Open) -> None:
    desk = holding(open_desk)
    order = send(desk, stop(10, 17.0))
    assert now(desk, order).status is OrderStatus.NEW
    desk.control.advance_to("next_close")
    filled = now(desk, order)
    assert filled.status is OrderStatus.FILLED
    assert Decimal("15.9") < Decimal(str(filled.filled_avg_price)) <= 17


def test_stop_at_or_above_the_market_is_refused(open_desk: Open) -> None:
    desk = holding(open_desk)
    with pytest.raises(APIError, match="stop price must be less than current price"):
        send(desk, stop(10, 25.0))
    with pytest.raises(APIError, match="sub-penny"):
        send(desk, stop(10, 17.123))


def test_stop_limit_does_not_sell_below_its_limit(open_desk: Open) -> None:
    desk = holding(open_desk)
    request = StopLimitOrderRequest(
        symbol="WILD",
        qty=10,
        side=OrderSide.SELL,
        time_in_force=TimeInForce.DAY,
        stop_price=17.0,
        limit_price=17.0,
    )
    order = send(desk, request)
    desk.control.advance_to("next_close")
    done = now(desk, order)
    assert done.status in (OrderStatus.FILLED, OrderStatus.EXPIRED)
    if done.status is OrderStatus.FILLED:
        assert Decimal(str(done.filled_avg_price)) >= 17


def test_trailing_stop_follows_the_high(open_desk: Open) -> None:
    """The high of the day is 24; the stop ends at most 2 below it and never falls."""
    desk = holding(open_desk)
    request = TrailingStopOrderRequest(
        symbol="WILD",
        qty=10,
        side=OrderSide.SELL,
        time_in_force=TimeInForce.DAY,
        trail_price=2.0,
    )
    order = send(desk, request)
    stops = []
    while (current := now(desk, order)).status is OrderStatus.NEW and len(stops) < 390:
        stops.append(Decimal(str(current.stop_price)))
        assert 0 <= Decimal(str(current.hwm)) - stops[-1] - 2 < Decimal("0.01")  # to the tick
        desk.control.advance(60)
    assert stops == sorted(stops)
    assert current.status is OrderStatus.FILLED
    assert Decimal(str(current.filled_avg_price)) <= stops[-1]


def test_stop_price_can_be_replaced(open_desk: Open) -> None:
    desk = holding(open_desk)
    order = send(desk, stop(10, 10.0))
    new = desk.trading.replace_order_by_id(order.id, ReplaceOrderRequest(stop_price=11.0))
    assert new.stop_price == "11"
    with pytest.raises(APIError, match="must not have a limit price"):
        desk.trading.replace_order_by_id(new.id, ReplaceOrderRequest(limit_price=11.0))


def test_times_in_force_must_be_enabled(desk: Desk) -> None:
    for time_in_force in ("ioc", "fok", "opg", "cls"):
        with pytest.raises(APIError, match="is not enabled for this account"):
            send(desk, limit_order(time_in_force, 101.0))


def limit_order(time_in_force: str, price: float) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol="STILL",
        qty=5,
        side=OrderSide.BUY,
        time_in_force=TimeInForce(time_in_force),
        limit_price=price,
    )


@pytest.mark.parametrize("time_in_force", ["ioc", "fok"])
def test_immediate_orders_fill_or_end(open_desk: Open, time_in_force: str) -> None:
    desk = open_desk(profile=EVERY_TIME)
    assert now(desk, send(desk, limit_order(time_in_force, 101.0))).status is OrderStatus.FILLED
    assert now(desk, send(desk, limit_order(time_in_force, 99.0))).status is OrderStatus.CANCELED


def test_immediate_or_cancel_keeps_what_it_got(open_desk: Open) -> None:
    profile = Profile(partial_fills=1.0, times_in_force=EVERY_TIME.times_in_force)
    desk = open_desk(profile=profile)
    part = now(desk, send(desk, limit_order("ioc", 101.0)))
    assert part.status is OrderStatus.CANCELED
    assert 0 < int(str(part.filled_qty)) < 5
    assert now(desk, send(desk, limit_order("fok", 101.0))).filled_qty == "5"


@pytest.mark.parametrize(
    ("time_in_force", "at", "taken"),
    [
        ("opg", "2024-03-18 09:27", True),
        ("opg", "2024-03-18 09:29", False),
        ("opg", "2024-03-18 18:59", False),
        ("opg", "2024-03-18 19:00", True),
        ("cls", "2024-03-18 15:49", True),
        ("cls", "2024-03-18 15:51", False),
        ("cls", "2024-11-29 12:49", True),
        ("cls", "2024-11-29 12:51", False),
    ],
)
def test_auction_cut_offs(open_desk: Open, time_in_force: str, at: str, taken: bool) -> None:
    desk = open_desk(at, profile=EVERY_TIME)
    request = limit_order(time_in_force, 101.0)
    if taken:
        assert send(desk, request).status is OrderStatus.ACCEPTED
        return
    with pytest.raises(APIError, match="orders must be submitted after 7:00pm") as refused:
        send(desk, request)
    assert (refused.value.status_code, refused.value.code) == (403, 40310000)


def test_auctions_trade_at_the_open_and_the_close(open_desk: Open) -> None:
    desk = open_desk("2024-03-18 09:00", profile=EVERY_TIME)
    prices = {}
    for name in ("opg", "cls"):
        request = MarketOrderRequest(
            symbol="CALM", qty=1, side=OrderSide.BUY, time_in_force=TimeInForce(name)
        )
        prices[name] = send(desk, request)
    desk.control.advance_to(new_york("2024-03-18 17:00"))
    assert now(desk, prices["opg"]).filled_avg_price == "60"
    assert now(desk, prices["cls"]).filled_avg_price == "60.5"
