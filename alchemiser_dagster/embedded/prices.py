"""What a market shows: a quote and a trade."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """The best bid and ask, in dollars, with sizes in shares or contracts, as of `at`.

    A side nobody is on has price and size 0.
    """

    at: datetime
    bid: Decimal
    ask: Decimal
    bid_size: int
    ask_size: int


@dataclass(frozen=True, slots=True)
class Trade:
    """The last price, in dollars, and when it was made."""

    at: datetime
    price: Decimal
