"""Symbols in which the account holds more than a single book's decision.

Books choose for themselves, so two may hold the same symbol, and together more of it than anybody
decided. That is allowed and said: a warning where several books have a symbol, an alert where all
books together have more than a quarter of the account's equity in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.planning import DUST

ALERT_SHARE = Decimal("0.25")


class Level(StrEnum):
    """How loudly an overlap is reported."""

    WARNING = "warning"
    ALERT = "alert"


@dataclass(frozen=True)
class Overlap:
    """A symbol worth telling of; `books` has the dollars each book holds or wants of it."""

    symbol: str
    level: Level
    books: Mapping[str, Decimal]
    equity: Decimal

    @property
    def share(self) -> Decimal:
        """Of the account's equity, over all books."""
        return sum(self.books.values(), ZERO) / self.equity

    def __str__(self) -> str:
        parts = ", ".join(f"{book} {value:,.2f}" for book, value in self.books.items())
        return f"{self.symbol}: {self.share:.1%} of equity ({parts})"


def overlaps(
    held: Mapping[str, Mapping[str, Decimal]],
    wanted: Mapping[str, Mapping[str, Decimal]],
    equity: Decimal,
) -> list[Overlap]:
    """Symbols of several books, or of more than a quarter of `equity`, in the order of their names.

    `held` and `wanted` are dollars by book and symbol: what a book has, and what it has as its
    target. The larger counts; less than 1.00 does not. Raises ValueError without equity.
    """
    if equity <= 0:
        raise ValueError(f"expected an account with equity, was {equity}")
    values: dict[str, dict[str, Decimal]] = {}
    for book in sorted({*held, *wanted}):
        own, target = held.get(book, {}), wanted.get(book, {})
        for symbol in {*own, *target}:
            value = max(own.get(symbol, ZERO), target.get(symbol, ZERO))
            if value >= DUST:
                values.setdefault(symbol, {})[book] = value
    found = []
    for symbol, books in sorted(values.items()):
        if sum(books.values(), ZERO) > ALERT_SHARE * equity:
            found.append(Overlap(symbol, Level.ALERT, books, equity))
        elif len(books) > 1:
            found.append(Overlap(symbol, Level.WARNING, books, equity))
    return found
