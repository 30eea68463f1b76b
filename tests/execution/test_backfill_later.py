"""Books made again after something changed what was traded or shared out long before."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from alchemiser_dagster.embedded.busts import bust
from alchemiser_dagster.ledger.opening import BookTerms
from alchemiser_dagster.market.sessions import next_session

from .conftest import FIRST, SECOND
from .rebuilt import Rebuilt, damage, rebuilt
from .scripted import ScriptedDay

D = Decimal
THIRD = next_session(SECOND)


@pytest.fixture
def day() -> ScriptedDay:
    return ScriptedDay.open()


@pytest.fixture
def books(day: ScriptedDay) -> Iterator[Rebuilt]:
    with rebuilt(day.desk) as made:
        yield made


def agrees(books: Rebuilt) -> bool:
    """Whether ledger, rebuilt books and broker say the same, and doing it again adds nothing."""
    made = books.again()
    assert (made.problems, made.notes, made.foreign) == ((), (), ())
    assert (books.differences(), books.cash_differences(), books.other_rows()) == ([], [], [])
    return books.off_the_broker() == [] and books.again().added == 0


def busted_purchase(day: ScriptedDay) -> None:
    """b buys 20 ABC and sells 8 of them; then the purchase is declared void."""
    brokerage = day.broker.brokerage
    day.trade(FIRST, {"b": day.want("b", ABC="20")})
    purchase = brokerage.store.last_standing_fill("ABC")
    assert purchase is not None
    day.trade(SECOND, {"b": day.want("b", ABC="12")})
    with brokerage.unit():
        bust(brokerage.books, brokerage.desk.order(purchase.details["order_id"]), purchase)
    day.trade(THIRD, {"a": day.want("a", XYZ="1")})


def test_an_order_that_was_busted_in_full_keeps_its_owner(day: ScriptedDay, books: Rebuilt) -> None:
    busted_purchase(day)
    made = books.again()
    assert (made.foreign, made.problems) == ((), ())
    assert not any("manual trade" in line for line in made.notes)
    assert (books.differences(), books.cash_differences(), books.off_the_broker()) == ([], [], [])
    assert books.other_rows() == []


def test_an_execution_of_an_order_that_is_not_listed_is_no_trade_by_hand(
    day: ScriptedDay, books: Rebuilt
) -> None:
    day.trade(FIRST, {"b": day.want("b", ABC="20")})
    purchase = day.broker.brokerage.store.last_standing_fill("ABC")
    assert purchase is not None
    day.fault(
        stage="after_commit", action="drop_item", field="id",
        value=purchase.details["order_id"], match={"path": "/v2/orders", "method": "GET"},
    )  # fmt: skip
    made = books.again()
    (problem,) = made.problems
    assert problem.startswith("e.20261103.0.n")
    assert "expected the order among the broker's, was only its execution" in problem


def test_a_deposit_stays_where_it_was_shared_when_allocations_change(
    day: ScriptedDay, books: Rebuilt
) -> None:
    """1,000.00 come in while a has 0.6 and b 0.4; then b's strategy is switched off."""
    day.trade(FIRST, {"a": day.want("a", XYZ="60")})
    day.control.move_cash(1000)
    day.trade(SECOND, {"a": day.want("a", XYZ="50")})
    day.terms = {"a": BookTerms(D("0.9"))}
    day.trade(THIRD, {"a": day.want("a", XYZ="50")})
    assert agrees(books)
    assert day.cash()["b"] == D("40400.00")


def test_a_deposit_of_which_the_shares_are_lost_is_shared_out_by_nobody(
    day: ScriptedDay, books: Rebuilt
) -> None:
    day.trade(FIRST, {"a": day.want("a", XYZ="60")})
    day.control.move_cash(1000)
    day.trade(SECOND, {"a": day.want("a", XYZ="50")})
    damage(day.desk.ledger, "DELETE FROM journal WHERE payload LIKE '%\"deposit\"%'")
    (problem,) = books.again().problems
    assert "CSD $1000: expected shares of" in problem
    assert "that sum to 1000, was 0: nobody knows any more which books got it" in problem
