"""Before the first order: the session's record, the price map, and every book's plan.

What is written here is fixed for the session. A run that was interrupted finds it and goes on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from alchemiser_dagster.books.money import to_cents
from alchemiser_dagster.books.planning import Plan, PlanError, plan_book
from alchemiser_dagster.execution.desk import DEPLOYMENT, Desk
from alchemiser_dagster.execution.gate import OpenWindow
from alchemiser_dagster.execution.quotes import OLDEST_TO_VALUE, problem
from alchemiser_dagster.execution.reconciliation import compare
from alchemiser_dagster.ledger.opening import open_account, open_books
from alchemiser_dagster.ledger.queries import (
    Snapshot,
    book_cash,
    last_session,
    outcomes,
    positions,
)
from alchemiser_dagster.ledger.session_records import (
    NewTrade,
    Quoted,
    begin_session,
    record_outcome,
    record_plan,
    record_prices,
    record_snapshot,
    session_prices,
)
from alchemiser_dagster.ledger.store import LedgerError
from alchemiser_dagster.market.sessions import NEW_YORK

QUOTE_TRIES = 4


class BooksBroken(Exception):
    """The books and the broker do not agree; nothing is traded until they do."""


@dataclass(frozen=True)
class Wish:
    """What a book is to be traded to this session; `missing` says why it cannot be.

    `weights` by symbol; `scheduled` and `threshold` as `books.planning.plan_book` takes them.
    """

    weights: Mapping[str, Decimal] = field(default_factory=dict)
    scheduled: bool = True
    threshold: Decimal | None = None
    missing: str | None = None


def take_snapshot(desk: Desk) -> Snapshot:
    """What the broker says the account holds now."""
    at = desk.gateway.clock().now
    account = desk.gateway.account()
    held = desk.gateway.positions()
    return Snapshot(
        taken_at=at,
        cash=account.cash,
        equity=account.equity,
        positions={symbol: position.quantity for symbol, position in held.items()},
    )


def open_the_account(desk: Desk, allocations: Mapping[str, Decimal], *, inception: date) -> None:
    """Record the account with its cash, and open the books that are new; harmless when done.

    Raises BooksBroken when the ledger keeps another account.
    """
    account, now = desk.gateway.account(), desk.gateway.clock().now
    try:
        open_account(
            desk.ledger,
            account_number=account.number,
            inception=inception,
            cash=account.cash,
            at=now,
        )
    except LedgerError as error:
        raise BooksBroken(str(error)) from error
    with desk.ledger.read() as connection:
        traded = last_session(connection)
    since = inception if traded is None else now.astimezone(NEW_YORK).date()
    open_books(desk.ledger, allocations, session=since, at=now)


def open_session(
    desk: Desk, window: OpenWindow, allocations: Mapping[str, Decimal], *, inception: date
) -> None:
    """Record the session, open books that are new, and check that all books agree with the broker.

    Raises BooksBroken, before any order, when they do not.
    """
    open_the_account(desk, allocations, inception=inception)
    begin_session(
        desk.ledger,
        window.session,
        allocations,
        opens_at=window.opens_at,
        closes_at=window.closes_at,
        at=window.now,
    )
    with desk.ledger.read() as connection:
        fresh = all(row.state == "expected" for row in outcomes(connection, window.session))
    if fresh:  # an interrupted session is reconciled when its orders have ended
        snapshot = take_snapshot(desk)
        record_snapshot(desk.ledger, window.session, "before", snapshot)
        check_books(desk, snapshot)


def check_books(desk: Desk, snapshot: Snapshot) -> None:
    """Raise BooksBroken unless the books sum to what the broker holds, to the share and cent."""
    with desk.ledger.read() as connection:
        differences = compare(book_cash(connection), positions(connection), snapshot)
    if differences:
        raise BooksBroken(
            "the books do not sum to the broker:\n  " + "\n  ".join(map(str, differences))
        )


def plan_session(desk: Desk, session: date, wishes: Mapping[str, Wish]) -> dict[str, Plan]:
    """Fix every expected book's trades at one price map; a book that cannot be planned fails alone.

    Returns the plans made now, by book.
    """
    with desk.ledger.read() as connection:
        expected = [row.book for row in outcomes(connection, session) if row.state == "expected"]
        held, cash = positions(connection), book_cash(connection)
    absent = Wish(missing="the strategy is no longer among the books")
    wishes = {book: wishes.get(book, absent) for book in expected}
    wanted = {
        symbol
        for book in expected
        for symbol in {*wishes[book].weights, *held.get(book, {})}
        if wishes[book].missing is None
    }
    faults = _map_prices(desk, session, wanted)
    prices = {
        symbol: quoted.price for symbol, quoted in session_prices(desk.ledger, session).items()
    }
    assets = desk.gateway.assets()
    whole = {symbol for symbol in wanted if symbol in assets and not assets[symbol].fractionable}

    plans: dict[str, Plan] = {}
    for book in expected:
        wish = wishes[book]
        if wish.missing is not None:
            record_outcome(desk.ledger, session, book, "failed", wish.missing)
            continue
        closed = [s for s in wish.weights if s not in assets or not assets[s].tradable]
        if closed:
            record_outcome(
                desk.ledger, session, book, "failed", f"not tradable: {', '.join(sorted(closed))}"
            )
            continue
        try:
            plan = plan_book(
                weights=wish.weights,
                holdings=held.get(book, {}),
                cash=cash[book],
                prices=prices,
                deployment=DEPLOYMENT,
                scheduled=wish.scheduled,
                threshold=wish.threshold,
                whole_shares=whole,
            )
        except PlanError as error:
            own = [
                f"{s}: {faults[s]}"
                for s in sorted({*wish.weights, *held.get(book, {})} & {*faults})
            ]
            record_outcome(desk.ledger, session, book, "failed", "; ".join([str(error), *own]))
            continue
        plans[book] = plan
        record_plan(
            desk.ledger,
            session,
            book,
            capital=to_cents(plan.capital),
            trigger=plan.trigger,
            planned=_trades(book, plan),
        )
    return plans


def _trades(book: str, plan: Plan) -> list[NewTrade]:
    sells = [
        NewTrade(book, item.symbol, "sell", item.quantity, None, is_exit=item.quantity == item.held)
        for item in plan.sells
    ]
    buys = [
        NewTrade(book, item.symbol, "buy", Decimal(0), to_cents(item.difference), is_exit=False)
        for item in plan.buys
    ]
    return sells + buys


def _map_prices(desk: Desk, session: date, symbols: Iterable[str]) -> dict[str, str]:
    """Record the mid of a valid quote for each symbol; returns what is wrong with the others."""
    known = session_prices(desk.ledger, session)
    missing = {symbol for symbol in symbols if symbol not in known}
    faults: dict[str, str] = {}
    for attempt in range(QUOTE_TRIES):
        if not missing:
            break
        if attempt:
            desk.gateway.wait(timedelta(seconds=1).total_seconds())
        quotes = desk.gateway.quotes(missing)
        now = desk.gateway.clock().now
        judged = {
            symbol: problem(quotes[symbol], now, oldest=OLDEST_TO_VALUE)
            if symbol in quotes
            else "no quote"
            for symbol in missing
        }
        faults = {symbol: fault for symbol, fault in judged.items() if fault}
        good = {symbol: quotes[symbol] for symbol in missing if symbol not in faults}
        record_prices(
            desk.ledger,
            session,
            {
                symbol: Quoted(price=quote.mid, bid=quote.bid, ask=quote.ask, quoted_at=quote.at)
                for symbol, quote in good.items()
            },
        )
        missing -= set(good)
    return faults
