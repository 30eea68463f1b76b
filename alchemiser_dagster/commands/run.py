"""`alchemiser run`: replay sessions on the embedded market and broker."""

import hashlib
import os
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from alchemiser_dagster.books.performance import PriceMissing
from alchemiser_dagster.books.strategies import Book, BooksError, load_books
from alchemiser_dagster.commands.replay import (
    Replay,
    ReplayError,
    compare_with_paper,
    embedded_broker,
    replay,
    sessions_to_replay,
)
from alchemiser_dagster.commands.report import (
    BooksReport,
    books_table,
    holdings_table,
    report_of,
)
from alchemiser_dagster.commands.sources import source_of
from alchemiser_dagster.commands.terminal import err, fail, out, progress_bar
from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk
from alchemiser_dagster.embedded import StateFileError
from alchemiser_dagster.ledger.queries import last_session, outcomes
from alchemiser_dagster.ledger.store import Ledger, LedgerError
from alchemiser_dagster.market.bars import BarsError, read_bars
from alchemiser_dagster.market.sessions import (
    SessionError,
    is_session,
    last_completed_session,
    next_session,
    previous_session,
)
from alchemiser_dagster.settings import (
    SYNTHETIC_SEED,
    VAR,
    AccountFile,
    BrokerMode,
    Home,
    SettingsError,
    broker_mode,
    remember,
    strategies_folder,
)
from alchemiser_dagster.settings import home as home_of_settings


def run(
    sessions: int,
    bars: Path | None,
    first: date | None,
    last: date | None,
    *,
    fresh: bool,
) -> None:
    """Replay up to `sessions` sessions, or those from `first` to `last`, and print the books."""
    try:
        if broker_mode() is not BrokerMode.EMBEDDED:
            fail(
                f"`alchemiser run` replays on the embedded broker, but ALCHEMISER_BROKER is "
                f"{broker_mode()}; for an account at Alpaca use `alchemiser ui` and its sensors"
            )
        books = load_books(strategies_folder())
        home = _home(bars)
        if fresh:
            _set_aside(home)
        known = home.account()
        on_file = Path(known.bars) if bars is None and known and known.bars else bars
        last = _last_session(on_file, first, last)
        plan = _plan(home, bars, first, last, sessions)
        remember(home)
        _introduce(plan, books)
        uncompared = [] if plan.is_done else _with_progress(plan)
        report = _report(plan)
    except KeyboardInterrupt:
        fail("interrupted; nothing is lost: run it again and it goes on where it stopped")
    except (
        BarsError,
        BooksError,
        LedgerError,
        PriceMissing,
        ReplayError,
        SessionError,
        SettingsError,
        StateFileError,
    ) as error:
        fail(str(error))
    out.print(books_table(report, _title(plan)))
    out.print(holdings_table(report))
    _say_what_failed(home)
    if report.difference != 0:
        fail(f"the books do not add up to the broker: {report.difference} dollars are unexplained")
    out.print("The books add up to the broker's account to the cent.")
    for why in uncompared:
        err.print(f"Not compared with its strategy on paper: {why}", style="yellow", markup=False)
    out.print("A page for each book, and one for the account: [bold]alchemiser report[/bold]")
    out.print("See every run, table and lineage in the web UI: [bold]make ui[/bold]")


def _last_session(bars: Path | None, first: date | None, last: date | None) -> date:
    """The last session to replay: that of `last`, or the latest that has bars.

    Raises ReplayError when the bars do not reach from before `first` to `last`.
    """
    newest = last_completed_session(datetime.now(UTC))
    if bars is not None:
        days = read_bars(bars)["date"]
        oldest, latest = days.min(), days.max()
        assert isinstance(oldest, date)
        assert isinstance(latest, date)
        newest = min(latest, newest)
        if first is not None and first <= oldest:
            raise ReplayError(
                f"{bars}: expected --from after the first bar of {oldest}, was {first}"
            )
    if last is None:
        return newest
    if last > newest:
        raise ReplayError(
            f"expected --to up to {newest}, the latest completed session with bars, was {last}"
        )
    return last if is_session(last) else previous_session(last)


def _home(bars: Path | None) -> Home:
    if os.environ.get("ALCHEMISER_HOME"):
        return home_of_settings()
    if bars is None:
        return Home(VAR / "synthetic")
    where = hashlib.sha256(str(bars.resolve()).encode()).hexdigest()[:8]
    return Home(VAR / f"{bars.stem}-{where}")


def _set_aside(home: Home) -> None:
    """Keep what an earlier account recorded, out of the new one's way.

    Only a folder that is an account's is moved, and it stays on its own disk. Raises ReplayError
    while another process works on it.
    """
    if home.account() is None:
        return
    if _is_open(home.broker):
        raise ReplayError(
            f"the account in {home.path} is in use by `alchemiser ui` or another run: end it first"
        )
    name = f"{home.path.name}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    kept = home.path.parent / "set-aside" / name
    kept.parent.mkdir(parents=True, exist_ok=True)
    home.path.replace(kept)
    err.print(f"The earlier account was set aside in {kept}", highlight=False)


def _is_open(state: Path) -> bool:
    """Whether a broker has its state file open."""
    if not state.exists():
        return False
    with closing(sqlite3.connect(state, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return True
    return False


def _plan(home: Home, bars: Path | None, first: date | None, last: date, sessions: int) -> Replay:
    account = home.account()
    if account is not None:
        _check_account(account, home, bars)
    traded = None
    if home.ledger.exists():
        ledger = Ledger.at(home.ledger)
        with ledger.read() as connection:
            row = last_session(connection)
        ledger.close()
        if row is not None:
            traded = row.session if row.state == "complete" else previous_session(row.session)
    chosen = sessions_to_replay(account, traded, first, last, sessions)
    if not chosen and traded is None:
        span = f"up to {last}" if first is None else f"from {first} to {last}"
        raise ReplayError(f"expected at least one session {span}, was none")
    if account is None:
        account = AccountFile(
            mode=BrokerMode.EMBEDDED,
            inception=previous_session(chosen[0]),
            bars=None if bars is None else str(bars.resolve()),
            seed=SYNTHETIC_SEED,
        )
        account = home.open(account)
    # An account that is ahead of what was asked for stays where it is.
    return Replay(home, account, strategies_folder(), chosen, max(last, traded or last))


def _check_account(account: AccountFile, home: Home, bars: Path | None) -> None:
    """Raise ReplayError unless the account may be replayed, and on these bars."""
    if account.mode is not BrokerMode.EMBEDDED:
        raise ReplayError(f"expected an embedded account in {home.path}, was a {account.mode} one")
    if bars is not None and str(bars.resolve()) != account.bars:
        raise ReplayError(
            f"the account in {home.path} was opened on {account.bars or 'the synthetic market'} "
            f"and stays there; expected those bars, was {bars}: start a new account with --fresh"
        )


def _introduce(plan: Replay, books: list[Book]) -> None:
    source = source_of(plan.facts)
    kind = "SYNTHETIC market, not real prices" if source.is_synthetic else "bars file"
    out.print(f"[bold]The Alchemiser[/bold]: {len(books)} books, embedded broker, {source.name}")
    out.print(f"Prices: {kind}. No order leaves this machine.", highlight=False)
    for book in books:
        if book.problem is not None:
            err.print(f"{book.name} is left out: {book.problem}", style="yellow", markup=False)
    if not plan.sessions:
        out.print("Every session has been traded already. [bold]--fresh[/bold] starts over.")


def _with_progress(plan: Replay) -> list[str]:
    with progress_bar() as progress:
        task = progress.add_task("starting", total=len(plan.sessions) + 3)

        def done(what: str, steps: int) -> None:
            progress.update(task, description=what, advance=steps)

        pending = plan.unaccounted()
        replay(plan, done)
        done("on paper", 0)
        uncompared = compare_with_paper(plan, pending)
        done("on paper", 1)
        return uncompared


def _report(plan: Replay) -> BooksReport:
    records = AccountRecords(home=str(plan.home.path), strategies=str(plan.strategies))
    with embedded_broker(plan.home, plan.facts, plan.strategies):
        return report_of(TradingDesk(records=records).desk())


def _title(plan: Replay) -> str:
    ledger = Ledger.at(plan.home.ledger)
    with ledger.read() as connection:
        row = last_session(connection)
    ledger.close()
    assert row is not None
    source = source_of(plan.facts)
    first = next_session(plan.facts.inception)
    return f"Books after {row.session} (traded since {first}; {source.name})"


def _say_what_failed(home: Home) -> None:
    """List the books of the last session that did not end as they should."""
    ledger = Ledger.at(home.ledger)
    with ledger.read() as connection:
        row = last_session(connection)
        ended = [] if row is None else outcomes(connection, row.session)
    ledger.close()
    for book in ended:
        if book.state not in ("traded", "held"):
            err.print(
                f"{book.book} in {book.session}: {book.state}: {book.reason}",
                style="yellow",
                markup=False,
            )
