"""Lots: what a book owns, when it was bought and for how much.

A lot is opened by one BUY fill and consumed by SELL fills of the same book and symbol. Cost and
proceeds are the cash that moved, in cents, so realised plus unrealised P&L equals the change of the
account to the cent. `booking` chooses the lots that a sale takes; first in, first out:

    BUY 10 @ 10.00   -> lot A, cost 100.00
    BUY  5 @ 12.00   -> lot B, cost  60.00
    SELL 12 @ 15.00  -> 10 of A: proceeds 150.00 - cost 100.00 = +50.00
                         2 of B: proceeds  30.00 - cost  24.00 =  +6.00
    left             -> 3 of B, cost 36.00

What is left of a lot is its entry, less its exits, plus its adjustments (splits, busts). The entry
itself is history and never changes: after a split the cost of a share is `unit_cost`, no longer
`entry_price`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal


class LotError(Exception):
    """A booking that would make the lots untrue."""


@dataclass(frozen=True)
class Lot:
    """Shares of one symbol bought in one fill.

    `quantity` shares are still open, with `cost` dollars (whole cents) of what was paid for the
    `entry_quantity` shares at `entry_price`. In a short lot, which only the book `unattributed` can
    have, the quantities and the cost are negative.
    """

    lot_id: str
    symbol: str
    entry_at: datetime
    entry_quantity: Decimal
    entry_price: Decimal
    quantity: Decimal
    cost: Decimal

    @property
    def unit_cost(self) -> Decimal:
        """Dollars a share of what is still open, unrounded."""
        return self.cost / self.quantity

    def unrealised(self, price: Decimal) -> Decimal:
        """Market value at `price` less cost, dollars, unrounded."""
        return self.quantity * price - self.cost

    def plus(self, quantity: Decimal, cost: Decimal) -> "Lot":
        """The lot with so many shares and dollars of cost more (negative: fewer).

        Raises LotError where more would be taken than it has, or dollars left without shares.
        """
        after = replace(self, quantity=self.quantity + quantity, cost=self.cost + cost)
        if after.quantity * self.entry_quantity < 0:
            raise LotError(
                f"expected at most the {self.quantity} shares of lot {self.lot_id} to be taken, "
                f"was {-quantity}"
            )
        if after.quantity == 0 and after.cost != 0:
            raise LotError(
                f"expected the last shares of lot {self.lot_id} to take all its cost of "
                f"{self.cost} dollars, was {-cost}"
            )
        return after


@dataclass(frozen=True)
class LotExit:
    """The part of one SELL fill that came out of one lot; money in whole cents.

    Where a bust puts shares back into the lot, quantity, proceeds and cost are negative.
    """

    lot_id: str
    quantity: Decimal
    price: Decimal
    proceeds: Decimal
    cost: Decimal

    @property
    def pnl(self) -> Decimal:
        """Realised profit or loss, dollars."""
        return self.proceeds - self.cost


@dataclass(frozen=True)
class LotAdjustment:
    """Shares and dollars of cost added to a lot other than by trading; negative: taken away."""

    lot_id: str
    quantity: Decimal
    cost: Decimal
