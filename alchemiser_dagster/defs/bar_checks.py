"""The checks of `daily_bars`, as Dagster shows them: the rows of `bar_findings`, check by check.

No check blocks the run, because one bad symbol concerns only the books that use it: those refuse
(see `market.fitness`), and the trading job looks again at what the latest checks found. A snapshot
that cannot be read at all blocks everything.
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from alchemiser_dagster.defs.bars import BARS, FINDINGS
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.market.examination import CHECKS
from alchemiser_dagster.market.snapshots import SnapshotDamaged, SnapshotMissing

LISTED_MAX = 500
COLUMNS = ("session", "symbol", "date", "severity", "says")


def bar_checks() -> list[dg.AssetChecksDefinition]:
    """The checks: whether the snapshot is whole, then what was found in it."""

    @dg.asset_check(asset=BARS, blocking=True)
    def snapshot_whole(
        context: dg.AssetCheckExecutionContext, records: AccountRecords
    ) -> dg.AssetCheckResult:
        """The snapshot's file is there, whole, and has the hash it is named by."""
        found = []
        for key in context.op_execution_context.partition_keys:
            try:
                records.snapshots.scan(as_session(key)).select(pl.len()).collect()
            except (SnapshotMissing, SnapshotDamaged) as error:
                found.append(str(error))
        return dg.AssetCheckResult(passed=not found, metadata={"found": "\n".join(found) or "none"})

    specs = [
        dg.AssetCheckSpec(name, asset=BARS, description=description, additional_deps=[FINDINGS])
        for name, description in CHECKS.items()
        if name != "second_source"
    ]

    @dg.multi_asset_check(specs=specs, name="daily_bars_examined")
    def examined(
        context: dg.AssetCheckExecutionContext, records: AccountRecords
    ) -> Iterator[dg.AssetCheckResult]:
        keys = context.op_execution_context.partition_keys
        findings = pl.concat(
            records.tables.read([FINDINGS], key).with_columns(session=pl.lit(key)) for key in keys
        )
        for spec in specs:
            yield check_result(spec.name, findings.filter(pl.col("check") == spec.name))

    return [snapshot_whole, examined]


def check_result(name: str, found: pl.DataFrame) -> dg.AssetCheckResult:
    """What a check of the bars says: `found` has the columns of the findings and `session`."""
    errors = found.filter(pl.col("severity") == "error")
    rows = found.select(COLUMNS).with_columns(pl.col("date").cast(pl.String).fill_null(""))
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(BARS),
        check_name=name,
        passed=found.is_empty(),
        severity=dg.AssetCheckSeverity.WARN if errors.is_empty() else dg.AssetCheckSeverity.ERROR,
        metadata={
            "errors": errors.height,
            "warnings": found.height - errors.height,
            "found": dg.MetadataValue.table(
                [dg.TableRecord(row) for row in rows.head(LISTED_MAX).to_dicts()],
                dg.TableSchema([dg.TableColumn(column) for column in COLUMNS]),
            ),
        },
    )
