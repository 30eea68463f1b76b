"""What holds in every session, whatever was traded: identities between independent records.

    cash      cash of all books              = the broker's cash
    P&L       what the account earned        = what its books earned
    books     lots, exits and cash           = those rebuilt from the journal's facts
    journal   every entry, hashed            = the hash that the next one carries

The first two are of a session, the others of the whole ledger as it is now.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, func, select

from alchemiser_dagster.books.lots import LotError
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.performance import market_value
from alchemiser_dagster.books.rebuild import differences, rebuild
from alchemiser_dagster.books.reconciliation import Growth, pnl_gap, pnl_tolerance
from alchemiser_dagster.execution.reconciliation import CASH, NotTraded
from alchemiser_dagster.ledger.facts import facts, recorded_books
from alchemiser_dagster.ledger.journal import verify
from alchemiser_dagster.ledger.journaled import unlike_the_journal
from alchemiser_dagster.ledger.queries import (
    Snapshot,
    book_cash,
    open_lots_by_book,
    snapshot,
)
from alchemiser_dagster.ledger.schema import (
    account_snapshots,
    activities,
    cash_entries,
    reconciliation_items,
)

AFTER_BUYS = "after_buys"
"""The kind of reconciliation that goes with the snapshot "after"."""
PUT_IN = ("deposit", "withdrawal")
"""Kinds of cash entries that come from outside the account."""
HANDED_ON = ("opening", "transfer")
"""Kinds of cash entries by which books give capital to each other."""


@dataclass(frozen=True)
class CashIdentity:
    """Cash at the end of a session, dollars: of all books, and the broker's.

    `residual` is what has been booked so far of differences that nobody could explain.
    """

    session: date
    books: Decimal
    broker: Decimal
    residual: Decimal

    @property
    def holds(self) -> bool:
        """To the cent."""
        return self.books == self.broker


def cash_identity(connection: Connection, session: date) -> CashIdentity:
    """Whether the cash of all books was the broker's at the end of `session`. Raises NotTraded."""
    seen = _after(connection, session)
    residual = connection.execute(
        select(func.sum(cash_entries.c.amount, type_=cash_entries.c.amount.type)).where(
            cash_entries.c.kind == "residual", cash_entries.c.session <= session
        )
    ).scalar()
    total = sum(book_cash(connection, through=session).values(), ZERO)
    return CashIdentity(session, total, seen.cash, residual or ZERO)


@dataclass(frozen=True)
class PnlIdentity:
    """What the account and each book earned from the end of session `since` to that of `session`.

    All are valued at the broker's prices of the moment, so the market's moves are no difference.
    """

    since: date
    session: date
    account: Growth
    books: dict[str, Growth]

    @property
    def gap(self) -> Decimal:
        """Dollars that the account earned and no book did."""
        return pnl_gap(self.account, self.books.values())

    @property
    def tolerance(self) -> Decimal:
        """Dollars of gap that are let pass."""
        return pnl_tolerance(self.account.now)

    @property
    def holds(self) -> bool:
        """Within the tolerance."""
        return abs(self.gap) <= self.tolerance


def pnl_identity(connection: Connection, session: date) -> PnlIdentity | None:
    """Compare the P&L of the account with that of its books since the session traded before.

    None for the first session, and where one of the two was never reconciled, so that there are no
    prices. Raises NotTraded, and PriceMissing where a book holds a symbol that the broker had no
    price of.
    """
    seen = _after(connection, session)
    since = connection.execute(
        select(func.max(account_snapshots.c.session, type_=account_snapshots.c.session.type)).where(
            account_snapshots.c.kind == "after", account_snapshots.c.session < session
        )
    ).scalar()
    if since is None or not all(_reconciled(connection, day) for day in (since, session)):
        return None
    then, now = _navs(connection, since), _navs(connection, session)
    flows = _booked_flows(connection, since, session)
    return PnlIdentity(
        since=since,
        session=session,
        account=Growth(
            then=_after(connection, since).equity,
            now=seen.equity,
            flows=_reported_flows(connection, since, session),
        ),
        books={
            book: Growth(then.get(book, ZERO), now.get(book, ZERO), flows.get(book, ZERO))
            for book in sorted(then.keys() | now.keys())
        },
    )


def _after(connection: Connection, session: date) -> Snapshot:
    seen = snapshot(connection, session, "after")
    if seen is None:
        raise NotTraded(session)
    return seen


def _reconciled(connection: Connection, session: date) -> bool:
    table = reconciliation_items
    found = connection.execute(
        select(table.c.what).where(table.c.session == session, table.c.kind == AFTER_BUYS).limit(1)
    )
    return found.first() is not None


def _prices(connection: Connection, session: date) -> dict[str, Decimal]:
    """The broker's prices, dollars a share, of what it and the books held after a session."""
    table = reconciliation_items
    rows = connection.execute(
        select(table.c.what, table.c.price).where(
            table.c.session == session,
            table.c.kind == AFTER_BUYS,
            table.c.what != CASH,
            table.c.price.is_not(None),
        )
    )
    return {row.what: row.price for row in rows}


def _navs(connection: Connection, session: date) -> dict[str, Decimal]:
    """What each book was worth at the end of a session, dollars, at the broker's prices."""
    prices = _prices(connection, session)
    navs = book_cash(connection, through=session)
    for book, lot in open_lots_by_book(connection, through=session):
        navs[book] = navs.get(book, ZERO) + market_value([lot], prices)
    return navs


def _reported_flows(connection: Connection, since: date, session: date) -> Decimal:
    """Dollars put into the account by what the broker says, of what the books took for that."""
    taken = select(cash_entries.c.source_id).where(cash_entries.c.kind.in_(PUT_IN))
    total = connection.execute(
        select(func.sum(activities.c.amount, type_=activities.c.amount.type)).where(
            activities.c.activity_id.in_(taken),
            activities.c.session > since,
            activities.c.session <= session,
        )
    ).scalar()
    return total or ZERO


def _booked_flows(connection: Connection, since: date, session: date) -> dict[str, Decimal]:
    """Dollars put into each book, by the world or by other books."""
    rows = connection.execute(
        select(
            cash_entries.c.book,
            func.sum(cash_entries.c.amount, type_=cash_entries.c.amount.type).label("amount"),
        )
        .where(
            cash_entries.c.kind.in_([*PUT_IN, *HANDED_ON]),
            cash_entries.c.session > since,
            cash_entries.c.session <= session,
        )
        .group_by(cash_entries.c.book)
    )
    return {row.book: row.amount for row in rows}


def books_not_rebuilt(connection: Connection) -> list[str]:
    """What differs between the books and those rebuilt from the journal; a line each."""
    try:
        rebuilt = rebuild(facts(connection))
    except (LotError, KeyError) as error:
        return [f"the books cannot be rebuilt from the journal: {error!r}"]
    return [
        f"{found.book}, {found.what}: recorded {found.recorded}, rebuilt {found.rebuilt}"
        for found in differences(recorded_books(connection), rebuilt)
    ]


def journal_broken(connection: Connection) -> list[str]:
    """What is wrong with the journal, or with the rows it keeps; a line each."""
    return [*verify(connection), *unlike_the_journal(connection)]
