"""A snapshot held against the bars of another source.

Levels of adj_close are compared (|a - b| / max(a, b) may be 2 %), and with them the returns from
one session to the next. Vendors disagree about single distributions and splits, and each such
disagreement shifts every level before it: 822 levels that are off by one factor are one event, on
the day on which the ratio of the two sources steps. An event is a run of sessions that differ, up
to where the ratio steps again by more than 2 %; a return that differs between levels that do not is
an event of one session.

A source without total returns (adj_close equal to close) differs by every dividend.

===========  ============  ===================================================================
column       type          meaning
===========  ============  ===================================================================
symbol       String        every symbol of the snapshot, sorted
status       String        the first that applies: ERROR, no session in common; STALE, the
                           second source has later bars; MISMATCH, there are events; GAPS, it
                           has sessions in between that the snapshot lacks; VALID
compared     Int64         sessions in common
differing    Int64         those of events
largest      Float64       the largest difference of levels, a fraction; null if none compared
missing      Int64         sessions that the snapshot lacks
last         Date          the snapshot's last session
second_last  Date          the second source's; null where it has no bars
events       List(Struct)  `EVENT`, in order; without those that a person accepted
===========  ============  ===================================================================
"""

from typing import Any

import polars as pl

from alchemiser_dagster.market.findings_table import as_findings, without_accepted
from alchemiser_dagster.market.symbol_facts import SymbolFacts

CHECK = "second_source"
TOLERANCE = 0.02
MOST_EVENTS = 5
"""A symbol with more is said in one sentence, for then the sources do not mean the same thing."""

EVENT = pl.Struct(
    {
        "date": pl.Date(),  # on which the ratio steps; null if it is off on every session
        "first": pl.Date(),
        "last": pl.Date(),
        "sessions": pl.Int64(),
        "factor": pl.Float64(),  # ours / theirs, the median
    }
)


def compare(bars: pl.DataFrame, second: pl.DataFrame, facts: SymbolFacts) -> pl.DataFrame:
    """How far the total returns of `second` are those of `bars`: the table of this module.

    Both are sound bars tables. `second` should end where `bars` ends: later dividends and splits
    would shift all its levels.
    """
    events = _events(bars, second)
    kept = _without_accepted(events, facts)
    return (
        _spans(bars, second)
        .join(_by_symbol(events).select("symbol", "differing"), on="symbol", how="left")
        .join(_by_symbol(kept).select("symbol", "events"), on="symbol", how="left")
        .with_columns(
            pl.col("compared", "differing", "missing").fill_null(0),
            pl.col("events").fill_null(pl.lit([], dtype=pl.List(EVENT))),
        )
        .with_columns(status=_status())
        .select(
            "symbol",
            "status",
            "compared",
            "differing",
            "largest",
            "missing",
            "last",
            "second_last",
            "events",
        )
        .sort("symbol")
    )


def comparison_findings(compared: pl.DataFrame, facts: SymbolFacts) -> pl.DataFrame:
    """The findings of check second_source in what `compare` gives, all of them warnings."""
    is_mismatch = pl.col("status") == "MISMATCH"
    has_few = pl.col("events").list.len() <= MOST_EVENTS
    events = compared.filter(is_mismatch & has_few).select("symbol", "events").explode("events")
    whole = compared.filter((pl.col("status") != "VALID") & ~(is_mismatch & has_few))
    found = [
        as_findings(CHECK, whole, _symbol_words, severity="warning"),
        as_findings(CHECK, events.unnest("events"), _event_words, date="date", severity="warning"),
    ]
    return without_accepted(pl.concat(found), facts).sort("symbol", "date", nulls_last=True)


def _spans(bars: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """One row per symbol of `bars`: compared, largest, missing, last, second_last."""
    own = bars.group_by("symbol").agg(own_first=pl.col("date").min(), last=pl.col("date").max())
    others = second.group_by("symbol").agg(second_last=pl.col("date").max())
    lacking = (
        second.join(bars, on=["symbol", "date"], how="anti")
        .join(own, on="symbol")
        .filter(pl.col("date").is_between("own_first", "last"))
        .group_by("symbol")
        .agg(missing=pl.len().cast(pl.Int64))
    )
    shared = (
        _shared(bars, second)
        .group_by("symbol")
        .agg(compared=pl.len().cast(pl.Int64), largest=_difference(pl.col("ratio")).max())
    )
    for table in (others, lacking, shared):
        own = own.join(table, on="symbol", how="left")
    return own


def _shared(bars: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """The sessions in common, in order: symbol, date, ratio (ours / theirs)."""
    theirs = second.select("symbol", "date", theirs="adj_close")
    return (
        bars.join(theirs, on=["symbol", "date"])
        .select("symbol", "date", ratio=pl.col("adj_close") / pl.col("theirs"))
        .sort("symbol", "date")
    )


def _difference(ratio: pl.Expr) -> pl.Expr:
    """|a - b| / max(a, b) of two numbers above 0, from a / b."""
    return 1 - pl.min_horizontal(ratio, 1 / ratio)


def _events(bars: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """The fields of `EVENT` with their symbol, in order."""
    ratio = pl.col("ratio")
    sessions = (
        _shared(bars, second)
        .with_columns(
            is_off=_difference(ratio) > TOLERANCE,
            steps=(_difference(ratio / ratio.shift().over("symbol")) > TOLERANCE).fill_null(False),
            following=pl.col("date").shift(-1).over("symbol"),
            is_first=pl.col("date") == pl.col("date").min().over("symbol"),
        )
        .with_columns(was_off=pl.col("is_off").shift().over("symbol").fill_null(False))
    )
    starts = pl.col("steps") | ~pl.col("was_off")
    return (
        sessions.filter(pl.col("is_off") | (pl.col("steps") & ~pl.col("was_off")))
        .with_columns(event=starts.cum_sum().over("symbol"))
        .group_by("symbol", "event", maintain_order=True)
        .agg(
            # the oldest levels are off because of what happens after them
            date=pl.when(pl.col("is_first").any())
            .then(pl.col("following").last())
            .otherwise(pl.col("date").first()),
            first=pl.col("date").first(),
            last=pl.col("date").last(),
            sessions=pl.len().cast(pl.Int64),
            factor=ratio.median(),
        )
        .drop("event")
    )


def _without_accepted(events: pl.DataFrame, facts: SymbolFacts) -> pl.DataFrame:
    return without_accepted(events.with_columns(check=pl.lit(CHECK)), facts).drop("check")


def _by_symbol(events: pl.DataFrame) -> pl.DataFrame:
    fields = [field.name for field in EVENT.fields]
    return events.group_by("symbol", maintain_order=True).agg(
        differing=pl.col("sessions").sum(), events=pl.struct(fields)
    )


def _status() -> pl.Expr:
    """The first that applies; the order is that of what makes the next comparison pointless."""
    return (
        pl.when(pl.col("compared") == 0)
        .then(pl.lit("ERROR"))
        .when(pl.col("second_last") > pl.col("last"))
        .then(pl.lit("STALE"))
        .when(pl.col("events").list.len() > 0)
        .then(pl.lit("MISMATCH"))
        .when(pl.col("missing") > 0)
        .then(pl.lit("GAPS"))
        .otherwise(pl.lit("VALID"))
    )


def _symbol_words(row: dict[str, Any]) -> str:
    symbol = row["symbol"]
    match row["status"]:
        case "ERROR" if row["second_last"] is None:
            return f"{symbol}: the second source has no bars"
        case "ERROR":
            return f"{symbol}: no session in common with the second source"
        case "STALE":
            return f"{symbol}: the last bar is of {row['last']}, there of {row['second_last']}"
        case "GAPS":
            return f"{symbol}: no bar on {row['missing']} of the second source's sessions"
        case _:
            return (
                f"{symbol}: {len(row['events'])} events on {row['differing']} of "
                f"{row['compared']} sessions, by up to {100 * row['largest']:.1f} %"
            )


def _event_words(row: dict[str, Any]) -> str:
    off = f"{row['symbol']}: adj_close is {row['factor']:.4f} times that of the second source"
    if row["sessions"] == 1:
        return f"{off} on {row['first']}"
    where = f"{off} on {row['sessions']} sessions from {row['first']} to {row['last']}"
    return f"{where}; the sources disagree about {row['date']}" if row["date"] else where
