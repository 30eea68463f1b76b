"""What happens at a time of day in New York. All is off until the operator switches it on.

evening       17:30    bars, checks and signals of the session that has completed
noon_repair   12:00    those of the session before once more, if something was wrong with them
bars_due      18:30, 12:15 and 15:15: whether the bars that should be there are there
cross_check   Saturday 09:00: the week's last bars against those of a second source
"""

from datetime import date

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from alchemiser_dagster.defs.bars import FINDINGS
from alchemiser_dagster.defs.resources import AccountRecords, Market
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.market.sessions import NEW_YORK, is_session, previous_session
from alchemiser_dagster.market.sources import SourceError
from alchemiser_dagster.settings import second_bars

EVENING = "30 17 * * 1-5"
NOON = "0 12 * * 1-5"
DUE = ["30 18 * * 1-5", "15 12 * * 1-5", "15 15 * * 1-5"]
SATURDAY = "0 9 * * 6"
REPAIR = "alchemiser/repair"
"""The tag of a repair: why it was made."""
ZONE = "America/New_York"
OFF = dg.DefaultScheduleStatus.STOPPED


def market_schedules(
    evening_job: UnresolvedAssetJobDefinition,
    due_job: UnresolvedAssetJobDefinition,
    cross_check_job: UnresolvedAssetJobDefinition,
) -> list[dg.ScheduleDefinition]:
    """The schedules of the market data."""

    @dg.schedule(
        name="evening",
        job=evening_job,
        cron_schedule=EVENING,
        execution_timezone=ZONE,
        default_status=OFF,
    )
    def evening(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Request the bars and signals of the session that has just completed."""
        today = _today(context)
        if not is_session(today):
            return dg.SkipReason(f"{today} is no session")
        return dg.RunRequest(run_key=f"evening:{today}", partition_key=today.isoformat())

    @dg.schedule(
        name="noon_repair",
        job=evening_job,
        cron_schedule=NOON,
        execution_timezone=ZONE,
        default_status=OFF,
    )
    def noon_repair(
        context: dg.ScheduleEvaluationContext, records: AccountRecords, market: Market
    ) -> dg.RunRequest | dg.SkipReason:
        """Request last evening's bars and signals once more, where they are not fit to trade on.

        Bad bars are set aside in the evening; by noon the vendor has often mended them.
        """
        today = _today(context)
        if not is_session(today):
            return dg.SkipReason(f"{today} is no session")
        session = previous_session(today)
        if session < records.facts.inception:
            return dg.SkipReason(f"{session} was before the account's inception")
        reason = _to_repair(records, session) or _acted_on(records, market, today)
        if reason is None:
            return dg.SkipReason(f"the bars of {session} are sound")
        return dg.RunRequest(
            run_key=f"noon:{today}", partition_key=session.isoformat(), tags={REPAIR: reason[:250]}
        )

    @dg.schedule(
        name="bars_due",
        job=due_job,
        cron_schedule=DUE,
        execution_timezone=ZONE,
        default_status=OFF,
    )
    def bars_due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Request the check that the bars of the last completed session are there."""
        today = _today(context)
        if not is_session(today):
            return dg.SkipReason(f"{today} is no session")
        return dg.RunRequest(run_key=f"due:{context.scheduled_execution_time:%Y-%m-%dT%H:%M}")

    @dg.schedule(
        name="cross_check",
        job=cross_check_job,
        cron_schedule=SATURDAY,
        execution_timezone=ZONE,
        default_status=OFF,
    )
    def cross_check(
        context: dg.ScheduleEvaluationContext, records: AccountRecords
    ) -> dg.RunRequest | dg.SkipReason:
        """Request the comparison of the week's last snapshot with the second source."""
        if second_bars() is None:
            return dg.SkipReason("there is no second source: ALCHEMISER_SECOND_BARS names none")
        session = previous_session(_today(context))
        if session < records.facts.inception:
            return dg.SkipReason(f"{session} was before the account's inception")
        return dg.RunRequest(run_key=f"cross_check:{session}", partition_key=session.isoformat())

    return [evening, noon_repair, bars_due, cross_check]


def _today(context: dg.ScheduleEvaluationContext) -> date:
    return context.scheduled_execution_time.astimezone(NEW_YORK).date()


def _to_repair(records: AccountRecords, session: date) -> str | None:
    """What is wrong with the bars of a session."""
    if records.snapshots.find(session) is None:
        return f"there are no bars of {session}"
    try:
        findings = records.tables.read([FINDINGS], session.isoformat())
    except TableMissing as missing:
        return str(missing)
    errors = findings.filter(severity="error")
    symbols = sorted({symbol for symbol in errors["symbol"] if symbol is not None})
    return None if errors.is_empty() else f"errors of {', '.join(symbols)}"


def _acted_on(records: AccountRecords, market: Market, today: date) -> str | None:
    """Corporate actions that take effect today and may have restated last evening's bars."""
    try:
        actions = market.source().corporate_actions(
            sorted(records.universe().symbols), today, today
        )
    except (SourceError, BarsError) as error:
        return f"corporate actions of today are not known: {error}"
    if actions is None or actions.is_empty():
        return None
    return "corporate actions today: " + ", ".join(
        f"{symbol} {kind}" for symbol, kind in actions.select("symbol", "kind").iter_rows()
    )
