"""Orders are taken back at the embedded broker, whatever it does meanwhile."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.execution.guards import embedded_gateway
from alchemiser_dagster.execution.withdrawal import LOOKS, Fate, withdraw_orders
from alchemiser_dagster.ledger.open_orders import RestingOrder
from alchemiser_dagster.market.sessions import session_open
from tests.world import market

OPENS = session_open(date(2024, 1, 3))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    bars = market().with_columns(adj_close="close")
    with EmbeddedBroker(bars, tmp_path / "broker.db", opened_at=OPENS) as broker:
        broker.control().advance_to(OPENS + timedelta(hours=1))
        yield broker


@pytest.fixture
def gateway(broker: EmbeddedBroker) -> Gateway:
    return embedded_gateway(
        broker.url, broker.api_key, broker.secret_key, wait=broker.control().advance
    )


def send(gateway: Gateway, name: str, *, known: bool = True) -> RestingOrder:
    """A limit order that no price reaches."""
    sent = gateway.submit(
        client_order_id=name,
        symbol="SPY",
        side="buy",
        quantity=Decimal(1),
        limit_price=Decimal(100),
    )
    return RestingOrder(name, sent.order_id if known else None, "SPY", "buy", Decimal(1))


def never(_: float) -> None:
    raise AssertionError("expected no pause")


def test_an_order_that_ends_at_once_is_not_waited_for(gateway: Gateway) -> None:
    orders = [send(gateway, "o1"), send(gateway, "o2", known=False)]
    found = withdraw_orders(gateway, orders, pause=never)
    assert [str(one) for one in found] == [
        "o1: buy 1 SPY: canceled, 0 filled",
        "o2: buy 1 SPY: canceled, 0 filled",
    ]


def test_a_cancel_that_is_lost_is_asked_again(broker: EmbeddedBroker, gateway: Gateway) -> None:
    lost = {"method": "DELETE", "path": "/v2/orders/*"}
    broker.control().add_fault(action="status", status=503, match=lost, times=2)
    pauses: list[float] = []
    (found,) = withdraw_orders(gateway, [send(gateway, "o1")], pause=pauses.append)
    assert (found.fate, len(pauses)) == (Fate.ENDED, 2)


def test_one_that_never_ends_does_not_keep_the_others(
    broker: EmbeddedBroker, gateway: Gateway
) -> None:
    stuck, other = send(gateway, "o1"), send(gateway, "o2")
    path = f"/v2/orders/{stuck.broker_order_id}"
    broker.control().add_fault(
        action="status", status=503, match={"method": "DELETE", "path": path}
    )
    pauses: list[float] = []
    found = withdraw_orders(gateway, [stuck, other], pause=pauses.append)
    assert [(one.fate, one.may_rest) for one in found] == [(Fate.OPEN, True), (Fate.ENDED, False)]
    assert len(pauses) == LOOKS - 1


def test_an_order_on_its_way_is_met_when_it_arrives(gateway: Gateway) -> None:
    """Written down by a trading process, which sends it just after the first look."""
    coming = RestingOrder("late", None, "SPY", "buy", Decimal(1))
    looks = iter(range(LOOKS))

    def meanwhile(_: float) -> None:
        if next(looks) == 0:
            send(gateway, "late")

    (found,) = withdraw_orders(gateway, [coming], pause=meanwhile)
    assert str(found) == "late: buy 1 SPY: canceled, 0 filled"


def test_an_order_the_broker_never_got_cannot_rest(gateway: Gateway) -> None:
    (found,) = withdraw_orders(
        gateway, [RestingOrder("unsent", None, "SPY", "buy", Decimal(1))], pause=lambda _: None
    )
    assert (found.fate, found.may_rest) == (Fate.ABSENT, False)


def test_a_broker_that_is_gone(broker: EmbeddedBroker, gateway: Gateway) -> None:
    order = send(gateway, "o1")
    broker.stop()
    (found,) = withdraw_orders(gateway, [order], pause=lambda _: None)
    assert found.may_rest
    assert found.says.startswith("it may still rest: ")
