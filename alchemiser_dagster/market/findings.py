"""What is odd in a snapshot of bars: one function per question, one table row per answer.

The rules that every row keeps are in `quality`; here are the questions that a sound table may
still fail. Each function takes a bars table, sorted by symbol and date, and gives an empty table
when all is well. Tables with a `severity` say error (do not trade on it) or warning (a person
should look). `examination` asks them all and says the answers in sentences.
"""

from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from alchemiser_dagster.market.action_factors import SHARE_KINDS
from alchemiser_dagster.market.sessions import calendar_span, sessions_between

RECENT_SESSIONS = 252
LARGE_MOVE, LARGE_LEVERAGED_MOVE = 0.40, 0.80
LARGEST_FACTOR = 8
"""What moves to more than so many times its price in a day, or to less than that part, is a mistake
rather than a market: a misplaced decimal point, or a bar of something else."""
QUIET_MOVE = 0.10
"""A daily move that is neither large nor a split of any kind looked for."""
SPLIT_RATIOS = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)
SPLIT_TOLERANCE = 0.02
SMALLEST_SPLIT = 1.2
"""A stock dividend of less moves the price no more than any day may."""
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


def disordered(bars: pl.DataFrame) -> pl.DataFrame:
    """Rows that stand after a later one, by symbol and date: symbol, date."""
    symbol, day = pl.col("symbol"), pl.col("date")
    return bars.filter(
        (symbol < symbol.shift()) | ((symbol == symbol.shift()) & (day < day.shift()))
    ).select("symbol", "date")


def gaps(bars: pl.DataFrame, through: date) -> pl.DataFrame:
    """Runs of sessions without a bar between two bars of a symbol.

    An error when one of them is among the 252 sessions that end with `through`, else a warning.
    Sessions after a symbol's last bar are the matter of `behind`.
    Columns: symbol, first, last, sessions, severity.
    """
    sessions = pl.Series(sessions_between(*calendar_span()), dtype=pl.Date)
    recent = sessions.search_sorted(through, side="right") - RECENT_SESSIONS
    # the position among all sessions, so that neighbours differ by one
    at = bars.select("symbol", at=pl.lit(sessions.search_sorted(bars["date"])).cast(pl.Int64))
    after_gap = at.with_columns(before=pl.col("at").shift().over("symbol")).filter(
        pl.col("at") - pl.col("before") > 1
    )
    return after_gap.select(
        "symbol",
        first=sessions.gather(after_gap["before"] + 1),
        last=sessions.gather(after_gap["at"] - 1),
        sessions=pl.col("at") - pl.col("before") - 1,
        severity=_severity(pl.col("at") - 1 >= recent),
    )


def jumps(
    bars: pl.DataFrame,
    leveraged: Iterable[str] = (),
    actions: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Daily total returns that are large, or look like a split that nobody adjusted for.

    A move of more than 40 % (80 % for symbols of `leveraged`) is a warning; one by more than a
    factor of 8, or whose price ratio is within 2 % of a usual split ratio or its inverse, an error.
    On the day of a corporate action in `actions` (see `market.actions`) neither is odd, but for a
    split of which the move shows that the prices before it were left as they were: an error.
    Columns: symbol, date, move (a fraction), split_ratio (of prices; null if none), is_known (the
    split is in `actions`), severity.
    """
    limit = (
        pl.when(pl.col("symbol").is_in(sorted(leveraged)))
        .then(LARGE_LEVERAGED_MOVE)
        .otherwise(LARGE_MOVE)
    )
    ratio = pl.col("adj_close") / pl.col("adj_close").shift().over("symbol")
    # leaving the quiet days out first leaves little to join and to compare
    moves = (
        bars.select("symbol", "date", ratio=ratio)
        .filter(~pl.col("ratio").is_between(1 - QUIET_MOVE, 1 + QUIET_MOVE))
        .join(_action_days(bars, actions), on=["symbol", "date"], how="left")
        .with_columns(has_action=pl.col("has_action").fill_null(False), move=pl.col("ratio") - 1)
    )
    usual = pl.coalesce(
        pl.when((pl.col("ratio") / candidate - 1).abs() <= SPLIT_TOLERANCE).then(candidate)
        for shares in SPLIT_RATIOS
        for candidate in (float(shares), 1 / shares)
    )
    left_out = pl.when(
        ((pl.col("ratio") * pl.col("shares") - 1).abs() <= SPLIT_TOLERANCE)
        & ~pl.col("shares").is_between(1 / SMALLEST_SPLIT, SMALLEST_SPLIT, closed="none")
    ).then(1 / pl.col("shares"))
    split_ratio = pl.when("has_action").then(left_out).otherwise(usual)
    return (
        moves.with_columns(split_ratio=split_ratio)
        .filter(
            ((pl.col("move").abs() > limit) & ~pl.col("has_action"))
            | pl.col("split_ratio").is_not_null()
        )
        .select(
            "symbol",
            "date",
            "move",
            "split_ratio",
            is_known="has_action",
            severity=_severity(
                pl.col("split_ratio").is_not_null()
                | ~pl.col("ratio").is_between(1 / LARGEST_FACTOR, LARGEST_FACTOR)
            ),
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


def _action_days(bars: pl.DataFrame, actions: pl.DataFrame | None) -> pl.DataFrame:
    """The bars that corporate actions show in: symbol, date, shares (new per old), has_action.

    Where a symbol has no bar on the ex-date, that is its next one.
    """
    schema = {"symbol": pl.String, "date": pl.Date, "shares": pl.Float64, "has_action": pl.Boolean}
    if actions is None or actions.is_empty():
        return pl.DataFrame(schema=schema)
    is_split = pl.col("kind").is_in(SHARE_KINDS)
    shown = actions.sort("symbol", "ex_date").join_asof(
        bars.select("symbol", "date"),
        left_on="ex_date",
        right_on="date",
        by="symbol",
        strategy="forward",
        check_sortedness=False,  # sorted within each symbol
        coalesce=False,
    )
    return shown.group_by("symbol", "date").agg(
        shares=pl.col("ratio").filter(is_split).product(), has_action=pl.lit(True)
    )


def _severity(is_error: pl.Expr) -> pl.Expr:
    return pl.when(is_error).then(pl.lit("error")).otherwise(pl.lit("warning"))
