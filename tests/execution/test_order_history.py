"""All orders of the account, however many stand at one moment where a page ends."""

from decimal import Decimal

import pytest

from alchemiser_dagster.embedded.orders import OrderRequest
from alchemiser_dagster.execution.broker import OrderState
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.order_history import order_history
from alchemiser_dagster.market.sessions import session_open

from .conftest import FIRST
from .scripted import ScriptedDay

ORDERS = {"path": "/v2/orders*", "method": "GET"}


def submit(day: ScriptedDay, name: str, *, shares: str = "1", limit: str | None = None) -> None:
    with day.broker.brokerage.unit():
        day.broker.brokerage.desk.submit(
            OrderRequest(
                symbol="THIN", side="buy", type="market" if limit is None else "limit",
                time_in_force="day", qty=Decimal(shares), notional=None, client_order_id=name,
                limit_price=None if limit is None else Decimal(limit),
            )
        )  # fmt: skip


def with_orders(count: int, *, at_once: int = 1) -> ScriptedDay:
    """An account with so many orders, so many of them at one moment."""
    day = ScriptedDay.open()
    day.broker.advance_to(session_open(FIRST))
    for number in range(count):
        submit(day, f"o{number}")
        if (number + 1) % at_once == 0:
            day.broker.advance(1)
    return day


@pytest.mark.parametrize(
    ("count", "at_once"),
    [(0, 1), (500, 1), (501, 400), (1_203, 70)],
)
def test_l08_every_order_once_and_in_order(count: int, at_once: int) -> None:
    """Many were submitted in the same moment as the last of a page."""
    found = order_history(with_orders(count, at_once=at_once).desk.gateway)
    assert [order.client_order_id for order in found] == [f"o{n}" for n in range(count)]


def test_l08_a_page_that_fails_is_an_error_and_no_shorter_list() -> None:
    day = with_orders(501)
    day.fault(action="status", status=500, match=ORDERS, when={"after": 1})
    with pytest.raises(BrokerError, match="reading orders: HTTP 500"):
        order_history(day.desk.gateway)


def test_more_orders_in_a_second_than_a_page_holds_are_an_error() -> None:
    day = with_orders(501, at_once=501)
    with pytest.raises(BrokerError, match="expected fewer than 500 orders within 1 s"):
        order_history(day.desk.gateway)


def test_l13_a_canceled_order_says_what_it_filled() -> None:
    day = ScriptedDay.open()
    day.broker.advance_to(session_open(FIRST))
    day.hold("THIN")
    day.fill("by-hand", "37")
    submit(day, "by-hand", shares="100", limit="19.50")
    day.script.wait(1)
    order = day.open_order("by-hand")
    day.desk.gateway.cancel(order.id)
    (found,) = order_history(day.desk.gateway)
    assert (found.state, found.filled_quantity, found.quantity) == (OrderState.CANCELED, 37, 100)
    assert (found.symbol, found.side, found.limit_price) == ("THIN", "buy", Decimal("19.5"))
    assert found.has_filled
    assert found.submitted_at == session_open(FIRST)
