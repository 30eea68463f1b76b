"""`alchemiser books drift`: each book's share of the whole beside its allocation.

By the rule and the bands of `books.drift`, at the published NAVs of the last session. The trading
job applies the same rule at the quotes of the first session of each week.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from rich.table import Table

from alchemiser_dagster.books.drift import (
    ABSOLUTE_BAND,
    RELATIVE_BAND,
    Drift,
    drift_transfers,
    drifts,
)
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.strategies import BooksError
from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.commands.published import last_valued
from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.commands.report_table import dollars, fitting, percent, report_table
from alchemiser_dagster.commands.terminal import fail, out
from alchemiser_dagster.ledger.rails import rail_state
from alchemiser_dagster.ledger.schema import UNALLOCATED

FIGURES = ("allocation", "NAV", "share", "drift", "of its own", "to move")
FORMS = ((FIGURES, True), (FIGURES, False), ([n for n in FIGURES if n != "of its own"], False))
"""Columns, and whether dollars have cents, the fullest first."""


def show_drift() -> None:
    """Print the drift of every book that capital is shared out among, and what is left out."""
    records = opened_records()
    try:
        terms = records.terms()
    except BooksError as error:
        fail(str(error))
    with opened_account() as account, account.ledger.read() as connection:
        flattening = rail_state(connection).flattening
    valued = last_valued(records.tables)
    if valued is None:
        out.print("No session has been published yet.")
        return
    navs = {book: figures.nav for book, figures in valued.books.items()}
    allocations = {
        book: own.allocation
        for book, own in terms.items()
        if book in navs and book not in flattening
    }
    members = {book: navs.get(book, ZERO) for book in (UNALLOCATED, *allocations)}
    if sum(members.values(), ZERO) > 0:
        _show(valued.session, members, allocations)
    else:
        out.print("There is no capital to share out.")
    outside = {book: nav for book, nav in navs.items() if book not in members and nav}
    outside |= {book: ZERO for book in terms if book not in navs}
    for book, nav in sorted(outside.items()):
        out.print(f"Left out: {book}, {_why(book, navs, flattening)}: {dollars(nav)}")


def _show(session: date, navs: dict[str, Decimal], allocations: dict[str, Decimal]) -> None:
    transfers = drift_transfers(navs, allocations, unallocated=UNALLOCATED)
    found = drifts(navs, allocations, unallocated=UNALLOCATED)
    title = f"Drift at the close of {session}"
    out.print(fitting((_table(title, found, transfers, *form) for form in FORMS), out))
    out.print(
        f"Capital is shared out again where a book is more than {ABSOLUTE_BAND:.0%} of the whole, "
        f"or {RELATIVE_BAND:.0%} of its own allocation, off: "
        + ("it would be now." if transfers else "no book is."),
        highlight=False,
    )


def _table(
    title: str,
    found: Mapping[str, Drift],
    transfers: Mapping[str, Decimal],
    shown: Sequence[str],
    cents: bool,
) -> Table:
    table = report_table(title if cents else f"{title}, whole dollars", ("book",), shown)
    table.add_column("band", no_wrap=True)
    for book, drift in found.items():
        to_move = dollars(transfers.get(book, ZERO), signed=True, cents=cents)
        cells = {
            "allocation": percent(drift.allocation),
            "NAV": dollars(drift.nav, cents=cents),
            "share": percent(drift.share),
            "drift": f"{drift.absolute * 100:+.2f} pp",
            "of its own": percent(drift.relative, signed=True),
            "to move": to_move if transfers else "",
        }
        is_beyond = drift.is_beyond()
        table.add_row(book, *(cells[name] for name in shown), "beyond" if is_beyond else "")
    return table


def _why(book: str, navs: dict[str, Decimal], flattening: frozenset[str]) -> str:
    if book not in navs:
        return "which has not been opened"
    return "which is sold to cash" if book in flattening else "which no strategy trades"
