"""`daily_bars`: the market as it was known in the evening of a session."""

from datetime import date, timedelta

import dagster as dg
import polars as pl

from alchemiser_dagster.defs.resources import AccountRecords, Market, as_session
from alchemiser_dagster.defs.tables import SessionTables
from alchemiser_dagster.market.bars import missing_symbols
from alchemiser_dagster.market.sessions import sessions_between

SHORTEST_HISTORY = 504
"""Sessions: two years, so that smoothed indicators have forgotten where they started."""


def daily_bars_asset(partitions: dg.PartitionsDefinition[str], prices: str) -> dg.AssetsDefinition:
    """The asset `daily_bars`. `prices` says whose prices they are, for everybody to see."""

    @dg.asset(
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="market",
        tags={"prices": prices},
        kinds={"parquet"},
        io_manager_key="session_tables",
    )
    def daily_bars(
        context: dg.AssetExecutionContext, records: AccountRecords, market: Market
    ) -> dg.Output[SessionTables]:
        """Completed daily bars of every symbol that a strategy names or a book holds.

        One table a session: symbol, date, open, high, low, close, volume, adj_close, from as far
        back as the longest look-back needs up to that session, and nothing after it.
        """
        keys = list(context.partition_keys)
        books = records.books()
        wanted = records.symbols()
        length = max([SHORTEST_HISTORY, *(b.symphony.lookback for b in books if b.symphony)])
        first = _sessions_back(as_session(keys[0]), length)
        source = market.source()
        bars = source.daily_bars(sorted(wanted), first, as_session(keys[-1]))

        tables = {}
        for key in keys:
            session = as_session(key)
            start = _sessions_back(session, length)
            table = bars.filter(pl.col("date").is_between(start, session))
            if table.filter(pl.col("date") == session).is_empty():
                raise dg.Failure(f"{source.name} has no bar of {session} for any of {len(wanted)}")
            tables[key] = table
        absent = missing_symbols(bars, wanted)
        return dg.Output(
            tables,
            metadata={
                "source": source.name,
                "synthetic": source.is_synthetic,
                "symbols": len(wanted) - len(absent),
                "symbols without bars": ", ".join(absent) or "none",
                "first session": first.isoformat(),
            },
        )

    return daily_bars


def _sessions_back(session: date, count: int) -> date:
    """The session `count` sessions before `session`, that one counted."""
    early_enough = session - timedelta(days=count * 3 // 2 + 30)
    return sessions_between(early_enough, session)[-count]
