"""Comparing the books with the broker: every share and every cent.

The books together must hold exactly what the broker says the account holds. A difference is never
explained away here; it is listed, and whoever asked decides to stop.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.queries import Snapshot, book_cash, positions, snapshot


@dataclass(frozen=True)
class Difference:
    """One line that does not agree: a symbol in shares, or cash in dollars."""

    what: str
    books: Decimal
    broker: Decimal

    def __str__(self) -> str:
        return (
            f"{self.what}: the books hold {self.books}, the broker {self.broker} "
            f"(difference {self.broker - self.books:+})"
        )


def compare(
    cash: Mapping[str, Decimal],
    holdings: Mapping[str, Mapping[str, Decimal]],
    broker: Snapshot,
) -> list[Difference]:
    """List where books (`cash` by book, `holdings` by book, symbol) and `broker` differ."""
    held = total_positions(holdings)
    differences = [
        Difference(symbol, held.get(symbol, ZERO), broker.positions.get(symbol, ZERO))
        for symbol in sorted({*held, *broker.positions})
        if held.get(symbol, ZERO) != broker.positions.get(symbol, ZERO)
    ]
    total = sum(cash.values(), ZERO)
    if total != broker.cash:
        differences.append(Difference("cash", total, broker.cash))
    return differences


class NotTraded(Exception):
    """A session that was not traded to its end, so the account was not read after it."""

    def __init__(self, session: date) -> None:
        super().__init__(f"{session} was not traded to its end: there is no account to compare")


def unexplained(connection: Connection, session: date) -> list[Difference]:
    """Where the books at the end of `session` differ from what the broker held then.

    Raises NotTraded.
    """
    seen = snapshot(connection, session, "after")
    if seen is None:
        raise NotTraded(session)
    return compare(
        book_cash(connection, through=session), positions(connection, through=session), seen
    )


def total_positions(holdings: Mapping[str, Mapping[str, Decimal]]) -> dict[str, Decimal]:
    """Shares by symbol over all books, from shares by book and symbol."""
    held: dict[str, Decimal] = {}
    for own in holdings.values():
        for symbol, quantity in own.items():
            held[symbol] = held.get(symbol, ZERO) + quantity
    return held
