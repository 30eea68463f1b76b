"""Sharing the capital out again, weekly, where books have drifted too far from their allocations.

It is done in the first session of a week, before the plans are made, so that the session's own
trades bring the money to where it belongs; not when a book cannot be valued then. The transfers are
cash entries between books, in one transaction; lots and P&L do not change.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, select

from alchemiser_dagster.books.drift import drift_transfers
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.queries import all_books, book_cash, outcomes, positions
from alchemiser_dagster.ledger.rails import rail_state
from alchemiser_dagster.ledger.schema import UNALLOCATED, UNATTRIBUTED, cash_entries, sessions
from alchemiser_dagster.ledger.session_records import session_prices


def restore_allocations(desk: Desk, session: date) -> dict[str, Decimal]:
    """Move capital between books if it is time and any has drifted; dollars moved by book.

    A run that was interrupted finds what was moved in this session, and returns it.
    """
    at = desk.gateway.clock().now
    prices = {s: quoted.price for s, quoted in session_prices(desk.ledger, session).items()}
    with desk.ledger.write() as connection:
        done = moved_this_week(connection, session)
        if done is not None:
            return done
        expected = {row.book for row in outcomes(connection, session)}
        transfers = planned_transfers(
            connection,
            session,
            prices=prices,
            cash=book_cash(connection),
            allocations={
                row.book: row.allocation for row in all_books(connection) if row.book in expected
            },
        )
        enter(
            connection,
            cash_entries,
            [
                {
                    "book": book,
                    "session": session,
                    "kind": "transfer",
                    "source_id": _source(session),
                    "amount": amount,
                    "at": at,
                }
                for book, amount in transfers.items()
            ],
        )
    return transfers


def moved_this_week(connection: Connection, session: date) -> dict[str, Decimal] | None:
    """Dollars by book that were moved in `session`; None when nothing was in its week."""
    done = connection.execute(
        select(cash_entries.c.book, cash_entries.c.amount, cash_entries.c.session).where(
            cash_entries.c.kind == "transfer", cash_entries.c.source_id == _source(session)
        )
    ).all()
    return {row.book: row.amount for row in done if row.session == session} if done else None


def planned_transfers(
    connection: Connection,
    session: date,
    *,
    prices: Mapping[str, Decimal],
    cash: Mapping[str, Decimal],
    allocations: Mapping[str, Decimal],
) -> dict[str, Decimal]:
    """What would be moved in `session` if nothing has been in its week; dollars by book.

    `allocations` are those of the books that are expected to trade, `cash` dollars by book and
    `prices` dollars a share. Nothing is moved unless the session is the first of its week, and
    nothing while a book cannot be valued.
    """
    if not _is_first_of_week(connection, session):
        return {}
    held, rails = positions(connection), rail_state(connection)
    shares = {book: own for book, own in allocations.items() if book not in rails.flattening}
    members = {UNALLOCATED, *shares}
    if any(symbol not in prices for book in members for symbol in held.get(book, {})):
        return {}
    navs = {
        book: cash.get(book, ZERO)
        + sum((q * prices[symbol] for symbol, q in held.get(book, {}).items()), ZERO)
        for book in members
        if book != UNATTRIBUTED
    }
    if sum(navs.values(), ZERO) <= 0:
        return {}
    return drift_transfers(navs, shares, unallocated=UNALLOCATED)


def _source(session: date) -> str:
    return f"drift {session:%G-W%V}"


def _is_first_of_week(connection: Connection, session: date) -> bool:
    """Whether no earlier session of the week was traded to its end."""
    year, week, _ = session.isocalendar()
    earlier = connection.execute(
        select(sessions.c.session)
        .where(sessions.c.session < session, sessions.c.state == "complete")
        .order_by(sessions.c.session.desc())
        .limit(1)
    ).scalar()
    return earlier is not None and earlier.isocalendar()[:2] != (year, week)
