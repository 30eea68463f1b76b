"""Which quotes may be traded on.

A price is never invented: a quote with one side missing, crossed sides, a spread above a tenth of
the mid, or an age above ten seconds is not a quote.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

WIDEST_SPREAD = Decimal("0.10")
OLDEST = timedelta(seconds=10)
OLDEST_TO_VALUE = timedelta(seconds=60)
"""An order needs a fresh quote; to value and plan books a slightly older one will do."""


@dataclass(frozen=True)
class Quote:
    """Best bid and offer, dollars a share; a side of 0 means there is none."""

    symbol: str
    bid: Decimal
    ask: Decimal
    at: datetime

    @property
    def mid(self) -> Decimal:
        """Half way between bid and ask."""
        return (self.bid + self.ask) / 2


def problem(quote: Quote, now: datetime, *, oldest: timedelta = OLDEST) -> str | None:
    """Why `quote` may not be used at `now` (the broker's clock); None when it may."""
    if quote.bid <= 0 or quote.ask <= 0:
        return f"one-sided quote {quote.bid}/{quote.ask}"
    if quote.bid > quote.ask:
        return f"crossed quote {quote.bid}/{quote.ask}"
    spread = (quote.ask - quote.bid) / quote.mid
    if spread > WIDEST_SPREAD:
        return f"wide quote {quote.bid}/{quote.ask}, {spread:.2%} of its mid"
    if now - quote.at > oldest:
        return f"stale quote, {(now - quote.at).total_seconds():.0f} seconds old"
    return None
