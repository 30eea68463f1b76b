from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.books.reconciliation import (
    CashClassification,
    Classification,
    Growth,
    classify,
    classify_cash,
    pnl_gap,
    pnl_tolerance,
)

BOOK_A, BOOK_B = Decimal("10.5"), Decimal("4.25")
HELD = BOOK_A + BOOK_B
PRICE = Decimal(75)


@pytest.mark.parametrize(
    ("books", "broker", "expected"),
    [
        pytest.param(HELD, "14.75", "match", id="C09: equal"),
        pytest.param(HELD, "14.749999", "match", id="C09: a millionth less"),
        pytest.param(HELD, "14.755", "dust", id="C09: 0.375 dollars more"),
        pytest.param(HELD, "15.00", "orphan_long", id="C10: 18.75 dollars more"),
        pytest.param(HELD, "10.00", "shortfall", id="C10: 356.25 dollars less"),
        pytest.param(HELD, "29.50", "corporate_action", id="C10: twice as many"),
        pytest.param(Decimal(0), "3", "unexpected", id="C10: no book holds it"),
        pytest.param(HELD, "14.749998", "dust", id="two millionths less"),
        pytest.param(HELD, "14.745", "dust", id="0.375 dollars less"),
        pytest.param(HELD, "14.7633333", "dust", id="just below a dollar"),
        pytest.param(HELD, "14.7633334", "orphan_long", id="just above a dollar"),
        pytest.param(HELD, "1.475", "corporate_action", id="a tenth"),
        pytest.param(HELD, "0", "shortfall", id="all gone"),
        pytest.param(HELD, "-1", "short", id="short"),
        pytest.param(Decimal(0), "-0.000001", "short", id="short by a millionth"),
        pytest.param(Decimal(0), "0.001", "unexpected", id="no dust of what no book holds"),
        pytest.param(Decimal(0), "0", "match", id="nothing"),
    ],
)
def test_shares(books: Decimal, broker: str, expected: str) -> None:
    assert classify(books, Decimal(broker), PRICE) == expected


def test_a_reported_ratio_is_taken_instead_of_the_usual_ones() -> None:
    seven_for_one, twice = HELD * 7, HELD * 2
    assert classify(HELD, seven_for_one, PRICE) is Classification.ORPHAN_LONG
    reported = [Decimal(7)]
    assert classify(HELD, seven_for_one, PRICE, reported_ratios=reported) is (
        Classification.CORPORATE_ACTION
    )
    assert classify(HELD, twice, PRICE, reported_ratios=reported) is Classification.ORPHAN_LONG


def test_a_split_is_seen_through_the_broker_rounding_the_shares() -> None:
    third = (HELD / 3).quantize(Decimal("0.000000001"))
    ratio = Decimal(1) / Decimal(3)
    assert classify(HELD, third, PRICE, reported_ratios=[ratio]) is Classification.CORPORATE_ACTION


def test_without_a_price_nothing_is_dust() -> None:
    assert classify(HELD, Decimal("14.755"), None) is Classification.ORPHAN_LONG
    assert classify(HELD, Decimal("14.745"), None) is Classification.SHORTFALL


EQUITY = Decimal(100_000)


@pytest.mark.parametrize(
    ("books", "broker", "equity", "expected"),
    [
        pytest.param("9999.99", "9999.99", EQUITY, "match", id="equal"),
        pytest.param("9999.99", "9995.20", EQUITY, "residual", id="C11: 4.79 less"),
        pytest.param("9999.99", "9989.99", EQUITY, "residual", id="C11: 10.00 less"),
        pytest.param("9999.99", "9989.98", EQUITY, "unexplained", id="C11: 10.01 less"),
        pytest.param("9999.99", "10010.00", EQUITY, "unexplained", id="C11: 10.01 more"),
        pytest.param("10000", "9500.00", EQUITY, "unexplained", id="half a per cent of equity"),
        pytest.param("10000", "9499.99", EQUITY, "no_purchases", id="a cent beyond it"),
        pytest.param("10000", "15000", EQUITY, "no_purchases", id="a deposit nobody booked"),
        pytest.param("100", "99", Decimal(100), "residual", id="a dollar of a small account"),
        pytest.param("100", "98.99", Decimal(100), "no_purchases", id="more of a small account"),
    ],
)
def test_cash(books: str, broker: str, equity: Decimal, expected: str) -> None:
    assert classify_cash(Decimal(books), Decimal(broker), equity) == expected


@pytest.mark.parametrize(
    ("paid", "expected"),
    [
        ("18.75", CashClassification.PAID),
        ("18.93", CashClassification.PAID),
        ("18.57", CashClassification.PAID),
        ("18.94", CashClassification.UNEXPLAINED),
        ("18.56", CashClassification.UNEXPLAINED),
        ("-18.75", CashClassification.UNEXPLAINED),
        ("0", CashClassification.MATCH),
        ("0.03", CashClassification.RESIDUAL),
    ],
)
def test_cash_that_was_paid_for_shares_found(paid: str, expected: CashClassification) -> None:
    books = Decimal("9999.99")
    broker = books - Decimal(paid)
    assert classify_cash(books, broker, Decimal(50_000), found=Decimal("18.75")) is expected


def test_the_account_earns_what_its_books_earn() -> None:
    # A deposit of 5,000 is split 3,000 to 2,000, and b hands 500 on to a.
    account = Growth(then=Decimal(100_000), now=Decimal(105_300), flows=Decimal(5_000))
    a = Growth(then=Decimal(60_000), now=Decimal(63_700), flows=Decimal(3_500))
    b = Growth(then=Decimal(40_000), now=Decimal(41_600), flows=Decimal(1_500))
    assert [grown.pnl for grown in (account, a, b)] == [300, 200, 100]
    assert pnl_gap(account, [a, b]) == 0


def test_a_deposit_that_no_book_was_given_is_a_gap() -> None:
    account = Growth(then=Decimal(100_000), now=Decimal(105_300), flows=Decimal(0))
    book = Growth(then=Decimal(100_000), now=Decimal(100_300), flows=Decimal(0))
    assert pnl_gap(account, [book]) == 5_000


@pytest.mark.parametrize(("equity", "dollars"), [(1_000, 5), (10_000, 5), (100_000, 50)])
def test_what_gap_is_let_pass(equity: int, dollars: int) -> None:
    assert pnl_tolerance(Decimal(equity)) == dollars


shares = st.decimals(0, 10_000, places=6)
prices = st.decimals("0.01", 1_000, places=2)


@given(shares, shares, prices)
def test_books_and_broker_match_just_when_they_hold_the_same(
    books: Decimal, broker: Decimal, price: Decimal
) -> None:
    matches = classify(books, broker, price) is Classification.MATCH
    assert matches == (abs(books - broker) <= Decimal("0.000001"))


@given(shares, shares, prices)
def test_excess_is_more_and_a_shortfall_less(
    books: Decimal, broker: Decimal, price: Decimal
) -> None:
    found = classify(books, broker, price)
    if found is Classification.SHORTFALL:
        assert broker < books
    if found in (Classification.ORPHAN_LONG, Classification.UNEXPECTED):
        assert broker > books
