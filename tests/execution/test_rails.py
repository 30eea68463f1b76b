"""An order passes every rail, or is refused before it is written down."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Connection

from alchemiser_dagster.execution.rails import RailBreach, check_order
from alchemiser_dagster.ledger.open_orders import open_purchases
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail, open_rails, set_rail, symbol_scope
from alchemiser_dagster.ledger.store import Ledger
from tests.ledger.orders import SESSION, add_order

AT = datetime(2026, 11, 2, 21, tzinfo=UTC)
CAP_OF_10_000 = {"equity": "9803.93", "deployment": "1"}
"""Shares may be worth 2 % more than the equity, rounded down to the cent."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.at(tmp_path / "ledger.db")
    with ledger.write() as connection:
        open_rails(connection, AT)
    yield ledger
    ledger.close()


def check(
    connection: Connection,
    what: str,
    *,
    capital: str = "1000000",
    equity: str = "1000000",
    held: str = "0",
    deployment: str = "0.98",
) -> None:
    """`what` is like "buy XYZ for 2000"."""
    side, symbol, _, notional = what.split()
    check_order(
        connection,
        session=SESSION,
        symbol=symbol,
        side=side,
        notional=Decimal(notional),
        books_capital=Decimal(capital),
        equity=Decimal(equity),
        long_market_value=Decimal(held),
        deployment=Decimal(deployment),
    )


def breach(ledger: Ledger, what: str, **account: str) -> str | None:
    """The name of the rail that stops an order; None when it passes."""
    with ledger.read() as connection:
        try:
            check(connection, what, **account)
        except RailBreach as stopped:
            return stopped.rail
    return None


@pytest.mark.parametrize(
    ("rail", "scope", "stopped"),
    [
        (Rail.HALT, ACCOUNT, {"buy XYZ", "sell XYZ", "buy ABC", "sell ABC"}),
        (Rail.HALT, symbol_scope("XYZ"), {"buy XYZ", "sell XYZ"}),
        (Rail.FREEZE, symbol_scope("XYZ"), {"buy XYZ", "sell XYZ"}),
        (Rail.DAILY_LOSS, ACCOUNT, {"buy XYZ", "buy ABC"}),
    ],
)
def test_rails_that_are_on(ledger: Ledger, rail: Rail, scope: str, stopped: set[str]) -> None:
    orders = ["buy XYZ", "sell XYZ", "buy ABC", "sell ABC"]
    assert [breach(ledger, f"{order} for 100") for order in orders] == [None] * 4
    with ledger.write() as connection:
        set_rail(connection, rail, scope, on=True, reason="a storm", set_by="operator", at=AT)
    found = {order: breach(ledger, f"{order} for 100") for order in orders}
    assert {order for order, name in found.items() if name is not None} == stopped
    assert {found[order] for order in stopped} == {rail}


@pytest.mark.parametrize("damage", ["DELETE FROM rails", "DROP TABLE rails"])
def test_x33_a_halt_that_cannot_be_read_is_one(ledger: Ledger, damage: str) -> None:
    with ledger.write() as connection:
        connection.exec_driver_sql(damage)
    assert breach(ledger, "sell XYZ for 100") == "halt"


@pytest.mark.parametrize(
    ("notional", "stopped"), [("3000.00", None), ("3000.01", "deployed")], ids=["fits", "does not"]
)
def test_s01_the_deployed_cap_counts_what_is_held_and_on_order(
    ledger: Ledger, notional: str, stopped: str | None
) -> None:
    """5,000 held and 2,000 on order leave 3,000."""
    with ledger.write() as connection:
        add_order(connection, "o1", "buy 10 ABC", notional="2000")
    account = CAP_OF_10_000 | {"held": "5000"}
    assert breach(ledger, f"buy XYZ for {notional}", **account) == stopped
    assert breach(ledger, f"sell XYZ for {notional}", **account) is None


def test_s02_of_two_orders_for_the_last_dollars_one_is_refused(ledger: Ledger) -> None:
    """Two threads want 2,000 each of the 3,000 that are left."""
    together = Barrier(2)

    def buy(symbol: str) -> str | None:
        together.wait()
        try:
            with ledger.write() as connection:
                check(connection, f"buy {symbol} for 2000", held="7000", **CAP_OF_10_000)
                add_order(connection, symbol, f"buy 20 {symbol}", notional="2000")
        except RailBreach as stopped:
            return stopped.rail
        return None

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(buy, ["XYZ", "ABC"]))
    assert sorted(ends, key=str) == [None, "deployed"]
    with ledger.read() as connection:
        assert open_purchases(connection, SESSION) == 2000


@pytest.mark.parametrize(
    ("notional", "deployment", "stopped"),
    [
        ("30300", "1", None),
        ("30400", "1", "single_order"),
        ("30300", "0.98", None),
        ("33330", "1.1", None),
        ("33330.01", "1.1", "single_order"),
    ],
)
def test_s05_a_single_order_stays_within_its_books_capital(
    ledger: Ledger, notional: str, deployment: str, stopped: str | None
) -> None:
    account = {"capital": "30000", "deployment": deployment}
    for side in ("buy", "sell"):
        assert breach(ledger, f"{side} XYZ for {notional}", **account) == stopped


def test_s05_no_order_is_above_a_million(ledger: Ledger) -> None:
    account = {"capital": "50000000", "equity": "50000000"}
    assert breach(ledger, "sell XYZ for 1000000", **account) is None
    assert breach(ledger, "sell XYZ for 1000000.01", **account) == "single_order"


@pytest.mark.parametrize(
    ("notional", "stopped"), [("2000", "daily_notional"), ("1000", None)], ids=["S07", "fits"]
)
def test_s07_what_a_session_may_trade(
    ledger: Ledger, notional: str, stopped: str | None, tmp_path: Path
) -> None:
    """Limit 400,000; 300,000 sold and 99,000 still on order leave 1,000."""
    with ledger.write() as connection:
        add_order(
            connection, "o1", "sell 10 ABC", notional="300500", executed=("10", "300000"),
            state="filled", filled="10",
        )  # fmt: skip
        add_order(connection, "o2", "sell 10 GLD", notional="99000")
    ledger.close()
    again = Ledger.at(tmp_path / "ledger.db")  # the count outlives the process
    assert breach(again, f"sell XYZ for {notional}", equity="100000") == stopped
    again.close()


def test_the_message_says_what_was_wanted_and_what_the_limit_is(ledger: Ledger) -> None:
    expected = "buy of XYZ: expected an order of at most 30300.00 dollars, was 30400"
    with ledger.read() as connection, pytest.raises(RailBreach, match=expected):
        check(connection, "buy XYZ for 30400", capital="30000", deployment="1")
