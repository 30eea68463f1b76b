"""A line of the broker's account activities, as it is posted, and how it was.

What the broker does to the account without an order of ours (dividends, fees, deposits, splits,
trades that somebody made by hand, trades that the venue takes back) it lists as activities, each
with an id of its own. The modules that post one kind of them each return a `Treatment`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.schema import UNALLOCATED, cash_entries

FILL = "FILL"
"""The broker's kind of an execution."""
MANUAL = "manual"
"""Kind of the entries of trades that somebody made by hand."""


@dataclass(frozen=True)
class AccountActivity:
    """An activity in the ledger's numbers: cents, nine places of shares, six of a price.

    `amount` is dollars into the account (negative: out of it) and `quantity` shares, likewise; of
    an execution, whose `side` is buy or sell, the quantity is positive. `at` is when it happened:
    of what the broker gives only the day `dated` for, that day's first moment in New York. `undoes`
    is the id of the activity that this one takes back.
    """

    activity_id: str
    kind: str
    dated: date
    at: datetime
    symbol: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    amount: Decimal | None = None
    description: str = ""
    side: str | None = None
    undoes: str | None = None

    def __str__(self) -> str:
        words = [f"{self.dated} {self.kind}", self.side, self.symbol]
        numbers = (("", self.quantity), ("at ", self.price), ("$", self.amount))
        words += [f"{label}{plain(n)}" for label, n in numbers if n is not None]
        return " ".join(word for word in words if word)


@dataclass(frozen=True)
class Treatment:
    """How an activity was posted. `warns`: somebody should look at it."""

    text: str
    warns: bool = False


class Postponed(Exception):
    """An activity that cannot be posted before another one, which the broker will list as well."""


def enter_cash(
    connection: Connection,
    activity: AccountActivity,
    session: date,
    kind: str,
    parts: Mapping[str, Decimal],
    *,
    source: str | None = None,
) -> None:
    """Enter dollars by book, `parts`, as cash of the activity; nothing for parts of 0.

    `source` is for an activity that moves the cash of one book more than once.
    """
    enter(
        connection,
        cash_entries,
        [
            {
                "book": book,
                "session": session,
                "kind": kind,
                "source_id": source or activity.activity_id,
                "amount": amount,
                "at": activity.at,
            }
            for book, amount in parts.items()
            if amount != 0
        ],
    )


def not_understood(
    connection: Connection, activity: AccountActivity, session: date, why: str
) -> Treatment:
    """Put the cash to `unallocated`, so that the sums hold, and leave the shares alone.

    Where shares have moved, the reconciliation finds books and broker to differ and freezes the
    symbol.
    """
    amount = activity.amount or ZERO
    enter_cash(connection, activity, session, "residual", {UNALLOCATED: amount})
    return Treatment(f"not understood: {why}; {plain(amount)} to {UNALLOCATED}", warns=True)


def listed(parts: Mapping[str, Decimal]) -> str:
    """Amounts by book as text: "a 8.23, b 4.11"."""
    return ", ".join(f"{book} {plain(amount)}" for book, amount in parts.items())


def plain(number: Decimal) -> str:
    """A number as people write it, without zeros at the end."""
    return f"{number.normalize():f}"
