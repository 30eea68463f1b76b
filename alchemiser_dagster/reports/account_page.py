"""The tearsheet of the account: the whole, its books side by side, and whether they add up."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.history.statistics import RATIO_SESSIONS
from alchemiser_dagster.ledger.schema import WITHOUT_STRATEGY
from alchemiser_dagster.reports.card import Card
from alchemiser_dagster.reports.data import AccountData
from alchemiser_dagster.reports.figure import Figure
from alchemiser_dagster.reports.figures.books import book_colours, contributions, stacked_navs
from alchemiser_dagster.reports.figures.correlations import correlation_map
from alchemiser_dagster.reports.figures.drawdowns import live_drawdowns
from alchemiser_dagster.reports.figures.equity import live_equity
from alchemiser_dagster.reports.figures.months import month_map
from alchemiser_dagster.reports.figures.rolling import rolling_figures
from alchemiser_dagster.reports.names import INDEX_FILE
from alchemiser_dagster.reports.numbers import MISSING, day, dollars, number, percent
from alchemiser_dagster.reports.page import MADE_UP, Page, Section
from alchemiser_dagster.reports.returns import Returns, returns_of
from alchemiser_dagster.reports.statistics_table import drawdown_table, statistics_table
from alchemiser_dagster.reports.table import (
    Cell,
    Table,
    gained,
    number_columns,
    returned,
    share,
    text_columns,
)

SHOWN_SESSIONS = 60
NOTHING = Returns("none", (), pl.Series([], dtype=pl.Float64).to_numpy())


def account_page(data: AccountData) -> Page:
    """The page of the account. Raises ReturnsError when a return is no fraction."""
    return Page(
        title=data.name,
        subtitle=_subtitle(data),
        sections=[
            Section("Headline", "headline", cards=account_headline(data)),
            _live(data),
            _books(data),
            _sum_of_parts(data),
        ],
        warning=MADE_UP if data.is_synthetic else "",
        links=[("All pages", INDEX_FILE)],
    )


def account_headline(data: AccountData) -> list[Card]:
    """The figures that stand at the top."""
    rows = data.account.sort("date")
    if rows.is_empty():
        return [Card("NAV", MISSING, "no session is accounted for yet")]
    last: dict[str, Any] = rows.row(-1, named=True)
    earned = _earned(data.books, last["date"])
    apart = last["residual"]
    return [
        Card("NAV", dollars(last["nav"]), "the sum of the books"),
        Card("Broker's equity", dollars(last["equity"]), f"differs by {dollars(apart)}"),
        Card("Profit or loss", dollars(earned, sign=True), "since the opening"),
        Card(
            "Return since opening",
            percent(last["time_weighted_return"], sign=True),
            "time-weighted",
        ),
        Card(
            "Last session",
            percent(last["daily_return"], sign=True),
            f"{dollars(last['pnl'], sign=True)} on {day(last['date'])}",
        ),
        Card("Month to date", percent(last["month_to_date_return"], sign=True), "Modified Dietz"),
        Card(
            "Drawdown",
            percent(last["drawdown"], sign=True),
            f"at worst {percent(rows['drawdown'].min())}",  # type: ignore[arg-type]
        ),
        Card(
            "Gross exposure",
            f"{number(last['gross_exposure_pct'], 1)}%",
            f"{number(last['cash_share_pct'], 1)}% cash",
        ),
    ]


def _earned(books: pl.DataFrame, session: date) -> Decimal | None:
    """Profit or loss of all books since the opening, which a session that is missing leaves whole;
    None where the books of `session` are missing themselves.
    """
    rows = books.filter(pl.col("date") == session).select("nav", "net_flows").rows()
    return sum((nav - net_flows for nav, net_flows in rows), ZERO) if rows else None


def _live(data: AccountData) -> Section:
    if not len(data.live):
        return Section("Live", "live", intro="The account has no session with a return yet.")
    benchmark = data.benchmark.within(set(data.live.sessions))
    blocks: list[Figure | Table | None] = [
        live_equity(data.live, [NOTHING, benchmark], data.live_start),
        live_drawdowns(data.live, NOTHING, benchmark),
        statistics_table(
            "Figures",
            [("live", data.live.figures()), ("SPY, the same sessions", benchmark.figures())],
        ),
        month_map(data.live, NOTHING),
        *rolling_figures(data.live, NOTHING, data.opened),
        drawdown_table("Deepest drawdowns", data.live),
    ]
    return Section(
        "Live",
        "live",
        intro=f"All books together, {len(data.live):,} sessions."
        + (f" {data.gaps}, and figures and tables are of these." if data.gaps else "")
        + ("" if len(benchmark) else " There are no closes of SPY to compare with."),
        blocks=[block for block in blocks if block is not None],
    )


def _books(data: AccountData) -> Section:
    pnl = book_results(data)
    books = pnl["book"].to_list()
    live = [_returns(data, book) for book in books if book not in WITHOUT_STRATEGY]
    papers = [returns_of(book, data.papers[book], "net") for book in books if book in data.papers]
    blocks: list[Figure | Table | None] = [
        stacked_navs(data.books, data.account, book_colours(sorted(books))),
        contributions(pnl),
        books_table(data),
        correlation_map(
            "live-correlations",
            "Correlations, live",
            "Of daily returns over the sessions that two books have in common, "
            f"{RATIO_SESSIONS} at least.",
            [returns for returns in live if returns.values.any()],
        ),
        correlation_map(
            "paper-correlations",
            "Correlations, on paper",
            "The same of the strategies on paper, over all the sessions there are.",
            papers,
        ),
    ]
    return Section("Books", "books", blocks=[block for block in blocks if block is not None])


def book_results(data: AccountData) -> pl.DataFrame:
    """What each book has at the end: its last row, with pnl (dollars) and share (of the account's
    capital), the largest profit first. Books without a strategy have no returns.
    """
    is_strategy = ~pl.col("book").is_in(WITHOUT_STRATEGY)
    books = data.books.with_columns(
        # Tables of an earlier version have figures here, of capital that only passed through.
        pl.when(is_strategy).then(pl.col("time_weighted_return", "drawdown"))
    )
    last = books.filter(pl.col("date") == pl.col("date").max())
    worst = books.group_by("book").agg(worst_drawdown=pl.col("drawdown").min())
    pnl = pl.col("nav") - pl.col("net_flows")
    capital = float(last["net_flows"].sum() or 0)
    return (
        last.with_columns(pnl=pnl)
        .with_columns(share=pl.col("pnl").cast(pl.Float64) / (capital or float("nan")))
        .join(worst, on="book")
        .sort(["pnl", "book"], descending=[True, False])
    )


def books_table(data: AccountData) -> Table:
    """Every book with what it has and what it earned, the largest profit first."""
    rows = [
        [
            Cell(row["book"], link=data.pages.get(row["book"])),
            Cell(dollars(row["net_flows"])),
            Cell(dollars(row["nav"])),
            gained(row["realized_pnl"]),
            gained(row["unrealized_pnl"]),
            gained(row["income"]),
            returned(row["time_weighted_return"]),
            returned(row["worst_drawdown"]),
            _won(row),
        ]
        for row in book_results(data).iter_rows(named=True)
    ]
    return Table(
        heading="Books",
        columns=[
            *text_columns("book"),
            *number_columns(
                "capital", "NAV", "realised", "unrealised", "income", "return",
                "deepest drawdown", "trades won",
            ),
        ],
        rows=rows,
        empty="No book is accounted for yet.",
        note="Capital: what was put in less what was taken out. Return: time-weighted, since the "
        "opening.",
    )  # fmt: skip


def _won(row: dict[str, Any]) -> Cell:
    orders, won = row["completed_by_order"], row["winning_by_order"]
    return share(won / orders, 0) if orders else Cell(MISSING)


def _sum_of_parts(data: AccountData) -> Section:
    rows = data.account.sort("date", descending=True)
    known = rows.filter(pl.col("residual").is_not_null())
    largest = known["residual"].abs().max() if known.height else None
    table = Table(
        heading="Sum of the parts",
        columns=[
            *text_columns("session"),
            *number_columns(
                "sum of the books", "broker's equity", "residual", "profit or loss", "return"
            ),
        ],
        rows=[
            [
                Cell(day(row["date"])),
                Cell(dollars(row["nav"])),
                Cell(dollars(row["equity"])),
                gained(row["residual"]),
                gained(row["pnl"]),
                returned(row["daily_return"]),
            ]
            for row in rows.head(SHOWN_SESSIONS).iter_rows(named=True)
        ],
        note=f"The largest residual of {known.height:,} sessions: {dollars(largest)}."  # type: ignore[arg-type]
        + (f" The latest {SHOWN_SESSIONS} are shown." if rows.height > SHOWN_SESSIONS else ""),
    )
    return Section(
        "Do the books add up?",
        "sum",
        intro="The books' net asset values beside the equity that the broker reported.",
        blocks=[table],
    )


def _returns(data: AccountData, book: str) -> Returns:
    return returns_of(book, data.books.filter(pl.col("book") == book), "daily_return")


def _subtitle(data: AccountData) -> str:
    parts = [f"{data.books['book'].n_unique()} books"]
    if data.opened is not None:
        parts.append(f"opened on {day(data.opened)}")
    parts.append(f"{len(data.live):,} sessions live")
    if data.gaps:
        parts.append(data.gaps)
    if data.last_session is not None:
        parts.append(f"as of the close of {day(data.last_session)}")
    return " · ".join(parts)
