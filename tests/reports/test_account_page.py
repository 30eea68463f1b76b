"""The tearsheet of the account, and the page that leads to all others."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from alchemiser_dagster.reports.account_page import account_page, book_results
from alchemiser_dagster.reports.data import AccountData
from alchemiser_dagster.reports.index_page import index_page
from alchemiser_dagster.reports.inputs import ACCOUNT
from alchemiser_dagster.reports.names import file_of
from alchemiser_dagster.reports.numbers import MINUS
from tests.reports.accounts import account_data
from tests.reports.html_page import Seen, seen


@pytest.fixture(scope="module")
def data() -> AccountData:
    return account_data(live=20, books=4)


@pytest.fixture(scope="module")
def page(data: AccountData) -> Seen:
    return seen(account_page(data))


def test_everything_is_on_it(page: Seen) -> None:
    assert list(page.figures) == [
        "live-equity", "live-drawdowns", "months", "navs", "contributions", "live-correlations",
        "paper-correlations",
    ]  # fmt: skip
    assert page.fetched == []


def test_the_books_are_stacked_to_the_brokers_equity(page: Seen, data: AccountData) -> None:
    names = [trace["name"] for trace in page.figures["navs"]["data"]]
    assert names == ["book_1", "book_2", "book_3", "book_4", "unallocated", "broker's equity"]
    summed = data.books.group_by("date").agg(pl.col("nav").sum()).sort("date")["nav"]
    assert summed.to_list() == data.account["nav"].to_list()


def test_contributions_sum_to_the_account(data: AccountData) -> None:
    results = book_results(data)
    assert results["pnl"].sum() == data.account["pnl"].sum()
    assert results["pnl"].to_list() == sorted(results["pnl"], reverse=True)
    # 5,000 + 10,000 + 15,000 + 20,000 and 2,000 that no strategy was given
    assert results["share"].to_list() == pytest.approx([float(p) / 52_000 for p in results["pnl"]])


def test_what_does_not_add_up_is_shown(page: Seen) -> None:
    assert "The largest residual of 20 sessions: $0.01." in page.text
    [odd] = [row for row in page.rows if len(row) == 6 and row[3] == "+$0.01"]
    assert odd[0] == "2024-12-04"


def test_books_without_a_strategy_are_correlated_with_nothing(page: Seen) -> None:
    names = page.figures["live-correlations"]["data"][0]["x"]
    assert sorted(names) == ["book_1", "book_2", "book_3", "book_4"]
    few = seen(account_page(account_data(live=19)))
    assert "live-correlations" not in few.figures
    assert "paper-correlations" in few.figures


def test_an_account_without_a_session() -> None:
    page = seen(account_page(AccountData("Account", is_synthetic=True, opened=date(2024, 1, 2))))
    assert "no session is accounted for yet" in page.text
    assert "No book is accounted for yet." in page.text
    assert page.figures == {}


def test_an_account_with_one_session() -> None:
    page = seen(account_page(account_data(live=1)))
    assert page.row("sessions")[1] == "1"
    assert "navs" in page.figures


def test_equity_that_nobody_knows_is_no_equity() -> None:
    whole = account_data(live=3)
    unknown = whole.account.with_columns(
        equity=pl.lit(None, ACCOUNT["equity"]), residual=pl.lit(None, ACCOUNT["residual"])
    )
    page = seen(account_page(account_data(live=3, account=unknown)))
    assert "broker's equity" not in [trace["name"] for trace in page.figures["navs"]["data"]]
    assert "The largest residual of 0 sessions: \u2013." in page.text


def test_a_long_account_has_rolling_figures() -> None:
    page = seen(account_page(account_data(live=120)))
    assert {"rolling-sharpe", "rolling-volatility"} <= set(page.figures)
    assert page.row("return a year (CAGR)")[1] != "\u2013"
    values = page.figures["navs"]["data"][0]
    assert (values["type"], values["stackgroup"]) == ("scatter", "whole")


def test_the_index_leads_to_every_page(data: AccountData) -> None:
    page = seen(index_page(data))
    links = [attributes["href"] for tag, attributes in page.reader.tags if tag == "a"]
    assert {"account.html", *(f"book_{n}.html" for n in range(1, 5))} <= set(links)
    assert page.row("unallocated")[1] == "$2,000.00"
    assert len(page.html) < 100_000


def test_no_book_takes_the_file_of_another_page() -> None:
    assert file_of("klm") == "klm.html"
    assert file_of("account") == "book-account.html"
    assert file_of("index") == "book-index.html"


def test_correlations_are_those_of_the_returns(page: Seen, data: AccountData) -> None:
    trace = page.figures["live-correlations"]["data"][0]
    traded = data.books.filter(pl.col("book") != "unallocated")
    wide = traded.pivot("book", index="date", values="daily_return").sort("date")
    expected = np.corrcoef(wide.select(trace["x"]).to_numpy().T)
    assert [
        float(text.replace(MINUS, "-")) for row in trace["text"] for text in row
    ] == pytest.approx(expected.ravel().tolist(), abs=0.0051)


def test_books_without_a_strategy_have_no_returns(data: AccountData) -> None:
    """Tables of an earlier version had some, of capital that only passed through."""
    passed = pl.col("book") == "unallocated"
    old = data.books.with_columns(
        pl.when(passed).then(-25.0).otherwise(pl.col(name)).alias(name)
        for name in ("daily_return", "time_weighted_return", "drawdown")
    )
    for books in (data.books, old):
        page = seen(account_page(account_data(live=20, books=4, books_table=books)))
        assert [row[6:8] for row in page.rows if row[0] == "unallocated"] == [["\u2013"] * 2]
        assert "unallocated" not in page.figures["live-correlations"]["data"][0]["x"]


def test_profit_is_whole_where_sessions_are_missing(data: AccountData) -> None:
    late = sorted(data.account["date"])[8:]
    partial = account_data(
        live=20,
        books=4,
        books_table=data.books.filter(pl.col("date").is_in(late)),
        account=data.account.filter(pl.col("date").is_in(late)),
    )
    made, whole = account_page(partial), account_page(data)
    for label in ("Profit or loss", "Return since opening"):
        assert [card.value for card in made.headline if card.label == label] == [
            card.value for card in whole.headline if card.label == label
        ]
    page = seen(made)
    assert "12 of 20 sessions are published" in page.text
    assert f"begins with 1 at the close of {sorted(data.account['date'])[7]}" in page.text
    assert "12 of 20 sessions are published" in seen(index_page(partial)).text
