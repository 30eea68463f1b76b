"""What is odd in a snapshot of bars: one function per question, one table row per finding.

The rules that every row keeps are in `quality`; here are the questions that a sound table may
still fail. Each function takes a bars table and gives an empty table when all is well. Tables with
a `severity` say error (do not trade on it) or warning (a person should look).
"""

from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from alchemiser_dagster.market.sessions import sessions_between

RECENT_SESSIONS = 252
LARGE_MOVE, LARGE_LEVERAGED_MOVE = 0.40, 0.80
SPLIT_RATIOS = (2.0, 3.0, 4.0, 5.0, 10.0, 15.0, 20.0, 25.0, 50.0)
SPLIT_TOLERANCE = 0.02
IDLE_SESSIONS = 5


def behind(bars: pl.DataFrame, expected: date) -> pl.DataFrame:
    """Symbols whose last bar is before the session `expected`.

    Columns: symbol, last, sessions_behind.
    """
    last = bars.group_by("symbol").agg(last=pl.col("date").max()).sort("symbol")
    late = last.filter(pl.col("last") < expected)
    return late.with_columns(
        sessions_behind=pl.Series(
            [len(sessions_between(day, expected)) - 1 for day in late["last"].to_list()],
            dtype=pl.Int64,
        )
    )


def ahead(bars: pl.DataFrame, last_completed: date) -> pl.DataFrame:
    """Bars of sessions that had not closed: symbol, date."""
    return bars.filter(pl.col("date") > last_completed).select("symbol", "date")


def gaps(bars: pl.DataFrame, through: date) -> pl.DataFrame:
    """Symbols without a bar on some session between their first bar and `through`.

    An error when one of the last 252 sessions is missing, a warning when only older ones are.
    Columns: symbol, missing, missing_recently, latest_missing, severity.
    """
    spans = bars.group_by("symbol").agg(first=pl.col("date").min())
    if spans.is_empty():
        return _no_gaps()
    sessions = pl.DataFrame({"date": sessions_between(bars["date"].min(), through)})  # type: ignore[arg-type]
    recent_from = sessions["date"].tail(RECENT_SESSIONS).min()
    due = spans.join(sessions, how="cross").filter(pl.col("date") >= pl.col("first"))
    missing = due.join(bars, on=["symbol", "date"], how="anti")
    return (
        missing.group_by("symbol")
        .agg(
            missing=pl.len().cast(pl.Int64),
            missing_recently=(pl.col("date") >= recent_from).sum().cast(pl.Int64),
            latest_missing=pl.col("date").max(),
        )
        .with_columns(severity=_severity(pl.col("missing_recently") > 0))
        .sort("symbol")
    )


def jumps(bars: pl.DataFrame, leveraged: Iterable[str] = ()) -> pl.DataFrame:
    """Daily total returns that are large, or look like a split that nobody adjusted for.

    A move of more than 40 % (80 % for symbols of `leveraged`) is a warning; one whose price ratio
    is within 2 % of a usual split ratio or its inverse is an error, for unadjusted splits are.
    Columns: symbol, date, move (a fraction), split_ratio (null if none), severity.
    """
    limit = (
        pl.when(pl.col("symbol").is_in(sorted(leveraged)))
        .then(LARGE_LEVERAGED_MOVE)
        .otherwise(LARGE_MOVE)
    )
    ratio = pl.col("adj_close") / pl.col("adj_close").shift().over("symbol")
    moves = bars.select("symbol", "date", ratio=ratio).drop_nulls()
    split_ratio = pl.coalesce(
        pl.when((pl.col("ratio") / candidate - 1).abs() <= SPLIT_TOLERANCE).then(candidate)
        for ratio_up in SPLIT_RATIOS
        for candidate in (ratio_up, 1 / ratio_up)
    )
    return (
        moves.with_columns(move=pl.col("ratio") - 1, split_ratio=split_ratio)
        .filter((pl.col("move").abs() > limit) | pl.col("split_ratio").is_not_null())
        .select(
            "symbol",
            "date",
            "move",
            "split_ratio",
            severity=_severity(pl.col("split_ratio").is_not_null()),
        )
    )


def short_histories(bars: pl.DataFrame, needed: Mapping[str, int]) -> pl.DataFrame:
    """Symbols with fewer bars than `needed` (sessions by symbol): symbol, bars, needed."""
    counts = bars.group_by("symbol").agg(bars=pl.len().cast(pl.Int64))
    wanted = pl.DataFrame(
        {"symbol": list(needed), "needed": list(needed.values())},
        schema={"symbol": pl.String, "needed": pl.Int64},
    )
    return (
        wanted.join(counts, on="symbol", how="left")
        .select("symbol", pl.col("bars").fill_null(0), "needed")
        .filter(pl.col("bars") < pl.col("needed"))
        .sort("symbol")
    )


def idle(bars: pl.DataFrame) -> pl.DataFrame:
    """Runs of five or more bars with one close and no volume: halted or delisted symbols.

    Columns: symbol, first, last, sessions.
    """
    same = (pl.col("close") == pl.col("close").shift()) & (
        pl.col("symbol") == pl.col("symbol").shift()
    )
    runs = bars.with_columns(run=(~same.fill_null(False)).cum_sum())
    return (
        runs.filter(pl.col("volume") == 0)
        .group_by("symbol", "run")
        .agg(
            first=pl.col("date").min(),
            last=pl.col("date").max(),
            sessions=pl.len().cast(pl.Int64),
        )
        .filter(pl.col("sessions") >= IDLE_SESSIONS)
        .sort("symbol", "first")
        .drop("run")
    )


def _severity(is_error: pl.Expr) -> pl.Expr:
    return pl.when(is_error).then(pl.lit("error")).otherwise(pl.lit("warning"))


def _no_gaps() -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "symbol": pl.String,
            "missing": pl.Int64,
            "missing_recently": pl.Int64,
            "latest_missing": pl.Date,
            "severity": pl.String,
        }
    )
