"""Deposits, dividends, fees and interest: whose cash it is, to the cent."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import insert, update

from alchemiser_dagster.ledger.queries import external_flows, income
from alchemiser_dagster.ledger.schema import UNALLOCATED, UNATTRIBUTED, books, cash_entries
from tests.ledger.activity_lines import by_hand, cash, cash_moved, holdings, line, post
from tests.ledger.activity_lines import traded as traded  # a fixture
from tests.ledger.traded import OPENED, Traded

D = Decimal


def test_c07_a_deposit_is_shared_out_by_allocation(traded: Traded) -> None:
    with traded.ledger.write() as connection:
        connection.execute(update(books).where(books.c.book == "a").values(allocation=D("0.3")))
        connection.execute(update(books).where(books.c.book == "b").values(allocation=D("0.3")))
        connection.execute(
            insert(books).values(book="c", allocation=D("0.4"), opened_session=date(2026, 11, 2))
        )
    moved = cash_moved(traded, line("d", "CSD", amount="5000.00"))
    assert moved == {"a": 1500, "b": 1500, "c": 2000}
    with traded.ledger.read() as connection:  # capital, and no income
        assert external_flows(connection, "c", session=date(2026, 11, 5)) == 2000
        assert income(connection, "c") == 0


@pytest.mark.parametrize("kind", ["CSW", "JNLC"])
def test_what_allocations_leave_of_a_withdrawal_is_unallocated(traded: Traded, kind: str) -> None:
    with traded.ledger.write() as connection:
        connection.execute(update(books).where(books.c.book == "b").values(allocation=D("0.3")))
    moved = cash_moved(traded, line("w", kind, amount="-100.01"))
    assert moved == {"a": D("-60.01"), "b": D("-30.00"), UNALLOCATED: D("-10.00")}


def test_allocations_of_more_than_the_whole_give_a_deposit_to_nobody(traded: Traded) -> None:
    with traded.ledger.write() as connection:
        connection.execute(update(books).where(books.c.book == "b").values(allocation=D("0.5")))
    (done,) = post(traded, line("d", "CSD", amount="10.00"))
    assert done.warns
    assert "allocations that sum to at most 1" in done.treatment
    assert cash(traded)[UNALLOCATED] == 10


def test_c08_a_dividend_goes_to_those_who_hold_to_the_cent(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    traded.trade(3, "b buy 5 XYZ @ 12")
    moved = cash_moved(traded, line("d", "DIV", symbol="XYZ", amount="12.34"))
    assert moved == {"a": D("8.23"), "b": D("4.11")}
    with traded.ledger.read() as connection:
        assert income(connection, "a") == D("8.23")
        assert external_flows(connection, "a", session=date(2026, 11, 5)) == 0


def test_tax_withheld_is_taken_from_those_who_got_the_dividend(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    traded.trade(3, "b buy 5 XYZ @ 12")
    moved = cash_moved(traded, line("t", "DIVNRA", symbol="XYZ", amount="-1.85"))
    assert moved == {"a": D("-1.23"), "b": D("-0.62")}


def test_a_dividend_paid_wrongly_is_taken_back_from_those_who_got_it(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    paid = line("d", "DIV", symbol="XYZ", quantity="10", amount="5.00")
    back = line("r", "DIV", symbol="XYZ", quantity="10", amount="-5.00", undoes="d")
    assert cash_moved(traded, paid, back) == {}
    assert holdings(traded) == {"a": {"XYZ": D(10)}}


def test_who_buys_on_the_ex_date_gets_none_and_who_sells_gets_his(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    traded.trade(4, "a sell 10 XYZ @ 12")
    traded.trade(4, "b buy 10 XYZ @ 12")
    assert cash_moved(traded, line("d", "DIV", symbol="XYZ", amount="5.00")) == {"a": 5}


def test_shares_bought_by_hand_the_day_before_count_though_posted_with_it(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    moved = cash_moved(
        traded,
        line("d", "DIV", symbol="XYZ", amount="3.00"),
        by_hand("m", "buy 5 XYZ @ 12", day=3),
    )
    assert moved == {"a": 2, UNATTRIBUTED: 1 - 60}


def test_a_dividend_on_what_nobody_held_is_unallocated_with_a_warning(traded: Traded) -> None:
    (done,) = post(traded, line("d", "DIV", symbol="XYZ", amount="3.00"))
    assert cash(traded)[UNALLOCATED] == 3
    assert done.warns
    assert "no book held XYZ before 2026-11-04" in done.treatment


def test_fees_are_paid_by_who_sold_that_day_by_value(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    traded.trade(3, "b buy 10 ABC @ 12")
    traded.trade(4, "a sell 10 XYZ @ 20")
    traded.trade(4, "b sell 5 ABC @ 20")
    assert cash_moved(traded, line("f", "FEE", amount="-0.10")) == {
        "a": D("-0.07"),
        "b": D("-0.03"),
    }
    assert cash_moved(traded, line("g", "CFEE", day=3, amount="-0.01")) == {UNALLOCATED: D("-0.01")}


def test_a_cross_pays_no_fee_and_a_sale_by_hand_does(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    traded.cross(4, "a to b 10 XYZ @ 12")
    moved = cash_moved(traded, by_hand("m", "sell 1 ABC @ 10"), line("f", "FEE", amount="-0.02"))
    assert moved == {UNATTRIBUTED: D("10.00") - D("0.02")}


@pytest.mark.parametrize(
    ("amount", "withdrawn", "expected"),
    [
        ("10.00", "0", {"a": "6.00", "b": "4.00"}),
        ("-10.00", "0", {"a": "-6.00", "b": "-4.00"}),
        ("-10.00", "70000", {"a": "-10.00"}),
        ("10.00", "70000", {"b": "10.00"}),
    ],
    ids=["earned on cash", "owed by nobody in debt", "owed by who is in debt", "earned by others"],
)
def test_interest(traded: Traded, amount: str, withdrawn: str, expected: dict[str, str]) -> None:
    with traded.ledger.write() as connection:
        connection.execute(
            insert(cash_entries).values(
                book="a", session=date(2026, 11, 3), kind="withdrawal", source_id="w",
                amount=-D(withdrawn), at=OPENED,
            )
        )  # fmt: skip
    moved = cash_moved(traded, line("i", "INT", amount=amount))
    assert moved == {book: D(dollars) for book, dollars in expected.items()}
