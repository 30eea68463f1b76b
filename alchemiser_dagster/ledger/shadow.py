"""A second ledger of the same account, into which its books are posted anew.

What was decided (the sessions, what each book wanted, the orders and whose shares they are) is
copied from the ledger, session by session, as it is wanted. What then happened is posted: nothing
that moves shares or cash is ever copied.

    copied    account, books, sessions, session_books, trades, blocks, block_trades, orders,
              order_allocations
    posted    executions, crosses, fills, lots and what became of them, cash, activities, journal

Copying again adds only what is not there.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, insert, inspect, select, true
from sqlalchemy.exc import IntegrityError

from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.schema import (
    account,
    block_trades,
    blocks,
    books,
    metadata,
    order_allocations,
    orders,
    session_books,
    sessions,
    trades,
)
from alchemiser_dagster.ledger.store import Ledger

DECIDED = (sessions, session_books, trades, blocks, block_trades, orders, order_allocations)
"""The tables that are copied, each after those that it points to."""


class Shadow:
    """The ledger `ledger`, kept beside `source`.

    Raises LedgerError when it was made of another account.
    """

    def __init__(self, source: Ledger, ledger: Ledger) -> None:
        self.source = source
        self.ledger = ledger
        self._copied: set[date] = set()
        with source.read() as theirs, ledger.write() as ours:
            copy_rows(theirs, ours, account, true())
            numbers = ours.execute(select(account.c.account_number)).scalars().all()
        if len(numbers) != 1:
            raise LedgerError(
                "expected a shadow of one account, was of "
                f"{', '.join(sorted(numbers)) or 'none: none has been opened'}; remove the shadow"
            )

    def copy_session(self, session: date) -> None:
        """Copy what was decided for a session, once.

        Raises LedgerError where a row points to one that the ledger has lost.
        """
        if session in self._copied:
            return
        of_session = select(blocks.c.block_id).where(blocks.c.session == session)
        of_blocks = select(orders.c.client_order_id).where(orders.c.block_id.in_(of_session))
        parts: dict[Table, ColumnElement[bool]] = {
            sessions: sessions.c.session == session,
            session_books: session_books.c.session == session,
            trades: trades.c.session == session,
            blocks: blocks.c.session == session,
            block_trades: block_trades.c.block_id.in_(of_session),
            orders: orders.c.block_id.in_(of_session),
            order_allocations: order_allocations.c.client_order_id.in_(of_blocks),
        }
        try:
            with self.source.read() as theirs, self.ledger.write() as ours:
                named = theirs.execute(
                    select(session_books.c.book).where(session_books.c.session == session)
                ).scalars()
                copy_rows(theirs, ours, books, books.c.book.in_(list(named)))
                for table in DECIDED:
                    copy_rows(theirs, ours, table, parts[table])
        except IntegrityError as error:
            raise LedgerError(
                f"expected all rows of {session} that others point to, was one missing in the "
                f"ledger: {error.orig}"
            ) from error
        self._copied.add(session)

    def copy_books(self, names: Iterable[str]) -> None:
        """Copy books that are named before the journal tells of them."""
        wanted = list(names)
        if wanted:
            with self.source.read() as theirs, self.ledger.write() as ours:
                copy_rows(theirs, ours, books, books.c.book.in_(wanted))

    def rows(self) -> int:
        """How many rows the shadow has, in all tables."""
        with self.ledger.read() as connection:
            return sum(
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in metadata.sorted_tables
            )


def copy_rows(
    source: Connection, target: Connection, table: Table, where: ColumnElement[bool]
) -> int:
    """Add the rows of a table that the other ledger has and this one has not; how many."""
    wanted = source.execute(select(table).where(where)).all()
    present = set(_keys(target, table, where)) if wanted else set()
    key = _key_of(table)
    added = [dict(row._mapping) for row in wanted if key(row) not in present]
    if added:
        target.execute(insert(table), added)
    return len(added)


def _keys(connection: Connection, table: Table, where: ColumnElement[bool]) -> Iterable[Any]:
    columns: Sequence[Any] = inspect(table).primary_key.columns.values()
    return (tuple(row) for row in connection.execute(select(*columns).where(where)))


def _key_of(table: Table) -> Any:
    names = [column.name for column in inspect(table).primary_key.columns]
    return lambda row: tuple(getattr(row, name) for name in names)
