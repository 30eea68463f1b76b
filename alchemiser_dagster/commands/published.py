"""The published figures that commands print: finished tables, so that all reports agree."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.commands.terminal import fail
from alchemiser_dagster.defs.tables import TableMissing, TableStore
from alchemiser_dagster.storage import StorageError

PORTFOLIO_PERFORMANCE = ["portfolio_performance"]


@dataclass(frozen=True)
class BookFigures:
    """One book at the end of a session: dollars, and returns as fractions."""

    cash: Decimal
    market_value: Decimal
    nav: Decimal
    net_flows: Decimal
    daily_return: float | None
    total_return: float | None

    @property
    def pnl(self) -> Decimal:
        """What it has earned since it was opened: realised, unrealised and income together."""
        return self.nav - self.net_flows

    @property
    def deployed(self) -> Decimal | None:
        """The share of its NAV that is in shares; None of a book that is worth nothing."""
        return self.market_value / self.nav if self.nav > 0 else None


def together(books: Collection[BookFigures]) -> BookFigures:
    """Books as if they were one, of which the session's return is not known."""
    nav = sum((book.nav for book in books), ZERO)
    net_flows = sum((book.net_flows for book in books), ZERO)
    return BookFigures(
        cash=sum((book.cash for book in books), ZERO),
        market_value=sum((book.market_value for book in books), ZERO),
        nav=nav,
        net_flows=net_flows,
        daily_return=None,
        total_return=float((nav - net_flows) / net_flows) if net_flows > 0 else None,
    )


@dataclass(frozen=True)
class ValuedBooks:
    """The books at the end of the last session that was published, by name."""

    session: date
    books: dict[str, BookFigures]


def last_valued(tables: TableStore) -> ValuedBooks | None:
    """The last published figures of the books; None before the first. Ends the command where they
    cannot be read.
    """
    try:
        sessions = tables.sessions(PORTFOLIO_PERFORMANCE)
        if not sessions:
            return None
        table = tables.read(PORTFOLIO_PERFORMANCE, sessions[-1])
    except (TableMissing, StorageError) as error:
        fail(str(error))
    names = BookFigures.__dataclass_fields__
    return ValuedBooks(
        date.fromisoformat(sessions[-1]),
        {
            row["book"]: BookFigures(**{name: row[name] for name in names})
            for row in table.to_dicts()
        },
    )


def daily_returns(tables: TableStore) -> dict[str, pl.DataFrame]:
    """Each book's published daily returns (date, daily_return), where it has any. Ends the command
    where they cannot be read.
    """
    try:
        found = [
            tables.read(PORTFOLIO_PERFORMANCE, session).select("date", "book", "daily_return")
            for session in tables.sessions(PORTFOLIO_PERFORMANCE)
        ]
    except (TableMissing, StorageError) as error:
        fail(str(error))
    if not found:
        return {}
    rows = pl.concat(found).drop_nulls("daily_return")
    parts = rows.partition_by("book", as_dict=True)
    return {str(book): part.drop("book") for (book,), part in sorted(parts.items())}
