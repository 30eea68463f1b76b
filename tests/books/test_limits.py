"""The limits in dollars that no order and no book passes."""

from decimal import Decimal

import pytest

from alchemiser_dagster.books.limits import (
    DayLoss,
    Limit,
    day_limit,
    day_loss,
    deployed_limit,
    failed_sales_limit,
    order_limit,
    purchases_limit,
)

D = Decimal


@pytest.mark.parametrize(("amount", "refused"), [("3000.00", False), ("3000.01", True)])
def test_s01_what_is_used_counts(amount: str, refused: bool) -> None:
    refusal = Limit("a deployed account", D(10_000)).refusal(D(amount), used=D(7_000))
    assert (refusal is not None) is refused


def test_a_refusal_says_what_was_expected() -> None:
    limit = Limit("a deployed account", D(10_000))
    assert limit.refusal(D("3000.01"), used=D(7_000)) == (
        "expected a deployed account of at most 10000 dollars, was 3000.01 after 7000"
    )
    assert limit.refusal(D(10_001)) == (
        "expected a deployed account of at most 10000 dollars, was 10001"
    )


def test_s01_the_account_may_be_deployed_two_per_cent_beyond_its_fraction() -> None:
    assert deployed_limit(D(100_000), D(1)).dollars == 102_000
    assert deployed_limit(D(100_000), D("0.98")).dollars == 99_960


@pytest.mark.parametrize(
    ("capital", "failed", "blocked"),
    [("30000", "500.00", False), ("30000", "500.01", True), ("6000", "300.01", True)],
)
def test_s03_failed_sales_block_purchases(capital: str, failed: str, blocked: bool) -> None:
    assert (failed_sales_limit(D(capital)).refusal(D(failed)) is not None) is blocked


def test_s03_the_limit_of_a_small_book_is_five_per_cent() -> None:
    assert failed_sales_limit(D(6_000)).dollars == 300


def test_s04_a_books_purchases() -> None:
    limit = purchases_limit(D(30_000), D(1))
    assert limit.dollars == 30_600
    assert limit.refusal(D(600), used=D(30_000)) is None
    assert limit.refusal(D("600.01"), used=D(30_000)) is not None
    assert purchases_limit(D(30_000), D("0.98")).dollars == D("29988.00")


@pytest.mark.parametrize(
    ("capital", "deployment", "most"),
    [("30000", "1", "30300"), ("30000", "0.98", "30300"), ("30000", "1.5", "45450"),
     ("2000000", "1", "1000000")],
)  # fmt: skip
def test_s05_a_single_order(capital: str, deployment: str, most: str) -> None:
    assert order_limit(D(capital), D(deployment)).dollars == D(most)


def test_s05_an_order_beyond_its_book_is_refused() -> None:
    assert order_limit(D(30_000), D(1)).refusal(D(30_400)) is not None
    assert order_limit(D(30_000), D(1)).refusal(D(30_300)) is None


@pytest.mark.parametrize(
    ("equity", "verdict"),
    [
        ("101000", DayLoss.NONE),
        ("92000.01", DayLoss.NONE),
        ("92000", DayLoss.WARN),
        pytest.param("91900", DayLoss.WARN, id="S06: -8.1 %"),
        ("85000.01", DayLoss.WARN),
        ("85000", DayLoss.HALT),
        pytest.param("84900", DayLoss.HALT, id="S06: -15.1 %"),
    ],
)
def test_s06_a_days_loss(equity: str, verdict: DayLoss) -> None:
    assert day_loss(D(equity), D(100_000)) is verdict


def test_s06_without_an_equity_to_compare_with_nothing_is_said() -> None:
    with pytest.raises(ValueError, match="equity at the last close, was 0"):
        day_loss(D(100_000), D(0))


def test_s07_a_days_trading() -> None:
    limit = day_limit(D(100_000))
    assert limit.dollars == 400_000
    assert limit.refusal(D(2_000), used=D(399_000)) is not None
    assert limit.refusal(D(1_000), used=D(399_000)) is None
    assert day_limit(D(5_000_000)).dollars == 10_000_000
