"""The market as it was known in the evening of a session, and what is odd about it.

corporate_actions   the splits, dividends, renames ... that the source knows of
daily_bars          the snapshot: immutable, named by the hash of its content
bar_findings        what the checks found in it, one row a finding; an error keeps the books that
                    use the symbol from trading, and no others
"""

from collections import Counter
from datetime import UTC, date, datetime
from importlib.metadata import version

import dagster as dg
import polars as pl

from alchemiser_dagster.defs.resources import AccountRecords, Market, as_session
from alchemiser_dagster.defs.tables import SessionTables, TableMissing
from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.market.examination import Context, examine
from alchemiser_dagster.market.snapshots import Origin, Snapshot, SnapshotDamaged
from alchemiser_dagster.market.sources import SourceError
from alchemiser_dagster.market.symbol_facts import SymbolFacts
from alchemiser_dagster.market.taking import SHORTEST_HISTORY, Taken, sessions_back, take
from alchemiser_dagster.market.universe import Universe

BARS = "daily_bars"
ACTIONS = "corporate_actions"
FINDINGS = "bar_findings"
QUARANTINE = "quarantined_bars"
POOL = "market_data"
"""The steps that ask the vendor: one at a time, however many runs there are."""


def bar_assets(partitions: dg.PartitionsDefinition[str], prices: str) -> list[dg.AssetsDefinition]:
    """The three assets. `prices` says whose prices they are, for everybody to see."""

    @dg.asset(
        key=ACTIONS,
        deps=["universe"],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="market",
        pool=POOL,
    )
    def corporate_actions(
        context: dg.AssetExecutionContext, records: AccountRecords, market: Market
    ) -> dg.MaterializeResult[None]:
        """Corporate actions with ex-dates in a snapshot's history, of the universe.

        Columns: symbol, ex_date, kind, amount (dollars a share), ratio (new shares for an old one),
        new_symbol. When the source has none to give, or does not answer, the session is without
        such a table and the checks judge bars by themselves; that is stricter, so nothing waits.
        """
        keys = sorted(context.partition_keys)
        source = market.source()
        first = sessions_back(as_session(keys[0]), SHORTEST_HISTORY)
        why = f"{source.name} has no feed of corporate actions"
        try:
            actions = source.corporate_actions(
                sorted(records.universe().symbols), first, as_session(keys[-1])
            )
        except SourceError as error:
            why = str(error)
            context.log.error(f"no corporate actions: {why}")
            actions = None
        for key in keys:
            if actions is None:
                records.tables.refuse([ACTIONS], key, why)
                context.add_asset_metadata({"feed": why}, partition_key=key)
                continue
            session = as_session(key)
            known = actions.filter(
                pl.col("ex_date").is_between(sessions_back(session, SHORTEST_HISTORY), session)
            )
            records.tables.write([ACTIONS], key, known)
            kinds = dict(known.group_by("kind").len().sort("kind").iter_rows())
            context.add_asset_metadata({"feed": source.name, **kinds}, partition_key=key)
        return dg.MaterializeResult()

    @dg.asset(
        key=BARS,
        deps=["universe"],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="market",
        tags={"prices": prices},
        kinds={"parquet"},
        pool=POOL,
    )
    def daily_bars(
        context: dg.AssetExecutionContext, records: AccountRecords, market: Market
    ) -> dg.MaterializeResult[None]:
        """Completed daily bars of the universe, as the source gave them in this evening.

        One snapshot a session: symbol, date, open, high, low, close, volume, adj_close, from as far
        back as the longest look-back needs up to that session, and nothing after it. A snapshot is
        never changed: taken again with another content it is another one, and the earlier stays.
        """
        sessions = [as_session(key) for key in sorted(context.partition_keys)]
        source = market.source()
        universe = records.universe()
        lookback = max([1, *universe.needed.values()])
        try:
            taken = take(source, universe.symbols, sessions, lookback, records.symbol_facts())
        except (SourceError, BarsError) as error:
            for session in sessions:
                records.snapshots.refuse(session, str(error))
            raise dg.Failure(str(error)) from error
        snapshot = None
        for session, found in taken.items():
            origin = Origin(
                source=source.name,
                is_synthetic=source.is_synthetic,
                feed=source.feed,
                adjustment="prices as traded; adj_close for splits and dividends",
                fetched_at=datetime.now(UTC),
                calendar=f"XNYS, exchange_calendars {version('exchange_calendars')}",
                dropped_partial=found.dropped_partial,
                quarantined=tuple(found.quarantined["symbol"].unique().sort()),
            )
            key = session.isoformat()
            records.tables.write([QUARANTINE], key, found.quarantined)
            known = records.snapshots.find(session)
            # The findings are of the snapshot they were made from: without them nobody trades.
            records.tables.refuse([FINDINGS], key, "daily_bars was taken and not checked since")
            snapshot = records.snapshots.save(session, found.bars, origin)
            context.add_asset_metadata(_metadata(snapshot, found, known), partition_key=key)
        if snapshot is None or len(taken) > 1:
            return dg.MaterializeResult()
        return dg.MaterializeResult(data_version=dg.DataVersion(snapshot.sha256))

    @dg.asset(
        key=FINDINGS,
        deps=["universe", corporate_actions, daily_bars],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="market",
        io_manager_key="session_tables",
    )
    def bar_findings(context: dg.AssetExecutionContext, records: AccountRecords) -> SessionTables:
        """What the checks of `daily_bars` found: check, symbol, date, severity, says.

        An error means that no book which uses the symbol may trade on this snapshot.
        """
        tables = {}
        universe, facts = records.universe(), records.symbol_facts()
        for key in context.partition_keys:
            session = as_session(key)
            before = records.snapshots.before(session)
            try:
                earlier = None if before is None else _bars(records, before.session)
            except SnapshotDamaged as damaged:
                context.log.error(f"{key} is compared with no earlier snapshot: {damaged}")
                before = earlier = None
            tables[key] = examine(
                _bars(records, session),
                records.tables.read([QUARANTINE], key),
                _context(records, session, universe, facts, earlier),
            )
            counts = Counter(tables[key]["severity"])
            compared = "nothing" if before is None else before.session.isoformat()
            context.add_asset_metadata(
                {
                    "errors": counts["error"],
                    "warnings": counts["warning"],
                    "compared with": compared,
                },
                partition_key=key,
            )
        return tables

    return [corporate_actions, daily_bars, bar_findings]


def _bars(records: AccountRecords, session: date) -> pl.DataFrame:
    return records.snapshots.scan(session).collect()


def _context(
    records: AccountRecords,
    session: date,
    universe: Universe,
    facts: SymbolFacts,
    before: pl.DataFrame | None,
) -> Context:
    """What the bars of a session are examined against."""
    try:
        actions = records.tables.read([ACTIONS], session.isoformat())
    except TableMissing:
        actions = None  # the source has no feed, or it did not answer; the checks are told so
    return Context(
        session=session,
        universe=universe.symbols,
        needed=universe.needed,
        actions=actions,
        facts=facts,
        before=before,
    )


def _metadata(snapshot: Snapshot, taken: Taken, known: Snapshot | None) -> dict[str, str | int]:
    origin = snapshot.origin
    unchanged = known is not None and known.sha256 == snapshot.sha256
    return {
        "snapshot": snapshot.sha256,
        "taken": "again, the same" if unchanged else "again, another" if known else "first",
        "source": origin.source,
        "feed": origin.feed or "unknown",
        "synthetic": origin.is_synthetic,
        "rows": snapshot.rows,
        "bytes": snapshot.size,
        "symbols": len(snapshot.symbols),
        "first session": snapshot.first.isoformat(),
        "symbols without bars": ", ".join(taken.absent) or "none",
        "quarantined": ", ".join(origin.quarantined) or "none",
        "bars of sessions under way, dropped": origin.dropped_partial,
    }
