"""Everything that ever changed books, as three tables: cash, shares, and what sales made.

    cash     what was paid to a book and by it, summed by session and kind
    shares   what was added to a lot and taken from it
    exits    profit and loss of the lot exits; one that a bust has undone is counted until then

A book's state at the end of a session is the sum of what happened up to it, so a table of all the
sessions is a cumulative sum.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

MONEY = pl.Decimal(38, 2)
SHARES = pl.Decimal(38, 9)

CASH_EVENTS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "book": pl.String,
    "session": pl.Date,
    "kind": pl.String,
    "amount": MONEY,
}
SHARE_EVENTS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "book": pl.String,
    "session": pl.Date,
    "lot_id": pl.String,
    "symbol": pl.String,
    "quantity": SHARES,
    "cost": MONEY,
}
EXIT_EVENTS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "book": pl.String,
    "session": pl.Date,
    "undone": pl.Date,
    "trade_id": pl.String,
    "pnl": MONEY,
}

FLOWS = ("opening", "transfer", "deposit", "withdrawal", "residual")
"""Kinds of cash entries that move capital."""
TRANSFERS = ("opening", "transfer")
"""The flows by which books give capital to each other."""
INCOME = ("dividend", "interest", "fee")
"""Kinds of cash entries that are profit or loss without a trade."""


@dataclass(frozen=True, eq=False)
class BookEvents:
    """The three tables, of one book or of many, with the columns above.

    Cash and cost in dollars, positive for what came into the book; quantities in shares, likewise;
    `undone` is the session of the bust that took a sale back, null for all but those.
    """

    cash: pl.DataFrame
    shares: pl.DataFrame
    exits: pl.DataFrame
