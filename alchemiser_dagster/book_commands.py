"""The commands that report on books and on trading, a part of `alchemiser --help`."""

from datetime import datetime
from typing import Annotated

import typer

from alchemiser_dagster.market.symbols import broker_symbol

app = typer.Typer()
books_app = typer.Typer(invoke_without_command=True)
PANEL = "Reports"
app.add_typer(books_app, name="books", rich_help_panel=PANEL)

FromOption = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], metavar="DATE", help="First session."),
]
ToOption = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="Last session."),
]


@app.command(rich_help_panel=PANEL)
def quality(
    from_: FromOption = None,
    to: ToOption = None,
    symbol: Annotated[
        str | None,
        typer.Option("--symbol", metavar="SYM", help="One symbol only.", parser=broker_symbol),
    ] = None,
) -> None:
    """Show what trading cost: slippage by symbol, step, time and spread, and the worst orders.

    Positive is a cost, in basis points of the mid at which an order's block was begun.
    """
    from alchemiser_dagster.commands.quality import quality as report

    first, last = (None if moment is None else moment.date() for moment in (from_, to))
    report(first, last, symbol)


@books_app.callback()
def books(context: typer.Context) -> None:
    """List the books: what each has, what it has earned, when it was last rebalanced.

    NAV and returns are those published of the last session.
    """
    if context.invoked_subcommand is None:
        from alchemiser_dagster.commands.books import list_books

        list_books()


@books_app.command()
def moves(
    book: Annotated[
        str | None, typer.Argument(metavar="[BOOK]", show_default=False, help="One book only.")
    ] = None,
) -> None:
    """List what capital came into the books and left them, when and why, and what it sums to."""
    from alchemiser_dagster.commands.book_moves import list_moves

    list_moves(book)


@books_app.command()
def drift() -> None:
    """Show how far each book is from its allocation, and what would be moved."""
    from alchemiser_dagster.commands.book_drift import show_drift

    show_drift()


@books_app.command()
def overlap() -> None:
    """Show the symbols that several books hold or may hold, in shares and dollars."""
    from alchemiser_dagster.commands.book_overlap import show_overlap

    show_overlap()


@books_app.command()
def correlation() -> None:
    """Show how alike the strategies' daily returns are, live and on paper."""
    from alchemiser_dagster.commands.book_correlation import show_correlation

    show_correlation()
