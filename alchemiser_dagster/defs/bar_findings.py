"""`bar_findings`: each snapshot examined, against what the account's records know of the past.

A symbol is compared with the latest evening that left nothing open about it (`market.comparison`),
so what the findings of earlier evenings say decides what those of this one are made from.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import date

import dagster as dg
import polars as pl

from alchemiser_dagster.defs.bars import ACTIONS, BARS, FINDINGS, NO_FEED, QUARANTINE
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.defs.tables import SessionTables, TableMissing
from alchemiser_dagster.market.comparison import Comparison, compared_with
from alchemiser_dagster.market.examination import Context, examine
from alchemiser_dagster.market.snapshots import SnapshotDamaged, SnapshotMissing


def bar_findings_asset(partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset."""

    @dg.asset(
        key=FINDINGS,
        deps=["universe", ACTIONS, BARS],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="market",
        io_manager_key="session_tables",
    )
    def bar_findings(context: dg.AssetExecutionContext, records: AccountRecords) -> SessionTables:
        """What the checks of `daily_bars` found: check, symbol, date, severity, says.

        An error means that no book which uses the symbol may trade on this snapshot.
        """
        tables: SessionTables = {}
        universe, facts = records.universe(), records.symbol_facts()
        for key in sorted(context.partition_keys):
            bars = records.snapshots.scan(as_session(key)).collect()
            actions, feed_failure = _actions(records, key)
            past = _Past(records, as_session(key), tables, context.log)
            comparison, before = past.of(bars["symbol"].unique().to_list())
            tables[key] = examine(
                bars,
                records.tables.read([QUARANTINE], key),
                Context(
                    session=as_session(key),
                    universe=universe.symbols,
                    needed=universe.needed,
                    actions=actions,
                    facts=facts,
                    before=before,
                    feed_failure=feed_failure,
                    carried=comparison.carried,
                ),
            )
            counts = Counter(tables[key]["severity"])
            context.add_asset_metadata(
                {
                    "errors": counts["error"],
                    "warnings": counts["warning"],
                    "compared with": _described(comparison),
                },
                partition_key=key,
            )
        return tables

    return bar_findings


def _actions(records: AccountRecords, key: str) -> tuple[pl.DataFrame | None, str | None]:
    """The corporate actions of an evening; None where they are not known, and why if they failed.

    A source without a feed of them has not failed.
    """
    try:
        return records.tables.read([ACTIONS], key), None
    except TableMissing as missing:
        has_none = records.tables.refusal([ACTIONS], key) == NO_FEED
        return None, None if has_none else str(missing)


class _Past:
    """The evenings before `session`; `made` are findings of this run, not stored yet."""

    def __init__(
        self,
        records: AccountRecords,
        session: date,
        made: SessionTables,
        log: dg.DagsterLogManager,
    ) -> None:
        self._records = records
        self._session = session
        self._made = made
        self._log = log
        self._damaged: set[date] = set()

    def of(self, symbols: Collection[str]) -> tuple[Comparison, pl.DataFrame | None]:
        """What `symbols` are compared with, and the bars of it; None where there are none.

        A snapshot that is damaged is passed over for an earlier one.
        """
        while True:
            comparison = compared_with(symbols, self._evenings(), self._findings)
            parts = []
            for session, own in comparison.sessions.items():
                try:
                    bars = self._records.snapshots.scan(session)
                except (SnapshotDamaged, SnapshotMissing) as damaged:
                    self._pass_over(session, damaged)
                    break
                parts.append(bars.filter(pl.col("symbol").is_in(sorted(own))))
            else:
                before = pl.concat(parts).collect().sort("symbol", "date") if parts else None
                return comparison, before

    def _evenings(self) -> Iterator[tuple[date, frozenset[str]]]:
        snapshots = self._records.snapshots
        for session in reversed(snapshots.sessions()):
            if session >= self._session or session in self._damaged:
                continue
            try:
                yield session, frozenset(snapshots.get(session).symbols)
            except (SnapshotDamaged, SnapshotMissing) as damaged:
                self._pass_over(session, damaged)

    def _findings(self, session: date) -> pl.DataFrame | None:
        key = session.isoformat()
        if key in self._made:
            return self._made[key]
        try:
            return self._records.tables.read([FINDINGS], key)
        except TableMissing as missing:
            self._log.warning(f"{self._session} is not compared with {session}: {missing}")
            return None

    def _pass_over(self, session: date, why: Exception) -> None:
        self._log.error(f"{self._session} is not compared with {session}: {why}")
        self._damaged.add(session)


def _described(comparison: Comparison) -> str:
    """The sessions, with the symbols of all but the latest.

    `2024-01-04; 2024-01-02 (BIL)`
    """
    if not comparison.sessions:
        return "nothing"
    latest, *others = sorted(comparison.sessions, reverse=True)
    listed = [
        f"{session} ({', '.join(sorted(comparison.sessions[session]))})" for session in others
    ]
    return "; ".join([latest.isoformat(), *listed])
