"""Replaying sessions on the embedded broker: the same assets and the same trading job as live.

    once            bars and signals of all sessions, in one run over the range
    each session    the plans, then the run of `trade_session` in the session's own window
    once            fills, lots, performance and the account's checks, in one run over the range
    once            every strategy on paper, and why its book earned otherwise, in another

The account's folder remembers everything, so an interrupted replay goes on where it stopped.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
from dagster._core.events import RunFailureReason

from alchemiser_dagster.books.strategies import load_books
from alchemiser_dagster.commands.sources import source_of
from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk
from alchemiser_dagster.embedded import EmbeddedBroker
from alchemiser_dagster.execution.desk import WINDOW
from alchemiser_dagster.execution.opening import open_the_account
from alchemiser_dagster.market.bars import checked_bars
from alchemiser_dagster.market.sessions import (
    last_completed_session,
    next_session,
    previous_session,
    session_close,
    sessions_between,
)
from alchemiser_dagster.settings import ROOT, AccountFile, Home

OPENING_CASH = Decimal(100_000)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""The runs' logs are in Dagster's store; the terminal has the progress bar."""
BROKER_HISTORY = timedelta(days=120)
"""Calendar days of bars before inception, from which the broker knows usual spreads and volumes."""


class ReplayError(Exception):
    """A replay that cannot go on; the message says what to do."""


@dataclass(frozen=True)
class Replay:
    """A replay of `sessions`, oldest first, on one account whose last session will be `last`."""

    home: Home
    facts: AccountFile
    strategies: Path
    sessions: list[date]
    last: date

    @property
    def records(self) -> AccountRecords:
        """The account's records."""
        return AccountRecords(home=str(self.home.path), strategies=str(self.strategies))

    @property
    def is_done(self) -> bool:
        """Nothing to trade and nothing to account for."""
        return not self.sessions and not self.unaccounted()

    def unaccounted(self) -> list[date]:
        """Sessions of the account without the tables that follow the trading."""
        tables = self.records.tables
        stages = [["portfolio_performance"]]
        stages += [["performance", book.name] for book in load_books(self.strategies)]
        return [
            session
            for session in sessions_between(next_session(self.facts.inception), self.last)
            if not all(tables.exists(key, session.isoformat()) for key in stages)
        ]


@contextmanager
def embedded_broker(home: Home, facts: AccountFile, strategies: Path) -> Iterator[EmbeddedBroker]:
    """The account's embedded broker, with all the bars there are of what its strategies need.

    All of them, however few sessions are to be replayed: the broker keeps an account on bars that
    only ever grow, and shows none that its clock has not reached.
    """
    records = AccountRecords(home=str(home.path), strategies=str(strategies))
    wanted = records.symbols()
    records.ledger.close()
    first = facts.inception - BROKER_HISTORY
    newest = last_completed_session(datetime.now(UTC))
    source = source_of(facts)
    bars = checked_bars(source.daily_bars(sorted(wanted), first, newest), origin=source.name)
    with EmbeddedBroker(
        bars,
        home.broker,
        opened_at=session_close(facts.inception) + timedelta(hours=1),
        opening_cash=OPENING_CASH,
        seed=facts.seed,
    ) as broker:
        yield broker


@contextmanager
def dagster_instance(home: Home) -> Iterator[dg.DagsterInstance]:
    """Dagster's store in the account's folder, set up like the project's."""
    prepare_dagster(home)
    with dg.DagsterInstance.get() as instance:
        yield instance


def prepare_dagster(home: Home) -> None:
    """Make the account's Dagster home and point the environment to it."""
    home.dagster.mkdir(parents=True, exist_ok=True)
    settings = (ROOT / "dagster.yaml").read_text(encoding="utf-8")
    (home.dagster / "dagster.yaml").write_text(settings, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ["ALCHEMISER_HOME"] = str(home.path)


def replay(plan: Replay, progress: Callable[[str, int], None]) -> None:
    """Trade every session of `plan`, and account for those that are not accounted for yet.

    `progress` is told what is done, and by how many of the plan's steps. Raises ReplayError when a
    session could not be traded to its end or not be accounted for, KeyboardInterrupt when Ctrl-C
    was pressed: Dagster itself takes that for a failed run and would go on.
    """
    # Importing the module builds the definitions of the settings' account, with all that may fail.
    from alchemiser_dagster.definitions import build_definitions

    definitions = build_definitions(plan.home, str(plan.strategies))
    with (
        dagster_instance(plan.home) as instance,
        embedded_broker(plan.home, plan.facts, plan.strategies) as broker,
    ):
        open_embedded_account(plan.home, plan.facts, plan.strategies)
        control = broker.control()
        if plan.sessions:
            progress("bars and signals", 0)
            before = previous_session(plan.sessions[0])
            _materialise(definitions, instance, "evening", before, plan.last)
            _require_bars(plan.records, sessions_between(before, plan.last))
            _materialise(definitions, instance, "consolidate", before, plan.last)
        progress("bars and signals", 1)
        for session in plan.sessions:
            progress(f"trading {session}", 0)
            opens = session_close(session) - WINDOW
            if control.now() < opens:
                control.advance_to(opens)
            _materialise(definitions, instance, "plan_session", session, session)
            _trade(definitions, instance, session)
            progress(f"trading {session}", 1)
        # The closes of the last session are in when its market has closed.
        closing = session_close(plan.last) + timedelta(minutes=30)
        if control.now() < closing:
            control.advance_to(closing)
        progress("accounting", 0)
        unaccounted = plan.unaccounted()
        if (
            unaccounted
            and not _materialise(
                definitions, instance, "after_close", unaccounted[0], plan.last
            ).success
        ):
            raise ReplayError(
                "the accounting did not succeed; the log of the run `after_close` in the UI says "
                "why, and running again makes it anew"
            )
        progress("accounting", 1)


def compare_with_paper(plan: Replay, sessions: Sequence[date]) -> list[str]:
    """Make every strategy's model, and say for each of `sessions` why its book earned otherwise.

    Returns why books could not be compared, a line each; they are accounted for all the same.
    """
    from alchemiser_dagster.definitions import build_definitions

    definitions = build_definitions(plan.home, str(plan.strategies))
    with dagster_instance(plan.home) as instance:
        compared = _materialise(definitions, instance, "attribution", sessions[0], sessions[-1])
    return failures_of(compared)


def open_embedded_account(home: Home, facts: AccountFile, strategies: Path) -> None:
    """Open the ledger's account and books at the running embedded broker; harmless when done."""
    records = AccountRecords(home=str(home.path), strategies=str(strategies))
    desk = TradingDesk(records=records).desk()
    open_the_account(desk, records.terms(), inception=facts.inception)


def _materialise(
    definitions: dg.Definitions, instance: dg.DagsterInstance, job: str, first: date, last: date
) -> dg.ExecuteInProcessResult:
    """Run an asset job over a range of sessions; some of its assets may fail."""
    result = definitions.resolve_job_def(job).execute_in_process(
        instance=instance,
        raise_on_error=False,
        run_config=QUIET,
        tags={
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        },
    )
    _pass_on_interrupt(result)
    return result


def _require_bars(records: AccountRecords, sessions: list[date]) -> None:
    """Raise ReplayError unless there are bars of every session: without them nobody may trade."""
    snapshots = records.snapshots
    absent = [session for session in sessions if snapshots.find(session) is None]
    if absent:
        why = snapshots.refusal(absent[0]) or "the log of the run `evening` in the UI says why"
        raise ReplayError(
            f"expected bars of every session from {sessions[0]} to {sessions[-1]}, was none of "
            f"{absent[0]} ({len(absent)} sessions without bars); nothing was traded: {why}"
        )


def _pass_on_interrupt(result: dg.ExecuteInProcessResult) -> None:
    for event in result.all_events:
        if (
            event.is_job_failure
            and event.job_failure_data.failure_reason is RunFailureReason.UNEXPECTED_TERMINATION
        ):
            raise KeyboardInterrupt


def _trade(definitions: dg.Definitions, instance: dg.DagsterInstance, session: date) -> None:
    result = definitions.resolve_job_def("trade_session").execute_in_process(
        instance=instance,
        partition_key=session.isoformat(),
        raise_on_error=False,
        run_config=QUIET,
    )
    _pass_on_interrupt(result)
    if not result.success:
        raise ReplayError(f"{session} could not be traded:\n" + "\n".join(failures_of(result)))


def failures_of(result: dg.ExecuteInProcessResult) -> list[str]:
    """What the failed steps of a run said."""
    return [
        event.step_failure_data.error.message.strip()
        for event in result.all_events
        if event.is_step_failure and event.step_failure_data.error is not None
    ]


def sessions_to_replay(
    account: AccountFile | None, traded: date | None, first: date | None, last: date, count: int
) -> list[date]:
    """The sessions to trade next, up to `last`.

    A new account starts at `first`, or `count` sessions back; an account that has traded goes on
    with the session after `traded`, whatever `first` says, because a book has no gaps.
    """
    if account is not None:
        start = next_session(traded or account.inception)
        if first is not None and first < next_session(account.inception):
            raise ReplayError(
                f"this account was opened on {account.inception}, so it cannot trade {first}: "
                "start a new one with --fresh"
            )
        return sessions_between(start, last) if start <= last else []
    if first is not None:
        return sessions_between(first, last)
    return sessions_between(last - timedelta(days=count * 2 + 30), last)[-count:]
