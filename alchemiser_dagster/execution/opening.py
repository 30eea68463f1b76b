"""The opening of a session: who is expected to trade, and whether the books may be trusted.

    account and books open ─► expectation rows ─► activities posted ─► books beside the broker

Where the two differ, what follows is done at once (`resolution`): it is recorded, booked apart or
frozen. Trading then goes on with what is sound.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection

from alchemiser_dagster.books.limits import DayLoss, day_loss
from alchemiser_dagster.execution.activities import post_new_activities
from alchemiser_dagster.execution.broker import Account
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.gate import OpenWindow
from alchemiser_dagster.execution.reconciliation import Item, compare
from alchemiser_dagster.execution.resolution import SETTLING, TooEarly, reconcile
from alchemiser_dagster.execution.session_clock import SessionClock
from alchemiser_dagster.ledger.opening import BookTerms, close_flat_books, open_account, open_books
from alchemiser_dagster.ledger.queries import (
    Snapshot,
    book_cash,
    last_session,
    outcomes,
    positions,
)
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail, rail_state, set_rail
from alchemiser_dagster.ledger.session_records import begin_session, record_snapshot
from alchemiser_dagster.ledger.store import LedgerError
from alchemiser_dagster.market.sessions import NEW_YORK

LOOKS = 5
PATIENT_LOOKS = 2
"""So often a difference is looked at again before it is believed."""
SECONDS_BETWEEN_LOOKS = SETTLING.seconds + 1


class WrongLedger(Exception):
    """The ledger keeps another account than the broker's."""


@dataclass(frozen=True)
class Opening:
    """What was found when the session was opened: lines for the log, and what breaks."""

    notes: tuple[str, ...] = ()
    breaks: tuple[Item, ...] = ()


def open_the_account(desk: Desk, terms: Mapping[str, BookTerms], *, inception: date) -> None:
    """Record the account with its cash, and open the books that are new; harmless when done.

    Raises WrongLedger when the ledger keeps another account.
    """
    account, now = _account_at_rest(desk)
    try:
        open_account(
            desk.ledger,
            account_number=account.number,
            inception=inception,
            cash=account.cash,
            at=now,
        )
    except LedgerError as error:
        raise WrongLedger(str(error)) from error
    with desk.ledger.read() as connection:
        traded = last_session(connection)
    since = inception if traded is None else now.astimezone(NEW_YORK).date()
    open_books(desk.ledger, terms, session=since, at=now)


def _account_at_rest(desk: Desk) -> tuple[Account, datetime]:
    """The account, and a moment before it was read since which nothing has happened to it.

    An account that is opened is what it is at that moment: what comes later is posted from the
    activities. So no single reading of the clock (what happens until a time that has yet to come
    would be lost), and no cash on the move, may open it.
    """
    for look in range(LOOKS):
        if look:
            desk.gateway.wait(SECONDS_BETWEEN_LOOKS)
        before = SessionClock(desk.gateway).estimate()
        account = desk.gateway.account()
        if not desk.gateway.activities(before):
            return account, before
    raise TooEarly("expected an account at rest to open the books with")


def open_session(
    desk: Desk, window: OpenWindow, terms: Mapping[str, BookTerms], *, inception: date
) -> Opening:
    """Record the session and its expectation rows, and compare all books with the broker.

    A session that was opened before is left as it is: it is compared when its orders have ended.
    """
    open_the_account(desk, terms, inception=inception)
    close_flat_books(desk.ledger, set(terms), session=window.session, at=window.now)
    with desk.ledger.read() as connection:
        expected = expected_books(connection, terms)
    begin_session(
        desk.ledger,
        window.session,
        expected,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
        at=window.now,
    )
    with desk.ledger.read() as connection:
        fresh = all(row.state == "expected" for row in outcomes(connection, window.session))
    if not fresh:
        return Opening()
    notes = [str(done) for done in post_new_activities(desk.gateway, desk.ledger, window.session)]
    snapshot, items = compare_with_broker(desk, window.session, "before")
    record_snapshot(desk.ledger, window.session, "before", snapshot)
    notes += _judge_loss(desk, snapshot)
    notes += [str(item) for item in items if item.books != item.broker]
    return Opening(tuple(notes), tuple(item for item in items if item.breaks))


def expected_books(connection: Connection, terms: Iterable[str]) -> list[str]:
    """The books that are to trade: those with `terms`, and those that are sold to cash."""
    return sorted({*terms, *(rail_state(connection).flattening & positions(connection).keys())})


def compare_with_broker(
    desk: Desk, session: date, kind: str, *, counts_to: date | None = None
) -> tuple[Snapshot, list[Item]]:
    """Read the account and reconcile the books with it, looking again while it may still move.

    The account is read before its activities: what the broker did by then is in the books, and when
    it did more meanwhile, the account is read again. Else something that is about to be posted
    would be taken for a difference, and booked twice.

    `kind` and `counts_to` are as `resolution.reconcile` takes them.
    """
    for look in range(LOOKS):
        snapshot, prices = read_account(desk)
        posted = post_new_activities(desk.gateway, desk.ledger, counts_to or session)
        if any(not activity.waits for activity in posted):
            if look + 1 == LOOKS:
                raise TooEarly(f"expected an account at rest, was moving: {posted[-1]}")
            continue
        with desk.ledger.read() as connection:
            differs = bool(compare(book_cash(connection), positions(connection), snapshot))
        if differs and look < PATIENT_LOOKS:
            desk.gateway.wait(SECONDS_BETWEEN_LOOKS)  # the broker may be behind its own executions
            continue
        try:
            with desk.ledger.write() as connection:
                items = reconcile(
                    connection,
                    snapshot,
                    session=session,
                    kind=kind,
                    prices=prices,
                    counts_to=counts_to,
                )
        except TooEarly:
            if look + 1 == LOOKS:
                raise
            desk.gateway.wait(SECONDS_BETWEEN_LOOKS)
            continue
        return snapshot, items
    raise AssertionError("unreachable")


def read_account(desk: Desk) -> tuple[Snapshot, dict[str, Decimal]]:
    """What the broker says the account holds now, and its prices of what it holds."""
    at = desk.gateway.clock().now
    account = desk.gateway.account()
    held = desk.gateway.positions()
    snapshot = Snapshot(
        taken_at=at,
        cash=account.cash,
        equity=account.equity,
        positions={symbol: position.quantity for symbol, position in held.items()},
        last_equity=account.last_equity,
        long_market_value=account.long_market_value,
    )
    return snapshot, {symbol: position.price for symbol, position in held.items()}


def loss_since_close(snapshot: Snapshot) -> tuple[DayLoss, str]:
    """What the account's change since the last close means, and the change in words."""
    if snapshot.last_equity is None or snapshot.last_equity <= 0:
        return DayLoss.NONE, ""
    change = snapshot.equity / snapshot.last_equity - 1
    verdict = day_loss(snapshot.equity, snapshot.last_equity)
    return verdict, f"the account has moved {change:.1%} since the last close"


def _judge_loss(desk: Desk, snapshot: Snapshot) -> list[str]:
    """Stop the buying after a heavy loss since the last close, until an operator clears it."""
    verdict, reason = loss_since_close(snapshot)
    if verdict is DayLoss.NONE:
        return []
    if verdict is DayLoss.HALT:
        with desk.ledger.write() as connection:
            set_rail(
                connection,
                Rail.DAILY_LOSS,
                ACCOUNT,
                on=True,
                reason=reason,
                set_by="trading",
                at=snapshot.taken_at,
            )
        reason += "; nothing is bought until `alchemiser resume --daily-loss`"
    return [reason]
