"""Whether the bars that should be there are there.

Judged by session, not by when an asset was last materialised: a backfill of an old session makes
nothing fresh, and after a long weekend nothing is stale.
"""

from datetime import timedelta

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,
)

from alchemiser_dagster.defs.bars import BARS, FINDINGS
from alchemiser_dagster.defs.reference import BROKER_SILENT
from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.market.sessions import last_completed_session

DUE = timedelta(hours=2)
"""How long after a session's close its bars may be waited for."""
CHECK = dg.AssetCheckKey(dg.AssetKey(BARS), "bars_due")


def freshness_check() -> dg.AssetChecksDefinition:
    """The check `bars_due` of `daily_bars`."""

    @dg.asset_check(asset=BARS, name=CHECK.name)
    def bars_due(records: AccountRecords, trading: TradingDesk) -> dg.AssetCheckResult:
        """Two hours after its close a session has its bars, and they were checked.

        By the broker's clock; whether they are good, the other checks say.
        """
        try:
            now = trading.desk().gateway.clock().now
        except BROKER_SILENT as error:
            return dg.AssetCheckResult(
                passed=False,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"not judged": str(error)},
            )
        session = last_completed_session(now, DUE)
        if session < records.facts.inception:
            return dg.AssetCheckResult(passed=True, metadata={"due": "nothing yet"})
        late = None
        if records.snapshots.find(session) is None:
            late = records.snapshots.refusal(session) or f"there is no snapshot of {session}"
        else:
            try:
                records.tables.read([FINDINGS], session.isoformat())
            except TableMissing as missing:
                late = str(missing)
        return dg.AssetCheckResult(
            passed=late is None, metadata={"due": session.isoformat(), "late": late or "nothing"}
        )

    return bars_due


def freshness_job() -> UnresolvedAssetJobDefinition:
    """The job that runs this check and nothing else."""
    return dg.define_asset_job(
        "bars_due",
        selection=dg.AssetSelection.checks(CHECK),
        executor_def=dg.in_process_executor,
        description="Whether the bars of the last completed session are there",
    )
