"""The bars of a few symbols as they are known in the evening of Wednesday, 2024-03-27."""

from datetime import UTC, datetime

import polars as pl

from alchemiser_dagster.market.bars import checked_bars
from alchemiser_dagster.market.snapshots import Origin

from .tables import MON, TUE, WED, bar, table

ORIGIN = Origin(
    source="Alpaca (sip)",
    is_synthetic=False,
    feed="sip",
    adjustment="all",
    fetched_at=datetime(2024, 3, 27, 21, 30, tzinfo=UTC),
    calendar="exchange_calendars 4.13",
    dropped_partial=1,
    quarantined=("BAD",),
)


def evening(tlt_on_wednesday: float = 92.0) -> pl.DataFrame:
    """Seven bars; the last close of TLT is as told."""
    return checked_bars(
        table(
            *(bar("SPY", day, close) for day, close in ((MON, 520.0), (TUE, 521.0), (WED, 522.5))),
            bar("BRK/B", WED, 410.0, volume=None),
            bar("TLT", MON, 91.0, adj_close=90.5),
            bar("TLT", TUE, 91.5, adj_close=91.0),
            bar("TLT", WED, tlt_on_wednesday, adj_close=tlt_on_wednesday),
        ),
        origin="test",
    )
