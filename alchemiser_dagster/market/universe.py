"""The universe: every symbol that must have bars, and whose it is.

A symbol is in it because a strategy may hold it, because a strategy's decisions look at it, or
because a book holds it now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.market.symbols import broker_symbol

UNIVERSE_SCHEMA = pl.Schema(
    {
        "symbol": pl.String(),
        "tradable": pl.List(pl.String()),
        "referenced": pl.List(pl.String()),
        "held": pl.List(pl.String()),
        "sessions": pl.Int64(),
        "first_named": pl.String(),
    }
)


@dataclass(frozen=True)
class Universe:
    """A table of `UNIVERSE_SCHEMA`, one row a symbol in the broker's spelling, sorted.

    `tradable`, `referenced` and `held` are the books that may buy the symbol, that look at its
    price, and that own shares of it. `sessions` is the longest history that a strategy wants of it,
    `first_named` where a strategy names it first: file, line and column.
    """

    table: pl.DataFrame

    @property
    def symbols(self) -> frozenset[str]:
        """Every symbol."""
        return frozenset(self.table["symbol"])

    @property
    def needed(self) -> dict[str, int]:
        """The longest history wanted, in sessions, by symbol."""
        return dict(self.table.select("symbol", "sessions").iter_rows())

    def changes_since(self, before: pl.DataFrame) -> tuple[list[str], list[str]]:
        """The symbols added to and removed from the universe whose table was `before`."""
        then = frozenset(before["symbol"])
        return sorted(self.symbols - then), sorted(then - self.symbols)


def universe_of(
    books: Iterable[Book], holdings: Mapping[str, Mapping[str, Any]] | None = None
) -> Universe:
    """The universe of `books`, with what they hold (book to symbol to shares).

    A book that is switched off counts for what it holds only; a strategy that cannot be read has
    no symbols.
    """
    uses: dict[str, dict[str, set[str]]] = {}
    sessions: dict[str, int] = {}
    places: dict[str, str] = {}

    def used(symbol: str, how: str, book: str) -> None:
        uses.setdefault(symbol, {"tradable": set(), "referenced": set(), "held": set()})
        uses[symbol][how].add(book)

    for book in books:
        if not book.enabled or book.symphony is None:
            continue
        file = book.symphony.source.name
        for how, named in (
            ("tradable", book.symphony.held),
            ("referenced", book.symphony.referenced),
        ):
            for symbol, at in named.items():
                spelled = broker_symbol(symbol)
                used(spelled, how, book.name)
                places.setdefault(spelled, f"{file}:{at.line}:{at.column}")
        for symbol, depth in book.symphony.lookbacks.items():
            spelled = broker_symbol(symbol)
            sessions[spelled] = max(depth, sessions.get(spelled, 0))
    for name, shares in (holdings or {}).items():
        for symbol in shares:
            used(symbol, "held", name)
    rows = [
        (symbol, *map(sorted, how.values()), sessions.get(symbol, 1), places.get(symbol))
        for symbol, how in sorted(uses.items())
    ]
    return Universe(pl.DataFrame(rows, schema=UNIVERSE_SCHEMA, orient="row"))
