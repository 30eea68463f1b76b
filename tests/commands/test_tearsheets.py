"""`alchemiser report`: pages in the account's folder, headline figures in the terminal."""

from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl

from alchemiser_dagster.defs.history import HELD_WEIGHTS, history_key
from alchemiser_dagster.defs.reference import WHOLE
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.reports.inputs import MODEL_WEIGHTS, PERFORMANCE, empty
from tests.commands.conftest import SESSION, Account
from tests.reports.accounts import account_table, paper_table, performance_rows, table

DAYS = [SESSION, date(2024, 1, 4)]


def publish(account: Account) -> AccountRecords:
    """Performance of both books in two sessions, and the model of `a`."""
    records = AccountRecords(home=str(account.home.path), strategies="")
    rows = [
        row
        for book, returns in (("a", [0.01, 0.02]), ("b", [0.0, -0.01]))
        for row in performance_rows(book, DAYS, returns, capital=600)
    ]
    books = table(PERFORMANCE, rows)
    whole = account_table(books, 1200)
    for day in DAYS:
        session = day.isoformat()
        records.tables.write(["portfolio_performance"], session, books.filter(date=day))
        records.tables.write(["account_performance"], session, whole.filter(date=day))
        for book in ("a", "b"):
            own = books.filter(date=day, book=book)
            records.tables.write(["performance", book], session, own)
    records.tables.write(history_key("a"), WHOLE, paper_table(DAYS, np.array([0.01, 0.01])))
    records.tables.write(history_key("a"), HELD_WEIGHTS, empty(MODEL_WEIGHTS))
    return records


def test_every_page_is_written_and_its_headline_printed(account: Account) -> None:
    publish(account)
    said = account.say("report")
    # 600 x 1.01 x 1.02
    assert "a $618.12 +$18.12 +3.02% +2.00% 0.00%" in said
    assert "b $594.00 \u2212$6.00 \u22121.00% \u22121.00% \u22121.00%" in said
    assert "account $1,212.12 +$12.12" in said
    for name in ("a", "b", "account", "index"):
        page = account.home.reports / f"{name}.html"
        assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
        assert str(page) in said
    assert "Without a model history yet: b." in said


def test_one_book_is_one_page(account: Account) -> None:
    publish(account)
    said = account.say("report", "a")
    assert [path.name for path in account.home.reports.iterdir()] == ["a.html"]
    assert "Without a model history" not in said


def test_an_account_that_has_not_traded_has_pages_that_say_so(account: Account) -> None:
    said = account.say("report")
    assert "a \u2013" in said
    page = (account.home.reports / "a.html").read_text(encoding="utf-8")
    assert "no session is accounted for yet" in page


def test_a_book_that_does_not_exist_is_refused(account: Account) -> None:
    assert "expected a book (a, b), was c" in account.refuse("report", "c")


def test_a_page_that_cannot_be_made_is_said_and_the_others_are_made(account: Account) -> None:
    records = publish(account)
    wrong = table(PERFORMANCE, performance_rows("a", DAYS[:1], [0.5], capital=600))
    wrong = wrong.with_columns(
        daily_return=pl.lit(300.0), nav=pl.lit(Decimal(900), pl.Decimal(38, 9))
    )
    records.tables.write(["performance", "a"], DAYS[0].isoformat(), wrong)
    said = account.refuse("report")
    assert "a: expected daily returns as fractions in [-1, 1], was 300 on 2024-01-03" in said
    assert {path.name for path in account.home.reports.iterdir()} == {
        "b.html", "account.html", "index.html",
    }  # fmt: skip
