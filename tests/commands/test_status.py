"""What `alchemiser status` draws attention to."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, insert

from alchemiser_dagster.ledger.queries import Snapshot, book_cash, positions
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail, book_scope, symbol_scope
from alchemiser_dagster.ledger.schema import UNATTRIBUTED, cash_entries, rails, sessions
from alchemiser_dagster.ledger.session_records import record_snapshot

from .conftest import AT, SESSION, Account

SUMS = "The books sum to the broker's account as it was read after the last session."


def trade(account: Account, state: str = "complete") -> None:
    """A session in which nothing changed; the broker holds what the books hold."""
    with account.ledger.write() as connection:
        connection.execute(
            insert(sessions).values(
                session=SESSION, state=state, outcome="success" if state == "complete" else None,
                opens_at=AT - timedelta(hours=6), closes_at=AT + timedelta(minutes=10),
                started_at=AT,
            )
        )  # fmt: skip
        held = {
            symbol: shares
            for own in positions(connection).values()
            for symbol, shares in own.items()
        }
        cash = sum(book_cash(connection).values(), Decimal(0))
    seen = Snapshot(taken_at=AT, cash=cash, equity=cash, positions=held)
    record_snapshot(account.ledger, SESSION, "after", seen)


def test_before_the_first_session(account: Account) -> None:
    assert account.say("status").endswith("No session has been traded yet.")


def test_an_account_in_order(account: Account) -> None:
    account.lot("L1", "a", "5 SPY at 400")
    trade(account)
    said = account.say("status")
    assert "Session 2024-01-03: success" in said
    assert "a ok 600.00 SPY" in said
    assert said.endswith(SUMS)
    assert UNATTRIBUTED not in said


@pytest.mark.parametrize(
    ("rail", "scope", "told"),
    [
        (Rail.HALT, ACCOUNT, "the account is halted: a storm"),
        (Rail.HALT, book_scope("a"), "halt of book:a: a storm (set by x, 2024-01-03)"),
        (Rail.HALT, symbol_scope("SPY"), "halt of symbol:SPY: a storm"),
        (Rail.FREEZE, symbol_scope("SPY"), "freeze of symbol:SPY: a storm"),
        (Rail.DAILY_LOSS, ACCOUNT, "daily_loss of account: a storm"),
    ],
)
def test_what_restricts_the_trading(account: Account, rail: Rail, scope: str, told: str) -> None:
    trade(account)
    account.put(rail, scope)
    said = account.refuse("status")
    assert told in said
    assert said.count("a storm") == 1
    assert said.endswith("the account needs attention")
    assert SUMS not in said
    account.put(rail, scope, on=False)
    assert account.say("status").endswith(SUMS)


def test_rails_that_cannot_be_read_halt_the_account(account: Account) -> None:
    trade(account)
    with account.ledger.write() as connection:
        connection.execute(delete(rails))
    assert "the account is halted: expected a row (halt, account)" in account.refuse("status")


def test_a_book_that_is_sold_to_cash_is_told_and_is_no_alarm(account: Account) -> None:
    trade(account)
    account.put(Rail.FLATTEN, book_scope("a"))
    said = account.say("status")
    assert "a is sold to cash, until `alchemiser flatten a --undo`." in said


def test_orders_that_have_not_ended(account: Account) -> None:
    account.order("o1", "buy 1 SPY", "a", broker_order_id="B1")
    account.order("o2", "sell 2 TLT", "b", state="unknown")
    said = account.refuse("status")
    assert "an order has not ended: o1: buy 1 SPY " in said
    assert "an order has not ended: o2: sell 2 TLT (nobody knows whether it arrived)" in said
    assert "2024-01-03 was begun and not finished: run it again" in said


def test_shares_that_no_strategy_bought(account: Account) -> None:
    account.lot("L1", UNATTRIBUTED, "2.5 GLD at 180")
    trade(account)
    said = account.refuse("status")
    assert "unattributed holds 2.5 GLD: `alchemiser attribute` gives them to a book" in said


def test_books_that_do_not_sum_to_the_broker(account: Account) -> None:
    trade(account)
    with account.ledger.write() as connection:
        connection.execute(
            insert(cash_entries).values(
                book="a", session=SESSION, kind="fee", source_id="F1", amount=Decimal("-0.01"),
                at=AT,
            )
        )  # fmt: skip
    assert "cash: the books hold 1199.99, the broker 1200.00" in account.refuse("status")
