"""What each book has of each symbol, and has made with it: the figures that two ledgers share."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.queries import book_cash
from alchemiser_dagster.ledger.schema import lot_exits, lots


@dataclass(frozen=True)
class Totals:
    """Of a book and symbol: shares held, and dollars of what they cost and what was realised."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO


@dataclass(frozen=True)
class TotalsDifference:
    """A book's symbol of which two ledgers do not say the same."""

    book: str
    symbol: str
    ledger: Totals
    shadow: Totals


@dataclass(frozen=True)
class CashDifference:
    """A book whose cash two ledgers do not say the same of; dollars."""

    book: str
    ledger: Decimal
    shadow: Decimal


def totals(connection: Connection) -> dict[tuple[str, str], Totals]:
    """The figures by book and symbol; those of which nothing is left and nothing was made too."""
    held = {
        (row.book, row.symbol): (row.quantity, row.cost)
        for row in connection.execute(
            select(
                lots.c.book, lots.c.symbol, _sum(lots.c.quantity, "quantity"),
                _sum(lots.c.cost, "cost"),
            ).group_by(lots.c.book, lots.c.symbol)
        )
    }  # fmt: skip
    made = {
        (row.book, row.symbol): row.proceeds - row.cost
        for row in connection.execute(
            select(
                lots.c.book, lots.c.symbol, _sum(lot_exits.c.proceeds, "proceeds"),
                _sum(lot_exits.c.cost, "cost"),
            )
            .join(lots, lots.c.lot_id == lot_exits.c.lot_id)
            .group_by(lots.c.book, lots.c.symbol)
        )
    }  # fmt: skip
    return {
        key: Totals(*held.get(key, (ZERO, ZERO)), made.get(key, ZERO))
        for key in sorted(held.keys() | made.keys())
    }


def compare_totals(ledger: Connection, shadow: Connection) -> list[TotalsDifference]:
    """The figures in which two ledgers differ, by book and symbol."""
    ours, theirs = totals(ledger), totals(shadow)
    compared = (
        TotalsDifference(*key, ours.get(key, Totals()), theirs.get(key, Totals()))
        for key in sorted(ours.keys() | theirs.keys())
    )
    return [one for one in compared if one.ledger != one.shadow]


def compare_cash(ledger: Connection, shadow: Connection) -> list[CashDifference]:
    """The books whose cash differs, by name."""
    ours, theirs = book_cash(ledger), book_cash(shadow)
    return [
        CashDifference(book, _of(ours, book), _of(theirs, book))
        for book in sorted(ours.keys() | theirs.keys())
        if _of(ours, book) != _of(theirs, book)
    ]


def _of(cash: Mapping[str, Decimal], book: str) -> Decimal:
    return cash.get(book, ZERO)


def _sum(column: Any, name: str) -> Any:
    return func.sum(column, type_=column.type).label(name)
