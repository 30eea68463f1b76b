"""A trade that the venue declares void the next morning."""

from alpaca.trading.enums import OrderStatus

from tests.embedded.conftest import Desk
from tests.embedded.order_requests import limit, market


def bust(desk: Desk, symbol: str) -> None:
    """The next request finds the last fill in `symbol` busted."""
    desk.control.add_fault(action="bust_fill", symbol=symbol, times=1)
    desk.trading.get_clock()
    assert desk.control.faults()[-1]["fired"] == 1


def next_morning(desk: Desk) -> None:
    desk.control.advance_to("next_close")
    desk.control.advance_to("next_open")


def test_position_order_and_cash_are_as_before_the_trade(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "STILL", "10"))
    cash = desk.trading.get_account().cash
    order = desk.trading.submit_order(market("buy", "STILL", "5"))
    next_morning(desk)
    bust(desk, "STILL")
    assert desk.trading.get_open_position("STILL").qty == "10"
    assert desk.trading.get_open_position("STILL").avg_entry_price == "100.01"
    assert desk.trading.get_account().cash == cash
    now = desk.trading.get_order_by_id(order.id)
    assert (now.status, now.filled_qty) == (OrderStatus.CANCELED, "0")
    (correction,) = desk.trading.get("/account/activities/MISC")
    fills = desk.trading.get("/account/activities/FILL")
    assert correction["previous_id"] == fills[0]["id"]
    assert (correction["qty"], correction["net_amount"]) == ("-5", "500.05")
    assert correction["description"] == "trade bust"


def test_each_bust_takes_the_fill_before(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "STILL", "10"))
    desk.trading.submit_order(market("buy", "STILL", "5"))
    for _ in range(3):
        bust(desk, "STILL")
    assert desk.trading.get_all_positions() == []
    assert desk.trading.get_account().cash == "100000"
    assert len(desk.trading.get("/account/activities/MISC")) == 2


def test_order_that_would_sell_what_is_gone_is_canceled(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "STILL", "10"))
    sale = desk.trading.submit_order(limit("sell", "STILL", "10", "110.00"))
    bust(desk, "STILL")
    assert desk.trading.get_order_by_id(sale.id).status is OrderStatus.CANCELED


def test_bust_of_a_sale_brings_the_shares_back(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "STILL", "10"))
    held = desk.trading.get_open_position("STILL")
    cash = desk.trading.get_account().cash
    desk.trading.close_position("STILL")
    bust(desk, "STILL")
    again = desk.trading.get_open_position("STILL")
    assert (again.qty, desk.trading.get_account().cash) == (held.qty, cash)
