"""What the gateway reads is complete, or it is an error: pages to the last one, and no less."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from alchemiser_dagster.embedded.orders import OrderRequest
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.market.sessions import session_open

from .conftest import FIRST
from .scripted import ScriptedDay

ACTIVITIES = {"path": "/v2/account/activities*"}


def traded(orders: int, *, at_once: int = 1) -> tuple[ScriptedDay, datetime]:
    """An account that has bought a share so often, so many at one moment; and when it began."""
    day = ScriptedDay.open()
    day.broker.advance_to(session_open(FIRST))
    began = day.broker.now - timedelta(seconds=1)
    for number in range(orders):
        with day.broker.brokerage.unit():
            day.broker.brokerage.desk.submit(
                OrderRequest(
                    symbol="THIN", side="buy", type="market", time_in_force="day",
                    qty=Decimal(1), notional=None, client_order_id=f"o{number}",
                )
            )  # fmt: skip
        if number % at_once == 0:
            day.broker.advance(1)
    return day, began


@pytest.mark.parametrize("executions", [99, 100, 101, 212, 300])
def test_l08_three_pages_of_executions_are_one_list(executions: int) -> None:
    """A page holds a hundred; the last may be full, and the next one empty."""
    day, began = traded(executions)
    found = day.desk.gateway.executions(began)
    assert sum(len(own) for own in found.values()) == executions
    assert len(found) == executions
    assert len(day.desk.gateway.activities(began)) == executions


def test_l08_a_page_that_fails_is_an_error_and_no_shorter_list() -> None:
    day, began = traded(212)
    failing = day.fault(action="status", status=500, match=ACTIVITIES, when={"after": 1})
    with pytest.raises(BrokerError, match="reading activities: HTTP 500"):
        day.desk.gateway.executions(began)
    assert failing.fired == 3


@pytest.mark.parametrize("at_once", [1, 70])
def test_l08_three_pages_of_orders_are_one_list(at_once: int) -> None:
    """A page holds 500, and goes back in time; orders of one moment stand on both of its sides."""
    day, began = traded(1_100, at_once=at_once)
    found = day.desk.gateway.orders_since(began)
    assert set(found) == {f"o{number}" for number in range(1_100)}


def test_x30_an_account_without_the_fields_of_day_trading_is_read() -> None:
    """They were taken out of the answer in 2026, and nothing here asks for them."""
    day, _ = traded(1)
    raw = day.desk.gateway._trading.get_account()
    gone = {"pattern_day_trader", "daytrade_count", "daytrading_buying_power", "pdt_check"}
    assert isinstance(raw, dict)
    assert not gone & raw.keys()
    account = day.desk.gateway.account()
    assert account.buying_power == Decimal(raw["buying_power"])
    assert account.obstacle is None


@pytest.mark.parametrize("field", ["last_equity", "buying_power", "long_market_value"])
def test_x30_a_field_that_vanishes_is_not_available_and_no_error(field: str) -> None:
    day, _ = traded(1)
    day.fault(stage="after_commit", action="null_field", field=field, match={"path": "/v2/account"})
    account = day.desk.gateway.account()
    assert not getattr(account, field)
    assert account.cash > 0
