"""Whether the account is in order: everything that should hold, looked at once.

    ledger      journal, books rebuilt, cash and P&L, orders, fills, rails, sessions
    broker      its account, what it did that is not posted, its shares and cash beside the books
    tables      how old the published signal and performance of every book are

The broker may be silent; then the ledger is compared with what it said last. Nothing is changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection, select

from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.execution import diagnosis_ledger as ledger_
from alchemiser_dagster.execution.diagnosis_books import (
    BookState,
    Published,
    book_findings,
    book_states,
    books_opened,
)
from alchemiser_dagster.execution.diagnosis_broker import (
    BrokerReading,
    activities_posted,
    broker_account,
    broker_answers,
    reconciliation,
    recorded_prices,
)
from alchemiser_dagster.execution.findings import Finding, Severity
from alchemiser_dagster.ledger.queries import last_session
from alchemiser_dagster.ledger.schema import account
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.sessions import last_completed_session


@dataclass(frozen=True)
class Diagnosis:
    """What was found, the account's findings first, and how every book stands."""

    at: datetime
    findings: tuple[Finding, ...]
    books: tuple[BookState, ...]

    def of(self, severity: Severity) -> list[Finding]:
        """The findings that came out so."""
        return [finding for finding in self.findings if finding.severity is severity]


def diagnose(
    ledger: Ledger,
    strategies: Mapping[str, Book],
    published: Mapping[str, Published],
    *,
    broker: BrokerReading | None,
    silence: str | None = None,
    now: datetime | None = None,
) -> Diagnosis:
    """Look at the account.

    `strategies` are the books of the strategies folder and `published` what there is of them, both
    by name. `broker` is what the broker says; None where it is silent, and `silence` why. `now` is
    the time where the broker does not tell it; without it, the last close that the ledger knows.
    """
    with ledger.read() as connection:
        at = broker.now if broker is not None else now or _last_moment(connection)
        session = ledger_.last_complete(connection)
        completed = _completed(connection, at)
        prices = dict(broker.prices) if broker is not None else recorded_prices(connection, session)
        states = book_states(connection, strategies, published, prices, completed=completed)
        findings = [
            ledger_.journal_unbroken(connection),
            ledger_.books_rebuild_from_fills(connection),
            ledger_.cash_identity(connection, session),
            ledger_.pnl_identity(connection, session),
            ledger_.orders_ended(connection, at),
            ledger_.fills_posted(connection, {} if broker is None else broker.filled),
            ledger_.nothing_unattributed(connection, prices),
            ledger_.rails_off(connection),
            ledger_.sessions_complete(connection, at),
            *_with_broker(connection, broker, silence, session),
        ]
        for state in states:
            if state.is_strategy:
                strategy = strategies.get(state.book)
                findings += book_findings(connection, state, strategy, completed=completed)
        findings += books_opened(strategies, {state.book for state in states})
    return Diagnosis(at, tuple(findings), tuple(states))


def _with_broker(
    connection: Connection,
    broker: BrokerReading | None,
    silence: str | None,
    session: date | None,
) -> list[Finding]:
    found = [broker_answers(broker, silence), reconciliation(connection, broker, session)]
    if broker is not None:
        found += [broker_account(connection, broker), activities_posted(connection, broker)]
    return found


def _completed(connection: Connection, at: datetime) -> date | None:
    """The last session that is over `at` a moment; None before the account's first one is."""
    inception = connection.execute(select(account.c.inception)).scalar()
    completed = last_completed_session(at)
    return completed if inception is not None and completed > inception else None


def _last_moment(connection: Connection) -> datetime:
    """The close of the last session; else when the account was opened; else now."""
    last = last_session(connection)
    if last is not None:
        closes: datetime = last.closes_at
        return closes
    opened = connection.execute(select(account.c.opened_at)).scalar()
    return datetime.now(UTC) if opened is None else opened
