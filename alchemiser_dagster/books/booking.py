"""Which lots a sale takes.

A book owns A, 10 shares for 100.00; then B, 10 for 140.00; then C, 10 for 120.00, and sells 12:

    FIFO      first in, first out                    10 of A, 2 of B
    LIFO      last in, first out                     10 of C, 2 of B
    HIFO      highest cost of a share first          10 of B, 2 of C
    SPECIFIC  the lots that were named, in order     named C, A: 10 of C, 2 of A

Lots named for a sale go first under every policy. Under SPECIFIC there is nothing to fall back on:
a sale of more than the named lots hold is booked only where there is no choice left (one other lot,
or everything is sold) and is otherwise refused. That is settled before an order is sent, by
`order_of_sale`: a sale that has happened must be booked, and a part of it may be ambiguous where
the whole was not.

Only the choice differs between the policies. Each sells exactly the quantity, splits the proceeds
over the lots by shares, to the cent, and takes of a lot's cost the share that is sold. A sale of
more than the open lots is refused: a book can only sell what it owns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter

from alchemiser_dagster.books.lots import Lot, LotError, LotExit
from alchemiser_dagster.books.money import ZERO, split_to_cents, to_cents


class LotPolicy(StrEnum):
    """How a book chooses the lots of its sales."""

    FIFO = "FIFO"
    LIFO = "LIFO"
    HIFO = "HIFO"
    SPECIFIC = "SPECIFIC"


class AmbiguousLots(LotError):
    """A sale from a book of the SPECIFIC policy for which too few lots are named."""


@dataclass(frozen=True)
class Sale:
    """`quantity` shares sold at `price` for `proceeds` dollars (cents), `named` lots first."""

    quantity: Decimal
    price: Decimal
    proceeds: Decimal
    named: tuple[str, ...] = ()


Booked = tuple[list[Lot], list[LotExit]]
"""The lots after a sale, and the exits that it made."""


def book_sale(
    policy: LotPolicy,
    lots: Sequence[Lot],
    *,
    quantity: Decimal,
    price: Decimal,
    proceeds: Decimal,
    named: Sequence[str] = (),
) -> Booked:
    """Sell `quantity` shares at `price` for `proceeds` dollars (cents) out of `lots`.

    `lots` are one book's of one symbol; `named` lot ids go first, in that order, and those that are
    not open any more are passed over. Returns the lots afterwards, in the order given (consumed
    ones with quantity 0), and one exit per lot touched, in the order they were taken.

    Raises LotError when the lots hold less than `quantity`, AmbiguousLots as said above.
    """
    return _BOOKINGS[policy](lots, Sale(quantity, price, proceeds, tuple(named)))


def book_fifo(lots: Sequence[Lot], sale: Sale) -> Booked:
    """First in, first out."""
    return _consume(lots, _named_first(_by_age(lots), sale.named), sale)


def book_lifo(lots: Sequence[Lot], sale: Sale) -> Booked:
    """Last in, first out."""
    return _consume(lots, _named_first(_by_age(lots)[::-1], sale.named), sale)


def book_hifo(lots: Sequence[Lot], sale: Sale) -> Booked:
    """Highest cost of a share first, the oldest among equals."""
    dearest = sorted(_by_age(lots), key=lambda lot: -lot.unit_cost)
    return _consume(lots, _named_first(dearest, sale.named), sale)


def book_specific(lots: Sequence[Lot], sale: Sale) -> Booked:
    """The named lots; others only where that leaves no choice."""
    return _consume(lots, _unambiguous(lots, sale.quantity, sale.named), sale)


_BOOKINGS: Mapping[LotPolicy, Callable[[Sequence[Lot], Sale], Booked]] = {
    LotPolicy.FIFO: book_fifo,
    LotPolicy.LIFO: book_lifo,
    LotPolicy.HIFO: book_hifo,
    LotPolicy.SPECIFIC: book_specific,
}


def order_of_sale(
    policy: LotPolicy, lots: Sequence[Lot], *, quantity: Decimal, named: Sequence[str] = ()
) -> list[str] | None:
    """The lots that a sale is to be booked from, fixed before its order is sent.

    Under SPECIFIC the ids of the lots that `quantity` shares will come out of, in order: given as
    `named` to `book_sale`, any part of the sale can be booked. Under the other policies the lots
    that were named, or None. Raises as `book_sale` does.
    """
    if policy is not LotPolicy.SPECIFIC:
        return list(named) or None
    order: list[str] = []
    left = quantity
    for lot in _unambiguous(lots, quantity, named):
        if left > 0:
            order.append(lot.lot_id)
            left -= lot.quantity
    return order


_AGE = attrgetter("entry_at", "lot_id")


def _by_age(lots: Sequence[Lot]) -> list[Lot]:
    """The lots that can be sold from, oldest first."""
    return sorted((lot for lot in lots if lot.quantity > ZERO), key=_AGE)


def _named_first(queue: Sequence[Lot], named: Sequence[str]) -> list[Lot]:
    if not named:
        return list(queue)
    rank = {lot_id: i for i, lot_id in enumerate(dict.fromkeys(named))}
    return sorted(queue, key=lambda lot: rank.get(lot.lot_id, len(rank)))


def _unambiguous(lots: Sequence[Lot], quantity: Decimal, named: Sequence[str]) -> list[Lot]:
    """The lots in the order that SPECIFIC sells them. Raises AmbiguousLots, LotError."""
    _check(lots, quantity)
    queue = _named_first(_by_age(lots), named)
    others = [lot for lot in queue if lot.lot_id not in named]
    open_shares = _shares(queue)
    chosen = open_shares - _shares(others)
    if chosen < quantity < open_shares and len(others) > 1:
        symbol = queue[0].symbol
        choice = "\n".join(
            f"  {lot.lot_id}: {lot.quantity} shares for {lot.cost}, bought {lot.entry_at:%Y-%m-%d}"
            for lot in others
        )
        raise AmbiguousLots(
            f"expected named lots of {quantity} shares of {symbol} to sell, was {chosen}. Name "
            f"lots with `alchemiser lots BOOK {symbol} LOT...`, the first to be sold first, out "
            f"of:\n{choice}"
        )
    return queue


def _check(lots: Sequence[Lot], quantity: Decimal) -> None:
    if quantity <= 0:
        raise LotError(f"expected a positive quantity to sell, was {quantity}")
    held = _shares(lots)
    if held < quantity:
        raise LotError(f"expected lots of at least {quantity} shares to sell from, was {held}")


def _shares(lots: Sequence[Lot]) -> Decimal:
    return sum((lot.quantity for lot in lots), ZERO)


def _consume(lots: Sequence[Lot], queue: Sequence[Lot], sale: Sale) -> Booked:
    """Sell out of the lots of `queue`, front first."""
    _check(lots, sale.quantity)
    taken: list[tuple[Lot, Decimal]] = []
    left = sale.quantity
    for lot in queue:
        if left == ZERO:
            break
        part = min(lot.quantity, left)
        taken.append((lot, part))
        left -= part

    parts = split_to_cents(sale.proceeds, [part for _, part in taken])
    exits: list[LotExit] = []
    changed: dict[str, Lot] = {}
    for (lot, part), income in zip(taken, parts, strict=True):
        # The last exit of a lot takes the cost that is left, so cost in equals cost out.
        cost = lot.cost if part == lot.quantity else to_cents(lot.cost * part / lot.quantity)
        exits.append(LotExit(lot.lot_id, part, sale.price, income, cost))
        changed[lot.lot_id] = lot.plus(-part, -cost)
    return [changed.get(lot.lot_id, lot) for lot in lots], exits
