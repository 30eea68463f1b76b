"""`alchemiser books`: every book with what it has, what it has earned, and its last rebalance."""

from collections.abc import Mapping, Set
from dataclasses import replace
from datetime import date
from decimal import Decimal

from rich.table import Table

from alchemiser_dagster.books.money import round_to_total
from alchemiser_dagster.books.strategies import Book, BooksError
from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.commands.published import BookFigures, last_valued, together
from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.commands.report_table import NOTHING, dollars, percent, report_table
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.ledger.book_reports import last_rebalances
from alchemiser_dagster.ledger.queries import all_books, book_cash, last_session, positions
from alchemiser_dagster.ledger.schema import UNALLOCATED, UNATTRIBUTED

FIGURES = ("share", "cash", "NAV", "deployed", "P&L", "day", "return")


def list_books() -> None:
    """Print a line a book, of those in books.toml and of those that were ever opened."""
    records = opened_records()
    try:
        strategies = {book.name: book for book in records.books()}
    except BooksError as error:
        fail(str(error))
    with opened_account() as account, account.ledger.read() as connection:
        opened = {row.book for row in all_books(connection)}
        rebalanced, cash = last_rebalances(connection), book_cash(connection)
        last = last_session(connection)
        if UNATTRIBUTED not in positions(connection) and not cash.get(UNATTRIBUTED):
            opened.discard(UNATTRIBUTED)
    valued = last_valued(records.tables)
    title = "Books" if valued is None else f"Books at the close of {valued.session}"
    table = report_table(title, ("book",), FIGURES)
    table.add_column("rebalanced", no_wrap=True)
    figures = {} if valued is None else _listed(valued.books, opened)
    for name in sorted({*strategies, *opened}):
        table.add_row(
            _named(name, strategies),
            _allocation(strategies.get(name)),
            *(_cells(figures[name]) if name in figures else _only_cash(cash.get(name))),
            _when(rebalanced.get(name)) if name in opened else "not opened yet",
        )
    if figures:
        _add_total(table, list(figures.values()))
    out.print(table)
    if last is not None and (valued is None or valued.session < last.session):
        err.print(
            f"The performance of {last.session} has not been published yet.",
            style="yellow",
            highlight=False,
        )


def _named(name: str, strategies: Mapping[str, Book]) -> str:
    """The book's name, and whether its strategy is switched off or has left the folder."""
    if name in (UNALLOCATED, UNATTRIBUTED):
        return name
    if name not in strategies:
        return f"{name} (gone)"
    return name if strategies[name].enabled else f"{name} (off)"


def _allocation(book: Book | None) -> str:
    return "" if book is None else percent(book.allocation)


def _listed(books: Mapping[str, BookFigures], opened: Set[str]) -> dict[str, BookFigures]:
    """The opened books, in cents that sum to those of all of them."""
    names = sorted(opened & books.keys())
    cash, nav, net_flows = (
        round_to_total([getattr(books[name], column) for name in names])
        for column in ("cash", "nav", "net_flows")
    )
    return {
        name: replace(books[name], cash=cash[i], nav=nav[i], net_flows=net_flows[i])
        for i, name in enumerate(names)
    }


def _cells(figures: BookFigures) -> tuple[str, ...]:
    return (
        dollars(figures.cash),
        dollars(figures.nav),
        percent(figures.deployed),
        dollars(figures.pnl, signed=True),
        percent(figures.daily_return, signed=True),
        percent(figures.total_return, signed=True),
    )


def _only_cash(cash: Decimal | None) -> tuple[str, ...]:
    """The cells of a book that was never valued."""
    return (dollars(cash), *[NOTHING] * 5)


def _add_total(table: Table, books: list[BookFigures]) -> None:
    cash, nav, deployed, pnl, _, earned = _cells(together(books))
    table.add_section()
    table.add_row("all books", "", cash, nav, deployed, pnl, "", earned, "", style="bold")


def _when(session: date | None) -> str:
    return NOTHING if session is None else session.isoformat()
