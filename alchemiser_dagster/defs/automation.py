"""When things happen: the jobs, and the sensor that reads the exchange's clock.

    evening (17:30 New York)      bars and signals of the session just completed (`schedules`)
    noon_repair (12:00)           the same once more, where the checks found errors
    market_calendar, all day      the plan of the running session (and last evening's bars and
                                  signals, should they be missing)
    market_calendar, last 15 min  the trading of the session
    market_calendar, close + 10   the watchdog: a session without an end is brought to it
    market_calendar, close + 30   books and broker are compared once more
    declarative automation        fills, lots, performance, account, once a session was traded;
                                  the strategies on paper, once there are bars, then attribution;
                                  copies for other programs, where a setting asks for them; last
                                  the tearsheets

Everything is off until the operator switches it on: a fresh instance has no memory of what has run.
"""

import time
from dataclasses import dataclass
from datetime import date, datetime

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from alchemiser_dagster.defs.bars import BARS
from alchemiser_dagster.defs.reference import CALENDAR
from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk, TradingLock
from alchemiser_dagster.defs.trading import TRADE_TAG, is_announced
from alchemiser_dagster.execution.after_close import (
    OVERDUE,
    overdue_session,
    session_to_reconcile,
)
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.gate import phase_of_day
from alchemiser_dagster.execution.guards import WrongBroker
from alchemiser_dagster.ledger.queries import last_session, the_session
from alchemiser_dagster.market.second_source import CHECK as SECOND_SOURCE
from alchemiser_dagster.market.sessions import previous_session
from alchemiser_dagster.settings import SettingsError

SENSOR_SECONDS = 30
ATTEMPTS = 3
"""How often the sensor requests a run of a session that fails."""
WATCHDOG = "alchemiser/watchdog"
"""The tag of runs that the watchdog requests; they are counted apart from those of the window."""
ORPHANED_SECONDS = 120
"""A run takes the trading lock within this time of its start, and ends within it afterwards."""


def asset_jobs() -> dict[str, UnresolvedAssetJobDefinition]:
    """The jobs that materialise the stages of a session, by name."""
    # What the second source says is asked on Saturdays.
    elsewhere = dg.AssetCheckKey(dg.AssetKey(BARS), SECOND_SOURCE)
    market = dg.AssetSelection.groups("market") - dg.AssetSelection.checks(elsewhere)
    stages = {
        "evening": market | dg.AssetSelection.groups("signal"),
        "bars": market,
        "compare_calendars": dg.AssetSelection.assets(CALENDAR),
        "cross_check": dg.AssetSelection.groups("cross_check")
        | dg.AssetSelection.checks(elsewhere),
        "consolidate": dg.AssetSelection.groups("portfolio"),
        "history": dg.AssetSelection.groups("history"),
        "attribution": dg.AssetSelection.groups("history", "attribution"),
        "tearsheets": dg.AssetSelection.groups("reports"),
        "plan_session": dg.AssetSelection.groups("plan"),
        "after_close": dg.AssetSelection.groups("fills", "lots", "performance", "account"),
    }
    descriptions = {
        "evening": "Completed bars and every strategy's signal",
        "bars": "Completed bars and their checks",
        "compare_calendars": "The calendar, compared with the broker's",
        "cross_check": "The bars against those of a second source",
        "consolidate": "What the account as a whole is to hold",
        "history": "Every strategy on paper, over all the bars there are",
        "attribution": "Why books earned more or less than their strategies on paper",
        "tearsheets": "A page to look at for every book, and one for the account",
        "plan_session": "Every book's plan for the session, from the signals of the one before",
        "after_close": "What was traded, owned and earned, with the check against the broker",
    }
    return {
        name: dg.define_asset_job(
            name,
            selection=selection,
            executor_def=dg.in_process_executor,
            description=descriptions[name],
        )
        for name, selection in stages.items()
    }


def market_calendar_sensor(
    evening_job: UnresolvedAssetJobDefinition,
    plan_job: UnresolvedAssetJobDefinition,
    trade_job: dg.JobDefinition,
    reconcile_job: dg.JobDefinition,
) -> dg.SensorDefinition:
    """The sensor that reads the exchange's clock."""

    @dg.sensor(
        name="market_calendar",
        jobs=[evening_job, plan_job, trade_job, reconcile_job],
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="By the broker's clock: the session's plans when it opens, its trading in the "
        "last 15 minutes. 10 minutes after the close, the end of a session that has none "
        "(watchdog); 30 minutes after it, books and broker compared once more.",
    )
    def market_calendar(
        context: dg.SensorEvaluationContext,
        records: AccountRecords,
        trading: TradingDesk,
        lock: TradingLock,
    ) -> dg.SensorResult | dg.SkipReason:
        """Take the running session a step further: bars, plan, and in its window the trading.

        Outside its window nothing is sent for a session, however late this sensor wakes up. Ten
        minutes after the close it is the watchdog of a session that has not come to its end: what
        became of its orders is posted, and books that were never planned end as timed_out. Half an
        hour after the close books and broker are compared once more.
        """
        try:
            phase = phase_of_day(trading.desk())
        except (BrokerError, SettingsError, WrongBroker) as error:
            return dg.SkipReason(f"the broker's clock cannot be read: {error}")
        runs = context.instance
        end_orphans(runs, lock)
        if phase.window is None:
            left = _left_over(runs, records, phase.clock.now)
            if left is not None and not (phase.clock.is_open and _gave_up(runs, left)):
                if not lock.is_free():
                    return dg.SkipReason(f"another process is trading; {phase.says}")
                return _step(runs, left)
        if phase.day is None:
            return dg.SkipReason(phase.says)
        session = phase.day.session
        if session <= records.facts.inception:
            return dg.SkipReason(f"{session} is the account's first evening; it trades after it")
        if phase.clock.now >= phase.day.closes_at or phase.clock.now < phase.day.opens_at:
            return dg.SkipReason(phase.says)
        evening = Task("evening", previous_session(session))
        bars_missing = records.snapshots.find(evening.session) is None
        if bars_missing and not _gave_up(runs, evening):
            return _step(runs, evening)  # last evening was slept through
        if _is_running(runs, evening):
            return dg.SkipReason(f"bars and signals of {evening.key} are being made again")
        with records.ledger.read() as connection:
            traded = the_session(connection, session)
        plan = Task("plan_session", session)
        # A run of plans fails when a single book has none, so one that has ended is enough: unless
        # the signals are younger.
        if not _ended(runs, plan) or (traded is None and _is_older(runs, plan, evening)):
            return _step(runs, plan)
        if phase.window is None:
            return dg.SkipReason(phase.says)
        if traded is not None and traded.state == "complete" and is_announced(runs, session):
            return dg.SkipReason(f"{session} has been traded; {phase.says}")
        return _step(runs, Task("trade_session", session))

    return market_calendar


@dataclass(frozen=True)
class Task:
    """A run that the sensor may request: of a job, for a session."""

    job: str
    session: date
    watchdog: bool = False
    """Its attempts are counted apart: those in the window may all have failed."""

    @property
    def key(self) -> str:
        """The session as a partition key."""
        return self.session.isoformat()

    @property
    def name(self) -> str:
        """What its run keys begin with."""
        return "watchdog" if self.watchdog else self.job

    @property
    def tags(self) -> dict[str, str]:
        """The tags of its runs, the partition's apart."""
        return {WATCHDOG: "true"} if self.watchdog else {}


def _left_over(instance: dg.DagsterInstance, records: AccountRecords, now: datetime) -> Task | None:
    """What is left to do of the sessions that are over at `now`."""
    with records.ledger.read() as connection:
        unfinished = overdue_session(connection, now)
        last = last_session(connection)
        evening = session_to_reconcile(connection, now)
    if unfinished is not None:
        return Task("trade_session", unfinished, watchdog=True)
    if last is None or last.state != "complete" or now < last.closes_at + OVERDUE:
        return None
    if not is_announced(instance, last.session):
        return Task("trade_session", last.session, watchdog=True)
    return None if evening is None else Task("reconcile_after_close", evening)


def end_orphans(instance: dg.DagsterInstance, lock: TradingLock) -> None:
    """Mark trading runs as failed whose process is gone, so that others need not wait for them.

    After a power cut nobody else would: to Dagster they are still running, and one trading run at a
    time is the limit. A run that is alive has the lock, but for its first and last moments.
    """
    running = dg.RunsFilter(tags={TRADE_TAG: "true"}, statuses=[dg.DagsterRunStatus.STARTED])
    long_ago = time.time() - ORPHANED_SECONDS
    suspects = [
        record.dagster_run
        for record in instance.get_run_records(running)
        if record.start_time is not None and record.start_time < long_ago
    ]
    if suspects and lock.is_free():
        for run in suspects:
            instance.report_run_failed(run, "its process is gone: nobody holds the trading lock")


def _ended(instance: dg.DagsterInstance, task: Task) -> int:
    """How many runs of a task have ended."""
    ended = dg.RunsFilter(
        job_name=task.job,
        tags={"dagster/partition": task.key, **task.tags},
        statuses=[
            dg.DagsterRunStatus.SUCCESS,
            dg.DagsterRunStatus.FAILURE,
            dg.DagsterRunStatus.CANCELED,
        ],
    )
    return instance.get_runs_count(ended)


def _is_running(instance: dg.DagsterInstance, task: Task) -> bool:
    running = dg.RunsFilter(
        job_name=task.job,
        tags={"dagster/partition": task.key},
        statuses=[
            dg.DagsterRunStatus.QUEUED,
            dg.DagsterRunStatus.STARTING,
            dg.DagsterRunStatus.STARTED,
        ],
    )
    return instance.get_runs_count(running) > 0


def _is_older(instance: dg.DagsterInstance, plan: Task, signals: Task) -> bool:
    """Whether the last plans were begun before the last signals were made."""
    began, made = (
        max(
            (
                moment
                for record in instance.get_run_records(
                    dg.RunsFilter(job_name=task.job, tags={"dagster/partition": task.key})
                )
                if (moment := getattr(record, which)) is not None
            ),
            default=None,
        )
        for task, which in ((plan, "start_time"), (signals, "end_time"))
    )
    return began is not None and made is not None and began < made


def _gave_up(instance: dg.DagsterInstance, task: Task) -> bool:
    return _ended(instance, task) >= ATTEMPTS


def _step(instance: dg.DagsterInstance, task: Task) -> dg.SensorResult | dg.SkipReason:
    """Request a run; one that failed is tried again, under a new key, a few times.

    Asking twice for the same attempt is a no-op. Trying again is safe: what was done is found in
    the ledger, and nothing is sent twice.
    """
    attempt = _ended(instance, task)
    if attempt >= ATTEMPTS:
        return dg.SkipReason(
            f"{task.name} of {task.key} has failed {attempt} times; somebody should look"
        )
    request = dg.RunRequest(
        run_key=f"{task.name}:{task.key}:{attempt}",
        job_name=task.job,
        partition_key=task.key,
        tags=task.tags,
    )
    return dg.SensorResult(run_requests=[request])


def after_close_automation() -> dg.AutomationConditionSensorDefinition:
    """Evaluates the automation conditions of all that follows trading and new bars."""
    return dg.AutomationConditionSensorDefinition(
        "after_close_automation",
        target=dg.AssetSelection.groups(
            "fills",
            "lots",
            "performance",
            "account",
            "portfolio",
            "history",
            "attribution",
            "published",
            "reports",
        ),
        default_status=dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=SENSOR_SECONDS,
    )
