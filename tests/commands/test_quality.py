"""`alchemiser quality` over an account that traded two sessions."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, update

from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.ledger.posting import Execution, post_executions
from alchemiser_dagster.ledger.schema import blocks, crosses, orders, prices, sessions
from tests.world import take_bars

from .conftest import AT, SESSION, Account

D = Decimal


def bought(account: Account, name: str, what: str, book: str = "a", *, filled: str = "") -> None:
    """An order like "buy 10 SPY @ 400.20", decided at 399.90, begun at 399.80/400.20."""
    order, _, price = what.partition(" @ ")
    shares, symbol = order.split()[1:]
    account.order(name, order, book, state="filled", broker_order_id=name)
    quantity = D(filled or shares)
    with account.ledger.write() as connection:
        connection.execute(
            update(blocks)
            .where(blocks.c.symbol == symbol)
            .values(
                arrival_bid=D("399.80"), arrival_ask=D("400.20"),
                state="filled" if not filled else "partial",
            )
        )  # fmt: skip
        connection.execute(update(orders).values(submitted_at=AT))
        connection.execute(update(sessions).values(closes_at=AT + timedelta(minutes=10)))
        connection.execute(
            insert(prices).values(
                session=SESSION, symbol=symbol, price=D("399.90"), bid=D("399.80"), ask=D("400"),
                quoted_at=AT,
            )
        )  # fmt: skip
    at = AT + timedelta(seconds=7)
    post_executions(
        account.ledger, name, [Execution(f"x.{name}", quantity, quantity, D(price), at)]
    )


def test_an_account_that_has_not_traded(account: Account) -> None:
    assert account.say("quality") == "Nothing was traded in these sessions."
    assert account.say("quality", "--symbol", "spy") == "No SPY was traded in these sessions."


def test_what_an_order_cost_from_all_sides(account: Account) -> None:
    """1 share at 400.20 with a mid of 400.00: 5 basis points, 20 cents, the whole half spread."""
    bought(account, "o1", "buy 1 SPY @ 400.20")
    said = account.say("quality")
    assert "Slippage by symbol, 2024-01-03 to 2024-01-03: 1 session with trades" in said
    assert "SPY 1 400.20 +5.00 +5.00 +5.00 +5.00 +0.20 7.0 warning" in said
    assert "SPY 1 400.2000 0" in said  # the average price
    assert "1 1 400.20 +5.00" in said  # the first step
    assert "15:50-15:55 1 400.20" in said
    assert "10 to 20 1 400.20 +5.00 +0.20 100.00%" in said
    assert "5 to 10 1 ████" in said
    assert "a 1 400.20 +5.00 +0.20" in said
    assert "2024-01-03 15:50:07 buy 1 SPY 1 400.2000 400.0000 10.00 +5.00 0.20" in said


def test_the_shortfall_counts_what_did_not_fill(account: Account) -> None:
    """Of 2 shares decided at 399.90, 1 filled at 400.20, and the other was left at the close."""
    bought(account, "o1", "buy 2 SPY @ 400.20", filled="1")
    said = account.say("quality")
    assert "expected a snapshot of the bars of 2024-01-03, was none" in said
    assert "left out: 1 without a price when planned, or unfilled and without a close" in said
    take_bars(opened_records(), SESSION)  # 387.15 at the close
    said = account.say("quality")
    assert "left out" not in said
    assert "buy 1 799.80 +0.10 +0.20 -12.75 -12.45 -155.66" in said


def test_what_crossing_saved(account: Account) -> None:
    account.order("o1", "buy 1 TLT", "a", broker_order_id="B1")
    with account.ledger.write() as connection:
        connection.execute(
            insert(crosses).values(
                cross_id="x", session=SESSION, symbol="SPY", quantity=D(6), price=D(400),
                bid=D("399.80"), ask=D("400.20"), crossed_at=AT,
            )
        )  # fmt: skip
    said = account.say("quality")
    assert "Between the books, at the mid" in said
    assert "SPY 1 6 2.40" in said
    assert "TLT" not in account.say("quality", "--symbol", "SPY")


def test_a_session_that_cost_more_than_100_dollars_is_told(account: Account) -> None:
    account.lot("L", "a", "10 SPY at 1")
    with account.ledger.write() as connection:
        connection.execute(update(blocks).values(arrival_bid=D(1)))
    bought(account, "o1", "sell 10 SPY @ 389.90")
    done = account.ask("quality")
    assert done.exit_code == 0
    assert "2024-01-03: slippage of 101.00 dollars, more than 100" in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--from", "2024-01-03"), True),
        (("--to", "2024-01-03"), True),
        (("--from", "2024-01-04"), False),
        (("--to", "2024-01-02"), False),
        (("--from", "2024-01-03", "--to", "2024-01-03", "--symbol", "SPY"), True),
        (("--symbol", "TLT"), False),
    ],
)
def test_a_range_of_sessions_and_one_symbol(
    account: Account, words: tuple[str, ...], found: bool
) -> None:
    bought(account, "o1", "buy 1 SPY @ 400.20")
    assert ("Slippage by symbol" in account.say("quality", *words)) is found


def test_a_range_that_ends_before_it_begins(account: Account) -> None:
    said = account.refuse("quality", "--from", "2024-01-04", "--to", "2024-01-03")
    assert f"was {date(2024, 1, 4)} and {date(2024, 1, 3)}" in said
