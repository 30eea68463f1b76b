"""The operator halts trading, and the orders that rest are taken back."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.execution.broker import OrderState
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.execution.guards import embedded_gateway
from alchemiser_dagster.ledger.rails import (
    Rails,
)
from alchemiser_dagster.ledger.schema import UNALLOCATED, UNATTRIBUTED, orders
from alchemiser_dagster.market.sessions import session_open
from alchemiser_dagster.settings import BrokerMode
from tests.world import market

from .conftest import SESSION, Account, make_account


@pytest.fixture
def broker(account: Account) -> Iterator[EmbeddedBroker]:
    """The account's broker in the middle of a session."""
    opens = session_open(SESSION)
    bars = market().with_columns(adj_close="close")
    with EmbeddedBroker(
        bars, account.home.broker, opened_at=opens, opening_cash=Decimal(100_000)
    ) as broker:
        broker.control().advance_to(opens + timedelta(hours=1))
        yield broker


@pytest.fixture
def gateway(broker: EmbeddedBroker) -> Gateway:
    return embedded_gateway(
        broker.url, broker.api_key, broker.secret_key, wait=broker.control().advance
    )


def rest(gateway: Gateway, name: str, what: str) -> str:
    """Send a limit order that no price reaches, or a market order; its id at the broker."""
    side, quantity, symbol, *limit = what.split()
    return gateway.submit(
        client_order_id=name,
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        limit_price=Decimal(limit[0]) if limit else None,
    ).order_id


def state_of(gateway: Gateway, name: str) -> OrderState | None:
    found = gateway.order(name)
    return None if found is None else found.state


def test_halt_takes_every_open_order_back(account: Account, gateway: Gateway) -> None:
    """One the ledger knows the id of, one it does not, one never sent, and one that has filled."""
    known = rest(gateway, "known", "buy 1 SPY 100")
    rest(gateway, "unanswered", "buy 1 TLT 50")
    rest(gateway, "done", "buy 1 GLD")
    gateway.wait(5)
    assert state_of(gateway, "done") is OrderState.FILLED
    account.order("known", "buy 1 SPY", "a", broker_order_id=known)
    account.order("unanswered", "buy 1 TLT", "a", state="unknown")
    account.order("done", "buy 1 GLD", "a")
    account.order("unsent", "buy 1 BIL", "a", state="intended")

    said = account.say("halt", "--reason", "a storm")

    assert "The account is halted: nothing is traded there until `alchemiser resume`." in said
    assert "known: buy 1 SPY: canceled, 0 filled" in said
    assert "unanswered: buy 1 TLT: canceled, 0 filled" in said
    assert "done: buy 1 GLD: filled, 1 filled" in said
    assert "unsent: buy 1 BIL: the broker has no such order" in said
    assert said.endswith("No order rests at the broker.")
    assert account.rails.halted_account == "a storm"
    for name in ("known", "unanswered"):
        assert state_of(gateway, name) is OrderState.CANCELED
    with account.ledger.read() as connection:
        kept = connection.execute(select(orders.c.client_order_id, orders.c.state)).all()
    assert sorted(map(tuple, kept)) == [
        ("done", "working"),
        ("known", "working"),
        ("unanswered", "unknown"),
        ("unsent", "intended"),
    ]


@pytest.mark.parametrize("words", [("--book", "a"), ("--symbol", "spy")])
def test_halt_of_a_book_or_a_symbol_leaves_the_other_orders(
    account: Account, gateway: Gateway, words: tuple[str, str]
) -> None:
    for name, symbol, book in (("mine", "SPY", "a"), ("other", "TLT", "b")):
        rest(gateway, name, f"buy 1 {symbol} 50")
        account.order(name, f"buy 1 {symbol}", book)
    account.say("halt", *words)
    assert state_of(gateway, "mine") is OrderState.CANCELED
    assert state_of(gateway, "other") is OrderState.WORKING
    found = account.rails
    assert found.halted_account is None
    assert found.obstacle(symbol="SPY", side="sell", book="a") is not None
    assert found.obstacle(symbol="TLT", side="sell", book="b") is None


def test_halt_without_open_orders_asks_nobody(account: Account) -> None:
    assert "No order of it is open." in account.say("halt")
    assert account.rails.halted_account == "asked for by the operator"


def test_halt_without_an_embedded_broker(account: Account) -> None:
    account.order("o1", "buy 1 SPY", "a")
    said = account.say("halt")
    assert "No embedded broker is running, so no order can rest or fill there now." in said
    assert "o1: buy 1 SPY" in said
    assert account.rails.halted_account is not None


def test_halt_after_the_embedded_broker_has_stopped(
    account: Account, broker: EmbeddedBroker
) -> None:
    account.order("o1", "buy 1 SPY", "a")
    broker.stop()
    assert "No embedded broker is running" in account.say("halt")
    assert account.rails.halted_account is not None


def test_halt_at_a_broker_that_does_not_cancel(
    account: Account, broker: EmbeddedBroker, gateway: Gateway
) -> None:
    rest(gateway, "o1", "buy 1 SPY 100")
    account.order("o1", "buy 1 SPY", "a")
    broker.control().add_fault(
        action="status", status=503, match={"method": "DELETE", "path": "/v2/orders/*"}
    )
    said = account.refuse("halt")
    assert "o1: buy 1 SPY: it still rests: its end was asked for and is not confirmed yet" in said
    assert "the halt stands, but the orders above may still rest" in said
    assert account.rails.halted_account is not None


def test_halt_at_a_broker_that_cannot_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A paper account without keys: the rail stands, and the orders that may rest are named."""
    account = make_account(tmp_path, monkeypatch, BrokerMode.PAPER)
    account.order("o1", "buy 1 SPY", "a")
    said = account.refuse("halt")
    assert "o1: buy 1 SPY" in said
    assert "may still rest at the broker: expected ALPACA_API_KEY and ALPACA_SECRET_KEY" in said
    assert account.rails.halted_account is not None
    account.ledger.close()


def test_an_embedded_broker_that_answers_badly_is_not_one_that_is_down(
    account: Account, broker: EmbeddedBroker
) -> None:
    """Wrong keys: the broker is there, and its orders may rest."""
    account.order("o1", "buy 1 SPY", "a")
    file = account.home.broker.with_name(account.home.broker.name + ".connection.json")
    kept = json.loads(file.read_text())
    file.write_text(json.dumps(kept | {"api_key": "wrong"}))
    assert "o1: buy 1 SPY the halt stands, but" in account.refuse("halt")


def test_halt_on_a_ledger_that_fails(account: Account) -> None:
    """The rail cannot be set; without its table the account counts as halted all the same."""
    with account.ledger.write() as connection:
        connection.exec_driver_sql("DROP TABLE rails")
    assert "ledger.db cannot be used: " in account.refuse("halt")
    assert "The account is halted: the rails cannot be read" in account.say("rails")


@pytest.mark.parametrize("book", ["c", UNALLOCATED, UNATTRIBUTED])
def test_halt_of_a_book_that_is_none(account: Account, book: str) -> None:
    said = account.refuse("halt", "--book", book)
    assert f"expected the book of a strategy (a, b), was {book}" in said
    assert account.rails == Rails()


def test_halt_of_two_things_at_once(account: Account) -> None:
    said = account.refuse("halt", "--book", "a", "--symbol", "SPY", code=2)
    assert "expected one of them, was --book and --symbol" in said
    assert account.rails == Rails()
