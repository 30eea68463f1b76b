"""The command that writes pages to look at, a part of `alchemiser --help`."""

from typing import Annotated

import typer

app = typer.Typer()
PANEL = "Reports"


@app.command(rich_help_panel=PANEL)
def report(
    book: Annotated[
        str | None,
        typer.Argument(metavar="BOOK", show_default=False, help="The page of one book only."),
    ] = None,
) -> None:
    """Write tearsheets: an HTML page for each book, one for the account, and one that leads to all.

    They open in any browser, without a network. What is on them is what was published last.
    """
    from alchemiser_dagster.commands.tearsheets import write_reports

    write_reports(book)
