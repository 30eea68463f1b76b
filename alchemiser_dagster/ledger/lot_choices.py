"""The lots that an operator names to be sold next, for books whose policy is SPECIFIC.

    choose B, A of book x, symbol XYZ    ->  the next sale takes B first, then A

A choice stands until it is made anew or cleared. Lots that have been sold out drop out of it; one
whose sale is undone by the broker is in it again.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.lot_posting import open_book_lots
from alchemiser_dagster.ledger.schema import lot_choices, lots


def choose_lots(
    connection: Connection, book: str, symbol: str, chosen: Sequence[str], *, at: datetime
) -> None:
    """Name the lots of `symbol` that `book` sells first, in that order; none clears the choice.

    Raises LedgerError for a lot that is not an open one of that book and symbol, or named twice.
    """
    held = [lot.lot_id for lot in open_book_lots(connection, book, symbol)]
    for lot_id in chosen:
        if lot_id not in held:
            raise LedgerError(
                f"expected an open lot of {symbol} in {book} ({', '.join(held) or 'it has none'}), "
                f"was {lot_id}"
            )
    if len(set(chosen)) < len(chosen):
        raise LedgerError(f"expected each lot once, was {' '.join(chosen)}")
    connection.execute(
        delete(lot_choices).where(lot_choices.c.book == book, lot_choices.c.symbol == symbol)
    )
    if chosen:
        connection.execute(
            insert(lot_choices),
            [
                {"book": book, "symbol": symbol, "rank": rank, "lot_id": lot_id, "chosen_at": at}
                for rank, lot_id in enumerate(chosen, start=1)
            ],
        )


def chosen_lots(connection: Connection, book: str, symbol: str) -> list[str]:
    """The ids of the open lots named for the next sale, the first to be sold first."""
    return list(
        connection.execute(
            select(lot_choices.c.lot_id)
            .join(lots, lots.c.lot_id == lot_choices.c.lot_id)
            .where(
                lot_choices.c.book == book, lot_choices.c.symbol == symbol, lots.c.quantity != ZERO
            )
            .order_by(lot_choices.c.rank)
        ).scalars()
    )
