"""Lots: what a book owns, when it was bought and for how much.

A lot is opened by one BUY execution and consumed by SELL executions, first in, first out within
(book, symbol). Cost and proceeds are the cash that moved, in cents, so realised plus unrealised
P&L equals the change of the account to the cent:

    BUY 10 @ 10.00   -> lot A, cost 100.00
    BUY  5 @ 12.00   -> lot B, cost  60.00
    SELL 12 @ 15.00  -> 10 of A: proceeds 150.00 - cost 100.00 = +50.00
                         2 of B: proceeds  30.00 - cost  24.00 =  +6.00
    left             -> 3 of B, cost 36.00

A sale of more than the open lots is refused: a book can only sell what it owns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from alchemiser_dagster.books.money import ZERO, split_to_cents, to_cents


class LotError(Exception):
    """A booking that would make the lots untrue."""


@dataclass(frozen=True)
class Lot:
    """Shares of one symbol bought in one execution.

    `quantity` shares are still open, with `cost` dollars (whole cents) of what was paid for the
    `entry_quantity` shares at `entry_price`.
    """

    lot_id: str
    symbol: str
    entry_at: datetime
    entry_quantity: Decimal
    entry_price: Decimal
    quantity: Decimal
    cost: Decimal

    def unrealised(self, price: Decimal) -> Decimal:
        """Market value at `price` less cost, dollars, unrounded."""
        return self.quantity * price - self.cost


@dataclass(frozen=True)
class LotExit:
    """The part of one SELL execution that came out of one lot; money in whole cents."""

    lot_id: str
    quantity: Decimal
    price: Decimal
    proceeds: Decimal
    cost: Decimal

    @property
    def pnl(self) -> Decimal:
        """Realised profit or loss, dollars."""
        return self.proceeds - self.cost


def book_fifo(
    lots: Sequence[Lot], *, quantity: Decimal, price: Decimal, proceeds: Decimal
) -> tuple[list[Lot], list[LotExit]]:
    """Sell `quantity` shares for `proceeds` dollars out of `lots`, oldest first.

    Returns the lots afterwards (consumed ones with quantity 0) and one exit per lot touched.
    Raises LotError when the lots hold less than `quantity`.
    """
    if quantity <= 0:
        raise LotError(f"expected a positive quantity to sell, was {quantity}")
    queue = sorted(lots, key=lambda lot: (lot.entry_at, lot.lot_id))
    held = sum((lot.quantity for lot in queue), ZERO)
    if held < quantity:
        raise LotError(f"expected lots of at least {quantity} shares to sell from, was {held}")

    taken: list[tuple[Lot, Decimal]] = []
    left = quantity
    for lot in queue:
        part = min(lot.quantity, left)
        if part > 0:
            taken.append((lot, part))
            left -= part

    parts = split_to_cents(proceeds, [part for _, part in taken])
    exits: list[LotExit] = []
    after = {lot.lot_id: lot for lot in queue}
    for (lot, part), income in zip(taken, parts, strict=True):
        # The last exit of a lot takes the cost that is left, so cost in equals cost out.
        cost = lot.cost if part == lot.quantity else to_cents(lot.cost * part / lot.quantity)
        exits.append(LotExit(lot.lot_id, part, price, income, cost))
        after[lot.lot_id] = replace(lot, quantity=lot.quantity - part, cost=lot.cost - cost)
    return [after[lot.lot_id] for lot in lots], exits
