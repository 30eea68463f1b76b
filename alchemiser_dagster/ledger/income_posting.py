"""Activities that move only cash, and whose cash it is.

    CSD, CSW, JNLC   deposits and withdrawals: by the books' allocations, the rest unallocated
    DIV..., CIL      dividends, tax withheld on them, cash in lieu of fractions of a share: by the
                     shares each book held when the day began that the broker dates them
    FEE, PTC, CFEE   fees: by what each book sold for in the market that day
    INT...           interest paid: by negative cash; otherwise by positive cash

Where nobody is entitled, the cash is unallocated. Every split is exact to the cent.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, select

from alchemiser_dagster.books.activities import ActivityError, split_deposit, split_dividend
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.account_activity import (
    AccountActivity,
    Treatment,
    enter_cash,
    listed,
    not_understood,
)
from alchemiser_dagster.ledger.holders import sellers, shares_before
from alchemiser_dagster.ledger.queries import book_cash
from alchemiser_dagster.ledger.schema import UNALLOCATED, UNATTRIBUTED, books

DEPOSITS = ("CSD", "CSW", "JNLC")
FEES = ("FEE", "PTC", "CFEE")
CASH_IN_LIEU = "CIL"


def is_dividend(kind: str) -> bool:
    """Whether a broker's kind is cash for shares held."""
    return kind.startswith("DIV") or kind == CASH_IN_LIEU


def is_interest(kind: str) -> bool:
    """Whether a broker's kind is interest, or tax withheld on it."""
    return kind.startswith("INT")


def post_deposit(connection: Connection, activity: AccountActivity, session: date) -> Treatment:
    """Share a deposit or a withdrawal out over the books: capital, neither profit nor loss."""
    amount = activity.amount or ZERO
    allocations = {
        row.book: row.allocation
        for row in connection.execute(
            select(books.c.book, books.c.allocation)
            .where(books.c.book.not_in([UNALLOCATED, UNATTRIBUTED]))
            .order_by(books.c.book)
        )
    }
    try:
        parts = split_deposit(amount, allocations, unallocated=UNALLOCATED)
    except ActivityError as error:
        return not_understood(connection, activity, session, str(error))
    kind = "deposit" if amount > 0 else "withdrawal"
    enter_cash(connection, activity, session, kind, parts)
    return Treatment(f"{kind}: {listed(parts)}")


def post_dividend(connection: Connection, activity: AccountActivity, session: date) -> Treatment:
    """Share the cash out to those who held the symbol when the day began."""
    symbol = activity.symbol or ""
    held = shares_before(connection, symbol, activity.at)
    parts = split_dividend(activity.amount or ZERO, held, unclaimed=UNALLOCATED)
    enter_cash(connection, activity, session, "dividend", parts)
    if UNALLOCATED in parts:
        text = f"dividend: no book held {symbol or 'it'} before {activity.dated}; {listed(parts)}"
        return Treatment(text, warns=True)
    return Treatment(f"dividend: {listed(parts)}")


def post_fee(connection: Connection, activity: AccountActivity, session: date) -> Treatment:
    """Charge a fee to those who sold that day."""
    parts = _shared(activity, sellers(connection, activity.at))
    enter_cash(connection, activity, session, "fee", parts)
    if UNALLOCATED in parts:
        return Treatment(f"fee: no book sold on {activity.dated}; {listed(parts)}")
    return Treatment(f"fee: {listed(parts)}")


def post_interest(connection: Connection, activity: AccountActivity, session: date) -> Treatment:
    """Share interest out over the cash that bore it."""
    cash = dict(sorted(book_cash(connection).items()))
    owed = {book: -dollars for book, dollars in cash.items() if dollars < 0}
    if (activity.amount or ZERO) > 0 or not owed:
        owed = {book: dollars for book, dollars in cash.items() if dollars > 0}
    parts = _shared(activity, owed)
    enter_cash(connection, activity, session, "interest", parts)
    return Treatment(f"interest: {listed(parts)}")


def _shared(activity: AccountActivity, by: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return split_dividend(activity.amount or ZERO, by, unclaimed=UNALLOCATED)
