"""The rails of the ledger: what they restrict, and that a rail that was lost stops the trading."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.ledger.rails import (
    ACCOUNT,
    Rail,
    Rails,
    book_scope,
    open_rails,
    rail_state,
    restricting_rows,
    set_rail,
    symbol_scope,
)
from alchemiser_dagster.ledger.store import Ledger

AT = datetime(2026, 11, 2, 21, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.at(tmp_path / "ledger.db")
    with ledger.write() as connection:
        open_rails(connection, AT)
    yield ledger
    ledger.close()


def put(ledger: Ledger, rail: Rail, scope: str, *, on: bool = True, reason: str = "why") -> None:
    with ledger.write() as connection:
        set_rail(connection, rail, scope, on=on, reason=reason, set_by="operator", at=AT)


def state(ledger: Ledger) -> Rails:
    with ledger.read() as connection:
        return rail_state(connection)


def test_an_account_just_opened_may_trade(ledger: Ledger) -> None:
    assert state(ledger) == Rails()
    assert state(ledger).obstacle(symbol="XYZ", side="buy", book="a") is None


WAYS_TO_LOSE_IT = {
    "row missing": ("DELETE FROM rails", "expected a row (halt, account)"),
    "table missing": ("DROP TABLE rails", "cannot be read"),
    "column missing": ("ALTER TABLE rails RENAME COLUMN state TO status", "cannot be read"),
    "moment unreadable": ("UPDATE rails SET set_at = 'yesterday'", "cannot be read"),
    "text unreadable": ("UPDATE rails SET reason = CAST(x'ff' AS TEXT)", "cannot be read"),
    "state misspelt": ("UPDATE rails SET state = 'OFF'", "expected the state on or off, was 'OFF'"),
    "state empty": ("UPDATE rails SET state = ''", "expected the state on or off, was ''"),
    "state a number": ("UPDATE rails SET state = 0", "expected the state on or off, was '0'"),
    "state not text": ("UPDATE rails SET state = x'6f6666'", "was b'off'"),
    "rail misspelt": ("UPDATE rails SET rail = 'hatl'", "expected a rail of halt, "),
    "scope misspelt": ("UPDATE rails SET scope = 'acount'", "expected a scope of the rail halt"),
}
OTHER_ROWS_IN_DOUBT = {
    "unknown rail": "'pause', 'account', 'off'",
    "rail of the wrong case": "'Halt', 'account', 'on'",
    "unknown scope": "'halt', 'books:a', 'on'",
    "book without a name": "'halt', 'book:', 'on'",
    "symbol without a name": "'freeze', 'symbol:', 'off'",
    "freeze of a book": "'freeze', 'book:a', 'on'",
    "flatten of the account": "'flatten', 'account', 'on'",
    "daily loss of a book": "'daily_loss', 'book:a', 'on'",
    "state unknown": "'daily_loss', 'account', 'yes'",
}


@pytest.mark.parametrize(("damage", "says"), WAYS_TO_LOSE_IT.values(), ids=WAYS_TO_LOSE_IT)
def test_x33_a_rail_that_is_lost_or_unreadable_halts(
    ledger: Ledger, damage: str, says: str
) -> None:
    with ledger.write() as connection:
        connection.exec_driver_sql(damage)
    found = state(ledger)
    assert found.halted_account is not None
    assert says in found.halted_account
    for side in ("buy", "sell"):
        assert found.obstacle(symbol="XYZ", side=side) is not None


@pytest.mark.parametrize("row", OTHER_ROWS_IN_DOUBT.values(), ids=OTHER_ROWS_IN_DOUBT)
def test_x33_a_row_nobody_understands_halts(ledger: Ledger, row: str) -> None:
    with ledger.write() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO rails (rail, scope, state, reason, set_by, set_at) "
            f"VALUES ({row}, '', 'somebody', '2026-11-02 21:00:00')"
        )
    found = state(ledger).halted_account
    assert found is not None
    assert "expected" in found


def test_resuming_the_account_writes_the_row_that_was_lost(ledger: Ledger) -> None:
    with ledger.write() as connection:
        connection.exec_driver_sql("DELETE FROM rails")
    put(ledger, Rail.HALT, ACCOUNT, on=False)
    assert state(ledger) == Rails()


@pytest.mark.parametrize(
    ("rail", "scope", "stopped"),
    [
        (Rail.HALT, ACCOUNT, {"a buy XYZ", "a sell XYZ", "b buy ABC", "b sell ABC"}),
        (Rail.HALT, book_scope("a"), {"a buy XYZ", "a sell XYZ"}),
        (Rail.HALT, symbol_scope("ABC"), {"b buy ABC", "b sell ABC"}),
        (Rail.FREEZE, symbol_scope("ABC"), {"b buy ABC", "b sell ABC"}),
        (Rail.DAILY_LOSS, ACCOUNT, {"a buy XYZ", "b buy ABC"}),
        (Rail.FLATTEN, book_scope("a"), {"a buy XYZ"}),
    ],
)
def test_what_each_rail_stops(ledger: Ledger, rail: Rail, scope: str, stopped: set[str]) -> None:
    put(ledger, rail, scope, reason="a storm")
    found = state(ledger)
    trades = [f"{book} {side} {s}" for book, s in (("a", "XYZ"), ("b", "ABC"))
              for side in ("buy", "sell")]  # fmt: skip
    obstacles = {}
    for trade in trades:
        book, side, symbol = trade.split()
        obstacles[trade] = found.obstacle(book=book, side=side, symbol=symbol)
    assert {trade for trade, obstacle in obstacles.items() if obstacle is not None} == stopped
    if rail is not Rail.FLATTEN:
        assert all(obstacle is None or "a storm" in obstacle for obstacle in obstacles.values())
    put(ledger, rail, scope, on=False)
    assert state(ledger) == Rails()


def test_a_rail_that_was_never_set_is_not_in_the_list(ledger: Ledger) -> None:
    put(ledger, Rail.HALT, book_scope("a"), reason="first")
    put(ledger, Rail.HALT, book_scope("a"), reason="second")
    put(ledger, Rail.FREEZE, symbol_scope("ABC"), on=False)
    with ledger.read() as connection:
        rows = restricting_rows(connection)
    assert [(row.rail, row.scope, row.reason, row.set_by, row.set_at) for row in rows] == [
        ("halt", "book:a", "second", "operator", AT)
    ]


def test_rails_outlive_the_process(ledger: Ledger, tmp_path: Path) -> None:
    put(ledger, Rail.HALT, ACCOUNT, reason="a storm")
    again = Ledger.at(tmp_path / "ledger.db")
    assert state(again).halted_account == "a storm"
    again.close()


@pytest.mark.parametrize(
    ("rail", "scope"),
    [(Rail.HALT, "a"), (Rail.FREEZE, ACCOUNT), (Rail.FLATTEN, symbol_scope("XYZ"))],
)
def test_a_rail_is_only_set_where_it_is_looked_for(ledger: Ledger, rail: Rail, scope: str) -> None:
    with pytest.raises(ValueError, match=f"expected a scope of the rail {rail}, was '{scope}'"):
        put(ledger, rail, scope)


names = st.dictionaries(st.sampled_from("abc"), st.just("why"))
any_rails = st.builds(
    Rails,
    halted_account=st.sampled_from([None, None, "why"]),
    halted_books=names,
    halted_symbols=names,
    frozen_symbols=names,
    flattening=st.frozensets(st.sampled_from("abc")),
    no_purchases=st.sampled_from([None, "why"]),
)


@given(any_rails, st.sampled_from("abc"), st.sampled_from("abc"))
def test_whoever_may_buy_may_sell(rails: Rails, book: str, symbol: str) -> None:
    """No set of rails leaves a book able to buy what it could not sell again."""
    if rails.obstacle(book=book, symbol=symbol, side="buy") is None:
        assert rails.obstacle(book=book, symbol=symbol, side="sell") is None


@given(any_rails, st.sampled_from("abc"), st.sampled_from(["buy", "sell"]))
def test_nothing_passes_a_halted_account(rails: Rails, symbol: str, side: str) -> None:
    assert replace(rails, halted_account="why").obstacle(symbol=symbol, side=side) is not None
