"""How each book stands, and what should hold of a book and of what is published about it."""

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import Connection, func, select

from alchemiser_dagster.books.book_events import FLOWS
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.execution.findings import Finding, finding
from alchemiser_dagster.ledger.queries import (
    all_books,
    book_cash,
    exits_of,
    open_lots,
    open_lots_by_book,
    positions,
)
from alchemiser_dagster.ledger.rails import rail_state
from alchemiser_dagster.ledger.schema import (
    WITHOUT_STRATEGY,
    cash_entries,
    session_books,
)
from alchemiser_dagster.market.sessions import sessions_between

SESSIONS_LATE = 1
"""What is published may be this many sessions behind: the last one is accounted for tonight."""
BAD, HALF_BAD = ("failed", "blocked", "timed_out"), ("partial",)
"""Outcomes that ask for somebody, and those that are worth knowing."""


PERFORMANCE_FIGURES = (
    "cash", "realized_pnl", "current_holdings_value", "current_holdings", "completed_trades",
    "net_flows",
)  # fmt: skip
"""Columns of a book's performance that follow from the ledger alone, whatever the prices were."""


@dataclass(frozen=True)
class Published:
    """What is published of a book: the last sessions of its signal and of its performance.

    `refusal` says why there is no later signal. `figures` are those of that performance that the
    ledger gives too (`PERFORMANCE_FIGURES`), by column; `problem` why it cannot be read.
    """

    signal: date | None = None
    refusal: str | None = None
    performance: date | None = None
    figures: Mapping[str, Decimal] | None = None
    problem: str | None = None


@dataclass(frozen=True)
class BookState:
    """A book as it stands.

    `enabled` is None where the strategies folder has no such book; `outcome` is that of
    `outcome_session`, the last one it took part in. `positions` are shares by symbol, `cash` and
    `nav` dollars, the latter None where a price is missing. `age` is how many completed sessions
    its last performance is behind, None before there was a session, and `exits_since` how many lot
    exits came after it.
    """

    book: str
    enabled: bool | None
    allocation: Decimal
    opened: date
    published: Published
    outcome: str | None
    outcome_session: date | None
    reason: str
    lots: int
    positions: Mapping[str, Decimal]
    cash: Decimal
    nav: Decimal | None
    age: int | None
    exits_since: int

    @property
    def is_strategy(self) -> bool:
        """Whether a strategy stands behind it, rather than the account's own bookkeeping."""
        return self.book not in WITHOUT_STRATEGY


def book_states(
    connection: Connection,
    strategies: Mapping[str, Book],
    published: Mapping[str, Published],
    prices: Mapping[str, Decimal],
    *,
    completed: date | None,
) -> list[BookState]:
    """Every book of the ledger, by name.

    `prices` are dollars a share; `completed` is the last session that is over, None before
    the account's first one is.
    """
    cash, held = book_cash(connection), positions(connection)
    lots = Counter(book for book, _ in open_lots_by_book(connection))
    states = []
    for row in all_books(connection):
        own, public = held.get(row.book, {}), published.get(row.book, Published())
        ended = connection.execute(
            select(session_books)
            .where(session_books.c.book == row.book)
            .order_by(session_books.c.session.desc())
            .limit(1)
        ).one_or_none()
        strategy = strategies.get(row.book)
        dollars = cash.get(row.book, ZERO)
        states.append(
            BookState(
                book=row.book,
                enabled=None if strategy is None else strategy.enabled,
                allocation=row.allocation,
                opened=row.opened_session,
                published=public,
                outcome=None if ended is None else ended.state,
                outcome_session=None if ended is None else ended.session,
                reason="" if ended is None else ended.reason,
                lots=lots[row.book],
                positions=own,
                cash=dollars,
                nav=_nav(dollars, own, prices),
                age=_sessions_behind(public.performance or row.opened_session, completed),
                exits_since=sum(
                    1
                    for exit_ in exits_of(connection, row.book)
                    if public.performance is None or exit_.session > public.performance
                ),
            )
        )
    return states


def _nav(
    cash: Decimal, held: Mapping[str, Decimal], prices: Mapping[str, Decimal]
) -> Decimal | None:
    if any(symbol not in prices for symbol in held):
        return None
    return cash + sum((shares * prices[symbol] for symbol, shares in held.items()), ZERO)


def _sessions_behind(last: date, completed: date | None) -> int | None:
    """Completed sessions after `last`."""
    if completed is None:
        return None
    return len(sessions_between(last + timedelta(days=1), completed)) if completed > last else 0


def book_findings(
    connection: Connection, state: BookState, strategy: Book | None, *, completed: date | None
) -> list[Finding]:
    """What should hold of a strategy's book."""
    flattening = state.book in rail_state(connection).flattening
    found = [_strategy_usable(state, strategy, flattening=flattening)]
    if strategy is not None:
        found += [_performance_fresh(state), _performance_true(connection, state)]
        if strategy.enabled:
            found += [_outcome_good(state), _signal_fresh(state, strategy, completed)]
    return found


def books_opened(strategies: Mapping[str, Book], opened: Set[str]) -> list[Finding]:
    """Every strategy that is switched on has a book; one that has none yet must be readable."""
    return [
        finding(
            "strategy_usable",
            "a strategy that can be read, with a book of its own",
            "mend the file; the next session opens the book of a strategy that can be read",
            failing=[] if strategy.problem is None else [strategy.problem],
            warning=["it has no book yet"] if strategy.problem is None else [],
            book=name,
        )
        for name, strategy in sorted(strategies.items())
        if strategy.enabled and name not in opened
    ]


def _strategy_usable(state: BookState, strategy: Book | None, *, flattening: bool) -> Finding:
    holds = " ".join(sorted(state.positions))
    failing, warning = [], []
    if strategy is None and holds and not flattening:
        failing.append(f"no strategy of this name, and nobody trades its {holds}")
    if strategy is not None and strategy.enabled and strategy.problem is not None:
        failing.append(strategy.problem)
    if strategy is not None and not strategy.enabled and holds and not flattening:
        warning.append(f"it is switched off, and nobody trades its {holds}")
    return finding(
        "strategy_usable",
        "a strategy that can be read, or a book that is in cash",
        f"mend the file; or `alchemiser flatten {state.book}`",
        failing=failing,
        warning=warning,
        book=state.book,
    )


def _outcome_good(state: BookState) -> Finding:
    line = f"{state.outcome} in {state.outcome_session}: {state.reason or 'no reason was kept'}"
    return finding(
        "outcome_good",
        "a book that traded, or had nothing to trade, in its last session",
        "the reason says what was in the way; the next session tries again",
        failing=[line] if state.outcome in BAD else [],
        warning=[line] if state.outcome in HALF_BAD else [],
        book=state.book,
    )


def _signal_fresh(state: BookState, strategy: Book, completed: date | None) -> Finding:
    public, failing = state.published, []
    behind = _sessions_behind(public.signal or state.opened, completed)
    if strategy.symphony is not None and behind is not None and behind > SESSIONS_LATE:
        last = "none yet" if public.signal is None else f"of {public.signal}"
        why = "" if public.refusal is None else f": {public.refusal}"
        failing = [f"the last signal is {last}, {behind} sessions behind{why}"]
    return finding(
        "signal_fresh",
        f"a signal at most {SESSIONS_LATE} session behind",
        "materialise bars, findings and the signal in the UI, or switch the evening's schedule on",
        failing=failing,
        book=state.book,
    )


def _performance_fresh(state: BookState) -> Finding:
    failing = []
    if state.age is not None and state.age > SESSIONS_LATE:
        last = state.published.performance
        of = "there is no performance" if last is None else f"the last performance is of {last}"
        failing = [f"{of}, {state.age} sessions behind, and {state.exits_since} lot exits since"]
    return finding(
        "performance_fresh",
        f"a performance snapshot at most {SESSIONS_LATE} session behind",
        "run the job `after_close` for the sessions that are missing, or switch its automation on",
        failing=failing,
        book=state.book,
    )


def _figures(connection: Connection, book: str, session: date) -> dict[str, Decimal]:
    """What a book's performance must say after a session, by PERFORMANCE_FIGURES."""
    held = open_lots(connection, book=book, through=session)
    exits = exits_of(connection, book, through=session)
    amount = cash_entries.c.amount
    flows = connection.execute(
        select(func.sum(amount, type_=amount.type)).where(
            cash_entries.c.book == book,
            cash_entries.c.session <= session,
            cash_entries.c.kind.in_(FLOWS),
        )
    ).scalar()
    values = (
        book_cash(connection, through=session).get(book, ZERO),
        sum((exit_.proceeds - exit_.cost for exit_ in exits), ZERO),
        sum((lot.cost for lot in held), ZERO),
        Decimal(len(held)),
        Decimal(len(exits)),
        flows or ZERO,
    )
    return dict(zip(PERFORMANCE_FIGURES, values, strict=True))


def _performance_true(connection: Connection, state: BookState) -> Finding:
    public, failing = state.published, []
    if public.problem is not None:
        failing = [public.problem]
    elif public.performance is not None:
        ours, theirs = _figures(connection, state.book, public.performance), public.figures or {}
        failing = [
            f"{name} after {public.performance}: published {theirs.get(name)}, in the ledger {own}"
            for name, own in ours.items()
            if theirs.get(name) != own
        ]
    return finding(
        "performance_true",
        "a published performance that says what the ledger says",
        "materialise the tables of that session again; if that changes nothing, the ledger was "
        "changed afterwards",
        failing=failing,
        book=state.book,
    )
