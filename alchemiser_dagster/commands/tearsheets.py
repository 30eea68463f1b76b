"""`alchemiser report`: the tearsheets as HTML files, their headline figures in the terminal."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from rich.table import Table

from alchemiser_dagster.books.strategies import Book, BooksError
from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.commands.report_table import report_table
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.defs.history import history_key
from alchemiser_dagster.defs.reference import WHOLE
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tearsheets import (
    FAILURES,
    Written,
    write_account,
    write_tearsheet,
)

FIGURES = ("NAV", "Profit or loss", "Return since opening", "Last session", "Drawdown")
Made = TypeVar("Made")


def write_reports(name: str | None) -> None:
    """Write the page of one book, or all pages, and print where they are.

    A page that cannot be made is said, and the others are; the command then ends with exit code 1.
    """
    records = opened_records()
    try:
        books = records.books()
    except BooksError as error:
        fail(str(error))
    chosen = [book for book in books if name in (None, book.name)]
    if not chosen:
        fail(f"expected a book ({', '.join(book.name for book in books)}), was {name}")
    failed: list[str] = []
    pages = [
        (book.name, written)
        for book in chosen
        if (written := _made(book.name, failed, partial(write_tearsheet, records, book)))
    ]
    whole = None
    if name is None:
        whole = _made("the account", failed, partial(write_account, records, books))
        if whole is not None:
            pages.append(("account", whole[0]))
    if pages:
        out.print(_table(pages))
    for _, page in pages:
        out.print(str(page.path), highlight=False, markup=False, soft_wrap=True)
    if whole is not None:
        out.print(f"All pages: {whole[1].path.as_uri()}", highlight=False, soft_wrap=True)
    _say_what_is_missing(records, chosen)
    if failed:
        fail("\n".join(failed))


def _made(what: str, failed: list[str], make: Callable[[], Made]) -> Made | None:
    try:
        return make()
    except FAILURES as error:
        failed.append(f"{what}: {error}")
        return None


def _table(pages: Sequence[tuple[str, Written]]) -> Table:
    table = report_table("Tearsheets", ("page",), FIGURES)
    for name, page in pages:
        found = {card.label: card.value for card in page.headline}
        table.add_row(name, *(found.get(label, "") for label in FIGURES))
    return table


def _say_what_is_missing(records: AccountRecords, books: Sequence[Book]) -> None:
    """Name the books whose pages have nothing on paper yet."""
    bare = [
        book.name
        for book in books
        if book.enabled and not records.tables.exists(history_key(book.name), WHOLE)
    ]
    if bare:
        err.print(
            f"Without a model history yet: {', '.join(bare)}. The job `history` makes them: "
            "alchemiser ui, Jobs.",
            style="yellow",
            markup=False,
            highlight=False,
        )
