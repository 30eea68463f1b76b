"""The reports about books: list, capital that moved, drift, overlap, correlation."""

import math
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import insert

from alchemiser_dagster.books.money import to_cents
from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.commands.report_table import NOTHING as NONE
from alchemiser_dagster.defs.history import history_key
from alchemiser_dagster.defs.reference import WHOLE
from alchemiser_dagster.ledger.rails import Rail, book_scope
from alchemiser_dagster.ledger.schema import (
    UNALLOCATED,
    UNATTRIBUTED,
    activities,
)
from alchemiser_dagster.market.sessions import sessions_between
from tests.world import BOOKS, MOMENTUM, take_bars

from .conftest import AT, INCEPTION, SESSION, Account
from .published_books import EARNED, enter, publish, traded

D = Decimal

# --- the list -------------------------------------------------------------------------------------


def test_before_anything_is_published_only_the_cash_is_known(account: Account) -> None:
    said = account.say("books")
    assert f"a 50.00% 600.00 {NONE} {NONE} {NONE} {NONE} {NONE} {NONE}" in said
    assert UNATTRIBUTED not in said


def test_every_book_with_what_it_has_earned(account: Account) -> None:
    traded(account, a="traded", b="failed")
    publish(account, EARNED, returns={"a": 0.1, "b": -0.01})
    said = account.say("books")
    assert "Books at the close of 2024-01-03" in said
    assert "a 50.00% 100.00 660.00 84.85% +60.00 +10.00% +10.00% 2024-01-03" in said
    assert f"b 50.00% 594.00 594.00 0.00% -6.00 -1.00% -1.00% {NONE}" in said
    assert "all books 694.00 1,254.00 44.66% +54.00 +4.50%" in said
    assert "not been published" not in said


def test_a_session_that_is_not_published_yet_is_told(account: Account) -> None:
    publish(account, EARNED, session=INCEPTION)
    traded(account)
    assert "The performance of 2024-01-03 has not been published yet." in account.say("books")


def test_books_that_are_switched_off_gone_or_not_opened(account: Account, tmp_path: Path) -> None:
    (tmp_path / "strategies" / "books.toml").write_text(
        '[books.a]\nallocation = "0.5"\nenabled = false\n[books.c]\nallocation = "0.2"\n'
    )
    (tmp_path / "strategies" / "b.clj").unlink()
    said = account.say("books")
    assert "a (off) 50.00%" in said
    assert "b (gone) 600.00" in said
    assert f"c 20.00% {NONE} {NONE} {NONE} {NONE} {NONE} {NONE} not opened" in said


def test_shares_of_no_strategy_are_listed(account: Account) -> None:
    account.lot("L", UNATTRIBUTED, "1 SPY at 400")
    assert UNATTRIBUTED in account.say("books")


def test_each_book_is_rounded_by_itself(account: Account) -> None:
    """Half a cent is a cent, and only the total is that of the exact figures."""
    publish(account, {"a": ("0", "600.005", "600"), "b": ("0", "600.005", "600")})
    said = account.say("books")
    assert "a 50.00% 0.00 600.01 100.00% +0.01" in said
    assert "all books 0.00 1,200.01 100.00% +0.01" in said
    assert "the NAVs come to +0.01 beside their exact total" in said
    drift = account.say("books", "drift")
    assert "a 50.00% 600.01" in drift
    publish(account, EARNED)
    assert "beside their exact total" not in account.say("books")


# --- moves ----------------------------------------------------------------------------------------


def test_capital_that_moved_and_its_sums(account: Account) -> None:
    enter(account, UNALLOCATED, "opening", "1200", "N1")
    for book in ("a", "b"):
        enter(account, UNALLOCATED, "transfer", "-600", f"opening of {book}")
    enter(account, "a", "transfer", "-50", "drift 2024-W01")
    enter(account, "b", "transfer", "50", "drift 2024-W01")
    enter(account, "b", "deposit", "25.50", "D1")
    enter(account, "b", "buy", "-99", "x")  # trading moves no capital
    with account.ledger.write() as connection:
        connection.execute(
            insert(activities).values(
                activity_id="D1", kind="CSD", session=SESSION, dated=SESSION,
                description="wire of the owner", treatment="deposit", posted_at=AT,
            )
        )  # fmt: skip
    said = account.say("books", "moves")
    assert "2024-01-02 a transfer +600.00 opening of a" in said
    assert "2024-01-03 a transfer -50.00 drift 2024-W01" in said
    assert "2024-01-03 b deposit +25.50 CSD wire of the owner" in said
    assert "book opening transfer deposit net" in said
    assert "a +0.00 +550.00 +0.00 +550.00" in said
    assert f"{UNALLOCATED} +1,200.00 -1,200.00 +0.00 +0.00" in said
    assert "all books +1,200.00 +0.00 +25.50 +1,225.50" in said
    assert "99.00" not in said

    only = account.say("books", "moves", "a")
    assert "a +550.00 +550.00" in only
    assert "drift 2024-W01 In sum" in only
    assert "all books" not in only


def test_moves_of_a_book_that_is_not_there(account: Account) -> None:
    assert "expected a book (a, b, unallocated, unattributed), was c" in account.refuse(
        "books", "moves", "c"
    )
    assert account.say("books", "moves", UNALLOCATED) == "No capital has moved in unallocated."


# --- drift ----------------------------------------------------------------------------------------


def test_books_within_their_bands(account: Account) -> None:
    publish(account, EARNED)
    said = account.say("books", "drift")
    assert "a 50.00% 660.00 52.63% +2.63 pp +5.26%" in said
    assert f"{UNALLOCATED} 0.00% 0.00 0.00% +0.00 pp {NONE}" in said
    assert "more than 10% of the whole, or 25% of its own allocation, off: no book is." in said
    assert "beyond" not in said
    assert "…" not in said


def test_what_would_be_moved_where_one_has_drifted(account: Account) -> None:
    """800 and 400 of 1,200: sixteen points, a third too much."""
    publish(account, {"a": ("0", "800", "600"), "b": ("400", "0", "600")})
    said = account.say("books", "drift")
    assert "a 50.00% 800.00 66.67% +16.67 pp +33.33% -200.00 beyond" in said
    assert "b 50.00% 400.00 33.33% -16.67 pp -33.33% +200.00 beyond" in said
    assert "off: it would be now." in said


def test_who_is_left_out_of_the_sharing(account: Account, tmp_path: Path) -> None:
    (tmp_path / "strategies" / "books.toml").write_text(
        '[books.a]\nallocation = "0.5"\n[books.c]\nallocation = "0.2"\n'
    )
    publish(account, EARNED)
    said = account.say("books", "drift")
    assert "Left out: b, which no strategy trades: 594.00" in said
    assert "Left out: c, which has not been opened: 0.00" in said
    account.put(Rail.FLATTEN, book_scope("a"))
    said = account.say("books", "drift")
    assert said.startswith("There is no capital to share out.")
    assert "Left out: a, which is sold to cash: 660.00" in said


def test_without_published_figures_there_is_no_drift(account: Account) -> None:
    assert account.say("books", "drift") == "No session has been published yet."


# --- overlap --------------------------------------------------------------------------------------


def test_what_two_books_hold(account: Account, tmp_path: Path) -> None:
    (tmp_path / "strategies" / "b.clj").write_text(MOMENTUM, encoding="utf-8")
    account.lot("L1", "a", "1 SPY at 400")
    account.lot("L2", "b", "0.5 SPY at 400")
    account.lot("L3", "b", "1 TLT at 90")
    records = opened_records()
    take_bars(records, SESSION)
    publish(account, {"a": ("1000", "400", "1"), "b": ("1000", "300", "1")})
    close = D(str(records.snapshots.scan(SESSION).filter(
        (pl.col("symbol") == "SPY") & (pl.col("date") == SESSION)
    ).collect()["close"].item()))  # fmt: skip
    said = account.say("books", "overlap")
    assert "Held at the close of 2024-01-03" in said
    assert f"SPY 1.5 {to_cents(D('1.5') * close)} {D('1.5') * close / 2700:.2%} warning" in said
    assert f"b 0.5 {close / 2:,.2f}" in said
    held, named = said.split("Named by several strategies")
    assert "TLT" not in held
    assert "SPY a b" in named
    assert "TLT a b" in named
    assert "GLD" not in named


def test_books_that_have_nothing_in_common(account: Account, tmp_path: Path) -> None:
    (tmp_path / "strategies" / "b.clj").write_text(BOOKS["switch"][0], encoding="utf-8")
    account.lot("L1", "a", "0.5 SPY at 400")
    take_bars(opened_records(), SESSION)
    publish(account, EARNED)
    said = account.say("books", "overlap")
    assert said == (
        "No two books hold the same symbol. No two strategies may hold the same symbol."
    )


def test_a_holding_without_a_close_is_named(account: Account) -> None:
    account.lot("L1", "a", "1 NOPE at 400")
    take_bars(opened_records(), SESSION)
    publish(account, EARNED)
    said = account.refuse("books", "overlap")
    assert "expected a close of everything held, was none of NOPE" in said


# --- correlation ----------------------------------------------------------------------------------


def paper(book: str, values: list[float], first: date) -> None:
    table = pl.DataFrame(
        {"date": sessions_between(first, date(2024, 12, 31))[: len(values)], "net": values}
    )
    opened_records().tables.write(history_key(book), WHOLE, table)


def test_live_and_on_paper_with_their_common_sessions(account: Account) -> None:
    wave = [0.01 * math.sin(i) for i in range(30)]
    for session, r in zip(sessions_between(SESSION, date(2024, 12, 31)), wave[:21], strict=False):
        publish(account, EARNED, session=session, returns={"a": r, "b": -r, UNALLOCATED: r})
    paper("a", wave, date(2024, 1, 3))
    paper("b", wave[:25], date(2024, 1, 3))
    said = account.say("books", "correlation")
    live, on_paper = said.split("Correlation of daily returns, on paper")
    assert "1 a 21 21 2 b -1.00 21" in live
    assert "1 a 30 25 2 b +1.00 25" in on_paper
    assert UNALLOCATED not in said


def test_fewer_than_20_common_sessions_are_a_dash(account: Account) -> None:
    wave = [0.01 * math.sin(i) for i in range(30)]
    paper("a", wave, date(2024, 1, 3))
    paper("b", wave[:19], date(2024, 1, 3))
    said = account.say("books", "correlation")
    assert "There are no two strategies with daily returns live yet." in said
    assert f"1 a 30 19 2 b {NONE} 19" in said


@pytest.mark.parametrize("command", ["books", "books moves", "books drift", "quality"])
def test_without_an_account(
    command: str, tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALCHEMISER_HOME", str(tmp_path / "nowhere"))
    assert "no account has been opened" in account.refuse(*command.split())
