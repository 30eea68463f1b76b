"""The tearsheet of a book: what it says of a book with much, with little and with nothing."""

from datetime import date
from decimal import Decimal
from itertools import pairwise

import polars as pl
import pytest

from alchemiser_dagster.history.statistics import ReturnsError
from alchemiser_dagster.reports.book_page import book_page
from alchemiser_dagster.reports.data import TearsheetData
from alchemiser_dagster.reports.inputs import (
    ATTRIBUTION,
    CLOSES,
    EXITS,
    FILLS,
    LOTS,
    PERFORMANCE,
    ColumnsMissing,
    empty,
)
from alchemiser_dagster.reports.numbers import MINUS
from tests.reports.accounts import book_data, performance_rows, table
from tests.reports.html_page import Seen, seen

LIVE_FIGURES = ["live-equity", "live-drawdowns", "bridge", "live-weights", "symbols"]
BOTH_FIGURES = ["months", "rolling-sharpe", "rolling-volatility"]
PAPER_FIGURES = ["paper-equity", "paper-drawdowns", "paper-weights"]


@pytest.fixture(scope="module")
def data() -> TearsheetData:
    return book_data(live=20)


@pytest.fixture(scope="module")
def page(data: TearsheetData) -> Seen:
    return seen(book_page(data))


def test_everything_is_on_it(page: Seen) -> None:
    assert list(page.figures) == [*LIVE_FIGURES, *BOTH_FIGURES, *PAPER_FIGURES]
    for name in ("Open lots", "Closed lots", "Trades", "Deepest drawdowns, live"):
        assert name in page.text


def test_it_needs_nothing_but_itself(page: Seen) -> None:
    assert page.fetched == []
    assert "default-src 'none'" in page.html
    assert "plotly.js v" in page.html


def test_the_same_tables_give_the_same_bytes(data: TearsheetData, page: Seen) -> None:
    assert seen(book_page(data)).html == page.html


def test_headings_have_an_order(page: Seen) -> None:
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_the_headline_is_the_last_session(data: TearsheetData) -> None:
    cards = {card.label: card for card in book_page(data).headline}
    last = data.performance.row(-1, named=True)
    assert cards["NAV"].value == f"${last['nav']:,.2f}"
    earned = last["nav"] - Decimal(10_000)
    assert cards["Profit or loss"].value == f"+${earned:,.2f}"
    assert (cards["Trades won"].value, cards["Trades won"].note) == ("75%", "3 of 4 closed")


def test_a_model_that_is_behind_is_no_measure(data: TearsheetData) -> None:
    behind = book_data(paper=data.paper.filter(pl.col("date") < date(2024, 12, 31)))
    of = {card.label: card.value for card in book_page(data).headline}
    of_behind = {card.label: card.value for card in book_page(behind).headline}
    assert of["Live less model"].endswith("%")
    assert of_behind["Live less model"] == "\u2013"


def test_twenty_sessions_say_nothing_about_a_year(page: Seen) -> None:
    _, live, same, _, whole, _ = page.row("return a year (CAGR)")
    assert (live, same) == ("\u2013", "\u2013")
    assert whole.endswith("%")
    _, live, *_ = page.row("Sharpe ratio")
    assert live != "\u2013"
    _, live, *_ = seen(book_page(book_data(live=19))).row("Sharpe ratio")
    assert live == "\u2013"


def test_what_was_live_and_what_was_on_paper_is_told_apart(page: Seen) -> None:
    assert page.figures["months"]["data"][0]["y"][:2] == ["2024 live", "2024"]
    names = [trace["name"] for trace in page.figures["paper-equity"]["data"]]
    assert names == ["On paper", "SPY", "Live"]
    [mark] = page.figures["paper-equity"]["layout"]["shapes"]
    assert mark["x0"] == "2024-12-02"
    assert "Nobody traded this before the account opened the book." in page.text


def test_a_year_of_its_own_has_rolling_figures(page: Seen) -> None:
    assert "The live series has 20, too few." in page.text
    figures = seen(book_page(book_data(live=100))).figures
    assert [trace["name"] for trace in figures["rolling-sharpe"]["data"]] == ["On paper", "Live"]


def test_the_bridge_leads_from_the_model_to_the_book(page: Seen) -> None:
    [trace] = page.figures["bridge"]["data"]
    # interest was nothing, so it is left out
    assert trace["x"] == ["model", "delay", "spread", "walk", "live"]
    assert trace["measure"] == ["absolute", *["relative"] * 3, "total"]


def test_without_attribution_there_is_no_bridge() -> None:
    for attribution in (None, empty(ATTRIBUTION)):
        page = seen(book_page(book_data(attribution=attribution)))
        assert list(page.figures) == [*LIVE_FIGURES[:2], *LIVE_FIGURES[3:], *BOTH_FIGURES,
                                      *PAPER_FIGURES]  # fmt: skip


def test_without_a_benchmark_it_says_so() -> None:
    page = seen(book_page(book_data(closes=empty(CLOSES))))
    assert "There are no closes of SPY to compare with." in page.text
    assert [trace["name"] for trace in page.figures["live-equity"]["data"]] == ["Live", "On paper"]


def test_open_lots_are_valued_at_the_last_close(page: Seen, data: TearsheetData) -> None:
    close = data.closes.filter(symbol="SPY", date=date(2024, 12, 31))["close"].item()
    quantity = data.lots.filter(symbol="SPY", date=date(2024, 12, 31))["quantity"].item()
    [row] = [row for row in page.rows if row[0] == "SPY" and row[4] == "$3,000.00"]
    assert row[6] == f"${quantity * Decimal(str(round(close, 4))):,.2f}"


@pytest.mark.parametrize("paper", [True, False])
def test_a_book_without_a_session(paper: bool) -> None:
    """It was opened this evening, or never."""
    whole = book_data()
    history = {"paper": whole.paper, "model_weights": whole.model_weights} if paper else {}
    page = seen(book_page(TearsheetData("new", "new", is_synthetic=True, opened=None, **history)))
    assert "no session is accounted for yet" in page.text
    assert list(page.figures) == ([*BOTH_FIGURES, *PAPER_FIGURES] if paper else [])
    assert ("There is no model history" in page.text) != paper
    for nothing in ("The book holds nothing.", "Nothing has been sold yet."):
        assert nothing in page.text
    # without a figure there is nothing to draw with either
    assert ("plotly.js v" in page.html) == paper


def test_a_book_with_one_session() -> None:
    page = seen(book_page(book_data(live=1)))
    assert page.row("sessions")[1] == "1"
    assert len(page.figures["live-weights"]["data"][0]["x"]) == 1
    assert page.row("return a year (CAGR)")[1] == "\u2013"


def test_a_book_with_one_session_and_nothing_else() -> None:
    only = TearsheetData(
        "one", "one", is_synthetic=True, opened=date(2024, 1, 2),
        performance=table(PERFORMANCE, performance_rows("one", [date(2024, 1, 3)], [0.01])),
    )  # fmt: skip
    page = seen(book_page(only))
    assert list(page.figures) == ["live-equity", "live-drawdowns", "live-weights", "months"]
    assert "these prices are made up" in page.text
    assert "It has never been below its high." in page.text


def test_a_book_that_has_sold_nothing() -> None:
    page = seen(book_page(book_data(exits=empty(EXITS))))
    assert "Nothing has been sold yet." in page.text
    assert list(page.figures)[:5] == LIVE_FIGURES


def test_a_book_that_holds_nothing() -> None:
    page = seen(book_page(book_data(lots=empty(LOTS), fills=empty(FILLS))))
    assert "The book holds nothing." in page.text
    assert "Nothing has been traded yet." in page.text
    assert [trace["name"] for trace in page.figures["live-weights"]["data"]] == ["cash"]


def test_a_session_without_anything_to_earn_on_has_no_return() -> None:
    rows = performance_rows("late", [date(2024, 1, 3), date(2024, 1, 4)], [0.0, 0.01])
    rows[0] |= {"nav": Decimal(0), "cash": Decimal(0), "daily_return": None}
    data = book_data(performance=table(PERFORMANCE, rows), attribution=None)
    assert data.live.sessions == (date(2024, 1, 4),)
    assert seen(book_page(data)).row("sessions")[1] == "1"


NASTY = '<script>alert("x")</script><img src=x onerror=alert(1)> & {{ 7*7 }} </script>'


def test_names_are_no_markup(page: Seen) -> None:
    exits = book_data().exits
    data = book_data(title=NASTY, exits=exits.with_columns(symbol=exits["symbol"] + NASTY))
    nasty = seen(book_page(data))
    assert nasty.fetched == []
    tags = [tag for tag, _ in nasty.reader.tags]
    assert tags.count("script") == [tag for tag, _ in page.reader.tags].count("script")
    assert "img" not in tags
    # it is there all the same, as text
    assert " ".join(NASTY.split()) in nasty.text
    assert any(NASTY in cell for row in nasty.rows for cell in row)
    [trace] = [t for t in nasty.figures["symbols"]["data"] if t["name"] == "realised"]
    assert "&lt;script&gt;alert" in trace["y"][0]


def test_dollars_given_for_returns_are_refused() -> None:
    rows = performance_rows("x", [date(2024, 1, 3)], [0.01])
    rows[0]["daily_return"] = 12.5
    with pytest.raises(ReturnsError, match="are these dollars or per cents"):
        book_page(book_data(performance=table(PERFORMANCE, rows)))


def test_a_table_of_an_older_version_is_named() -> None:
    old = book_data().performance.drop("time_weighted_return")
    with pytest.raises(ColumnsMissing, match=r"performance: .* was without time_weighted_return"):
        book_data(performance=old)


def test_what_is_bought_is_paid_for(page: Seen) -> None:
    paid = {(row[2], row[6]) for row in page.rows if len(row) == 7 and row[2] in ("buy", "sell")}
    assert paid == {("buy", f"{MINUS}$185.18"), ("sell", "+$185.18")}


@pytest.mark.parametrize("missing", [slice(0, 5), slice(5, 10)], ids=["first", "in between"])
def test_sessions_that_are_not_published_are_told(data: TearsheetData, missing: slice) -> None:
    """The cumulative figures stay whole; live and model are compared over what both have."""
    dates = data.performance["date"].to_list()
    kept = [day for day in dates if day not in dates[missing]]
    partial = book_data(performance=data.performance.filter(pl.col("date").is_in(kept)))
    made = book_page(partial)
    cards = {card.label: card for card in made.headline}
    whole = {card.label: card for card in book_page(data).headline}
    for label in ("NAV", "Profit or loss", "Return since opening"):
        assert cards[label].value == whole[label].value
    both = data.performance.join(data.paper, on="date").filter(pl.col("date").is_in(kept))
    live, model = ((1 + both[name]).product() - 1 for name in ("daily_return", "net"))
    apart = f"{live - model:+.2%}".replace("-", MINUS)
    assert cards["Live less model"].value == apart != whole["Live less model"].value
    assert cards["Live less model"].note.endswith(", 15 sessions")

    page = seen(made)
    assert "15 of 20 sessions are published" in page.text
    start = dates[4] if missing.start == 0 else date(2024, 12, 2)  # the evening of the opening
    assert f"begins with 1 at the close of {start}" in page.text
    assert page.figures["live-equity"]["data"][0]["x"][0] == str(start)


def test_all_sessions_that_are_published_need_no_mention(page: Seen) -> None:
    assert "sessions are published" not in page.text
