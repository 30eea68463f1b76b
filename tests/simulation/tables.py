"""The ledger's tables as committed, read beside the program's own queries.

SQLite keeps the ledger's exact numbers as whole units: shares in billionths, prices in millionths,
dollars in cents. They are read as such and turned into Decimals here, so that a mistake in the
program's reading does not hide a mistake in its writing.
"""

import sqlite3
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

SHARES, PRICE, DOLLARS = 9, 6, 2
ZERO = Decimal(0)
UNALLOCATED, UNATTRIBUTED = "unallocated", "unattributed"


class Tables:
    """Queries on the ledger in the file `path`, over a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def execute(self, statement: str) -> None:
        """Change something, as nobody should."""
        self._database.execute(statement)

    def rows(self, query: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """The rows of a query, numbers as they are stored."""
        return list(self._database.execute(query, arguments))

    def values(self, query: str, *arguments: Any) -> set[Any]:
        """The first column of a query."""
        return {row[0] for row in self._database.execute(query, arguments)}

    def totals(self, query: str, places: int, *arguments: Any) -> dict[Any, Decimal]:
        """A key (the columns before the last) and a sum (the last column) of each row."""
        found: dict[Any, Decimal] = {}
        for *key, units in self._database.execute(query, arguments):
            found[key[0] if len(key) == 1 else tuple(key)] = exact(units, places)
        return found

    # --- what the books have ---------------------------------------------------------------------

    def positions(self) -> dict[tuple[str, str], Decimal]:
        """Shares by (book, symbol), those of no shares left out."""
        held = self.totals(
            "SELECT book, symbol, SUM(quantity) FROM lots GROUP BY book, symbol", SHARES
        )
        return {key: shares for key, shares in held.items() if shares != 0}

    def cash(self) -> dict[str, Decimal]:
        """Dollars by book."""
        return self.totals("SELECT book, SUM(amount) FROM cash_entries GROUP BY book", DOLLARS)


def exact(units: int | None, places: int) -> Decimal:
    """Stored units as a Decimal; nothing at all is zero."""
    return ZERO if units is None else Decimal(units).scaleb(-places)


def by_symbol(positions: dict[tuple[str, str], Decimal]) -> dict[str, Decimal]:
    """Shares by symbol over all books."""
    return added((symbol, shares) for (_, symbol), shares in positions.items())


def added(parts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """The sum by key, those that come to zero left out."""
    found: dict[str, Decimal] = {}
    for key, amount in parts:
        found[key] = found.get(key, ZERO) + amount
    return {key: amount for key, amount in found.items() if amount != 0}
