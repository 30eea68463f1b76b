"""Reading the ledger for wash sales: what was sold at a loss, and what was bought around it.

Shares that only changed books, in a cross or given to one by an operator, were neither sold nor
bought: to the taxpayer all books are one account.
"""

from datetime import date

from sqlalchemy import Connection, func, select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.wash_sales import (
    WINDOW,
    Disposal,
    Purchase,
    WashSale,
    find_wash_sales,
)
from alchemiser_dagster.ledger.attribution import KIND as ATTRIBUTION
from alchemiser_dagster.ledger.schema import fills, lot_exits, lots


def wash_sales(connection: Connection, session: date) -> list[WashSale]:
    """The wash sales that `session` completed, as was known at its end.

    Losses made in it, where shares had been bought up to then; and earlier losses whose shares were
    bought back in it.
    """
    sold = _disposals(connection, session - WINDOW, session)
    bought = _purchases(connection, session - WINDOW, session)
    return [
        flag
        for flag in find_wash_sales(sold, bought)
        if session in (flag.session, flag.replacement_session)
    ]


def _disposals(connection: Connection, since: date, through: date) -> list[Disposal]:
    """What was sold in the sessions from `since` to `through`; what a bust undid is no loss."""
    # A bust has the exits that it undoes once more, signs turned: together they come to 0.
    undone = func.coalesce(fills.c.busts, fills.c.fill_id)
    pnl = func.sum(lot_exits.c.proceeds - lot_exits.c.cost, type_=lot_exits.c.proceeds.type)
    session = func.min(lot_exits.c.session, type_=lot_exits.c.session.type)
    rows = connection.execute(
        select(lots.c.book, lots.c.symbol, lots.c.lot_id, session.label("on"), pnl.label("pnl"))
        .join(lots, lots.c.lot_id == lot_exits.c.lot_id)
        .join(fills, fills.c.fill_id == lot_exits.c.fill_id)
        .where(lot_exits.c.session.between(since, through), fills.c.cross_id.is_(None))
        .group_by(lots.c.book, lots.c.symbol, lots.c.lot_id, undone)
        .order_by(session, lots.c.lot_id, undone)
    )
    return [Disposal(row.on, row.book, row.symbol, row.lot_id, row.pnl) for row in rows]


def _purchases(connection: Connection, since: date, through: date) -> list[Purchase]:
    """The lots bought in the sessions from `since` to `through`, whether they are open or not."""
    undone = select(fills.c.busts).where(fills.c.busts.is_not(None))
    rows = connection.execute(
        select(lots.c.session, lots.c.book, lots.c.symbol, lots.c.lot_id)
        .outerjoin(fills, fills.c.fill_id == lots.c.lot_id)
        .where(
            lots.c.session.between(since, through),
            lots.c.entry_quantity > ZERO,
            lots.c.lot_id.not_in(undone),
            lots.c.lot_id.not_like(f"{ATTRIBUTION}.%"),
            fills.c.cross_id.is_(None),
        )
    )
    return [Purchase(row.session, row.book, row.symbol, row.lot_id) for row in rows]
