"""`tearsheet/<book>` and `tearsheet_account`: HTML files for people, in `reports/` of the account.

Each is made whole from what is published, as often as anybody likes. Nothing waits for them: they
follow when performance, model history and attribution have been made, and whatever of these is
missing is missing on the page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.defs.account_performance import ACCOUNT_PERFORMANCE
from alchemiser_dagster.defs.attribution import attribution_key
from alchemiser_dagster.defs.history import history_key
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tearsheet_data import UNREPORTABLE, account_data, tearsheet_data
from alchemiser_dagster.history.statistics import ReturnsError
from alchemiser_dagster.reports.card import Card
from alchemiser_dagster.reports.names import ACCOUNT_FILE, INDEX_FILE, file_of
from alchemiser_dagster.settings import Home
from alchemiser_dagster.storage import open_files

TEARSHEET_ACCOUNT = "tearsheet_account"
FAILURES = (*UNREPORTABLE, ReturnsError)
"""Why a tearsheet cannot be made."""
AFTER_ALL_ELSE = (
    dg.AutomationCondition.any_deps_match(dg.AutomationCondition.newly_updated())
    .since_last_handled()
    .with_label("something it shows is new")
    & ~dg.AutomationCondition.any_deps_match(dg.AutomationCondition.will_be_requested())
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
)
"""Once what it shows has come to rest; that some of it is missing, for ever perhaps, is no reason
to wait."""


@dataclass(frozen=True)
class Written:
    """A page that was written: where it lies, and the figures at its top."""

    path: Path
    headline: Sequence[Card]


def tearsheet_key(book: str) -> list[str]:
    """The asset key of a book's tearsheet."""
    return ["tearsheet", book]


def tearsheet_assets(books: Sequence[Book]) -> list[dg.AssetsDefinition]:
    """The assets of all books, switched on or not, and the account's."""
    return [*map(_tearsheet_asset, books), _tearsheet_account_asset(books)]


def _tearsheet_asset(book: Book) -> dg.AssetsDefinition:
    shown = [["performance", book.name]]
    if book.enabled:
        shown += [history_key(book.name), attribution_key(book.name)]

    @dg.asset(
        key=tearsheet_key(book.name),
        deps=[dg.AssetKey(key) for key in shown],
        group_name="reports",
        tags={"book": book.name},
        automation_condition=AFTER_ALL_ELSE,
    )
    def tearsheet(
        context: dg.AssetExecutionContext, records: AccountRecords
    ) -> dg.MaterializeResult[None]:
        """The book as a page to look at: live, beside its strategy on paper, its lots and trades.

        One HTML file that needs nothing else; the metadata leads to it.
        """
        return _materialised(book.name, lambda: write_tearsheet(records, book))

    return tearsheet


def _tearsheet_account_asset(books: Sequence[Book]) -> dg.AssetsDefinition:
    shown = [["portfolio_performance"], [ACCOUNT_PERFORMANCE]]
    shown += [history_key(book.name) for book in books if book.enabled]

    @dg.asset(
        key=TEARSHEET_ACCOUNT,
        deps=[dg.AssetKey(key) for key in shown],
        group_name="reports",
        automation_condition=AFTER_ALL_ELSE,
    )
    def tearsheet_account(
        context: dg.AssetExecutionContext, records: AccountRecords
    ) -> dg.MaterializeResult[None]:
        """The account as a page to look at: all books side by side, and whether they add up.

        With it goes the page that leads to all others.
        """
        return _materialised("the account", lambda: write_account(records, books)[0])

    return tearsheet_account


def write_tearsheet(records: AccountRecords, book: Book) -> Written:
    """Write a book's tearsheet. Raises one of `FAILURES`."""
    # plotly takes long to import, and only those who write a page need it
    from alchemiser_dagster.reports.book_page import book_page
    from alchemiser_dagster.reports.page import render

    page = book_page(tearsheet_data(records, book))
    return Written(_write(records, file_of(book.name), render(page)), page.headline)


def write_account(records: AccountRecords, books: Sequence[Book]) -> tuple[Written, Written]:
    """Write the account's tearsheet, and the page that leads to all. Raises one of `FAILURES`."""
    from alchemiser_dagster.reports.account_page import account_page
    from alchemiser_dagster.reports.index_page import index_page
    from alchemiser_dagster.reports.page import render

    data = account_data(records, books)
    page, index = account_page(data), index_page(data)
    return (
        Written(_write(records, ACCOUNT_FILE, render(page)), page.headline),
        Written(_write(records, INDEX_FILE, render(index)), index.headline),
    )


def _write(records: AccountRecords, name: str, html: str) -> Path:
    files = open_files(Home(Path(records.home)).reports)
    files.write(name, html.encode())
    return Path(files.location(name))


def _materialised(what: str, write: Callable[[], Written]) -> dg.MaterializeResult[None]:
    try:
        written = write()
    except FAILURES as error:
        raise dg.Failure(f"{what}: {error}", allow_retries=False) from error
    figures = {card.label: card.value for card in written.headline}
    return dg.MaterializeResult(
        metadata={
            "file": dg.MetadataValue.path(written.path),
            "open": dg.MetadataValue.url(written.path.as_uri()),
            **figures,
        }
    )
