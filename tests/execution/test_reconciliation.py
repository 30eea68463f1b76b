"""What differences are, when books and broker are compared."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import insert

from alchemiser_dagster.execution.reconciliation import (
    CASH,
    blocks_purchases,
    judge,
    unexplained,
)
from alchemiser_dagster.ledger.rails import Rails
from alchemiser_dagster.ledger.schema import activities
from alchemiser_dagster.ledger.session_records import record_snapshot
from tests.execution.reconciled import (
    CASH_OF_BOOKS,
    NEXT,
    PRICES,
    READ_AT,
    SESSION,
    Account,
    by_hand,
    make_account,
)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    made = make_account(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield made
    made.ledger.close()


def test_judging_alone_changes_nothing(account: Account) -> None:
    account.says(XYZ="10.00", NEW="3", cash="9995.20")
    with account.ledger.read() as connection:
        items = judge(connection, account.broker, prices=PRICES)
    assert [str(item.classification) for item in items] == ["unexpected", "shortfall", "residual"]
    assert account.recorded() == {}
    assert account.rails() == Rails()
    assert account.holdings("unattributed") == {}


NOT_POSTED = "not understood: expected other shares"


@pytest.mark.parametrize(
    ("broker", "treatment", "days_ago", "expected"),
    [
        pytest.param("103.25", NOT_POSTED, 0, "corporate_action", id="seven for one"),
        pytest.param("29.50", NOT_POSTED, 0, "orphan_long", id="another than was reported"),
        pytest.param("29.50", NOT_POSTED, 11, "corporate_action", id="reported long ago"),
        pytest.param("29.50", "split: posted", 0, "corporate_action", id="posted"),
    ],
)
def test_a_split_that_the_broker_reported_is_the_one_that_is_looked_for(
    account: Account, broker: str, treatment: str, days_ago: int, expected: str
) -> None:
    """Seven for one, 88.50 shares more; until it is posted the symbol is frozen."""
    with account.ledger.write() as connection:
        connection.execute(
            insert(activities).values(
                activity_id="S1", kind="SPLIT", session=SESSION, symbol="XYZ",
                quantity=Decimal("88.5"), dated=SESSION, description="", treatment=treatment,
                posted_at=READ_AT - timedelta(days=days_ago),
            )
        )  # fmt: skip
    account.says(XYZ=broker)
    assert account.reconcile()["XYZ"].classification == expected


def test_a_sale_by_hand_of_shares_that_are_a_books_own_is_a_shortfall(account: Account) -> None:
    """4.75 of the books' 14.75 were sold: the sums agree, but 10.00 cannot be what they own."""
    by_hand(account, "m1", "sell", "4.75")
    account.says(XYZ="10.00", cash="10356.24")
    items = account.reconcile()
    assert account.sums_to_broker()
    assert (items["XYZ"].classification, items["XYZ"].books) == ("shortfall", Decimal("14.75"))
    assert items[CASH].classification == "match"
    assert "XYZ" in account.rails().frozen_symbols

    by_hand(account, "m2", "buy", "4.75")
    account.says(XYZ="14.75", cash="9999.99")
    account.reconcile(NEXT)
    assert account.rails() == Rails()


def test_dust_that_was_recorded_is_no_unexplained_difference(account: Account) -> None:
    account.says(XYZ="14.755")
    record_snapshot(account.ledger, SESSION, "after", account.broker)
    with account.ledger.read() as connection:
        assert [str(line) for line in unexplained(connection, SESSION)] == [
            "XYZ: the books hold 14.750000000, the broker 14.755000000 (difference +0.005000000)"
        ]
    account.reconcile(kind="after_buys")
    with account.ledger.read() as connection:
        assert unexplained(connection, SESSION) == []


@pytest.mark.parametrize(
    ("cash", "classification", "blocks"),
    [("9989.98", "unexplained", False), ("10010.00", "unexplained", False),
     ("9499.98", "no_purchases", True)],
)  # fmt: skip
def test_more_cash_than_that_is_a_break_and_is_not_booked(
    account: Account, cash: str, classification: str, blocks: bool
) -> None:
    account.says(cash=cash)
    item = account.reconcile()[CASH]
    assert (item.classification, item.breaks) == (classification, True)
    with account.ledger.read() as connection:
        assert blocks_purchases(connection, SESSION) is blocks
    assert sum(account.cash(book) for book in ("a", "b", "unallocated")) == CASH_OF_BOOKS
    assert not account.sums_to_broker()
