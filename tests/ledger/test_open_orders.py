"""What orders have traded, and what they may still trade."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from alchemiser_dagster.ledger.open_orders import (
    open_purchases,
    resting_orders,
    traded_notional,
)
from alchemiser_dagster.ledger.store import Ledger

from .orders import SESSION, add_order


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    ledger = Ledger.at(tmp_path / "ledger.db")
    with ledger.write() as connection:
        yield connection
    ledger.close()


def test_an_order_in_part_executed_counts_with_its_cash_and_what_is_left(
    connection: Connection,
) -> None:
    add_order(connection, "o1", "buy 10 XYZ", notional="1000", executed=("4", "398"))
    assert traded_notional(connection, SESSION) == Decimal("998.00")
    assert open_purchases(connection, SESSION) == Decimal("600.00")


def test_sales_are_traded_and_not_bought(connection: Connection) -> None:
    add_order(connection, "o1", "sell 10 XYZ", notional="1000", executed=("4", "398"))
    assert traded_notional(connection, SESSION) == Decimal("998.00")
    assert open_purchases(connection, SESSION) == 0


@pytest.mark.parametrize("state", ["filled", "canceled", "expired", "rejected"])
def test_an_order_that_ended_reserves_nothing(connection: Connection, state: str) -> None:
    add_order(
        connection, "o1", "buy 10 XYZ", notional="1000", executed=("4", "398"), state=state,
        filled="4",
    )  # fmt: skip
    assert traded_notional(connection, SESSION) == Decimal("398.00")
    assert open_purchases(connection, SESSION) == 0


def test_shares_filled_and_not_posted_yet_stay_reserved(connection: Connection) -> None:
    """Canceled with 7 filled, of which the ledger has executions of 4."""
    add_order(
        connection, "o1", "buy 10 XYZ", notional="1000", executed=("4", "398"), state="canceled",
        filled="7",
    )  # fmt: skip
    assert traded_notional(connection, SESSION) == Decimal("698.00")
    assert open_purchases(connection, SESSION) == Decimal("300.00")


@pytest.mark.parametrize("state", ["intended", "unknown", "working", "a new state"])
def test_any_state_that_is_not_an_end_reserves(connection: Connection, state: str) -> None:
    add_order(connection, "o1", "buy 10 XYZ", notional="1000", state=state)
    assert open_purchases(connection, SESSION) == Decimal(1000)


def test_every_order_of_the_session_counts_and_none_of_another(connection: Connection) -> None:
    add_order(
        connection, "o1", "buy 10 XYZ", notional="1000", executed=("10", "990"), state="filled",
        filled="10",
    )  # fmt: skip
    add_order(connection, "o2", "buy 5 XYZ", notional="500")
    add_order(connection, "o3", "sell 3 ABC", notional="150")
    before = date(2026, 11, 2)
    add_order(connection, "o0", "buy 10 XYZ", notional="7", executed=("1", "9"), session=before)
    assert traded_notional(connection, SESSION) == Decimal("1640.00")
    assert open_purchases(connection, SESSION) == Decimal(500)


def test_nothing_was_traded(connection: Connection) -> None:
    assert traded_notional(connection, SESSION) == 0
    assert open_purchases(connection, SESSION) == 0


@given(
    quantity=st.integers(1, 1000),
    part=st.fractions(0, 1),
    cents=st.integers(1, 10**9),
)
def test_what_is_reserved_is_never_more_than_the_order_and_nothing_when_it_is_done(
    quantity: int, part: Fraction, cents: int
) -> None:
    notional = Decimal(cents).scaleb(-2)
    done = int(quantity * part)
    ledger = Ledger("sqlite://")
    with ledger.write() as connection:
        add_order(
            connection, "o1", f"buy {quantity} XYZ", notional=str(notional),
            executed=(str(done), "1") if done else None,
        )  # fmt: skip
        reserved = open_purchases(connection, SESSION)
    ledger.close()
    assert 0 <= reserved <= notional
    assert (reserved == 0) if done == quantity else True


def test_resting_orders_of_the_account_of_a_book_and_of_a_symbol(connection: Connection) -> None:
    add_order(
        connection, "o1", "buy 10 XYZ", notional="1", allocations={"a": "6", "b": "4"},
        broker_order_id="id1",
    )  # fmt: skip
    add_order(connection, "o2", "sell 5 ABC", notional="1", allocations={"b": "5"}, state="unknown")
    add_order(
        connection, "o3", "sell 5 GLD", notional="1", allocations={"b": "5"}, state="canceled"
    )

    def names(book: str | None = None, symbol: str | None = None) -> list[str]:
        found = resting_orders(connection, book=book, symbol=symbol)
        return [order.client_order_id for order in found]

    assert names() == ["o1", "o2"]
    assert names(book="a") == ["o1"]
    assert names(book="b") == ["o1", "o2"]
    assert names(symbol="ABC") == ["o2"]
    assert names(symbol="GLD") == []
    first, second = resting_orders(connection)
    assert (first.broker_order_id, str(first)) == ("id1", "o1: buy 10 XYZ")
    assert (second.broker_order_id, str(second)) == (None, "o2: sell 5 ABC")
