"""When things happen: the evening schedule, the market-calendar sensor, the jobs they start.

    evening (17:30 New York)      bars and signals of the session just completed
    market_calendar, all day      the plan of the running session (and last evening's bars and
                                  signals, should they be missing)
    market_calendar, last 15 min  the trading of the session
    declarative automation        fills, lots, performance, account, once a session was traded

Everything is off until the operator switches it on: a fresh instance has no memory of what has run.
"""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.gate import phase_of_day
from alchemiser_dagster.execution.guards import WrongBroker
from alchemiser_dagster.ledger.queries import the_session
from alchemiser_dagster.market.sessions import NEW_YORK, is_session, previous_session
from alchemiser_dagster.settings import SettingsError

EVENING = "30 17 * * 1-5"
SENSOR_SECONDS = 30
ATTEMPTS = 3
"""How often the sensor requests a run of a session that fails."""


def asset_jobs() -> dict[str, UnresolvedAssetJobDefinition]:
    """The jobs that materialise the stages of a session, by name."""
    stages = {
        "evening": dg.AssetSelection.groups("market", "signal"),
        "consolidate": dg.AssetSelection.groups("portfolio"),
        "history": dg.AssetSelection.groups("history"),
        "plan_session": dg.AssetSelection.groups("plan"),
        "after_close": dg.AssetSelection.groups("fills", "lots", "performance", "account"),
    }
    descriptions = {
        "evening": "Completed bars and every strategy's signal",
        "consolidate": "What the account as a whole is to hold",
        "history": "Every strategy on paper, over all the bars there are",
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


def evening_schedule(job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Bars and signals of each session, in its evening."""

    @dg.schedule(
        name="evening",
        job=job,
        cron_schedule=EVENING,
        execution_timezone="America/New_York",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def evening(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Request the bars and signals of the session that has just completed."""
        today = context.scheduled_execution_time.astimezone(NEW_YORK).date()
        if not is_session(today):
            return dg.SkipReason(f"{today} is no session")
        return dg.RunRequest(run_key=f"evening:{today}", partition_key=today.isoformat())

    return evening


def market_calendar_sensor(
    evening_job: UnresolvedAssetJobDefinition,
    plan_job: UnresolvedAssetJobDefinition,
    trade_job: dg.JobDefinition,
) -> dg.SensorDefinition:
    """The sensor that reads the exchange's clock."""

    @dg.sensor(
        name="market_calendar",
        jobs=[evening_job, plan_job, trade_job],
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def market_calendar(
        context: dg.SensorEvaluationContext, records: AccountRecords, trading: TradingDesk
    ) -> dg.SensorResult | dg.SkipReason:
        """Take the running session a step further: bars, plan, and in its window the trading.

        Outside its window a session is never traded, however late this sensor wakes up.
        """
        try:
            phase = phase_of_day(trading.desk())
        except (BrokerError, SettingsError, WrongBroker) as error:
            return dg.SkipReason(f"the broker's clock cannot be read: {error}")
        if phase.day is None:
            return dg.SkipReason(phase.says)
        session = phase.day.session
        if session <= records.facts.inception:
            return dg.SkipReason(f"{session} is the account's first evening; it trades after it")
        if phase.clock.now >= phase.day.closes_at or phase.clock.now < phase.day.opens_at:
            return dg.SkipReason(phase.says)
        key, before = session.isoformat(), previous_session(session).isoformat()
        runs = context.instance
        bars_missing = not records.tables.path(["daily_bars"], before).exists()
        if bars_missing and not _gave_up(runs, "evening", before):
            return _step(runs, "evening", before)  # last evening was slept through
        if not _has_ended(runs, "plan_session", key):
            return _step(runs, "plan_session", key)
        if phase.window is None:
            return dg.SkipReason(phase.says)
        with records.ledger.read() as connection:
            traded = the_session(connection, session)
        if traded is not None and traded.state == "complete":
            return dg.SkipReason(f"{session} has been traded; {phase.says}")
        return _step(runs, "trade_session", key)

    return market_calendar


def _ended(instance: dg.DagsterInstance, job: str, key: str) -> int:
    """How many runs of a job have ended for a session."""
    ended = dg.RunsFilter(
        job_name=job,
        tags={"dagster/partition": key},
        statuses=[
            dg.DagsterRunStatus.SUCCESS,
            dg.DagsterRunStatus.FAILURE,
            dg.DagsterRunStatus.CANCELED,
        ],
    )
    return instance.get_runs_count(ended)


def _has_ended(instance: dg.DagsterInstance, job: str, key: str) -> bool:
    """Whether a job has run for a session; a plan run fails when a single book has no plan."""
    return _ended(instance, job, key) > 0


def _gave_up(instance: dg.DagsterInstance, job: str, key: str) -> bool:
    return _ended(instance, job, key) >= ATTEMPTS


def _step(instance: dg.DagsterInstance, job: str, key: str) -> dg.SensorResult | dg.SkipReason:
    """Request a run; one that failed is tried again, under a new key, a few times.

    Asking twice for the same attempt is a no-op. Trying again is safe: what was done is found in
    the ledger, and nothing is sent twice.
    """
    attempt = _ended(instance, job, key)
    if attempt >= ATTEMPTS:
        return dg.SkipReason(f"{job} of {key} has failed {attempt} times; somebody should look")
    request = dg.RunRequest(run_key=f"{job}:{key}:{attempt}", job_name=job, partition_key=key)
    return dg.SensorResult(run_requests=[request])


def after_close_automation() -> dg.AutomationConditionSensorDefinition:
    """Evaluates the automation conditions of the after-close assets and the portfolio."""
    return dg.AutomationConditionSensorDefinition(
        "after_close_automation",
        target=dg.AssetSelection.groups("fills", "lots", "performance", "account", "portfolio"),
        default_status=dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=SENSOR_SECONDS,
    )
