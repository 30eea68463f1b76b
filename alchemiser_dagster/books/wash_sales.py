"""Wash sales: losses that a tax return may have to defer. For information; nothing acts on it.

Internal Revenue Code section 1091 disallows the loss on shares sold where substantially identical
ones are bought within a window of 61 days: 30 calendar days before the sale, its day, and 30 after.
To the taxpayer all books are one account, so what book b buys spoils the loss of book a:

    2 March   a sells XYZ at a loss of 120.00
    20 March  b buys XYZ                        18 days later: the loss of a is flagged

A flag is a hint and no tax computation. It matches symbols, not share counts, and names only the
nearest purchase; it flags too much where the shares bought before the sale were sold with it, and
too little where the replacement is another fund or in another account.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

WINDOW = timedelta(days=30)
"""Calendar days to either side of the sale."""


@dataclass(frozen=True)
class Disposal:
    """A lot, or a part of one, sold in `session` with a profit or loss of `pnl` dollars."""

    session: date
    book: str
    symbol: str
    lot_id: str
    pnl: Decimal


@dataclass(frozen=True)
class Purchase:
    """A lot bought in `session`."""

    session: date
    book: str
    symbol: str
    lot_id: str


@dataclass(frozen=True)
class WashSale:
    """A loss, and the purchase nearest to it that may defer it; `loss` in dollars, positive."""

    session: date
    symbol: str
    book: str
    lot_id: str
    loss: Decimal
    replacement_session: date
    replacement_book: str
    replacement_lot_id: str


def find_wash_sales(disposals: Iterable[Disposal], purchases: Iterable[Purchase]) -> list[WashSale]:
    """The disposals at a loss for which any book bought the symbol inside the window.

    One flag a disposal, in the order given, with the purchase nearest in time: of two equally near,
    the earlier. The lot that is sold is no replacement of itself. What a bust has undone is neither
    a disposal nor a purchase.
    """
    bought: dict[str, list[Purchase]] = defaultdict(list)
    for purchase in sorted(purchases, key=lambda p: (p.session, p.lot_id)):
        bought[purchase.symbol].append(purchase)
    found = []
    for sold in disposals:
        replacement = _nearest(sold, bought[sold.symbol]) if sold.pnl < 0 else None
        if replacement is not None:
            found.append(
                WashSale(
                    session=sold.session,
                    symbol=sold.symbol,
                    book=sold.book,
                    lot_id=sold.lot_id,
                    loss=-sold.pnl,
                    replacement_session=replacement.session,
                    replacement_book=replacement.book,
                    replacement_lot_id=replacement.lot_id,
                )
            )
    return found


def _nearest(sold: Disposal, bought: list[Purchase]) -> Purchase | None:
    """The purchase nearest to a sale among those of its symbol, which are in order of session."""
    first = bisect_left(bought, sold.session - WINDOW, key=lambda p: p.session)
    last = bisect_right(bought, sold.session + WINDOW, key=lambda p: p.session)
    others = [p for p in bought[first:last] if p.lot_id != sold.lot_id]
    return min(others, key=lambda p: abs(p.session - sold.session), default=None)
