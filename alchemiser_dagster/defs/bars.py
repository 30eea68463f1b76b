"""The market as it was known in the evening of a session, and what is odd about it.

corporate_actions   the splits, dividends, renames ... that the source knows of
daily_bars          the snapshot: immutable, named by the hash of its content

What the checks found in it is in `bar_findings`: one row a finding; an error keeps the books that
use the symbol from trading, and no others.
"""

from datetime import UTC, date, datetime
from importlib.metadata import version

import dagster as dg
import polars as pl

from alchemiser_dagster.defs.resources import AccountRecords, Market, as_session
from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.market.sessions import NEW_YORK
from alchemiser_dagster.market.snapshots import Origin, Snapshot
from alchemiser_dagster.market.sources import SourceError
from alchemiser_dagster.market.taking import SHORTEST_HISTORY, Taken, sessions_back, take
from alchemiser_dagster.market.universe import Universe
from alchemiser_dagster.settings import BrokerMode

BARS = "daily_bars"
ACTIONS = "corporate_actions"
FINDINGS = "bar_findings"
QUARANTINE = "quarantined_bars"
NO_FEED = "the source has no feed of corporate actions"
"""What is kept in place of such a table, word for word; any other reason is a failure."""
POOL = "market_data"
"""The steps that ask the vendor: one at a time, however many runs there are."""


def bar_assets(partitions: dg.PartitionsDefinition[str], prices: str) -> list[dg.AssetsDefinition]:
    """The two assets. `prices` says whose prices they are, for everybody to see."""

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
        """Corporate actions of the universe with ex-dates from a snapshot's first session to today.

        A vendor adjusts prices from the morning of the ex-date on: bars that are taken again then
        show an action of which they have no session yet.

        Columns: symbol, ex_date, kind, amount (dollars a share), ratio (new shares for an old one),
        new_symbol. When the source has none to give, the session is without such a table, and the
        checks judge bars by themselves. When it failed, that is kept with its reason, and no book
        trades in that evening on a past that was restated.
        """
        keys = sorted(context.partition_keys)
        source, universe = market.source(), records.universe()
        length = _history(universe)
        why = NO_FEED
        try:
            actions = source.corporate_actions(
                sorted(universe.symbols),
                sessions_back(as_session(keys[0]), length),
                _taken_on(records, as_session(keys[-1])),
            )
        except (SourceError, BarsError) as error:
            why = str(error)
            context.log.error(f"no corporate actions: {why}")
            actions = None
        for key in keys:
            if actions is None:
                records.tables.refuse([ACTIONS], key, why)
                context.add_asset_metadata({"feed": why}, partition_key=key)
                continue
            session = as_session(key)
            span = sessions_back(session, length), _taken_on(records, session)
            known = actions.filter(pl.col("ex_date").is_between(*span))
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
        facts = records.symbol_facts()
        try:
            taken = take(source, universe.symbols, sessions, _history(universe), facts)
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

    return [corporate_actions, daily_bars]


def _history(universe: Universe) -> int:
    """The sessions that a snapshot reaches back."""
    return max([SHORTEST_HISTORY, *universe.needed.values()])


def _taken_on(records: AccountRecords, session: date) -> date:
    """Today, which for an embedded account is the session: it lives through its own evenings."""
    if records.facts.mode is BrokerMode.EMBEDDED:
        return session
    return max(session, datetime.now(NEW_YORK).date())


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
