"""Putting the rebuilt books in the place of the ledger's own.

The ledger stays the file that it is: in one transaction the tables that were rebuilt get the
shadow's rows, so whoever reads it meanwhile sees the old books or the new ones. What was decided
and observed (sessions and their outcomes, plans, prices, snapshots, comparisons, rails) stays.

    replaced    executions, crosses, fills, lots, their exits and adjustments, cash, activities,
                journal
    added       rows of sessions, trades, blocks and orders that the ledger had lost
    kept        everything else; of the lots chosen to be sold first, those that are still there

It is done only where the new books are beyond doubt: everything could be posted, they sum to the
broker, nothing is under way, and the ledger is the one that they were compared with.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Row, delete, insert, select, true

from alchemiser_dagster.execution.backfill import Backfill
from alchemiser_dagster.execution.identities import books_not_rebuilt, journal_broken
from alchemiser_dagster.execution.reconciliation import Item
from alchemiser_dagster.ledger.book_totals import totals
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.open_orders import resting_orders
from alchemiser_dagster.ledger.queries import book_cash
from alchemiser_dagster.ledger.schema import (
    activities,
    cash_entries,
    crosses,
    executions,
    fills,
    journal,
    lot_adjustments,
    lot_choices,
    lot_exits,
    lots,
    sessions,
)
from alchemiser_dagster.ledger.shadow import DECIDED, copy_rows
from alchemiser_dagster.ledger.store import Ledger

REBUILT = (
    executions, crosses, fills, lots, lot_exits, lot_adjustments, cash_entries, activities, journal,
)  # fmt: skip
"""The tables that are replaced, each after those that it points to."""


def journal_head(connection: Connection) -> str | None:
    """The hash of the last entry: while it stays, no share and no cent has moved."""
    return connection.execute(
        select(journal.c.hash).order_by(journal.c.sequence.desc()).limit(1)
    ).scalar()


def obstacles(
    ledger: Connection, shadow: Connection, made: Backfill, items: Sequence[Item]
) -> list[str]:
    """Why the shadow may not take the ledger's place; none when it may.

    `items` compare the shadow with the broker.
    """
    under_way = ledger.execute(
        select(sessions.c.session).where(sessions.c.state != "complete")
    ).scalars()
    return [
        *(f"it could not be posted: {problem}" for problem in made.problems),
        *(f"the rebuilt books differ from the broker in {item}" for item in items if _off(item)),
        *(f"session {session} is not complete" for session in under_way),
        *(f"an order has not ended: {order}" for order in resting_orders(ledger)),
        *books_not_rebuilt(shadow),
        *journal_broken(shadow),
    ]


def _off(item: Item) -> bool:
    return item.books != item.broker


def keep_copy(path: Path, copy: Path) -> None:
    """Write the ledger in the file `path` to the file `copy`, as it is now.

    Raises LedgerError where there is a copy already.
    """
    if copy.exists():
        raise LedgerError(f"expected no file {copy}, was one: wait a second, or move it")
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def swap(ledger: Ledger, shadow: Ledger, head: str | None) -> None:
    """Put the shadow's books in the ledger's place; all of them, or none.

    `head` is the ledger's `journal_head` when the two were compared. Raises LedgerError, and
    changes nothing, when it has changed since, or the books do not come out as the shadow's.
    """
    with shadow.read() as theirs, ledger.write() as ours:
        now = journal_head(ours)
        if now != head:
            raise LedgerError(
                f"expected the journal to end with {head}, as when the books were compared, was "
                f"{now}: something was posted meanwhile, run it again"
            )
        chosen = ours.execute(select(lot_choices)).all()
        ours.execute(delete(lot_choices))
        for table in reversed(REBUILT):
            ours.execute(delete(table))
        for table in DECIDED:
            copy_rows(theirs, ours, table, true())
        for table in REBUILT:
            rows = [dict(row._mapping) for row in _rows(theirs, table)]
            if rows:
                ours.execute(insert(table), rows)
        _choose_again(ours, chosen)
        _verify(theirs, ours)


def _rows(connection: Connection, table: object) -> Sequence[Row[tuple[object, ...]]]:
    query = select(table)  # type: ignore[call-overload]
    if table is fills:
        # A fill that undoes another comes after it.
        query = query.order_by(fills.c.busts.is_not(None))
    found: Sequence[Row[tuple[object, ...]]] = connection.execute(query).all()
    return found


def _choose_again(connection: Connection, chosen: Sequence[Row[tuple[object, ...]]]) -> None:
    there = set(connection.execute(select(lots.c.lot_id)).scalars())
    kept = [dict(row._mapping) for row in chosen if row.lot_id in there]
    if kept:
        connection.execute(insert(lot_choices), kept)


def _verify(shadow: Connection, ledger: Connection) -> None:
    wrong = [*books_not_rebuilt(ledger), *journal_broken(ledger)]
    if totals(shadow) != totals(ledger) or book_cash(shadow) != book_cash(ledger):
        wrong.append("the books are not those of the shadow")
    if wrong:
        raise LedgerError("expected the rebuilt books in the ledger, was: " + "; ".join(wrong))
