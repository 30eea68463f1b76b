"""Reads of the ledger for reports about books: capital that moved, and the last rebalances."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, func, select, true

from alchemiser_dagster.books.book_events import FLOWS
from alchemiser_dagster.ledger.schema import (
    UNALLOCATED,
    activities,
    cash_entries,
    session_books,
)


@dataclass(frozen=True)
class CapitalMove:
    """Dollars that came into a book (positive) or left it, other than by trading, and why.

    `kind` is one of `FLOWS`. Only the account's own capital is an opening: what a book is opened
    with comes from another book, and is a transfer like what leaves that one.
    """

    session: date
    book: str
    kind: str
    amount: Decimal
    cause: str


def capital_moves(connection: Connection, book: str | None = None) -> list[CapitalMove]:
    """All moves of capital of a book, or of every book, in the order they were made."""
    rows = connection.execute(
        select(cash_entries, activities.c.kind.label("activity"), activities.c.description)
        .outerjoin(activities, activities.c.activity_id == cash_entries.c.source_id)
        .where(
            cash_entries.c.kind.in_(FLOWS),
            cash_entries.c.book == book if book is not None else true(),
        )
        .order_by(cash_entries.c.session, cash_entries.c.entry_id)
    )
    return [
        CapitalMove(
            row.session,
            row.book,
            "transfer" if row.kind == "opening" and row.book != UNALLOCATED else row.kind,
            row.amount,
            _cause(row.kind, row.source_id, row.activity, row.description),
        )
        for row in rows
    ]


def _cause(kind: str, source: str, activity: str | None, description: str | None) -> str:
    """What moved it: the broker's activity in its words, or what the project called it."""
    if activity is not None:
        return f"{activity} {description}".strip()
    return f"opening of {source}" if kind == "opening" else source


def last_rebalances(connection: Connection) -> dict[str, date]:
    """The last session in which each book was rebalanced, of those that ever were.

    One in which none of a book's trades filled does not count.
    """
    rows = connection.execute(
        select(session_books.c.book, func.max(session_books.c.session).label("session"))
        .where(
            session_books.c.trigger.is_not(None),
            session_books.c.trigger != "",
            session_books.c.state != "failed",
        )
        .group_by(session_books.c.book)
    )
    return {row.book: row.session for row in rows}
