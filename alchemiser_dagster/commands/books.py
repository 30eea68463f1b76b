"""`alchemiser books`: every book with what it has, what it has earned, and its last rebalance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from rich.table import Table

from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.books.strategies import Book, BooksError
from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.commands.published import BookFigures, last_valued, together
from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.commands.report_table import (
    NOTHING,
    dollars,
    fitting,
    percent,
    report_table,
)
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.ledger.book_reports import last_rebalances
from alchemiser_dagster.ledger.queries import all_books, book_cash, last_session, positions
from alchemiser_dagster.ledger.schema import UNATTRIBUTED, WITHOUT_STRATEGY

FIGURES = ("share", "cash", "NAV", "deployed", "P&L", "day", "return")
FORMS = (
    (FIGURES, True),
    (FIGURES, False),
    ([name for name in FIGURES if name != "deployed"], False),
    ([name for name in FIGURES if name not in ("deployed", "cash")], False),
)
"""Columns, and whether dollars have cents, the fullest first."""


@dataclass(frozen=True)
class Line:
    """One book of the list; `figures` are None of one that was never valued."""

    name: str
    share: str
    figures: BookFigures | None
    cash: Decimal | None
    rebalanced: str


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
    figures = {} if valued is None else valued.books
    lines = [
        Line(
            _named(name, strategies),
            _allocation(strategies.get(name)),
            figures.get(name) if name in opened else None,
            cash.get(name),
            _when(rebalanced.get(name)) if name in opened else "not opened",
        )
        for name in sorted({*strategies, *opened})
    ]
    out.print(fitting((_table(title, lines, *form) for form in FORMS), out))
    _tell_rounding([line.figures for line in lines if line.figures is not None])
    if last is not None and (valued is None or valued.session < last.session):
        err.print(
            f"The performance of {last.session} has not been published yet.",
            style="yellow",
            highlight=False,
        )


def _named(name: str, strategies: Mapping[str, Book]) -> str:
    """The book's name, and whether its strategy is switched off or has left the folder."""
    if name in WITHOUT_STRATEGY:
        return name
    if name not in strategies:
        return f"{name} (gone)"
    return name if strategies[name].enabled else f"{name} (off)"


def _allocation(book: Book | None) -> str:
    return "" if book is None else percent(book.allocation)


def _table(title: str, lines: Sequence[Line], shown: Sequence[str], cents: bool) -> Table:
    table = report_table(title if cents else f"{title}, whole dollars", ("book",), shown)
    table.add_column("rebalanced", no_wrap=True)
    for line in lines:
        cells = _cells(line.figures, cents) | {"share": line.share}
        if line.figures is None:
            cells["cash"] = dollars(line.cash, cents=cents)
        table.add_row(line.name, *(cells[name] for name in shown), line.rebalanced)
    valued = [line.figures for line in lines if line.figures is not None]
    if valued:
        total = _cells(together(valued), cents) | {"share": "", "day": ""}
        table.add_section()
        table.add_row("all books", *(total[name] for name in shown), "", style="bold")
    return table


def _cells(figures: BookFigures | None, cents: bool) -> dict[str, str]:
    """The cells of a book by column, dashes where it was never valued."""
    if figures is None:
        return dict.fromkeys(FIGURES, NOTHING)
    return {
        "cash": dollars(figures.cash, cents=cents),
        "NAV": dollars(figures.nav, cents=cents),
        "deployed": percent(figures.deployed),
        "P&L": dollars(figures.pnl, signed=True, cents=cents),
        "day": percent(figures.daily_return, signed=True),
        "return": percent(figures.total_return, signed=True),
    }


def _tell_rounding(books: Sequence[BookFigures]) -> None:
    """Say by how many cents the NAVs, rounded one by one, miss their rounded sum."""
    navs = [book.nav for book in books]
    apart = sum(map(to_cents, navs), ZERO) - to_cents(sum(navs, ZERO))
    if apart:
        out.print(
            "Rounded to the cent one by one, the NAVs come to "
            f"{dollars(apart, signed=True)} beside their exact total.",
            highlight=False,
        )


def _when(session: date | None) -> str:
    return NOTHING if session is None else session.isoformat()
