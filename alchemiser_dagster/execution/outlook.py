"""What the next session would find when it is opened. It only reads.

    the session   the one that is open, until its last minute or its end; else the one that follows
    cash          with the books that are opened or closed then
    rails         with what the comparison of books and broker freezes, halts or lifts then

Activities that the broker has reported and nobody has posted are named and not worked out: until
they are posted, a difference between books and broker means nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, select

from alchemiser_dagster.books.drift import opening_capital
from alchemiser_dagster.books.limits import DayLoss
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.reconciliation import CashClassification, Classification
from alchemiser_dagster.execution.activities import unposted_activities
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.gate import Phase, phase_of_day
from alchemiser_dagster.execution.opening import (
    WrongLedger,
    expected_books,
    loss_since_close,
    read_account,
)
from alchemiser_dagster.execution.reconciliation import CASH, MISSING, Item, judge
from alchemiser_dagster.execution.resolution import freezes_to_lift
from alchemiser_dagster.execution.walk import NO_ORDERS
from alchemiser_dagster.ledger.open_orders import resting_orders
from alchemiser_dagster.ledger.opening import BookTerms
from alchemiser_dagster.ledger.queries import (
    Snapshot,
    all_books,
    book_cash,
    incomplete_sessions,
    positions,
    the_session,
)
from alchemiser_dagster.ledger.rails import Rails, rail_state
from alchemiser_dagster.ledger.schema import UNALLOCATED
from alchemiser_dagster.ledger.schema import account as account_table
from alchemiser_dagster.market.sessions import NEW_YORK


class SessionUnderWay(Exception):
    """The session that would be looked ahead to has been planned: its trades are fixed."""


@dataclass(frozen=True)
class Outlook:
    """The next session, seen from now.

    `expected` are the books that are to trade; `cash` is dollars by book and `changes` what of it
    the opening and closing of books moves. `refusal` says why the session would be refused as
    things are, and `notes` what else its trader should know. `unsure` cash buys nothing.
    """

    session: date
    account: Snapshot
    market_is_open: bool
    expected: tuple[str, ...]
    cash: Mapping[str, Decimal]
    changes: Mapping[str, Decimal]
    rails: Rails
    unsure: bool
    refusal: str | None
    notes: tuple[str, ...]


def next_session(desk: Desk) -> tuple[date, Phase]:
    """The session that can be traded next, and where the broker's clock stands."""
    phase = phase_of_day(desk)
    if phase.day is not None and phase.day.closes_at - phase.clock.now > NO_ORDERS:
        with desk.ledger.read() as connection:
            row = the_session(connection, phase.day.session)
        if row is None or row.state != "complete":
            return phase.day.session, phase
    return phase.clock.next_open.astimezone(NEW_YORK).date(), phase


def look_ahead(desk: Desk, terms: Mapping[str, BookTerms]) -> Outlook:
    """Look ahead to the next session, with the books of `terms`.

    Raises SessionUnderWay, WrongLedger, or BrokerError.
    """
    session, phase = next_session(desk)
    broker, prices = read_account(desk)
    account = desk.gateway.account()
    with desk.ledger.read() as connection:
        known = connection.execute(select(account_table)).one_or_none()
        row = the_session(connection, session)
    if known is not None and known.account_number != account.number:
        raise WrongLedger(
            f"expected the broker's account to be {known.account_number}, whose ledger this is, "
            f"was {account.number}"
        )
    if row is not None and row.state not in ("open", "complete"):
        raise SessionUnderWay(f"{session} has been planned and its trades are fixed: {row.state}")
    pending = [] if known is None else unposted_activities(desk.gateway, desk.ledger)
    with desk.ledger.read() as connection:
        cash = book_cash(connection) if known is not None else {UNALLOCATED: broker.cash}
        opening_cash = broker.cash if known is None else known.opening_cash
        rails = Rails() if known is None else rail_state(connection)
        changes = _opened_and_closed(connection, terms, cash, opening_cash, rails)
        items = judge(connection, broker, prices=prices)
        if known is None:
            items = [item for item in items if item.what != CASH]
        notes = _notes(connection, session)
        if not pending:
            rails = _after_comparison(rails, items, freezes_to_lift(connection, items))
        expected = expected_books(connection, terms)
    verdict, change = loss_since_close(broker)
    is_today = phase.day is not None and phase.day.session == session
    if is_today and verdict is not DayLoss.NONE:
        notes.append(change)
        if verdict is DayLoss.HALT and rails.no_purchases is None:
            rails = replace(rails, no_purchases=change)
    notes += [f"posted first, and not reckoned with here: {activity}" for activity in pending]
    notes += [str(item) for item in items if item.books != item.broker]
    return Outlook(
        session=session,
        account=broker,
        market_is_open=phase.clock.is_open,
        expected=tuple(expected),
        cash={book: cash.get(book, ZERO) + changes.get(book, ZERO) for book in cash | changes},
        changes=changes,
        rails=rails,
        unsure=not pending and _buys_nothing(items),
        refusal=account.obstacle and f"the account may not trade: {account.obstacle}",
        notes=tuple(notes),
    )


def _opened_and_closed(
    connection: Connection,
    terms: Mapping[str, BookTerms],
    cash: Mapping[str, Decimal],
    opening_cash: Decimal,
    rails: Rails,
) -> dict[str, Decimal]:
    """Dollars by book that move when new books are opened and flat ones closed."""
    known = {row.book for row in all_books(connection)}
    held = positions(connection)
    changes: dict[str, Decimal] = {}
    free = cash.get(UNALLOCATED, ZERO)
    for book, own in terms.items():
        if book not in known:
            amount = min(opening_capital(opening_cash, own.allocation), max(free, ZERO))
            changes[book], free = amount, free - amount
    for book in sorted(rails.flattening - terms.keys() - held.keys()):
        amount = cash.get(book, ZERO)
        changes[book], free = -amount, free + amount
    changes[UNALLOCATED] = free - cash.get(UNALLOCATED, ZERO)
    return {book: amount for book, amount in changes.items() if amount != 0}


def _after_comparison(rails: Rails, items: Sequence[Item], lifted: Iterable[str]) -> Rails:
    """The rails as the comparison of books and broker leaves them."""
    frozen = {s: why for s, why in rails.frozen_symbols.items() if s not in set(lifted)}
    frozen |= {
        item.what: f"the books hold {item.books:f}, the broker {item.broker:f}"
        for item in items
        if item.classification in MISSING and item.what not in frozen
    }
    short = [item.what for item in items if item.classification is Classification.SHORT]
    halted = rails.halted_account or (f"the account is short of {short[0]}" if short else None)
    return replace(rails, frozen_symbols=frozen, halted_account=halted)


def _buys_nothing(items: Iterable[Item]) -> bool:
    return any(item.classification is CashClassification.NO_PURCHASES for item in items)


def _notes(connection: Connection, session: date) -> list[str]:
    notes = [
        f"{unfinished} was begun and not finished: it is brought to its end first"
        for unfinished in incomplete_sessions(connection, before=session)
    ]
    return notes + [f"still open at the broker: {order}" for order in resting_orders(connection)]
