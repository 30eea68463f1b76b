"""Before the first order: the price map, every book's plan, and what of it meets another book's.

    quotes ─► price map ─► capital shared out, weekly ─► a plan a book ─► held back, or to market

What is written here is written at once and fixed for the session. A run that was interrupted before
plans anew; one that was interrupted later finds the plans and goes on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from alchemiser_dagster.books.booking import LotPolicy
from alchemiser_dagster.books.lots import LotError
from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.books.overlap import Overlap, overlaps
from alchemiser_dagster.books.planning import Plan, PlanError, plan_book
from alchemiser_dagster.execution.capital import restore_allocations
from alchemiser_dagster.execution.desk import DEPLOYMENT, Desk
from alchemiser_dagster.execution.planned_trades import (
    hold_back_for_crossing,
    sale_blocks,
    trades_of_plan,
)
from alchemiser_dagster.execution.quotes import OLDEST_TO_VALUE, problem
from alchemiser_dagster.execution.reconciliation import blocks_purchases
from alchemiser_dagster.execution.walk import NO_ORDERS
from alchemiser_dagster.ledger.block_records import NewBlock
from alchemiser_dagster.ledger.queries import (
    all_books,
    book_cash,
    outcomes,
    positions,
    snapshot,
    the_session,
)
from alchemiser_dagster.ledger.rails import Rails, rail_state
from alchemiser_dagster.ledger.session_records import (
    NewTrade,
    PlannedBook,
    Quoted,
    record_plans,
    record_prices,
    session_prices,
)

QUOTE_TRIES = 4


@dataclass(frozen=True)
class Wish:
    """What a book is to be traded to this session; `missing` says why it cannot be.

    `weights` by symbol; `scheduled` and `threshold` as `books.planning.plan_book` takes them.
    """

    weights: Mapping[str, Decimal] = field(default_factory=dict)
    scheduled: bool = True
    threshold: Decimal | None = None
    missing: str | None = None


@dataclass(frozen=True)
class Conditions:
    """Under what a session is planned.

    `prices` are dollars a share, and `faults` says what is wrong with the symbols that have none.
    `cash` is dollars by book, after the transfers that have just `moved` capital; `equity` the
    account's, None when it is not known. `unsure` cash is not known well enough to buy anything.
    """

    prices: Mapping[str, Decimal]
    faults: Mapping[str, str]
    cash: Mapping[str, Decimal]
    moved: Mapping[str, Decimal]
    rails: Rails
    equity: Decimal | None
    unsure: bool = False


@dataclass(frozen=True)
class SessionPlan:
    """Every book's plan, or why it has none; what meets; and capital that was shared out anew.

    `trades` are as they are recorded, `transfers` dollars by book.
    """

    plans: Mapping[str, Plan] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    trades: Sequence[NewTrade] = ()
    blocks: Sequence[NewBlock] = ()
    transfers: Mapping[str, Decimal] = field(default_factory=dict)
    overlaps: Sequence[Overlap] = ()


def plan_session(desk: Desk, session: date, wishes: Mapping[str, Wish]) -> SessionPlan | None:
    """Fix every expected book's trades at one price map; a book that cannot be planned fails alone.

    Returns what was fixed, or None when that was done before, or is too late.
    """
    now = desk.gateway.clock().now
    with desk.ledger.read() as connection:
        row = the_session(connection, session)
        expected = [row.book for row in outcomes(connection, session) if row.state == "expected"]
        rails = rail_state(connection)
        held = positions(connection)
        unsure = blocks_purchases(connection, session)
        before = snapshot(connection, session, "before")
    assert row is not None
    if row.state != "open" or row.closes_at - now < NO_ORDERS:
        return None
    own = wishes_of(expected, wishes, rails)
    faults = map_prices(desk, session, symbols_to_price(own, held))
    transfers = restore_allocations(desk, session)
    with desk.ledger.read() as connection:
        cash = book_cash(connection)
    conditions = Conditions(
        prices={s: quoted.price for s, quoted in session_prices(desk.ledger, session).items()},
        faults=faults,
        cash=cash,
        moved=transfers,
        rails=rails,
        equity=None if before is None else before.equity,
        unsure=unsure,
    )
    made = make_plan(desk, session, own, conditions)
    by_book = {
        book: PlannedBook(
            book,
            to_cents(plan.capital),
            plan.trigger,
            [trade for trade in made.trades if trade.book == book],
            plan.items,
        )
        for book, plan in made.plans.items()
    }
    record_plans(desk.ledger, session, list(by_book.values()), made.blocks, made.refused)
    return made


def make_plan(
    desk: Desk, session: date, wishes: Mapping[str, Wish], conditions: Conditions
) -> SessionPlan:
    """Plan the books of `wishes`; nothing is recorded."""
    with desk.ledger.read() as connection:
        held = positions(connection)
        policies = {row.book: LotPolicy(row.lot_policy) for row in all_books(connection)}
    assets, rails, moved = desk.gateway.assets(), conditions.rails, conditions.moved
    whole = {symbol for symbol, asset in assets.items() if not asset.fractionable}
    plans: dict[str, Plan] = {}
    refused: dict[str, str] = {}
    trades: list[NewTrade] = []
    for book, wish in wishes.items():
        closed = [
            s
            for s, weight in sorted(wish.weights.items())
            if weight and (s not in assets or not assets[s].tradable)
        ]
        if wish.missing is not None:
            refused[book] = wish.missing
            continue
        if closed:
            refused[book] = f"not tradable: {', '.join(closed)}"
            continue
        try:
            plan = plan_book(
                weights=wish.weights,
                holdings=held.get(book, {}),
                cash=conditions.cash.get(book, ZERO),
                prices=conditions.prices,
                deployment=DEPLOYMENT,
                scheduled=wish.scheduled,
                threshold=wish.threshold,
                whole_shares=whole,
                frozen={*rails.frozen_symbols, *rails.halted_symbols},
                all_cash=book in rails.flattening,
                force=book in moved or book in rails.flattening,
            )
            with desk.ledger.read() as connection:
                planned = trades_of_plan(
                    connection,
                    book,
                    plan,
                    policy=policies.get(book, LotPolicy.FIFO),  # not opened: nothing to sell
                    rails=rails,
                    unsure=conditions.unsure,
                )
        except (PlanError, LotError) as error:
            own = [
                f"{s}: {conditions.faults[s]}"
                for s in sorted({*wish.weights, *held.get(book, {})} & {*conditions.faults})
            ]
            refused[book] = "; ".join([str(error), *own])
            continue
        plans[book] = plan
        trades += planned
    if desk.crossing:
        trades = hold_back_for_crossing(session, trades, conditions.prices, whole)
    return SessionPlan(
        plans=plans,
        refused=refused,
        trades=trades,
        blocks=sale_blocks(session, trades),
        transfers=moved,
        overlaps=_overlaps(plans, conditions.equity),
    )


def wishes_of(expected: Iterable[str], wishes: Mapping[str, Wish], rails: Rails) -> dict[str, Wish]:
    """The wish of every book that is expected to trade; one that is sold to cash wishes nothing."""
    gone = Wish(missing="the strategy is no longer among the books")
    return {
        book: Wish() if book in rails.flattening else wishes.get(book, gone) for book in expected
    }


def symbols_to_price(
    wishes: Mapping[str, Wish], held: Mapping[str, Mapping[str, Decimal]]
) -> set[str]:
    """Every symbol that a book wants or holds."""
    wanted = {symbol for wish in wishes.values() for symbol in wish.weights}
    return wanted | {symbol for holdings in held.values() for symbol in holdings}


def map_prices(desk: Desk, session: date, symbols: Iterable[str]) -> dict[str, str]:
    """Record the mid of a valid quote for each symbol; returns what is wrong with the others."""
    known = session_prices(desk.ledger, session)
    missing = {symbol for symbol in symbols if symbol not in known}
    faults: dict[str, str] = {}
    for attempt in range(QUOTE_TRIES):
        if not missing:
            break
        if attempt:
            desk.gateway.wait(1)
        good, faults = read_prices(desk, missing)
        record_prices(desk.ledger, session, good)
        missing -= set(good)
    return faults


def read_prices(
    desk: Desk, symbols: Iterable[str], *, oldest: timedelta = OLDEST_TO_VALUE
) -> tuple[dict[str, Quoted], dict[str, str]]:
    """Look at the quotes once: the valid ones, and what is wrong with the others, by symbol."""
    wanted = set(symbols)
    quotes = desk.gateway.quotes(wanted)
    now = desk.gateway.clock().now
    judged = {
        symbol: problem(quotes[symbol], now, oldest=oldest) if symbol in quotes else "no quote"
        for symbol in wanted
    }
    faults = {symbol: fault for symbol, fault in judged.items() if fault}
    good = {
        symbol: Quoted(price=quote.mid, bid=quote.bid, ask=quote.ask, quoted_at=quote.at)
        for symbol, quote in quotes.items()
        if symbol in wanted and symbol not in faults
    }
    return good, faults


def _overlaps(plans: Mapping[str, Plan], equity: Decimal | None) -> list[Overlap]:
    if equity is None or equity <= 0:
        return []
    return overlaps(
        {book: {item.symbol: item.current for item in plan.items} for book, plan in plans.items()},
        {book: {item.symbol: item.target for item in plan.items} for book, plan in plans.items()},
        equity,
    )
