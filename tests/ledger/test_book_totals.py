"""What a book has of a symbol and has made with it, in a ledger and in another one."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import update

from alchemiser_dagster.ledger.book_totals import (
    CashDifference,
    Totals,
    TotalsDifference,
    compare_cash,
    compare_totals,
    totals,
)
from alchemiser_dagster.ledger.schema import cash_entries, lots

from .traded import Traded

D = Decimal


@pytest.fixture
def traded() -> Iterator[Traded]:
    made = Traded.at("sqlite://")
    yield made
    made.ledger.close()


def test_l01_l02_shares_cost_and_what_was_realised(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 10.00")
    traded.trade(4, "a buy 5 XYZ @ 12.00")
    traded.trade(5, "a sell 12 XYZ @ 15.00")
    with traded.ledger.read() as connection:
        assert totals(connection) == {("a", "XYZ"): Totals(D(3), D("36.00"), D("56.00"))}
    traded.trade(6, "a sell 3 XYZ @ 11.00")
    with traded.ledger.read() as connection:
        assert totals(connection) == {("a", "XYZ"): Totals(D(0), D(0), D("53.00"))}


def test_what_two_ledgers_do_not_say_alike(traded: Traded) -> None:
    other = Traded.at("sqlite://")
    for one in (traded, other):
        one.trade(3, "a buy 10 XYZ @ 10.00")
        one.trade(3, "b buy 10 ABC @ 10.00")
    other.trade(4, "b buy 1 NEW @ 2.00")
    with traded.ledger.write() as connection:
        connection.execute(update(lots).where(lots.c.book == "a").values(cost=D("99.00")))
        connection.execute(
            update(cash_entries).where(cash_entries.c.kind == "buy").values(amount=D("-99.00"))
        )
    with traded.ledger.read() as ours, other.ledger.read() as theirs:
        assert compare_totals(ours, theirs) == [
            TotalsDifference("a", "XYZ", Totals(D(10), D("99")), Totals(D(10), D("100"))),
            TotalsDifference("b", "NEW", Totals(), Totals(D(1), D("2"))),
        ]
        assert compare_cash(ours, theirs) == [
            CashDifference("a", D("59901.00"), D("59900.00")),
            CashDifference("b", D("39901.00"), D("39898.00")),
        ]
        assert compare_totals(ours, ours) == []
    other.ledger.close()
