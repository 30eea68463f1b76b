"""Busts: executions that the venue declares void afterwards.

Nothing is deleted. Each fill of the execution gets a fill that compensates it: the same book, side
and price, shares and cash with the sign turned, and `busts` naming the one that is undone. It
belongs to the session in which it is posted, so what was published of the earlier one stays true.
What it does to lots is in `books.busts`; it follows from the fill and is not journaled again.

    fill  x1.a   a SELLs 4 XYZ @ 12.00 for 48.00     lot A: 10 -> 6    realised +8.00
    bust         a SELLs -4 XYZ      for -48.00      lot A:  6 -> 10   realised -8.00

A purchase of which the book has not enough shares left cannot be undone there: the broker took
shares that were sold long ago. They are then missing in the book `unattributed`, as shares are that
somebody sells by hand, and the reconciliation acts on that.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from alchemiser_dagster.books.busts import undo_purchase, undo_sale
from alchemiser_dagster.books.lots import LotAdjustment, LotError, LotExit
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.account_activity import (
    FILL,
    AccountActivity,
    Treatment,
    enter_cash,
    listed,
    not_understood,
    plain,
)
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.lot_posting import (
    lot_of,
    open_book_lots,
    record_exits,
    update_lots,
)
from alchemiser_dagster.ledger.manual_trades import move_shares
from alchemiser_dagster.ledger.schema import (
    UNALLOCATED,
    UNATTRIBUTED,
    activities,
    cash_entries,
    fills,
    lot_adjustments,
    lot_exits,
    lots,
)


def post_bust(connection: Connection, activity: AccountActivity, session: date) -> Treatment:
    """Take back the execution that `activity.undoes` names, of an order of ours or by hand."""
    undone = connection.execute(
        select(fills).where(fills.c.execution_id == activity.undoes).order_by(fills.c.fill_id)
    ).all()
    if undone:
        return _undo_execution(connection, activity, session, undone)
    traded = connection.execute(
        select(activities).where(
            activities.c.activity_id == activity.undoes, activities.c.kind == FILL
        )
    ).one_or_none()
    if traded is None:
        why = f"it takes back {activity.undoes}, which is not in the books"
        return not_understood(connection, activity, session, why)
    if not activity.quantity or abs(activity.quantity) != traded.quantity:
        return not_understood(connection, activity, session, _not_whole(activity, traded.quantity))
    shares, cash = activity.quantity, activity.amount or ZERO
    move_shares(connection, activity, session, shares=shares, cash=cash)
    return Treatment(
        f"bust of the manual trade {activity.undoes}: {plain(shares)} {activity.symbol} and "
        f"{plain(cash)} dollars to {UNATTRIBUTED}",
        warns=True,
    )


def _undo_execution(
    connection: Connection, activity: AccountActivity, session: date, undone: Sequence[Row[Any]]
) -> Treatment:
    whole = sum((fill.quantity for fill in undone), ZERO)
    if activity.quantity is None or abs(activity.quantity) != whole:
        return not_understood(connection, activity, session, _not_whole(activity, whole))
    ids = [fill.fill_id for fill in undone]
    if connection.execute(select(fills).where(fills.c.busts.in_(ids))).first():
        why = f"{activity.undoes} was taken back before"
        return not_understood(connection, activity, session, why)
    for fill in undone:
        _undo(connection, activity, session, fill)
    cash = sum((fill.cash for fill in undone), ZERO)
    moved = cash if undone[0].side == "buy" else -cash
    rest = ZERO if activity.amount is None else activity.amount - moved
    enter_cash(connection, activity, session, "residual", {UNALLOCATED: rest})
    shares = {fill.book: -fill.quantity for fill in undone}
    return Treatment(
        f"bust of {activity.undoes}: {undone[0].side} {activity.symbol} {listed(shares)}"
        + (f"; {plain(rest)} dollars more to {UNALLOCATED}" if rest else ""),
        warns=True,
    )


def _not_whole(activity: AccountActivity, whole: Decimal) -> str:
    return (
        f"expected {activity.undoes} to be taken back whole, its {plain(whole)} shares, "
        f"was {plain(activity.quantity or ZERO)}"
    )


def _undo(connection: Connection, activity: AccountActivity, session: date, fill: Row[Any]) -> None:
    """Undo one fill: its shares in the lots, its cash, and the fill that says so."""
    made = _in_lots(connection, fill)
    if made is None:
        sign = -1 if fill.side == "buy" else 1
        move_shares(
            connection,
            activity,
            session,
            shares=sign * fill.quantity,
            cash=-sign * fill.cash,
            source=f"{activity.activity_id}.{fill.fill_id}",
        )
        return
    adjustments, exits = made
    # A bust that has only a day must not seem to come before what it undoes.
    at = max(activity.at, fill.executed_at)
    row = {
        **fill._mapping,
        "fill_id": f"{fill.fill_id}.bust",
        "execution_id": None,
        "busts": fill.fill_id,
        "session": session,
        "quantity": -fill.quantity,
        "cash": -fill.cash,
        "executed_at": at,
    }
    enter(connection, fills, row)
    connection.execute(
        insert(cash_entries).values(
            book=fill.book,
            session=session,
            kind=fill.side,
            source_id=row["fill_id"],
            amount=fill.cash if fill.side == "buy" else -fill.cash,
            at=at,
        )
    )
    if exits:
        record_exits(connection, exits, row["fill_id"], session, at)
    if adjustments:
        connection.execute(
            insert(lot_adjustments),
            [
                {
                    "lot_id": change.lot_id,
                    "source_id": activity.activity_id,
                    "session": session,
                    "kind": "bust",
                    "quantity": change.quantity,
                    "cost": change.cost,
                    "actor": "broker",
                    "cause": f"{fill.fill_id} was taken back",
                    "at": at,
                }
                for change in adjustments
            ],
        )
    changes = {one.lot_id: (one.quantity, one.cost) for one in adjustments}
    changes |= {one.lot_id: (-one.quantity, -one.cost) for one in exits}
    touched = connection.execute(select(lots).where(lots.c.lot_id.in_(list(changes))))
    update_lots(connection, [lot_of(row).plus(*changes[row.lot_id]) for row in touched])


def _in_lots(
    connection: Connection, fill: Row[Any]
) -> tuple[list[LotAdjustment], list[LotExit]] | None:
    """What undoing a fill does to the lots of its book; None where that cannot be done."""
    if fill.side == "buy":
        held = open_book_lots(connection, fill.book, fill.symbol)
        try:
            return undo_purchase(
                held, fill.fill_id, quantity=fill.quantity, price=fill.price, cash=fill.cash
            )
        except LotError:
            return None
    if fill.book != UNATTRIBUTED:
        made = connection.execute(select(lot_exits).where(lot_exits.c.fill_id == fill.fill_id))
        return [], undo_sale(
            [LotExit(e.lot_id, e.quantity, e.price, e.proceeds, e.cost) for e in made]
        )
    # Shares that no book owned: the sale opened a short lot, which may have been covered since.
    short = connection.execute(select(lots).where(lots.c.lot_id == fill.fill_id)).one()
    if (short.quantity, short.cost) != (-fill.quantity, -fill.cash):
        return None
    return [LotAdjustment(short.lot_id, fill.quantity, fill.cash)], []
