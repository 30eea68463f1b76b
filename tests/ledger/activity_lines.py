"""Activities of the broker in one line each, and what posting them did."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection

from alchemiser_dagster.books.rebuild import differences, rebuild
from alchemiser_dagster.ledger.account_activity import AccountActivity
from alchemiser_dagster.ledger.activity_posting import PostedActivity, post_activities
from alchemiser_dagster.ledger.facts import facts, recorded_books
from alchemiser_dagster.ledger.journal import verify
from alchemiser_dagster.ledger.journaled import unlike_the_journal
from alchemiser_dagster.ledger.queries import book_cash, open_lots, positions
from alchemiser_dagster.market.sessions import NEW_YORK
from tests.ledger.traded import Traded, moment

D = Decimal


@pytest.fixture
def traded() -> Iterator[Traded]:
    """100,000 dollars: book `a` has 60 % of it, book `b` the rest."""
    traded = Traded.at("sqlite://")
    yield traded
    traded.ledger.close()


def line(
    activity_id: str,
    kind: str,
    *,
    day: int = 4,
    at: datetime | None = None,
    symbol: str | None = None,
    quantity: str | None = None,
    price: str | None = None,
    amount: str | None = None,
    side: str | None = None,
    undoes: str | None = None,
) -> AccountActivity:
    """An activity of a day of November 2026."""

    def number(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return AccountActivity(
        activity_id,
        kind,
        date(2026, 11, day),
        at or datetime(2026, 11, day, tzinfo=NEW_YORK),
        symbol,
        number(quantity),
        number(price),
        number(amount),
        side=side,
        undoes=undoes,
    )


def by_hand(activity_id: str, what: str, *, day: int = 4) -> AccountActivity:
    """An execution of an order that is not ours: `by_hand("m1", "buy 5 XYZ @ 10")`."""
    side, quantity, symbol, _, price = what.split()
    return line(
        activity_id, "FILL", day=day, at=moment(day), symbol=symbol, quantity=quantity,
        price=price, side=side,
    )  # fmt: skip


def bust(activity_id: str, undoes: str, what: str, *, day: int = 4) -> AccountActivity:
    """An execution taken back; `what` is what the account gets: "-10 XYZ 120.00"."""
    quantity, symbol, amount = what.split()
    return line(
        activity_id, "MISC", day=day, symbol=symbol, quantity=quantity, amount=amount,
        undoes=undoes,
    )  # fmt: skip


def post(traded: Traded, *lines: AccountActivity, day: int = 5) -> list[PostedActivity]:
    """Post them as the session of a day of November is opened."""
    return post_activities(
        traded.ledger, lines, session=date(2026, 11, day), at=moment(day) - timedelta(minutes=5)
    )


def cash(traded: Traded) -> dict[str, Decimal]:
    with traded.ledger.read() as connection:
        return {b: c for b, c in book_cash(connection).items() if c != 0}


def cash_moved(traded: Traded, *lines: AccountActivity) -> dict[str, Decimal]:
    """Dollars by book that posting the lines moved."""
    before = cash(traded)
    post(traded, *lines)
    after = cash(traded)
    moved = {b: after.get(b, D(0)) - before.get(b, D(0)) for b in {**before, **after}}
    return {book: amount for book, amount in moved.items() if amount != 0}


def holdings(traded: Traded) -> dict[str, dict[str, Decimal]]:
    with traded.ledger.read() as connection:
        return positions(connection)


def lots_of(traded: Traded, book: str) -> list[tuple[Any, Any]]:
    """(shares, cost) of the open lots of a book, oldest first."""
    with traded.ledger.read() as connection:
        return [(lot.quantity, lot.cost) for lot in open_lots(connection, book=book)]


def is_sound(connection: Connection) -> bool:
    """The books are those of the journal, and the journal is whole."""
    assert differences(recorded_books(connection), rebuild(facts(connection))) == []
    assert [*verify(connection), *unlike_the_journal(connection)] == []
    return True
