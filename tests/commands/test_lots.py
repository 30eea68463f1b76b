"""The operator looks at lots, chooses among them, and gives away those that nobody bought."""

from decimal import Decimal

import pytest

from alchemiser_dagster.ledger.lot_choices import chosen_lots
from alchemiser_dagster.ledger.queries import book_cash, positions
from alchemiser_dagster.ledger.schema import UNATTRIBUTED

from .conftest import Account


def test_lots_are_listed_chosen_and_cleared(account: Account) -> None:
    account.lot("L1", "a", "5 SPY at 400")
    account.lot("L2", "a", "2.5 SPY at 410.5")
    account.lot("L3", "a", "1 TLT at 90")
    said = account.say("lots", "a")
    assert "L1 SPY 2024-01-03 20:50 5 400 2,000.00" in said
    assert "L2 SPY 2024-01-03 20:50 2.5 410.5 1,026.25" in said
    assert "L3 TLT" in said
    assert "L3" not in account.say("lots", "a", "SPY")

    said = account.say("lots", "a", "spy", "L2", "L1")
    assert "1,026.25 1." in said
    assert "2,000.00 2." in said
    assert "1,026.25 1." in account.say("lots", "a")
    with account.ledger.read() as connection:
        assert chosen_lots(connection, "a", "SPY") == ["L2", "L1"]

    assert "1." not in account.say("lots", "a", "SPY", "--clear").replace("1,026", "")
    with account.ledger.read() as connection:
        assert chosen_lots(connection, "a", "SPY") == []


def test_lots_that_cannot_be_chosen(account: Account) -> None:
    account.lot("L1", "a", "5 SPY at 400")
    account.lot("L2", "b", "5 SPY at 400")
    assert "expected an open lot of SPY in a (L1), was L2" in account.refuse(
        "lots", "a", "SPY", "L2"
    )
    assert 'for a book with lots = "SPECIFIC" in books.toml: b has FIFO' in account.refuse(
        "lots", "b", "SPY", "L2"
    )
    assert "expected a book (a, b, unallocated, unattributed), was c" in account.refuse("lots", "c")
    assert "expected BOOK SYMBOL --clear" in account.refuse("lots", "a", "--clear", code=2)
    assert account.say("lots", "a", "TLT") == "a has no open lot of TLT."


ATTRIBUTE = ("attribute", "--symbol", "spy", "--strategy", "a")


def test_attribute_moves_shares_and_dollars(account: Account) -> None:
    account.lot("found", UNATTRIBUTED, "3 SPY at 400")
    said = account.say(*ATTRIBUTE, "--qty", "1.5", "--price", "398.02")
    assert "a has 1.5 SPY more, and 597.03 dollars less, from session 2024-01-03 on." in said
    with account.ledger.read() as connection:
        assert positions(connection) == {
            "a": {"SPY": Decimal("1.5")},
            UNATTRIBUTED: {"SPY": Decimal("1.5")},
        }
        cash = book_cash(connection)
    assert (cash["a"], cash[UNATTRIBUTED]) == (Decimal("2.97"), Decimal("597.03"))


def test_attribute_what_is_not_there(account: Account) -> None:
    account.lot("found", UNATTRIBUTED, "3 SPY at 400")
    said = account.refuse(*ATTRIBUTE, "--qty", "3.5", "--price", "1")
    assert "expected at most the 3.000000000 shares of SPY in unattributed, was 3.5" in said
    said = account.refuse(*ATTRIBUTE, "--qty", "3", "--price", "400")
    assert "at most the 600.00 dollars of cash in a, was 1200.00" in said


@pytest.mark.parametrize(
    ("quantity", "price", "says"),
    [
        ("0", "1", "expected a number above 0, was '0'"),
        ("-1", "1", "expected a number above 0"),
        ("many", "1", "expected a number above 0, was 'many'"),
        ("nan", "1", "expected a number above 0"),
        ("Infinity", "1", "expected a number above 0"),
        ("1", "0.0000001", "expected at most 6 decimal places"),
        ("0.0000000001", "1", "expected at most 9 decimal places"),
    ],
)
def test_attribute_wants_numbers(account: Account, quantity: str, price: str, says: str) -> None:
    assert says in account.refuse(*ATTRIBUTE, "--qty", quantity, "--price", price, code=2)
