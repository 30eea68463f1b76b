"""Giving shares that no strategy bought to a book, as if it had bought them from `unattributed`.

    attribute 5 XYZ to book a at 12.00, from a lot of 8 that was booked at 80.00

    unattributed   lot: -5 shares, -50.00 of its cost      cash +60.00
    a              new lot: 5 shares at a cost of 60.00     cash -60.00

Shares and cash of all books together stay what they were. The book pays what it gets, so its net
asset value at that price is unchanged: neither capital nor profit has come in.
"""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, func, select

from alchemiser_dagster.books.lots import Lot
from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.lot_posting import open_book_lots, open_other_lot, update_lots
from alchemiser_dagster.ledger.schema import (
    UNALLOCATED,
    UNATTRIBUTED,
    books,
    cash_entries,
    lot_adjustments,
    sessions,
)

KIND = "attribution"
"""Of its entries. Not a transfer: that would count as capital that went from one to the other."""


def attribute(
    connection: Connection,
    *,
    book: str,
    symbol: str,
    quantity: Decimal,
    price: Decimal,
    session: date,
    at: datetime,
) -> str:
    """Move `quantity` shares of `unattributed` to `book` at `price` dollars; returns the new lot.

    It counts from `session` on, which should be one that has not begun: what was published of
    earlier sessions stays true. Raises LedgerError, and moves nothing, for shares or cash that are
    not there, or while a session is under way, whose purchases were sized on the book's cash.
    """
    if quantity <= 0 or price <= 0:
        raise LedgerError(f"expected shares and a price above 0, was {quantity} at {price}")
    _check_book(connection, book, session)
    held = open_book_lots(connection, UNATTRIBUTED, symbol)
    total = sum((lot.quantity for lot in held), ZERO)
    if quantity > total:
        raise LedgerError(
            f"expected at most the {total:f} shares of {symbol} in {UNATTRIBUTED}, was {quantity:f}"
        )
    cost = to_cents(quantity * price)
    cash = connection.execute(
        select(func.sum(cash_entries.c.amount, type_=cash_entries.c.amount.type)).where(
            cash_entries.c.book == book
        )
    ).scalar()
    if cost > (cash or ZERO):
        raise LedgerError(
            f"expected a cost of at most the {cash or ZERO} dollars of cash in {book}, was {cost}"
        )

    source = f"{KIND}.{book}.{symbol}.{at.isoformat()}"
    taken = _take(held, quantity)
    enter(
        connection,
        lot_adjustments,
        [
            {
                "lot_id": before.lot_id,
                "source_id": source,
                "session": session,
                "kind": KIND,
                "quantity": after.quantity - before.quantity,
                "cost": after.cost - before.cost,
                "actor": "operator",
                "cause": f"given to {book} at {price:f}",
                "at": at,
            }
            for before, after in taken
        ],
    )
    update_lots(connection, [after for _, after in taken])
    open_other_lot(
        connection,
        lot_id=source,
        book=book,
        symbol=symbol,
        session=session,
        at=at,
        quantity=quantity,
        price=price,
        cost=cost,
    )
    entry = {"session": session, "kind": KIND, "source_id": source, "at": at}
    enter(
        connection,
        cash_entries,
        [
            {**entry, "book": book, "amount": -cost},
            {**entry, "book": UNATTRIBUTED, "amount": cost},
        ],
    )
    return source


def _check_book(connection: Connection, book: str, session: date) -> None:
    known = set(connection.execute(select(books.c.book)).scalars()) - {UNALLOCATED, UNATTRIBUTED}
    if book not in known:
        raise LedgerError(
            f"expected a strategy's book ({', '.join(sorted(known)) or 'none is open'}), was {book}"
        )
    under_way = connection.execute(
        select(sessions.c.session).where(sessions.c.state != "complete")
    ).scalars()
    for begun in under_way:
        raise LedgerError(
            f"expected no session under way, was {begun}: attribute when it has ended"
        )
    last = connection.execute(select(func.max(sessions.c.session))).scalar()
    if last is not None and session <= last:
        raise LedgerError(f"expected a session after {last}, the last one traded, was {session}")


def _take(held: list[Lot], quantity: Decimal) -> list[tuple[Lot, Lot]]:
    """Take shares out of lots, oldest first: each lot touched, before and after."""
    taken = []
    left = quantity
    for lot in held:
        part = min(lot.quantity, left)
        if part <= 0:
            continue
        # A lot taken whole gives up the cost that is left of it, so none stays behind.
        cost = lot.cost if part == lot.quantity else to_cents(lot.cost * part / lot.quantity)
        taken.append((lot, replace(lot, quantity=lot.quantity - part, cost=lot.cost - cost)))
        left -= part
    return taken
