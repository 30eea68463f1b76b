"""The books side by side: their net asset values stacked, and what each has brought the account."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from alchemiser_dagster.ledger.schema import WITHOUT_STRATEGY
from alchemiser_dagster.reports.figure import (
    FEW,
    Figure,
    days,
    drawn,
    plain,
    session_axis,
    stacked,
)
from alchemiser_dagster.reports.theme import BENCHMARK, CASH, CATEGORIES, GAIN, LOSS

ROW_PIXELS, AROUND_PIXELS = 26, 60


def book_colours(books: list[str]) -> dict[str, str]:
    """A colour for each book, by its place; books without a strategy have that of cash."""
    strategies = [book for book in books if book not in WITHOUT_STRATEGY]
    own = {book: CATEGORIES[i % len(CATEGORIES)] for i, book in enumerate(strategies)}
    return dict.fromkeys(books, CASH) | own


def stacked_navs(
    books: pl.DataFrame, account: pl.DataFrame, colours: Mapping[str, str]
) -> Figure | None:
    """NAV of every book on top of each other, and the broker's equity as a line above them."""
    if books.is_empty():
        return None
    few = books["date"].n_unique() < FEW
    traces = [
        _nav(books.filter(pl.col("book") == book).sort("date"), book, colour, few)
        for book, colour in colours.items()
    ]
    known = account.filter(pl.col("equity").is_not_null()).sort("date")
    if not known.is_empty():
        traces.append(
            {
                "type": "scatter",
                "name": "broker's equity",
                "x": days(known["date"].to_list()),
                "y": known["equity"].cast(pl.Float64).to_numpy(),
                "mode": "lines",
                "line": {"color": BENCHMARK, "width": 2, "dash": "dot"},
            }
        )
    return Figure(
        slug="navs",
        heading="Net asset value by book",
        caption="Dollars at each close. The dotted line is the equity that the broker reports: "
        "the books reach it, or something is unexplained.",
        plot=drawn(
            traces,
            barmode="stack",
            bargap=0.15,
            xaxis=session_axis(books["date"].unique().sort().to_list()),
            yaxis={"tickformat": "$~s", "hoverformat": "$,.2f", "rangemode": "tozero"},
        ),
        height=420,
    )


def _nav(own: pl.DataFrame, book: str, colour: str, few: bool) -> dict[str, Any]:
    navs = own["nav"].cast(pl.Float64).to_numpy()
    part = {"name": plain(book), "x": days(own["date"].to_list()), "y": navs}
    return part | stacked(colour, few)


def contributions(pnl: pl.DataFrame) -> Figure | None:
    """Bars of what each book earned: columns book, pnl (dollars), share (of the account's capital);
    None where there is no book.
    """
    if pnl.is_empty():
        return None
    amounts = pnl["pnl"].cast(pl.Float64)
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [plain(book) for book in pnl["book"]],
        "x": amounts.to_numpy(),
        "customdata": pnl["share"].to_numpy(),
        "marker": {"color": [GAIN if amount >= 0 else LOSS for amount in amounts]},
        "hovertemplate": "%{y}: %{x:$,.2f}, %{customdata:.2%} of the capital<extra></extra>",
    }
    return Figure(
        slug="contributions",
        heading="Contributions",
        caption="Profit or loss of each book since the opening, dollars; together the account's.",
        plot=drawn(
            [trace],
            showlegend=False,
            hovermode="closest",
            xaxis={"tickformat": "$,.0f", "zeroline": True},
            yaxis={"type": "category", "autorange": "reversed", "showgrid": False},
            bargap=0.3,
        ),
        height=AROUND_PIXELS + ROW_PIXELS * pnl.height,
    )
