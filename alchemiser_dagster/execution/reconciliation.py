"""Comparing the books with the broker: every share and every cent.

`compare` and `unexplained` list where the two differ. `judge` says what each difference is, by the
rules of `books.reconciliation`. What follows from it is in `execution.resolution`.

A difference is never explained away here; it is listed, and whoever asked decides to stop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, func, select

from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.books.reconciliation import (
    CashClassification,
    Classification,
    classify,
    classify_cash,
)
from alchemiser_dagster.ledger.activity_posting import SPLIT
from alchemiser_dagster.ledger.queries import Snapshot, book_cash, positions, snapshot
from alchemiser_dagster.ledger.schema import UNATTRIBUTED, activities, reconciliation_items

CASH = "cash"
EXCESS = (Classification.UNEXPECTED, Classification.ORPHAN_LONG)
MISSING = (Classification.CORPORATE_ACTION, Classification.SHORTFALL)
DECLARED = (Classification.MATCH, Classification.DUST)
"""Differences in shares that are too small to do anything about."""
NOT_UNDERSTOOD = "not understood"
"""How the treatment of an activity begins that was not posted to the lots."""
SPLIT_IS_RECENT = timedelta(days=10)
"""A split reported longer ago explains no difference of today."""


@dataclass(frozen=True)
class Difference:
    """One line that does not agree: a symbol in shares, or cash in dollars."""

    what: str
    books: Decimal
    broker: Decimal

    def __str__(self) -> str:
        return (
            f"{self.what}: the books hold {self.books}, the broker {self.broker} "
            f"(difference {self.broker - self.books:+})"
        )


def compare(
    cash: Mapping[str, Decimal],
    holdings: Mapping[str, Mapping[str, Decimal]],
    broker: Snapshot,
) -> list[Difference]:
    """List where books (`cash` by book, `holdings` by book, symbol) and `broker` differ."""
    held = total_positions(holdings)
    differences = [
        Difference(symbol, held.get(symbol, ZERO), broker.positions.get(symbol, ZERO))
        for symbol in sorted({*held, *broker.positions})
        if held.get(symbol, ZERO) != broker.positions.get(symbol, ZERO)
    ]
    total = sum(cash.values(), ZERO)
    if total != broker.cash:
        differences.append(Difference(CASH, total, broker.cash))
    return differences


def total_positions(holdings: Mapping[str, Mapping[str, Decimal]]) -> dict[str, Decimal]:
    """Shares by symbol over all books, from shares by book and symbol."""
    held: dict[str, Decimal] = {}
    for own in holdings.values():
        for symbol, quantity in own.items():
            held[symbol] = held.get(symbol, ZERO) + quantity
    return held


class NotTraded(Exception):
    """A session that was not traded to its end, so the account was not read after it."""

    def __init__(self, session: date) -> None:
        super().__init__(f"{session} was not traded to its end: there is no account to compare")


def unexplained(connection: Connection, session: date) -> list[Difference]:
    """Where the books at the end of `session` differ from what the broker held then.

    Left out is what the session's reconciliation found to be dust. Raises NotTraded.
    """
    seen = snapshot(connection, session, "after")
    if seen is None:
        raise NotTraded(session)
    declared = {
        Difference(row.what, row.books, row.broker)
        for row in reconciliation_of(connection, session)
        if row.what != CASH and row.classification in DECLARED
    }
    differences = compare(
        book_cash(connection, through=session), positions(connection, through=session), seen
    )
    return [difference for difference in differences if difference not in declared]


@dataclass(frozen=True)
class Item(Difference):
    """What the comparison of one symbol, or of cash, came to.

    `price` is the broker's, dollars a share; None for cash, and where the broker had none.
    """

    price: Decimal | None
    classification: Classification | CashClassification

    def __str__(self) -> str:
        return f"{super().__str__()}: {self.classification}"

    @property
    def excess(self) -> Decimal:
        """Shares, or dollars, that the broker has and the books have not; negative: too few."""
        return self.broker - self.books

    @property
    def value(self) -> Decimal | None:
        """Dollars that the difference is worth, in cents; None without a price."""
        if self.what == CASH:
            return self.excess
        return None if self.price is None else to_cents(self.excess * self.price)

    @property
    def is_found(self) -> bool:
        """Shares that nobody bought, and whose worth is known: they can be booked."""
        return self.classification in EXCESS and self.price is not None

    @property
    def breaks(self) -> bool:
        """Somebody must look.

        Not at shares that were found beside those of a book: the books own theirs, and the rest is
        kept apart. But at a symbol that no book has ever bought.
        """
        match self.classification:
            case Classification.ORPHAN_LONG:
                return not self.is_found
            case (
                Classification.MATCH
                | Classification.DUST
                | CashClassification.MATCH
                | CashClassification.RESIDUAL
                | CashClassification.PAID
            ):
                return False
        return True


def judge(connection: Connection, broker: Snapshot, *, prices: Mapping[str, Decimal]) -> list[Item]:
    """What each symbol and the cash come to when the books are compared with `broker` now.

    Symbols first, in their order, those that agree too; then cash. `prices` are dollars a share by
    symbol.

    Sales of more than a book owned leave the book `unattributed` short. The sums agree then, but
    what the others own is not there: it is their shares that are compared.
    """
    cash, holdings = book_cash(connection), positions(connection)
    held, short = total_positions(holdings), holdings.get(UNATTRIBUTED, {})
    splits = _splits_not_booked(connection, since=broker.taken_at - SPLIT_IS_RECENT)
    items = []
    for symbol in sorted({*held, *broker.positions}):
        books, seen = held.get(symbol, ZERO), broker.positions.get(symbol, ZERO)
        price = prices.get(symbol)
        ratios = [1 + splits[symbol] / books] if symbol in splits and books > 0 else []
        found = classify(books, seen, price, reported_ratios=ratios)
        if found in DECLARED and short.get(symbol, ZERO) < 0:
            books -= short[symbol]
            found = classify(books, seen, price, reported_ratios=ratios)
        items.append(Item(symbol, books, seen, price, found))
    worth = sum((item.value for item in items if item.is_found and item.value is not None), ZERO)
    total = sum(cash.values(), ZERO)
    judged = classify_cash(total, broker.cash, broker.equity, found=worth)
    return [*items, Item(CASH, total, broker.cash, None, judged)]


def _splits_not_booked(connection: Connection, *, since: datetime) -> dict[str, Decimal]:
    """Shares by symbol that the broker added by splits which could not be posted to the lots."""
    rows = connection.execute(
        select(
            activities.c.symbol,
            func.sum(activities.c.quantity, type_=activities.c.quantity.type).label("added"),
        )
        .where(
            activities.c.kind == SPLIT,
            activities.c.treatment.startswith(NOT_UNDERSTOOD),
            activities.c.posted_at >= since,
            activities.c.quantity.is_not(None),
        )
        .group_by(activities.c.symbol)
    )
    return {row.symbol: row.added for row in rows}


def reconciliation_of(connection: Connection, session: date) -> Sequence[Row[Any]]:
    """The recorded items of a session: rows of `reconciliation_items`, in the order they came."""
    return connection.execute(
        select(reconciliation_items)
        .where(reconciliation_items.c.session == session)
        .order_by(
            reconciliation_items.c.at, reconciliation_items.c.kind, reconciliation_items.c.what
        )
    ).all()


def blocks_purchases(connection: Connection, session: date) -> bool:
    """Whether the comparison before a session's trading found cash too unsure to be spent."""
    return any(
        row.kind == "before" and row.classification == CashClassification.NO_PURCHASES
        for row in reconciliation_of(connection, session)
    )
