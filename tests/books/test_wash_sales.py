from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.books.wash_sales import Disposal, Purchase, WashSale, find_wash_sales

SOLD = date(2026, 3, 2)


def disposal(pnl: str = "-120.00", *, lot_id: str = "old") -> Disposal:
    return Disposal(SOLD, "a", "XYZ", lot_id, Decimal(pnl))


def purchase(days: int, *, book: str = "b", symbol: str = "XYZ", lot_id: str = "new") -> Purchase:
    return Purchase(SOLD + timedelta(days=days), book, symbol, lot_id)


def test_a_loss_is_flagged_where_another_book_buys_the_same_symbol() -> None:
    assert find_wash_sales([disposal()], [purchase(18)]) == [
        WashSale(
            session=SOLD,
            symbol="XYZ",
            book="a",
            lot_id="old",
            loss=Decimal("120.00"),
            replacement_session=date(2026, 3, 20),
            replacement_book="b",
            replacement_lot_id="new",
        )
    ]


@pytest.mark.parametrize("days", [-31, 31])
def test_outside_the_61_days_nothing_is_flagged(days: int) -> None:
    assert find_wash_sales([disposal()], [purchase(days)]) == []


@pytest.mark.parametrize("days", [-30, -1, 0, 1, 30])
@pytest.mark.parametrize("book", ["a", "b"])
def test_inside_them_any_book_counts(days: int, book: str) -> None:
    assert len(find_wash_sales([disposal()], [purchase(days, book=book)])) == 1


def test_a_cross_at_a_loss_is_flagged() -> None:
    """The buyer of a cross is another book of the same taxpayer, on the same day."""
    (flag,) = find_wash_sales([disposal()], [purchase(0)])
    assert (flag.book, flag.replacement_book, flag.replacement_session) == ("a", "b", SOLD)


@pytest.mark.parametrize("pnl", ["0.00", "120.00"])
def test_only_losses_are_flagged(pnl: str) -> None:
    assert find_wash_sales([disposal(pnl)], [purchase(1)]) == []


def test_a_lot_does_not_replace_itself() -> None:
    own = purchase(-10, book="a", lot_id="old")
    assert find_wash_sales([disposal()], [own]) == []
    (flag,) = find_wash_sales([disposal()], [own, purchase(-20)])
    assert flag.replacement_lot_id == "new"


def test_another_symbol_is_no_replacement() -> None:
    assert find_wash_sales([disposal()], [purchase(1, symbol="ABC")]) == []


def test_the_nearest_purchase_is_named_and_the_earlier_of_two() -> None:
    bought = [
        purchase(9, lot_id="after"),
        purchase(-9, lot_id="before"),
        purchase(-20, lot_id="far"),
    ]
    (flag,) = find_wash_sales([disposal()], bought)
    assert flag.replacement_lot_id == "before"


days = st.integers(-70, 70)
books = st.sampled_from("abc")
symbols = st.sampled_from(["XYZ", "ABC"])


@given(
    st.lists(st.tuples(days, books, symbols, st.integers(-2, 2))),
    st.lists(st.tuples(days, books, symbols)),
)
def test_flags_are_the_losses_with_a_purchase_in_the_window(
    sold: list[tuple[int, str, str, int]], bought: list[tuple[int, str, str]]
) -> None:
    purchases = [
        Purchase(SOLD + timedelta(days=day), book, symbol, f"lot {i}")
        for i, (day, book, symbol) in enumerate(bought)
    ]
    disposals = [
        Disposal(SOLD + timedelta(days=day), book, symbol, f"lot {i}", Decimal(pnl))
        for i, (day, book, symbol, pnl) in enumerate(sold)
    ]
    flags = find_wash_sales(disposals, purchases)
    assert [(flag.lot_id, flag.loss) for flag in flags] == [
        (out.lot_id, -out.pnl)
        for out in disposals
        if out.pnl < 0
        and any(
            back.symbol == out.symbol
            and back.lot_id != out.lot_id
            and abs((back.session - out.session).days) <= 30
            for back in purchases
        )
    ]
