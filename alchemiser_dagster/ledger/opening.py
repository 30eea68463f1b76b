"""Opening the account and its books: where every book's first cash comes from."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, insert, select

from alchemiser_dagster.books.money import ZERO, floor_cents
from alchemiser_dagster.ledger.queries import book_cash
from alchemiser_dagster.ledger.schema import (
    SCHEMA_VERSION,
    UNALLOCATED,
    account,
    books,
    cash_entries,
)
from alchemiser_dagster.ledger.store import Ledger, LedgerError


def open_account(
    ledger: Ledger, *, account_number: str, inception: date, cash: Decimal, at: datetime
) -> None:
    """Record the account and its opening cash, all of it unallocated.

    Opening it again is a no-op; opening another account in the same ledger is refused.
    """
    with ledger.write() as connection:
        row = connection.execute(select(account)).one_or_none()
        if row is not None:
            if row.account_number != account_number:
                raise LedgerError(
                    f"expected the ledger of account {account_number}, was {row.account_number}'s; "
                    "one ledger keeps one account"
                )
            return
        connection.execute(
            insert(account).values(
                account_number=account_number,
                schema_version=SCHEMA_VERSION,
                inception=inception,
                opened_at=at,
                opening_cash=cash,
            )
        )
        connection.execute(
            insert(books).values(book=UNALLOCATED, allocation=ZERO, opened_session=inception)
        )
        _enter(connection, UNALLOCATED, inception, "opening", account_number, cash, at)


def open_books(
    ledger: Ledger, allocations: Mapping[str, Decimal], *, session: date, at: datetime
) -> dict[str, Decimal]:
    """Open the books of `allocations` that are not open yet, each with its `opening_cash`.

    Returns the opening cash in dollars of each book opened now.
    """
    opened: dict[str, Decimal] = {}
    with ledger.write() as connection:
        known = set(connection.execute(select(books.c.book)).scalars())
        for book, allocation in allocations.items():
            if book in known:
                continue
            cash = opening_cash(connection, allocation)
            connection.execute(
                insert(books).values(book=book, allocation=allocation, opened_session=session)
            )
            _enter(connection, book, session, "opening", book, cash, at)
            _enter(connection, UNALLOCATED, session, "transfer", f"opening of {book}", -cash, at)
            opened[book] = cash
    return opened


def opening_cash(
    connection: Connection, allocation: Decimal, *, through: date | None = None
) -> Decimal:
    """What a book opened after the session `through` (None: now) gets, dollars.

    Its share of the account's opening cash, out of the unallocated cash and never more than that
    holds.
    """
    base = connection.execute(select(account.c.opening_cash)).scalar_one()
    free = book_cash(connection, through=through).get(UNALLOCATED, ZERO)
    return min(floor_cents(base * allocation), max(free, ZERO))


def _enter(
    connection: Connection,
    book: str,
    session: date,
    kind: str,
    source: str,
    amount: Decimal,
    at: datetime,
) -> None:
    connection.execute(
        insert(cash_entries).values(
            book=book, session=session, kind=kind, source_id=source, amount=amount, at=at
        )
    )
