"""Bracket, OCO and OTO orders. WILD opens at 20.00 and goes between 16.00 and 24.00 every day;
STILL stays at 100.00."""

from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, TimeInForce
from alpaca.trading.models import Order
from alpaca.trading.requests import (
    GetOrderByIdRequest,
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    TakeProfitRequest,
)

from alchemiser_dagster.embedded import Profile
from tests.embedded.conftest import Desk, Open
from tests.embedded.order_requests import limit, market


def bracket(symbol: str, profit: float, loss: float, /, **more: Any) -> MarketOrderRequest:
    return MarketOrderRequest(
        **{
            "symbol": symbol,
            "qty": 10,
            "side": OrderSide.BUY,
            "time_in_force": TimeInForce.GTC,
            "order_class": OrderClass.BRACKET,
            "take_profit": TakeProfitRequest(limit_price=profit),
            "stop_loss": StopLossRequest(stop_price=loss),
            **more,
        }
    )


def oco(symbol: str, profit: float, loss: float) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol=symbol,
        qty=10,
        side=OrderSide.SELL,
        time_in_force=TimeInForce.GTC,
        order_class=OrderClass.OCO,
        take_profit=TakeProfitRequest(limit_price=profit),
        stop_loss=StopLossRequest(stop_price=loss),
    )


def group(desk: Desk, order: Order) -> tuple[Order, ...]:
    """The order and those attached to it, as they are now."""
    found = desk.trading.get_order_by_id(order.id, GetOrderByIdRequest(nested=True))
    return (found, *(desk.trading.get_order_by_id(leg.id) for leg in found.legs or ()))


def statuses(desk: Desk, order: Order) -> list[str]:
    return [one.status.value for one in group(desk, order)]


def test_exits_are_held_until_the_entry_has_filled(open_desk: Open) -> None:
    desk = open_desk("2024-03-18 08:00")
    order = desk.trading.submit_order(bracket("STILL", 110.0, 90.0))
    assert statuses(desk, order) == ["accepted", "held", "held"]
    assert desk.trading.get_account().buying_power == "98999.8"
    nested = desk.trading.get_orders(GetOrdersRequest(nested=True))
    assert [len(one.legs or ()) for one in nested] == [2]
    assert len(desk.trading.get_orders()) == 3
    desk.control.advance_to("next_open")
    entry, profit, loss = group(desk, order)
    assert (entry.status, profit.status, loss.status) == (
        OrderStatus.FILLED,
        OrderStatus.NEW,
        OrderStatus.NEW,
    )
    assert (profit.side, profit.limit_price, profit.qty) == (OrderSide.SELL, "110", "10")
    assert (loss.type.value, loss.stop_price) == ("stop", "90")
    position = desk.trading.get_open_position("STILL")
    assert (position.qty, position.qty_available) == ("10", "0")


@pytest.mark.parametrize(
    ("profit", "loss", "ends"),
    [(23.0, 10.0, ["filled", "canceled"]), (40.0, 17.0, ["canceled", "filled"])],
)
def test_one_exit_fills_and_the_other_ends(
    desk: Desk, profit: float, loss: float, ends: list[str]
) -> None:
    order = desk.trading.submit_order(bracket("WILD", profit, loss))
    desk.control.advance_to("next_close")
    desk.control.advance_to("next_close")
    assert statuses(desk, order) == ["filled", *ends]
    assert desk.trading.get_all_positions() == []
    assert desk.trading.get_orders() == []


def test_canceling_any_one_cancels_the_rest(open_desk: Open) -> None:
    for n in range(3):
        desk = open_desk("2024-03-18 08:00")
        order = desk.trading.submit_order(bracket("STILL", 110.0, 90.0))
        desk.trading.cancel_order_by_id(group(desk, order)[n].id)
        assert statuses(desk, order) == ["canceled"] * 3


def test_cancel_all_ends_whole_groups(desk: Desk) -> None:
    order = desk.trading.submit_order(bracket("STILL", 110.0, 90.0))
    assert len(desk.trading.cancel_orders()) == 2
    assert statuses(desk, order) == ["filled", "canceled", "canceled"]
    desk.trading.close_position("STILL")


def test_day_exits_expire_together(desk: Desk) -> None:
    order = desk.trading.submit_order(bracket("STILL", 110.0, 90.0, time_in_force="day"))
    desk.control.advance_to("next_close")
    assert set(statuses(desk, order)[1:]) <= {"expired", "canceled"}
    assert desk.trading.get_orders() == []


def test_one_exit_alone(desk: Desk) -> None:
    request = bracket("STILL", 110.0, 90.0, order_class="oto", take_profit=None)
    order = desk.trading.submit_order(request)
    assert statuses(desk, order) == ["filled", "new"]


def test_one_cancels_the_other(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "WILD", "10"))
    order = desk.trading.submit_order(oco("WILD", 23.0, 10.0))
    profit, loss = group(desk, order)
    assert (profit.limit_price, loss.stop_price) == ("23", "10")
    assert desk.trading.get_open_position("WILD").qty_available == "0"
    with pytest.raises(APIError, match="insufficient qty available"):
        desk.trading.submit_order(limit("sell", "WILD", "1", "30.00"))
    desk.control.advance_to("next_close")
    desk.control.advance_to("next_close")
    assert statuses(desk, order) == ["filled", "canceled"]
    assert desk.trading.get_all_positions() == []


def test_replaced_exit_stays_in_the_group(desk: Desk) -> None:
    order = desk.trading.submit_order(bracket("WILD", 40.0, 10.0))
    profit = group(desk, order)[1]
    with pytest.raises(APIError, match="qty of bracket orders cannot be replaced"):
        desk.trading.replace_order_by_id(profit.id, ReplaceOrderRequest(qty=5))
    desk.trading.replace_order_by_id(profit.id, ReplaceOrderRequest(limit_price=23.0))
    assert statuses(desk, order) == ["filled", "new", "new"]
    desk.control.advance_to("next_close")
    desk.control.advance_to("next_close")
    assert statuses(desk, order) == ["filled", "filled", "canceled"]


def test_exits_are_for_no_more_than_is_left(open_desk: Open) -> None:
    """Of an entry that fills in parts, some is sold before it is whole."""
    desk = open_desk(profile=Profile(partial_fills=1.0))
    order = desk.trading.submit_order(bracket("STILL", 110.0, 90.0, qty=100))
    part = Decimal(str(desk.trading.get_order_by_id(order.id).filled_qty))
    assert 0 < part < 100
    assert statuses(desk, order)[1:] == ["held", "held"]
    desk.control.advance(3600)
    assert statuses(desk, order) == ["filled", "new", "new"]
    assert group(desk, order)[1].qty == desk.trading.get_open_position("STILL").qty


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"take_profit": TakeProfitRequest(limit_price=99.0)}, "take_profit.limit_price must be"),
        ({"stop_loss": StopLossRequest(stop_price=101.0)}, "stop_loss.stop_price must be <= base"),
        ({"stop_loss": StopLossRequest(stop_price=90.123)}, "invalid stop_loss.stop_price"),
        ({"qty": 0.5, "time_in_force": "day"}, "fractional orders must be simple orders"),
        ({"extended_hours": True}, "extended hours order must be"),
        ({"symbol": "STILL240322C00100000"}, "complex orders not supported for options"),
        ({"order_class": "oto"}, "oto orders require one of take_profit or stop_loss"),
        ({"side": OrderSide.SELL}, "not allowed to short"),
    ],
)
def test_refused(desk: Desk, change: dict[str, Any], message: str) -> None:
    with pytest.raises(APIError, match=message):
        desk.trading.submit_order(bracket("STILL", 110.0, 90.0, **change))
    assert desk.trading.get_orders() == []


def test_oco_needs_a_position(open_desk: Open) -> None:
    desk = open_desk(margin_multiplier="2")
    with pytest.raises(APIError, match="oco orders must be exit orders"):
        desk.trading.submit_order(oco("STILL", 110.0, 90.0))
