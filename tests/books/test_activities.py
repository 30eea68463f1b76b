from decimal import ROUND_DOWN, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alchemiser_dagster.books.activities import (
    BILLIONTH,
    ActivityError,
    split_deposit,
    split_dividend,
    split_lots,
)
from alchemiser_dagster.books.lots import Lot
from alchemiser_dagster.books.money import ZERO, fill_cash
from tests.books.desk import bought, lot


def after_split(lots: list[Lot], ratio: str | Decimal, added: str | Decimal) -> list[Lot]:
    changes = split_lots(lots, ratio=Decimal(ratio), added=Decimal(added))
    return [
        own.plus(change.quantity, change.cost) for own, change in zip(lots, changes, strict=True)
    ]


def test_c12_two_for_one() -> None:
    (own,) = after_split(bought(("10", "50")), "2", "10")
    assert (own.quantity, own.unit_cost, own.cost) == (20, 25, 500)
    assert (own.entry_quantity, own.entry_price) == (10, 50)


def test_a_reverse_split_takes_shares_and_leaves_the_cost() -> None:
    lots = after_split(bought(("10", "50"), ("5", "60")), "0.2", "-12")
    assert [(own.quantity, own.cost) for own in lots] == [(2, 500), (1, 300)]


def test_what_rounding_leaves_goes_to_the_largest_lot() -> None:
    # One for three: 3.333333333, 0.333333333 and 0.333333333, where the broker has 4.
    lots = after_split(bought(("10", "50"), ("1", "50"), ("1", "50")), Decimal(1) / 3, "-8")
    assert [str(own.quantity) for own in lots] == ["3.333333334", "0.333333333", "0.333333333"]


def test_a_lot_too_small_for_a_share_gives_its_cost_to_the_largest() -> None:
    crumb = lot("B", "0.000000004", "50").plus(ZERO, Decimal("0.01"))
    lots = after_split([*bought(("10", "50")), crumb], "0.1", "-9.000000004")
    assert [(own.quantity, own.cost) for own in lots] == [(1, Decimal("500.01")), (0, 0)]


@pytest.mark.parametrize("added", ["14.999999996", "15.000000004", "5", "-15"])
def test_a_split_of_other_shares_than_the_books_have_is_refused(added: str) -> None:
    with pytest.raises(ActivityError, match=r"split of 15 XYZ by 2 to add 15.0+ shares"):
        split_lots(bought(("10", "50"), ("5", "60")), ratio=Decimal(2), added=Decimal(added))


@pytest.mark.parametrize("added", ["14.999999997", "15.000000003"])
def test_the_last_places_may_be_rounded_otherwise(added: str) -> None:
    lots = after_split(bought(("10", "50"), ("5", "60")), "2", added)
    assert sum(own.quantity for own in lots) == 15 + Decimal(added)
    assert lots[1].quantity == 10


def test_a_split_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ActivityError, match="leave shares"):
        split_lots(
            [lot("A", "0.000000004", "50")], ratio=Decimal("0.1"), added=Decimal("-0.000000004")
        )


def test_nothing_cannot_be_split() -> None:
    with pytest.raises(ActivityError, match="0 lots by 2"):
        split_lots([], ratio=Decimal(2), added=ZERO)
    with pytest.raises(ActivityError, match="1 lots by 0"):
        split_lots(bought(("10", "50")), ratio=ZERO, added=Decimal(-10))


billionths = st.integers(1, 10**13).map(lambda n: n * BILLIONTH)
prices = st.decimals(min_value="0.01", max_value="900", places=2)


@given(
    st.lists(st.tuples(billionths, prices), min_size=1, max_size=8),
    st.integers(1, 30),
    st.integers(1, 30),
)
def test_lots_after_a_split_are_what_the_broker_has_at_the_cost_of_before(
    purchases: list[tuple[Decimal, Decimal]], new: int, old: int
) -> None:
    lots = [lot(f"{i}", str(q), str(p)) for i, (q, p) in enumerate(purchases)]
    held = sum((own.quantity for own in lots), ZERO)
    position = (held * new / old).quantize(BILLIONTH, ROUND_DOWN)
    assume(position > len(lots) * BILLIONTH)
    split = after_split(lots, Decimal(new) / old, position - held)
    assert sum(own.quantity for own in split) == position
    assert sum(own.cost for own in split) == sum(fill_cash(q, p) for q, p in purchases)
    for own, was in zip(split, lots, strict=True):
        assert abs(own.quantity - was.quantity * new / old) <= BILLIONTH * (len(lots) + 1)


def test_c08_a_dividend_follows_the_shares_on_the_record_date() -> None:
    held = {"a": Decimal(10), "b": Decimal(5), "sold_before": ZERO}
    parts = split_dividend(Decimal("12.34"), held, unclaimed="unallocated")
    assert parts == {"a": Decimal("8.23"), "b": Decimal("4.11")}


def test_a_fraction_of_a_share_earns_its_dividend() -> None:
    held = {"a": Decimal("0.25"), "b": Decimal("0.75")}
    parts = split_dividend(Decimal("1.00"), held, unclaimed="unallocated")
    assert parts == {"a": Decimal("0.25"), "b": Decimal("0.75")}


def test_tax_withheld_is_split_as_the_dividend_was() -> None:
    held = {"a": Decimal(10), "b": Decimal(5)}
    parts = split_dividend(Decimal("-1.85"), held, unclaimed="unallocated")
    assert parts == {"a": Decimal("-1.23"), "b": Decimal("-0.62")}


def test_a_dividend_on_what_no_book_held_is_unclaimed() -> None:
    assert split_dividend(Decimal("12.34"), {"a": ZERO}, unclaimed="unallocated") == {
        "unallocated": Decimal("12.34")
    }


def test_c07_a_deposit_follows_the_allocations() -> None:
    allocations = {"a": Decimal("0.3"), "b": Decimal("0.3"), "c": Decimal("0.4")}
    assert split_deposit(Decimal(5000), allocations, unallocated="unallocated") == {
        "a": 1500,
        "b": 1500,
        "c": 2000,
    }
    assert split_deposit(Decimal(-5000), allocations, unallocated="unallocated") == {
        "a": -1500,
        "b": -1500,
        "c": -2000,
    }


def test_what_no_book_is_allocated_stays_unallocated() -> None:
    parts = split_deposit(Decimal(1000), {"a": Decimal("0.15")}, unallocated="unallocated")
    assert parts == {"a": 150, "unallocated": 850}
    assert split_deposit(Decimal(1000), {}, unallocated="unallocated") == {"unallocated": 1000}


def test_more_than_everything_cannot_be_allocated() -> None:
    with pytest.raises(ActivityError, match=r"at most 1, was 1\.1"):
        split_deposit(
            Decimal(1000), {"a": Decimal("0.6"), "b": Decimal("0.5")}, unallocated="unallocated"
        )


@given(
    st.integers(-(10**9), 10**9).map(lambda n: Decimal(n).scaleb(-2)),
    st.lists(st.integers(0, 100), max_size=6),
)
def test_books_get_all_of_a_deposit_and_no_more(amount: Decimal, hundredths: list[int]) -> None:
    scale = max(100, sum(hundredths))
    allocations = {
        f"book_{i}": (Decimal(n) / scale).quantize(BILLIONTH, ROUND_DOWN)
        for i, n in enumerate(hundredths)
    }
    parts = split_deposit(amount, allocations, unallocated="unallocated")
    assert sum(parts.values()) == amount
