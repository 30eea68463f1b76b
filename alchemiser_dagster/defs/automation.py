"""When things happen: the evening schedule, the market-calendar sensor, the jobs they start.

    evening (17:30 New York)      bars and signals of the session just completed
    market_calendar, all day      the plan of the running session, once it is a session
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
from alchemiser_dagster.execution.gate import NEW_YORK, phase_of_day
from alchemiser_dagster.execution.guards import WrongBroker
from alchemiser_dagster.market.sessions import is_session
from alchemiser_dagster.settings import SettingsError

EVENING = "30 17 * * 1-5"
SENSOR_SECONDS = 30


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
    plan_job: UnresolvedAssetJobDefinition, trade_job: dg.JobDefinition
) -> dg.SensorDefinition:
    """The sensor that reads the exchange's clock."""

    @dg.sensor(
        name="market_calendar",
        jobs=[plan_job, trade_job],
        minimum_interval_seconds=SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
    )
    def market_calendar(
        context: dg.SensorEvaluationContext, records: AccountRecords, trading: TradingDesk
    ) -> dg.SensorResult | dg.SkipReason:
        """Plan the running session, and trade it once its window has opened and it is planned.

        The run keys are the session's: asking again is a no-op. Outside its window a session is
        never requested, however late this sensor wakes up.
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
        key = session.isoformat()
        requests = [
            dg.RunRequest(run_key=f"plan:{key}", job_name="plan_session", partition_key=key)
        ]
        context.log.info(phase.says)
        if phase.window is not None:
            if _is_planned(context.instance, key):
                trade = f"trade:{key}"
                requests.append(
                    dg.RunRequest(run_key=trade, job_name="trade_session", partition_key=key)
                )
            else:
                context.log.info(f"the trading of {key} waits for its run of plan_session to end")
        return dg.SensorResult(run_requests=requests)

    return market_calendar


def _is_planned(instance: dg.DagsterInstance, key: str) -> bool:
    """Whether a run of `plan_session` has ended; it fails when a single book has no plan."""
    ended = dg.RunsFilter(
        job_name="plan_session",
        tags={"dagster/partition": key},
        statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE],
    )
    return instance.get_runs_count(ended) > 0


def after_close_automation() -> dg.AutomationConditionSensorDefinition:
    """Evaluates the automation conditions of the after-close assets and the portfolio."""
    return dg.AutomationConditionSensorDefinition(
        "after_close_automation",
        target=dg.AssetSelection.groups("fills", "lots", "performance", "account", "portfolio"),
        default_status=dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=SENSOR_SECONDS,
    )
