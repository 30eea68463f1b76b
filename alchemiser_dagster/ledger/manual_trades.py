"""Trades that somebody made by hand in the account, or another program: no order of ours.

They are the book `unattributed`'s. A purchase first covers what that book is short, and the rest
opens a lot there; a sale first takes its lots, and the rest opens a short lot:

    BUY  5 @ 10.00    lot +5 for  50.00      cash  -50.00
    SELL 8 @ 12.00    lot  0, lot -3 for -36.00   cash  +96.00
    BUY  3 @ 11.00    nothing left           cash  -33.00

So the sums over all books stay those of the broker, whatever was traded. The cash of `unattributed`
may be negative: it paid with the account's money. A short lot says that shares were sold which a
strategy's book owns; the reconciliation then freezes the symbol.
"""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from alchemiser_dagster.books.lots import Lot
from alchemiser_dagster.books.money import ZERO, split_to_cents, to_cents
from alchemiser_dagster.ledger.account_activity import (
    MANUAL,
    AccountActivity,
    Treatment,
    enter_cash,
    not_understood,
    plain,
)
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.lot_posting import open_book_lots, open_other_lot, update_lots
from alchemiser_dagster.ledger.schema import UNATTRIBUTED, lot_adjustments

OPTION = re.compile(r"[A-Z]{1,6}\d{6}[CP]\d{8}")
"""Options Clearing Corporation's symbols: root, expiry, call or put, strike."""
SHARES_A_CONTRACT = 100


def post_manual_trade(
    connection: Connection, activity: AccountActivity, session: date
) -> Treatment:
    """Post an execution of an order that is not ours."""
    symbol, quantity, price = activity.symbol, activity.quantity, activity.price
    if symbol is None or quantity is None or price is None or activity.side is None:
        return not_understood(connection, activity, session, "an execution without its numbers")
    signed = quantity if activity.side == "buy" else -quantity
    cash = -to_cents(signed * price * (SHARES_A_CONTRACT if OPTION.fullmatch(symbol) else 1))
    move_shares(connection, activity, session, shares=signed, cash=cash)
    text = f"{MANUAL} trade: {plain(signed)} {symbol} and {plain(cash)} dollars to {UNATTRIBUTED}"
    return Treatment(text, warns=True)


def move_shares(
    connection: Connection,
    activity: AccountActivity,
    session: date,
    *,
    shares: Decimal,
    cash: Decimal,
    source: str | None = None,
) -> None:
    """Move shares and dollars, of opposite signs, into the book `unattributed` (or out of it).

    `source` is for an activity that does so more than once.
    """
    source = source or activity.activity_id
    symbol, price = activity.symbol or "", activity.price or ZERO
    touched, rest = _net(open_book_lots(connection, UNATTRIBUTED, symbol), shares)
    enter(
        connection,
        lot_adjustments,
        [
            {
                "lot_id": before.lot_id,
                "source_id": source,
                "session": session,
                "kind": MANUAL,
                "quantity": after.quantity - before.quantity,
                "cost": after.cost - before.cost,
                "actor": "broker",
                "cause": str(activity),
                "at": activity.at,
            }
            for before, after in touched
        ],
    )
    update_lots(connection, [after for _, after in touched])
    if rest != 0:
        _, cost = split_to_cents(-cash, [abs(shares - rest), abs(rest)])
        open_other_lot(
            connection,
            lot_id=source,
            book=UNATTRIBUTED,
            symbol=symbol,
            session=session,
            at=activity.at,
            quantity=rest,
            price=price,
            cost=cost,
        )
    enter_cash(connection, activity, session, MANUAL, {UNATTRIBUTED: cash}, source=source)


def _net(held: list[Lot], shares: Decimal) -> tuple[list[tuple[Lot, Lot]], Decimal]:
    """Set `shares` off against lots of the other sign, oldest first.

    Returns each lot touched, before and after, and the shares that no lot was left for.
    """
    touched = []
    for lot in held:
        if lot.quantity * shares >= 0:
            continue
        part = max(shares, -lot.quantity) if shares < 0 else min(shares, -lot.quantity)
        whole = part == -lot.quantity
        cost = ZERO if whole else to_cents(lot.cost * (lot.quantity + part) / lot.quantity)
        touched.append((lot, replace(lot, quantity=lot.quantity + part, cost=cost)))
        shares -= part
    return touched, shares
