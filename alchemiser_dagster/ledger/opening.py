"""Opening the account and its books: where every book's first cash comes from."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, insert, select, update

from alchemiser_dagster.books.booking import LotPolicy
from alchemiser_dagster.books.money import ZERO, floor_cents
from alchemiser_dagster.ledger.journal import append, enter
from alchemiser_dagster.ledger.queries import book_cash, positions
from alchemiser_dagster.ledger.rails import open_rails, rail_state
from alchemiser_dagster.ledger.schema import (
    UNALLOCATED,
    WITHOUT_STRATEGY,
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
                inception=inception,
                opened_at=at,
                opening_cash=cash,
            )
        )
        for book in WITHOUT_STRATEGY:
            connection.execute(
                insert(books).values(book=book, allocation=ZERO, opened_session=inception)
            )
        open_rails(connection, at)
        _enter(connection, UNALLOCATED, inception, "opening", account_number, cash, at)


@dataclass(frozen=True)
class BookTerms:
    """What a book is opened with: its share of the account, and how its sales choose lots."""

    allocation: Decimal
    lot_policy: LotPolicy = LotPolicy.FIFO


def open_books(
    ledger: Ledger, terms: Mapping[str, BookTerms], *, session: date, at: datetime
) -> dict[str, Decimal]:
    """Open the books of `terms` that are not open yet, each with its `opening_cash`.

    The terms of those that are open are brought up to date (a book without any has no allocation);
    their capital stays. Returns the opening cash in dollars of each book opened now.
    """
    opened: dict[str, Decimal] = {}
    with ledger.write() as connection:
        known = {
            row.book: row.lot_policy
            for row in connection.execute(select(books.c.book, books.c.lot_policy))
        }
        connection.execute(
            update(books).where(books.c.book.not_in(list(terms))).values(allocation=ZERO)
        )
        for book, own in terms.items():
            values = {"allocation": own.allocation, "lot_policy": own.lot_policy.value}
            if known.get(book) != own.lot_policy:
                # How a book's sales choose their lots is a fact that the lots follow from.
                append(connection, books.name, [{"book": book, "lot_policy": own.lot_policy}])
            if book in known:
                connection.execute(update(books).where(books.c.book == book).values(**values))
                continue
            cash = opening_cash(connection, own.allocation)
            connection.execute(insert(books).values(book=book, opened_session=session, **values))
            _enter(connection, book, session, "opening", book, cash, at)
            _enter(connection, UNALLOCATED, session, "transfer", f"opening of {book}", -cash, at)
            opened[book] = cash
    return opened


def close_flat_books(ledger: Ledger, enabled: Set[str], *, session: date, at: datetime) -> None:
    """Give back the cash of books that were sold to cash and are switched off.

    A book is closed when an operator flattened it, it holds nothing, and it is not among `enabled`.
    """
    with ledger.write() as connection:
        held = positions(connection)
        for book in sorted(rail_state(connection).flattening - enabled - held.keys()):
            cash = book_cash(connection).get(book, ZERO)
            if cash != 0:
                source = f"closing of {book} in {session}"
                _enter(connection, book, session, "transfer", source, -cash, at)
                _enter(connection, UNALLOCATED, session, "transfer", source, cash, at)


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
    enter(
        connection,
        cash_entries,
        {
            "book": book,
            "session": session,
            "kind": kind,
            "source_id": source,
            "amount": amount,
            "at": at,
        },
    )
