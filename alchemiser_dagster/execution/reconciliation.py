"""Comparing the books with the broker: every share and every cent.

The books together must hold exactly what the broker says the account holds. A difference is never
explained away here; it is listed, and whoever asked decides to stop.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.queries import Snapshot


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
    positions: Mapping[str, Mapping[str, Decimal]],
    broker: Snapshot,
) -> list[Difference]:
    """List where books (`cash` by book, `positions` by book and symbol) and `broker` differ."""
    held: dict[str, Decimal] = {}
    for own in positions.values():
        for symbol, quantity in own.items():
            held[symbol] = held.get(symbol, ZERO) + quantity
    differences = [
        Difference(symbol, held.get(symbol, ZERO), broker.positions.get(symbol, ZERO))
        for symbol in sorted({*held, *broker.positions})
        if held.get(symbol, ZERO) != broker.positions.get(symbol, ZERO)
    ]
    total = sum(cash.values(), ZERO)
    if total != broker.cash:
        differences.append(Difference("cash", total, broker.cash))
    return differences
