"""Implementation shortfall: what trading cost against having it all, at once and for nothing.

The paper portfolio gets the whole quantity at the mid at which the session was planned; the real
one what filled, when it filled. The difference between what the two are worth at the close:

    delay     side x (arrival mid - decision mid) x filled       until the first order
    trading   side x (VWAP - arrival mid) x filled               the slippage
    unfilled  side x (close - decision mid) x (quantity - filled)

    BUY 100 decided at 50.00, begun at 50.10, 80 filled at 50.15, close 51.00
    8.00 of delay + 4.00 of trading + 20.00 unfilled = 32.00, or 64 basis points of 5,000

Positive is a cost. A. Perold, "The implementation shortfall: paper versus reality" (1988); the
parts are those of W. Wagner and M. Edwards, "Best execution" (1993).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.execution.quality import BASIS_POINTS, Quality


@dataclass(frozen=True)
class Shortfall:
    """Dollars, unrounded; `paper` is the whole quantity's value at the decision mid."""

    paper: Decimal
    delay: Decimal
    trading: Decimal
    unfilled: Decimal

    @property
    def dollars(self) -> Decimal:
        """The whole of it."""
        return self.delay + self.trading + self.unfilled

    @property
    def bps(self) -> Decimal | None:
        """In basis points of what was to be traded; None where that is nothing."""
        return self.dollars / self.paper * BASIS_POINTS if self.paper else None

    def __add__(self, other: "Shortfall") -> "Shortfall":
        return Shortfall(
            self.paper + other.paper,
            self.delay + other.delay,
            self.trading + other.trading,
            self.unfilled + other.unfilled,
        )


NO_SHORTFALL = Shortfall(ZERO, ZERO, ZERO, ZERO)


def shortfall(block: Quality, closes: Mapping[str, Decimal]) -> Shortfall | None:
    """The implementation shortfall of a block; `closes` are those of its session, dollars a share.

    None where no price was known when it was decided, or something was left unfilled of a symbol
    without a close. What filled of a block without an arrival mid is all trading.
    """
    decided, left = block.decision_mid, block.quantity - block.filled
    if decided is None or (left and block.symbol not in closes):
        return None
    arrived = (decided if block.arrival_mid is None else block.arrival_mid) * block.filled
    moved = closes[block.symbol] - decided if left else ZERO
    return Shortfall(
        paper=decided * block.quantity,
        delay=block.sign * (arrived - decided * block.filled),
        trading=block.sign * (block.value - arrived),
        unfilled=block.sign * moved * left,
    )
