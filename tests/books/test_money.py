from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.books.money import (
    CENT,
    fill_cash,
    floor_quantity,
    round_to_total,
    split_to_cents,
    to_cents,
    weight_from_float,
)


def test_an_execution_moves_cash_to_the_nearest_cent() -> None:
    assert fill_cash(Decimal("133.333333"), Decimal("90")) == Decimal("12000.00")
    assert fill_cash(Decimal("0.5"), Decimal("0.01")) == Decimal("0.01")


def test_quantities_are_rounded_towards_zero() -> None:
    assert floor_quantity(Decimal("146.6666669")) == Decimal("146.666666")
    assert floor_quantity(Decimal("133.9"), whole=True) == Decimal(133)


def test_a_weight_keeps_what_the_float_says() -> None:
    assert weight_from_float(0.1 + 0.2) == Decimal("0.300000000")


def test_a_dividend_is_split_to_the_cent() -> None:
    # 12.34 on 15 shares, 10 of one book and 5 of another: 8.2266.. and 4.1133..
    parts = split_to_cents(Decimal("12.34"), [Decimal(10), Decimal(5)])
    assert parts == [Decimal("8.23"), Decimal("4.11")]


def test_splitting_needs_a_positive_whole() -> None:
    with pytest.raises(ValueError, match="positive sum"):
        split_to_cents(Decimal(1), [Decimal(0)])


cents = st.integers(min_value=-10_000_000, max_value=10_000_000).map(lambda n: n * CENT)
shares = st.lists(
    st.decimals(min_value="0.000001", max_value="10000", places=6), min_size=1, max_size=12
)


@given(cents, shares)
def test_parts_always_sum_to_the_total(total: Decimal, by: list[Decimal]) -> None:
    parts = split_to_cents(total, by)
    assert sum(parts) == total
    for part, share in zip(parts, by, strict=True):
        assert abs(part - total * share / sum(by)) < CENT * 2


@given(st.lists(st.decimals(min_value="-9999", max_value="9999", places=9), min_size=1))
def test_a_rounded_column_sums_to_its_rounded_sum(amounts: list[Decimal]) -> None:
    rounded = round_to_total(amounts)
    assert sum(rounded) == to_cents(sum(amounts, Decimal(0)))
    assert all(abs(r - a) <= CENT for r, a in zip(rounded, amounts, strict=True))
