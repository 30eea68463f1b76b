"""What a broker's account activity means for the books: splits, dividends, deposits.

    SPLIT 2-for-1, +15 XYZ   a lot of 10 for 500.00 becomes 20, one of 5 for 300.00 becomes 10;
                             cost is what was paid, so it stays
    DIV 12.34 on XYZ         book a held 10, book b 5 on the record date: a 8.23, b 4.11
    CSD 5,000.00             allocations a 0.3, b 0.3, c 0.4: a 1,500.00, b 1,500.00, c 2,000.00

What the books get always sums to what the broker said, to the cent and the billionth of a share.
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from alchemiser_dagster.books.lots import Lot, LotAdjustment
from alchemiser_dagster.books.money import ZERO, split_to_cents

BILLIONTH = Decimal("0.000000001")
"""Shares are kept to nine places."""


class ActivityError(Exception):
    """An activity that does not fit the books it is to be posted to."""


def split_lots(lots: Sequence[Lot], *, ratio: Decimal, added: Decimal) -> list[LotAdjustment]:
    """A split into `ratio` new shares for an old one, of every book's open lots of the symbol.

    `added` is the change of shares that the broker states (negative for a reverse split). Each lot
    is multiplied and rounded to nine places; what rounding leaves goes to the largest lot, and so
    does the cost of a lot too small to keep any share.

    Raises ActivityError where `added` is not what the ratio makes of the lots: the books did not
    hold what the broker split.
    """
    held = sum((lot.quantity for lot in lots), ZERO)
    if not lots or ratio <= 0:
        raise ActivityError(
            f"expected open lots and a positive ratio to split, was {len(lots)} lots by {ratio}"
        )
    changes = {
        lot.lot_id: (lot.quantity * ratio).quantize(BILLIONTH, ROUND_HALF_EVEN) - lot.quantity
        for lot in lots
    }
    remainder = added - sum(changes.values(), ZERO)
    # A unit for the rounding of each lot, and one for the broker's.
    if abs(remainder) > BILLIONTH * (len(lots) + 1):
        raise ActivityError(
            f"expected a split of {held} {lots[0].symbol} by {ratio} to add "
            f"{sum(changes.values(), ZERO)} shares, was {added}"
        )
    largest = max(lots, key=lambda lot: abs(lot.quantity))
    changes[largest.lot_id] += remainder
    if (largest.quantity + changes[largest.lot_id]) * largest.quantity <= 0:
        raise ActivityError(
            f"expected a split to leave shares of the {held} {lots[0].symbol}, was none by {ratio}"
        )
    lost = [lot for lot in lots if lot.quantity + changes[lot.lot_id] == 0]
    costs = {lot.lot_id: -lot.cost for lot in lost}
    costs[largest.lot_id] = sum((lot.cost for lot in lost), ZERO)
    return [
        LotAdjustment(lot.lot_id, changes[lot.lot_id], costs.get(lot.lot_id, ZERO)) for lot in lots
    ]


def split_dividend(
    amount: Decimal, held: Mapping[str, Decimal], *, unclaimed: str
) -> dict[str, Decimal]:
    """A dividend of `amount` dollars (cents) by book, for the shares `held` on the record date.

    Where no book held any, all of it goes to the book `unclaimed`. A negative amount, as withheld
    tax is, is split in the same way.
    """
    owners = {book: shares for book, shares in held.items() if shares > 0}
    return _split(amount, owners or {unclaimed: Decimal(1)})


def split_deposit(
    amount: Decimal, allocations: Mapping[str, Decimal], *, unallocated: str
) -> dict[str, Decimal]:
    """A deposit of `amount` dollars (cents; negative: a withdrawal) by book.

    `allocations` are the books' shares of the account, 0 to 1; what they leave goes to the book
    `unallocated`. Raises ActivityError where they sum to more than 1.
    """
    rest = 1 - sum(allocations.values(), ZERO)
    if rest < 0:
        raise ActivityError(f"expected allocations that sum to at most 1, was {1 - rest}")
    shares = {book: share for book, share in allocations.items() if share > 0}
    return _split(amount, shares if rest == 0 else {**shares, unallocated: rest})


def _split(amount: Decimal, shares: Mapping[str, Decimal]) -> dict[str, Decimal]:
    parts = split_to_cents(amount, list(shares.values()))
    return dict(zip(shares, parts, strict=True))
