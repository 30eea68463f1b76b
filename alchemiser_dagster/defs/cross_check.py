"""`second_source`: a snapshot against the bars of another vendor, once a week."""

import dagster as dg
import polars as pl

from alchemiser_dagster.defs.bar_checks import check_result
from alchemiser_dagster.defs.bars import BARS
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.market.examination import CHECKS
from alchemiser_dagster.market.second_source import CHECK, compare, comparison_findings
from alchemiser_dagster.market.snapshots import SnapshotDamaged, SnapshotMissing
from alchemiser_dagster.market.sources import FileSource
from alchemiser_dagster.settings import second_bars


def second_source_asset(
    partitions: dg.PartitionsDefinition[str],
) -> tuple[dg.AssetsDefinition, dg.AssetChecksDefinition]:
    """The asset, and the check of `daily_bars` that says what it found."""

    @dg.asset(
        key=CHECK,
        deps=[BARS],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="cross_check",
    )
    def second_source(context: dg.AssetExecutionContext, records: AccountRecords) -> None:
        """Each symbol of the snapshot against the same in the file of ALCHEMISER_SECOND_BARS.

        One row a symbol: its status (ERROR, STALE, MISMATCH, GAPS, VALID), how many sessions were
        compared and differ, and the events: a level that is off for months is one, not hundreds.
        """
        path = second_bars()
        if path is None:
            raise dg.Failure(
                "expected a bars file in ALCHEMISER_SECOND_BARS, was none", allow_retries=False
            )
        for key in context.partition_keys:
            try:
                bars = records.snapshots.scan(as_session(key)).collect()
                symbols = bars["symbol"].unique().sort().to_list()
                second = FileSource(path).daily_bars(symbols, bars["date"].min(), as_session(key))  # type: ignore[arg-type]
                compared = compare(bars, second, records.symbol_facts())
            except (SnapshotMissing, SnapshotDamaged, BarsError) as error:
                raise dg.Failure(f"{key}: {error}") from error
            records.tables.write([CHECK], key, compared)
            counts = dict(compared["status"].value_counts().sort("status").iter_rows())
            context.add_asset_metadata({"source": str(path), **counts}, partition_key=key)

    @dg.asset_check(
        asset=BARS, name=CHECK, description=CHECKS[CHECK], additional_deps=[second_source]
    )
    def check(
        context: dg.AssetCheckExecutionContext, records: AccountRecords
    ) -> dg.AssetCheckResult:
        keys = context.op_execution_context.partition_keys
        facts = records.symbol_facts()
        found = pl.concat(
            comparison_findings(records.tables.read([CHECK], key), facts).with_columns(
                session=pl.lit(key)
            )
            for key in keys
        )
        return check_result(CHECK, found)

    return second_source, check
