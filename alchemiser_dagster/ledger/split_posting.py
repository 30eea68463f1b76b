"""Splits: the lots of every book become more shares, or fewer, for the cost they had.

    a: lot of 10 for 500.00, b: lot of 5 for 300.00;  SPLIT +15
    a: lot of 20 for 500.00, b: lot of 10 for 300.00

The broker says how many shares came or went, in one line or, as two, that the old ones went and the
new ones came. All lines of one symbol and day are one split, posted together. Its ratio is what
makes the sum of all books the broker's: (15 + 15) / 15. What a lot has been sold of before stays as
it was booked.
"""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection

from alchemiser_dagster.books.activities import ActivityError, split_lots
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.account_activity import (
    AccountActivity,
    Postponed,
    Treatment,
    not_understood,
    plain,
)
from alchemiser_dagster.ledger.income_posting import post_dividend
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.lot_posting import update_lots
from alchemiser_dagster.ledger.queries import open_lots
from alchemiser_dagster.ledger.schema import lot_adjustments


def post_split(
    connection: Connection, lines: Sequence[AccountActivity], session: date
) -> Treatment:
    """Post the split that `lines`, of one symbol and day, are about.

    Cash in lieu of fractions of a share goes to those who held the shares, as a dividend does.
    Raises Postponed where the lines say only that the old shares went.
    """
    split = lines[0]
    symbol = split.symbol or ""
    added = sum((line.quantity or ZERO for line in lines), ZERO)
    held = open_lots(connection, symbol=symbol)
    before = sum((lot.quantity for lot in held), ZERO)
    if before > 0 and before + added <= 0:
        raise Postponed(f"{plain(-added)} old shares of {symbol} went, the new ones did not come")
    text = f"{symbol} from {plain(before)} shares to {plain(before + added)}"
    try:
        ratio = (before + added) / before if before > 0 else ZERO
        changes = split_lots(held, ratio=ratio, added=added)
    except ActivityError as error:
        found = [not_understood(connection, line, session, str(error)) for line in lines]
        return Treatment("; ".join(one.text for one in found), warns=True)
    enter(
        connection,
        lot_adjustments,
        [
            {
                "lot_id": change.lot_id,
                "source_id": split.activity_id,
                "session": session,
                "kind": "split",
                "quantity": change.quantity,
                "cost": change.cost,
                "actor": "broker",
                "cause": text,
                "at": split.at,
            }
            for change in changes
        ],
    )
    by_id = {change.lot_id: change for change in changes}
    update_lots(
        connection,
        [lot.plus(by_id[lot.lot_id].quantity, by_id[lot.lot_id].cost) for lot in held],
    )
    in_lieu = [post_dividend(connection, line, session) for line in lines if line.amount]
    return Treatment(
        "; ".join([f"split: {text}", *(one.text for one in in_lieu)]),
        any(one.warns for one in in_lieu),
    )
