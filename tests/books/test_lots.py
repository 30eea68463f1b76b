from decimal import Decimal

import pytest

from alchemiser_dagster.books.lots import LotError, LotExit
from tests.books.desk import lot


def test_a_lot_is_worth_its_shares_less_what_they_cost() -> None:
    own = lot("A", "10", "10")
    assert own.unrealised(Decimal("12.50")) == Decimal("25.00")


def test_unit_cost_is_of_the_shares_that_are_left_and_not_the_entry_price() -> None:
    split = lot("A", "10", "50").plus(Decimal(10), Decimal(0))
    assert (split.unit_cost, split.entry_price) == (25, 50)


def test_a_lot_gives_no_more_than_it_has() -> None:
    with pytest.raises(LotError, match=r"at most the 10 shares of lot A to be taken, was 11"):
        lot("A", "10", "10").plus(Decimal(-11), Decimal(-100))


def test_the_last_shares_take_all_the_cost() -> None:
    with pytest.raises(LotError, match=r"all its cost of 100.00 dollars, was 99"):
        lot("A", "10", "10").plus(Decimal(-10), Decimal(-99))
    assert lot("A", "10", "10").plus(Decimal(-10), Decimal(-100)).quantity == 0


def test_a_short_lot_is_covered_and_no_further() -> None:
    short = lot("A", "-10", "10")
    assert short.cost == -100
    assert short.plus(Decimal(4), Decimal(40)).quantity == -6
    with pytest.raises(LotError, match="lot A"):
        short.plus(Decimal(11), Decimal(110))


def test_profit_is_proceeds_less_cost() -> None:
    assert LotExit("A", Decimal(2), Decimal(15), Decimal(30), Decimal(24)).pnl == 6
