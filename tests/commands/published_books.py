"""What is published and entered of the books, for the reports about them."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import polars as pl
from sqlalchemy import insert

from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.ledger.schema import (
    UNALLOCATED,
    UNATTRIBUTED,
    cash_entries,
    session_books,
    sessions,
)

from .conftest import AT, SESSION, Account

D = Decimal
EXACT = pl.Decimal(38, 9)


def publish(
    account: Account,
    books: Mapping[str, tuple[str, str, str]],
    *,
    session: date = SESSION,
    returns: Mapping[str, float | None] | None = None,
) -> None:
    """A published performance from {book: (cash, market value, net flows)}."""
    rows = [
        {
            "date": session,
            "book": book,
            "cash": D(cash),
            "market_value": D(worth),
            "nav": D(cash) + D(worth),
            "net_flows": D(flows),
            "daily_return": (returns or {}).get(book),
            "total_return": float((D(cash) + D(worth) - D(flows)) / D(flows)) if D(flows) else None,
        }
        for book, (cash, worth, flows) in books.items()
    ]
    exact = ("cash", "market_value", "nav", "net_flows")
    schema = {"date": pl.Date, "book": pl.String} | dict.fromkeys(exact, EXACT)
    schema |= {"daily_return": pl.Float64, "total_return": pl.Float64}
    opened_records().tables.write(
        ["portfolio_performance"], session.isoformat(), pl.DataFrame(rows, schema=schema)
    )


EARNED = {
    "a": ("100", "560", "600"),
    "b": ("594", "0", "600"),
    UNALLOCATED: ("0", "0", "0"),
    UNATTRIBUTED: ("0", "0", "0"),
}


def traded(account: Account, session: date = SESSION, **states: str) -> None:
    """A session with the outcome of each book, which was rebalanced on its schedule."""
    with account.ledger.write() as connection:
        connection.execute(
            insert(sessions).values(
                session=session, state="complete", outcome="success", opens_at=AT, closes_at=AT,
                started_at=AT,
            )
        )  # fmt: skip
        for book, state in states.items():
            connection.execute(
                insert(session_books).values(
                    session=session, book=book, state=state, reason="", trigger="schedule"
                )
            )


def enter(account: Account, book: str, kind: str, amount: str, source: str) -> None:
    with account.ledger.write() as connection:
        connection.execute(
            insert(cash_entries).values(
                book=book, session=SESSION, kind=kind, source_id=source, amount=D(amount), at=AT
            )
        )
