"""What is done about differences, and that it is done once."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from alchemiser_dagster.execution.reconciliation import CASH
from alchemiser_dagster.execution.resolution import TooEarly
from alchemiser_dagster.ledger.queries import open_lots
from alchemiser_dagster.ledger.rails import Rail, Rails, set_rail
from alchemiser_dagster.ledger.schema import cash_entries
from tests.execution.reconciled import (
    CASH_OF_BOOKS,
    NEXT,
    OPENED,
    READ_AT,
    Account,
    by_hand,
    give,
    make_account,
    place_order,
)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    made = make_account(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield made
    made.ledger.close()


def test_what_agrees_is_recorded_and_nothing_else_is_done(account: Account) -> None:
    account.reconcile()
    assert account.recorded() == {"XYZ": ("match", "", False), CASH: ("match", "", False)}
    assert account.holdings("unattributed") == {}
    assert account.rails() == Rails()


@pytest.mark.parametrize("broker", ["14.749999", "14.755"], ids=["C09: match", "C09: dust"])
def test_small_differences_are_left_as_they_are(account: Account, broker: str) -> None:
    account.says(XYZ=broker)
    item = account.reconcile()["XYZ"]
    assert not item.breaks
    assert item.books == Decimal("14.75")
    assert account.holdings("unattributed") == {}
    assert account.rails() == Rails()


def test_shares_that_nobody_bought_are_kept_apart_at_their_worth(account: Account) -> None:
    """C10: 0.25 too many are worth 18.75; the books keep what is theirs, and so does the cash."""
    account.says(XYZ="15.00")
    item = account.reconcile()["XYZ"]
    assert (str(item.excess), str(item.value), item.breaks) == ("0.250000000", "18.75", False)
    assert account.recorded()["XYZ"] == (
        "orphan_long", "0.25 booked to unattributed at 75", False,
    )  # fmt: skip
    with account.ledger.read() as connection:
        [lot] = open_lots(connection, book="unattributed")
    assert lot.lot_id == "unattributed.2026-11-03.before.XYZ"
    assert (lot.quantity, lot.entry_price, lot.cost) == (Decimal("0.25"), 75, Decimal("18.75"))
    assert account.holdings("a") == {"XYZ": Decimal("10.5")}
    assert account.cash("unattributed") == 0
    assert account.rails() == Rails()
    assert account.sums_to_broker()


def test_what_was_paid_for_them_is_booked_beside_them(account: Account) -> None:
    """Bought at 75.20, now worth 75.00: the 18.80 that left the account."""
    account.says(XYZ="15.00", cash="9981.19")
    item = account.reconcile()[CASH]
    assert (item.classification, item.excess, item.breaks) == ("paid", Decimal("-18.80"), False)
    assert account.cash("unattributed") == Decimal("-18.80")
    assert account.cash("unallocated") == CASH_OF_BOOKS
    assert account.sums_to_broker()


def test_a_symbol_that_no_book_ever_bought_is_booked_and_breaks(account: Account) -> None:
    account.says(NEW="3")
    account.reconcile()
    classification, _, breaks = account.recorded()["NEW"]
    assert (classification, breaks) == ("unexpected", True)
    assert account.holdings("unattributed") == {"NEW": 3}
    assert account.sums_to_broker()

    account.reconcile(NEXT)
    assert account.recorded(NEXT)["NEW"] == ("match", "", False)


def test_shares_without_a_price_are_not_booked(account: Account) -> None:
    account.says(ODD="3")
    assert account.reconcile()["ODD"].breaks
    assert account.recorded()["ODD"][1].startswith("not booked")
    assert account.holdings("unattributed") == {}


def test_missing_shares_freeze_the_symbol_in_every_book_until_they_are_back(
    account: Account,
) -> None:
    """C10: 4.75 are missing, worth 356.25."""
    account.says(XYZ="10.00")
    item = account.reconcile()["XYZ"]
    assert (item.classification, item.value) == ("shortfall", Decimal("-356.25"))
    assert account.recorded()["XYZ"] == ("shortfall", "frozen, shares are missing", True)
    for book in ("a", "b"):
        for side in ("buy", "sell"):
            why = account.rails().obstacle(symbol="XYZ", side=side, book=book)
            assert why is not None
            assert "the books hold 14.75, the broker 10" in why
    assert account.rails().obstacle(symbol="ABC", side="buy", book="a") is None

    account.says(XYZ="14.75")
    account.reconcile(NEXT)
    assert account.rails() == Rails()
    assert account.recorded(NEXT)["XYZ"] == (
        "match", "books and broker agree again: the freeze is lifted", False,
    )  # fmt: skip


def test_a_freeze_is_lifted_when_neither_side_holds_the_symbol_any_more(account: Account) -> None:
    account.says(XYZ="0")
    account.reconcile()
    assert "XYZ" in account.rails().frozen_symbols
    give(account.ledger, "a", "XYZ", "-10.5", lot="gone")
    give(account.ledger, "b", "XYZ", "-4.25", lot="gone")
    account.reconcile(NEXT)
    assert account.rails() == Rails()


def test_the_freeze_of_an_operator_stays_when_books_and_broker_agree(account: Account) -> None:
    with account.ledger.write() as connection:
        set_rail(
            connection, Rail.FREEZE, "symbol:XYZ", on=True, reason="a tender offer",
            set_by="operator", at=OPENED,
        )  # fmt: skip
    account.says(XYZ="10.00")
    account.reconcile()
    account.says(XYZ="14.75")
    account.reconcile(NEXT)
    assert account.rails().frozen_symbols == {"XYZ": "a tender offer"}


def test_a_symbol_that_an_operator_resumed_is_frozen_again_while_shares_are_missing(
    account: Account,
) -> None:
    account.says(XYZ="10.00")
    account.reconcile()
    with account.ledger.write() as connection:
        set_rail(
            connection, Rail.FREEZE, "symbol:XYZ", on=False, reason="", set_by="operator",
            at=READ_AT,
        )  # fmt: skip
    account.reconcile(NEXT)
    assert "XYZ" in account.rails().frozen_symbols


def test_what_looks_like_a_split_freezes_the_symbol(account: Account) -> None:
    """C10: twice as many."""
    account.says(XYZ="29.50")
    item = account.reconcile()["XYZ"]
    assert (item.classification, item.breaks) == ("corporate_action", True)
    assert "it looks like a split" in account.rails().frozen_symbols["XYZ"]
    assert account.holdings("unattributed") == {}


def test_a_short_position_halts_the_account(account: Account) -> None:
    account.says(XYZ="-1")
    assert account.reconcile()["XYZ"].classification == "short"
    assert account.rails().halted_account == "the account is short: the broker holds -1 XYZ"

    account.says(XYZ="14.75")
    account.reconcile(NEXT)
    assert account.rails().halted_account is not None


def test_what_was_bought_by_hand_is_no_difference(account: Account) -> None:
    by_hand(account, "m1", "buy", "4")
    account.says(XYZ="18.75", cash="9699.99")
    account.reconcile()
    assert {what: row[0] for what, row in account.recorded().items()} == {
        "XYZ": "match", CASH: "match",
    }  # fmt: skip


def test_a_few_dollars_of_cash_are_booked_to_nobody(account: Account) -> None:
    """C11: 4.79 of 100,000 are a residual; 10.00 would still be, 10.01 not."""
    account.says(cash="9995.20")
    item = account.reconcile()[CASH]
    assert (item.classification, item.value, item.breaks) == ("residual", Decimal("-4.79"), False)
    assert account.cash("unallocated") == Decimal("9995.20")
    assert account.sums_to_broker()


def test_a_second_comparison_keeps_what_was_booked_and_books_nothing_more(
    account: Account,
) -> None:
    account.says(XYZ="15.00", cash="9995.20")
    account.reconcile()
    first = account.recorded()
    assert {what: item.classification for what, item in account.reconcile().items()} == {
        "XYZ": "match", CASH: "match",
    }  # fmt: skip
    assert account.recorded() == first
    assert account.holdings("unattributed") == {"XYZ": Decimal("0.25")}
    assert account.cash("unallocated") == Decimal("9995.20")


def test_a_second_comparison_replaces_what_was_not_booked(account: Account) -> None:
    account.says(XYZ="10.00", cash="9000")
    account.reconcile()
    account.says(XYZ="14.75", cash="9999.99")
    account.reconcile()
    assert {what: row[0] for what, row in account.recorded().items()} == {
        "XYZ": "match", CASH: "match",
    }  # fmt: skip


def test_more_shares_found_in_a_second_comparison_are_a_lot_of_their_own(account: Account) -> None:
    account.says(XYZ="15.00", cash="9995.20")
    account.reconcile()
    account.says(XYZ="16.00", cash="9995.00")
    account.reconcile()
    with account.ledger.read() as connection:
        lots = open_lots(connection, book="unattributed")
        sources = connection.execute(
            select(cash_entries.c.source_id).where(cash_entries.c.kind == "residual")
        ).scalars()
        assert list(sources) == ["2026-11-03.before", "2026-11-03.before.2"]
    assert [(lot.lot_id, lot.quantity) for lot in lots] == [
        ("unattributed.2026-11-03.before.XYZ", Decimal("0.25")),
        ("unattributed.2026-11-03.before.XYZ.2", 1),
    ]
    assert account.recorded()["XYZ"][1] == "1 booked to unattributed at 75"
    assert account.sums_to_broker()


@pytest.mark.parametrize(
    ("state", "seconds", "expected"),
    [("accepted", 60, "was open: o1"), ("filled", 4, "5 s after the last execution"),
     ("filled", 5, None)],
    ids=["an order is open", "filled 4 s ago", "filled 5 s ago"],
)  # fmt: skip
def test_the_account_is_compared_only_when_it_is_at_rest(
    account: Account, state: str, seconds: int, expected: str | None
) -> None:
    place_order(account.ledger, state, READ_AT - timedelta(seconds=seconds))
    account.says(XYZ="15.00")
    if expected is None:
        account.reconcile()
        assert account.holdings("unattributed") == {"XYZ": Decimal("0.25")}
        return
    with pytest.raises(TooEarly, match=expected):
        account.reconcile()
    assert account.recorded() == {}
    assert account.holdings("unattributed") == {}


@settings(max_examples=30, deadline=None)
@given(
    found=st.decimals("0.02", 1000, places=9),
    new=st.decimals("0.02", 1000, places=9),
    paid=st.decimals("-10", "10", places=2),
)
def test_what_is_booked_makes_books_and_broker_agree_to_the_share_and_the_cent(
    found: Decimal, new: Decimal, paid: Decimal
) -> None:
    account = make_account("sqlite://")
    broker = account.broker
    account.says(
        XYZ=str(broker.positions["XYZ"] + found), NEW=str(new), cash=str(broker.cash - paid)
    )
    items = account.reconcile()
    if items["XYZ"].classification != "corporate_action":
        assert account.sums_to_broker()
        assert {item.classification for item in account.reconcile(NEXT).values()} == {"match"}
    account.ledger.close()
