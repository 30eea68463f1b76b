"""Busts: fills that the venue declares void afterwards.

A fill that is posted stays. What undoes it is posted after it, with the opposite shares and cash:

    SELL of 12 undone       its exits once more with every sign turned: shares and cost are back in
                            the lots they came from, the profit is taken back
    BUY of 10 undone        nothing has happened to its lot: the lot is emptied, at its cost
    BUY of 10 undone        4 of them have been sold since, so the broker takes 10 shares from a
                            book that has 6 of the lot left, and other lots

In the last case the shares that were sold have in truth come out of other lots. The exits that were
booked stay; the undoing is booked as a sale, at the price paid, of what is left of the lot and then
of the book's other lots, oldest first. The difference of cost between the shares that the sale was
booked from and those it came from shows there as profit or loss:

    lot A 10 @ 100.00, lot B 20 @ 10.00; 4 of A sold @ 110.00     realised  4 x (110 - 100) =  40.00
    BUY of A undone: 6 of A @ 100.00, 4 of B @ 100.00             realised  4 x (100 -  10) = 360.00
    as if A had never been there: 4 of B sold @ 110.00                      4 x (110 -  10) = 400.00
"""

from collections.abc import Sequence
from decimal import Decimal

from alchemiser_dagster.books.booking import LotPolicy, book_sale
from alchemiser_dagster.books.lots import Lot, LotAdjustment, LotExit


def undo_purchase(
    lots: Sequence[Lot], lot_id: str, *, quantity: Decimal, price: Decimal, cash: Decimal
) -> tuple[list[LotAdjustment], list[LotExit]]:
    """Take back the BUY fill that opened lot `lot_id`: `quantity` shares at `price` for `cash`.

    All three are positive, as they were bought; `lots` are the book's lots of the symbol. Returns
    either the adjustment that empties the lot, or the exits of a book from which shares had been
    sold (or split) since. Raises LotError when the book does not hold `quantity` shares any more.
    """
    for lot in lots:
        if lot.lot_id == lot_id and (lot.quantity, lot.cost) == (quantity, cash):
            return [LotAdjustment(lot_id, -quantity, -cash)], []
    _, exits = book_sale(
        LotPolicy.FIFO, lots, quantity=quantity, price=price, proceeds=cash, named=[lot_id]
    )
    return [], exits


def undo_sale(exits: Sequence[LotExit]) -> list[LotExit]:
    """Take back a SELL fill, given all the exits it made: exits that compensate them."""
    return [
        LotExit(one.lot_id, -one.quantity, one.price, -one.proceeds, -one.cost) for one in exits
    ]
