"""Capital of the books: the opening share, and the transfers that bring drifted books back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.books.drift import (
    ABSOLUTE_BAND,
    RELATIVE_BAND,
    drift_transfers,
    opening_capital,
)
from alchemiser_dagster.books.money import ZERO

D = Decimal
NEVER = D(1_000_000)
"""A band that nothing leaves."""


def transfers(
    navs: dict[str, str],
    allocations: dict[str, str],
    *,
    absolute: Decimal = ABSOLUTE_BAND,
    relative: Decimal = RELATIVE_BAND,
) -> dict[str, Decimal]:
    return drift_transfers(
        {"unallocated": ZERO} | {book: D(nav) for book, nav in navs.items()},
        {book: D(share) for book, share in allocations.items()},
        unallocated="unallocated",
        absolute_band=absolute,
        relative_band=relative,
    )


THREE = {"A": "0.3", "B": "0.3", "C": "0.4"}


def test_c01_a_book_far_above_its_share_gives_to_the_others() -> None:
    navs = {"A": "45000", "B": "28000", "C": "27000"}
    expected = {"A": -15_000, "B": 2_000, "C": 13_000}
    assert transfers(navs, THREE) == expected
    assert transfers(navs, THREE, relative=NEVER) == expected


def test_c02_exactly_ten_points_are_within_the_band() -> None:
    navs = {"A": "40000", "B": "30000", "C": "30000"}
    assert transfers(navs, THREE, relative=NEVER) == {}
    navs |= {"A": "40000.01", "C": "29999.99"}
    assert transfers(navs, THREE, relative=NEVER)["A"] == D("-10000.01")


def test_c02_a_third_too_much_is_beyond_the_relative_band() -> None:
    assert transfers({"A": "40000", "B": "30000", "C": "30000"}, THREE)


def test_exactly_a_quarter_is_within_the_relative_band() -> None:
    halves = {"A": "0.5", "B": "0.5"}
    assert transfers({"A": "62500", "B": "37500"}, halves, absolute=NEVER) == {}
    assert transfers({"A": "62500.01", "B": "37499.99"}, halves, absolute=NEVER)
    # Too little counts as too much does.
    assert transfers({"A": "74999", "B": "25001"}, {"A": "0.6", "B": "0.4"}, absolute=NEVER)


def sixteen(one: str) -> tuple[dict[str, str], dict[str, str]]:
    books = [f"book{n}" for n in range(16)]
    return dict.fromkeys(books, "6250") | {"book0": one}, dict.fromkeys(books, "0.0625")


def test_c03_one_of_many_books_doubles() -> None:
    navs, allocations = sixteen("12500")
    assert transfers(navs, allocations, relative=NEVER) == {}
    made = transfers(navs, allocations, absolute=NEVER)
    # 106,250 in sixteen parts of 6,640.625
    assert made["book0"] == pytest.approx(D("-5859.375"), abs=D("0.01"))
    assert made["book1"] == pytest.approx(D("390.625"), abs=D("0.01"))
    assert sum(made.values()) == 0


@pytest.mark.parametrize(("times", "fires"), [("2.91", False), ("2.92", True)])
def test_c03_the_absolute_band_needs_nearly_three_times(times: str, fires: bool) -> None:
    navs, allocations = sixteen(str(6250 * D(times)))
    assert bool(transfers(navs, allocations, relative=NEVER)) is fires


def test_cash_nobody_has_is_held_to_the_absolute_band_only() -> None:
    # 4,000 unallocated against 2,000: twice its share, but two points.
    navs = {"A": "96000", "unallocated": "4000"}
    assert transfers(navs, {"A": "0.98"}) == {}
    navs = {"A": "87000", "unallocated": "13000"}
    assert transfers(navs, {"A": "0.98"}) == {"A": 11_000, "unallocated": -11_000}


def test_a_book_without_an_allocation_gives_all_it_has() -> None:
    navs = {"A": "85000", "closing": "15000"}
    assert transfers(navs, {"A": "1"}) == {"A": 15_000, "closing": -15_000}


def test_c05_a_book_is_opened_with_its_share_of_the_cash() -> None:
    assert opening_capital(D(12_000), D("0.30")) == 3_600
    assert opening_capital(D("100.01"), D("0.333")) == D("33.30")


@pytest.mark.parametrize(
    ("navs", "allocations", "said"),
    [
        ({"A": "1"}, {"A": "0.5", "B": "0.5"}, "NAV for every book, was none for B"),
        ({"A": "1", "B": "1"}, {"A": "0.6", "B": "0.5"}, "at most 1"),
        ({"A": "1"}, {"A": "0.6", "unallocated": "0.4"}, "of strategies"),
        ({"A": "0"}, {"A": "1"}, "worth something together, was 0"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(
    navs: dict[str, str], allocations: dict[str, str], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        transfers(navs, allocations)


nav = st.decimals(min_value=-100, max_value=100_000, places=9)


@given(st.lists(st.tuples(nav, st.integers(0, 100)), min_size=1, max_size=12), nav)
def test_transfers_are_cents_that_sum_to_nothing_and_end_the_drift(
    books: list[tuple[Decimal, int]], spare: Decimal
) -> None:
    navs = {f"book{n}": worth for n, (worth, _) in enumerate(books)}
    parts = sum(part for _, part in books) + 1
    allocations = {
        f"book{n}": (D(part) / parts).quantize(D("0.000000001"), rounding="ROUND_DOWN")
        for n, (_, part) in enumerate(books)
    }
    navs["unallocated"] = spare
    if sum(navs.values()) < 1:
        return
    made = drift_transfers(navs, allocations, unallocated="unallocated")
    assert sum(made.values(), ZERO) == 0
    assert all(amount == round(amount, 2) != 0 for amount in made.values())
    total = sum(navs.values(), ZERO)
    for book, amount in made.items():
        if book != "unallocated":
            assert abs(navs[book] + amount - allocations[book] * total) <= D("0.01")
