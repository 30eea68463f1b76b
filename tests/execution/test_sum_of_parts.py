"""The books' NAV beside the broker's equity, and what is between the two for good reason."""

from datetime import date
from decimal import Decimal

import pytest

from alchemiser_dagster.execution.sum_of_parts import OnItsWay, on_their_way, sum_of_parts
from tests.ledger.activity_lines import line, post
from tests.ledger.activity_lines import traded as traded  # a fixture
from tests.ledger.traded import Traded

D = Decimal
THURSDAY, FRIDAY = date(2026, 11, 5), date(2026, 11, 6)


def late(amount: str, *, is_put_in: bool = False) -> OnItsWay:
    return OnItsWay("1", "FEE", THURSDAY, FRIDAY, D(amount), is_put_in)


@pytest.mark.parametrize(
    ("nav", "holds"), [("100000.40", True), ("100001.00", True), ("100020", False)]
)
def test_case_68_within_a_dollar_or_a_basis_point(nav: str, holds: bool) -> None:
    found = sum_of_parts(THURSDAY, D(nav), D(100_000), [])
    assert found.residual == 100_000 - D(nav)
    assert found.holds is holds


def test_small_accounts_have_a_dollar_and_large_ones_a_basis_point() -> None:
    assert sum_of_parts(THURSDAY, D(500), D(501), []).holds
    assert not sum_of_parts(THURSDAY, D(500), D("501.01"), []).holds
    assert sum_of_parts(THURSDAY, D(1_000_000), D(1_000_100), []).holds


def test_fees_that_the_books_count_tomorrow_are_no_residual() -> None:
    found = sum_of_parts(THURSDAY, D("100000.00"), D("99995.50"), [late("-4.50")])
    assert (found.in_transit, found.residual, found.holds) == (D("-4.50"), 0, True)


@pytest.mark.parametrize(("equity", "in_transit"), [("105000.10", "5000"), ("100000.10", "0")])
def test_a_deposit_counts_from_when_the_equity_has_it(equity: str, in_transit: str) -> None:
    """Dated today; the broker may add it to today's equity or to tomorrow's."""
    deposit = late("5000", is_put_in=True)
    found = sum_of_parts(THURSDAY, D(100_000), D(equity), [deposit])
    assert (found.in_transit, found.residual) == (D(in_transit), D("0.10"))


@pytest.mark.parametrize(("equity", "in_transit"), [("105000.10", "0"), ("100000.10", "-5000")])
def test_the_equity_may_have_a_deposit_later_than_the_books(equity: str, in_transit: str) -> None:
    ahead = OnItsWay("1", "CSD", THURSDAY, THURSDAY, D(-5000), is_put_in=True, is_ahead=True)
    found = sum_of_parts(THURSDAY, D(105_000), D(equity), [ahead])
    assert (found.in_transit, found.residual) == (D(in_transit), D("0.10"))


def test_what_is_dated_before_and_counted_after_is_on_its_way(traded: Traded) -> None:
    post(
        traded,
        line("fee", "FEE", day=5, amount="-0.07"),
        line("cash", "CSD", day=5, amount="100.00"),
        line("old", "FEE", day=6, amount="-1.00"),
        day=6,
    )
    with traded.ledger.read() as connection:
        found = {row.activity_id: row for row in on_their_way(connection, THURSDAY)}
        (ahead,) = on_their_way(connection, FRIDAY)
    assert (ahead.activity_id, ahead.amount, ahead.is_ahead) == ("cash", -100, True)
    assert str(ahead).endswith("in the books from 2026-11-06, in the equity later")
    assert set(found) == {"fee", "cash"}
    assert (found["fee"].amount, found["fee"].is_put_in) == (D("-0.07"), False)
    assert found["cash"].is_put_in
    assert str(found["fee"]) == "FEE of 2026-11-05, in the books from 2026-11-06"
