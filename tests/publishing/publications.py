"""Publishing sessions of November 2026, and saying in one line what was planned in them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import insert, update

from alchemiser_dagster.ledger.correlation import correlation_id
from alchemiser_dagster.ledger.schema import plan_items, session_books, sessions
from alchemiser_dagster.publishing.comparison import Difference, differences, ledger_says
from alchemiser_dagster.publishing.dynamodb import PublishedTable
from alchemiser_dagster.publishing.items import Item, Key, key_of
from alchemiser_dagster.publishing.ledger_publication import (
    LedgerItems,
    ledger_items,
    publish_ledger,
)
from alchemiser_dagster.publishing.signal_states import Evening
from tests.ledger.traded import Traded

ACCOUNT = "EMB1"
ZERO = Decimal(0)
Signals = Mapping[str, Mapping[str, str]]
"""Target weights by book and symbol."""


def session(day: int) -> date:
    return date(2026, 11, day)


def close(day: int) -> datetime:
    """16:00 in New York."""
    return datetime(2026, 11, day, 21, tzinfo=UTC)


def correlation(day: int) -> str:
    return correlation_id(ACCOUNT, session(day))


def evening(of: date, signals: Signals | None = None) -> Evening:
    """The evening before a session; these tests trade from Tuesday to Friday."""
    made_at = close(of.day) - timedelta(days=1)
    weights = {
        book: {symbol: Decimal(weight) for symbol, weight in wanted.items()}
        for book, wanted in (signals or {}).items()
    }
    return Evening(made_at, lambda book: weights.get(book, {}))


def items_of(traded: Traded, *days: int, signals: Signals | None = None) -> LedgerItems:
    """The items of sessions; `signals` are what books without a plan wanted."""
    with traded.ledger.read() as connection:
        return ledger_items(
            connection, [session(day) for day in days], lambda of: evening(of, signals), []
        )


def publish(traded: Traded, table: PublishedTable, *days: int) -> dict[str, int]:
    return publish_ledger(table, items_of(traded, *days))


def unlike(traded: Traded, table: PublishedTable, *days: int) -> list[Difference]:
    """What the table says otherwise than the ledger."""
    traded_days = [session(day) for day in days]
    with traded.ledger.read() as connection:
        says = ledger_says(connection, traded_days)
    made_at = {of: evening(of).made_at for of in traded_days}
    return differences(table, says, made_at, close(30))


def plan(traded: Traded, day: int, what: str, *, reason: str = "") -> None:
    """`plan(traded, 3, "a buy XYZ 0.6")`: what a book's plan says of a symbol."""
    of = traded.begin(day)
    book, action, symbol, weight = what.split()
    with traded.ledger.write() as connection:
        connection.execute(
            insert(plan_items).values(
                session=of, book=book, symbol=symbol, action=action, weight=Decimal(weight),
                held=ZERO, price=ZERO, target=ZERO, current=ZERO, quantity=ZERO, reason=reason,
            )
        )  # fmt: skip


def end(traded: Traded, day: int, **reasons: str) -> None:
    """The session is complete; books with a reason have failed."""
    of = traded.begin(day)
    with traded.ledger.write() as connection:
        for book, reason in reasons.items():
            connection.execute(
                update(session_books)
                .where(session_books.c.session == of, session_books.c.book == book)
                .values(state="failed", reason=reason)
            )
        connection.execute(
            update(sessions).where(sessions.c.session == of).values(state="complete")
        )


def everything(table: PublishedTable) -> dict[Key, Item]:
    """All items of a table but for the mark of whose it is."""
    pages = table.client.get_paginator("scan").paginate(TableName=table.name)
    keys = [(raw["PK"]["S"], raw["SK"]["S"]) for page in pages for raw in page["Items"]]
    found = table.get(key for key in keys if key[0] != "ACCOUNT")
    assert all(key_of(item) == key for key, item in found.items())
    return found
