"""The eleven checks of a snapshot of bars, and what they say to a person.

What is odd is found in `findings` and `restatements`; here it becomes one table of sentences, with
the severity of each and without what a person has accepted. An error means: no book that uses this
symbol may trade on this snapshot (`fitness` says so, and makes one exception). A warning means:
somebody should look.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from alchemiser_dagster.market import findings
from alchemiser_dagster.market.bars import missing_symbols
from alchemiser_dagster.market.findings_table import (
    FINDINGS_SCHEMA,
    as_findings,
    counted,
    without_accepted,
)
from alchemiser_dagster.market.quality import broken_by_symbol
from alchemiser_dagster.market.restated_findings import failed_feed, restated_findings
from alchemiser_dagster.market.symbol_facts import SymbolFacts, since_start
from alchemiser_dagster.market.symbols import broker_symbol

__all__ = ["CHECKS", "FINDINGS_SCHEMA", "Context", "examine"]

CHECKS: Mapping[str, str] = {
    "symbols": "Every symbol that a strategy names or a book holds has bars: error for one that "
    "has none. Others than these: warning.",
    "last_session": "The last bar of a symbol is of the snapshot's session: error from one session "
    "behind.",
    "future": "No bar is of a later session than the snapshot's, which had not closed: error.",
    "unique": "One bar per symbol and session, in order: error; the symbol's bars are set aside.",
    "sessions": "Every bar is of an NYSE session (error; the symbol's bars are set aside), and "
    "none is missing between the first and the last: error within the last 252 sessions, warning "
    "before.",
    "prices": "Prices are finite, above 0 and in order, volumes not negative: error; the symbol's "
    "bars are set aside.",
    "jumps": "No total return of a day is above 40 % (80 % for leveraged funds) without a "
    "corporate action: warning; none is by more than a factor of 8, or looks like a split that "
    "prices were not adjusted for: error.",
    "restated": "The past is that of the snapshot before, scaled at most by known corporate "
    "actions: error where it is scaled for no known reason, in every snapshot until an action "
    "explains it or somebody accepts it, and where the feed of actions failed; warning where "
    "single bars were corrected, or where the source has no such feed.",
    "history": "A symbol has as many bars as the strategies that use it want, those included in "
    "which averages settle: error. It stops no book by itself: a strategy whose windows reach "
    "beyond the history has no signal, and the others look back less far.",
    "idle": "No symbol stands at one close without volume for 5 sessions, as halted and delisted "
    "ones do: warning.",
    "second_source": "Total returns are those of a second source within 2 %: warning.",
}

ENDS = {
    "name_change": "was renamed {new} on {day}: name the new symbol in the strategy",
    "merger": "was merged{into} on {day}: take it out of the strategies",
    "removal": "was removed from the market on {day}: take it out of the strategies",
}


@dataclass(frozen=True)
class Context:
    """What a snapshot is held against.

    `session` is the last that had closed; `universe` are the symbols that must have bars, and
    `needed` the sessions of history that strategies want of them; `actions` are the corporate
    actions over the snapshot's sessions, None where they are not known: `feed_failure` says why,
    None where the source has no feed of them. `before` are the bars of earlier snapshots, for each
    symbol of one (see `comparison`), None where there are none; `carried` are findings of restated
    that cannot be made again and hold.
    """

    session: date
    universe: frozenset[str]
    needed: Mapping[str, int]
    actions: pl.DataFrame | None
    facts: SymbolFacts
    before: pl.DataFrame | None
    feed_failure: str | None = None
    carried: pl.DataFrame = field(default_factory=FINDINGS_SCHEMA.to_frame)


def examine(bars: pl.DataFrame, quarantined: pl.DataFrame, context: Context) -> pl.DataFrame:
    """What the checks find in a snapshot, with the columns of `FINDINGS_SCHEMA`.

    `bars` and `quarantined` are as `sift_bars` gives them. One row per finding, in the order of
    `CHECKS`, then by symbol and date. The date is the one to name when accepting a finding. The
    symbol is null for rows that carry none. second_source is not asked here.
    """
    order = findings.disordered(bars)
    bars = since_start(bars.sort("symbol", "date"), context.facts)
    found = [
        _symbols(bars, quarantined, context),
        _last_session(bars, context),
        _future(bars, context),
        _out_of_order(order),
        _broken(bars),
        _broken(quarantined.sort("symbol", "date")),
        failed_feed(context.feed_failure),
    ]
    acceptable = [
        _gaps(bars, context),
        _jumps(bars, context),
        _restated(bars, context),
        _history(bars, context),
        _idle(bars),
    ]
    found += [without_accepted(table, context.facts) for table in acceptable]
    position = pl.col("check").cast(pl.Enum(list(CHECKS)))
    return pl.concat(found).sort(position, "symbol", "date", nulls_last=True)


def _symbols(bars: pl.DataFrame, quarantined: pl.DataFrame, context: Context) -> pl.DataFrame:
    absent = set(missing_symbols(bars, context.universe)) - set(quarantined["symbol"])
    unasked = set(bars["symbol"]) - {broker_symbol(symbol) for symbol in context.universe}
    return pl.concat(
        [
            as_findings(
                "symbols",
                pl.DataFrame({"symbol": sorted(absent)}, schema={"symbol": pl.String}),
                lambda row: _absence(row["symbol"], context),
                severity="error",
            ),
            as_findings(
                "symbols",
                pl.DataFrame({"symbol": sorted(unasked)}, schema={"symbol": pl.String}),
                lambda row: f"{row['symbol']}: no strategy names it and no book holds it",
                severity="warning",
            ),
        ]
    )


def _absence(symbol: str, context: Context) -> str:
    start = context.facts.history_start.get(symbol)
    since = f" from {start} on, where its history is said to start" if start else ""
    return _end(symbol, date.min, context) or f"{symbol}: the source has no bar of it{since}"


def _last_session(bars: pl.DataFrame, context: Context) -> pl.DataFrame:
    def says(row: dict[str, Any]) -> str:
        end = _end(row["symbol"], row["last"], context)
        return (
            f"{row['symbol']}: the last bar is of {row['last']}, "
            f"{counted(row['sessions_behind'], 'session')} behind"
        ) + (f"; {end}" if end else "")

    late = findings.behind(bars, context.session)
    return as_findings("last_session", late, says, date="last", severity="error")


def _end(symbol: str, last: date, context: Context) -> str | None:
    """Why a symbol has no bars after `last`, where the corporate actions know it."""
    if context.actions is None:
        return None
    ends = context.actions.filter(
        pl.col("symbol") == symbol,
        pl.col("kind").is_in(list(ENDS)),
        pl.col("ex_date").is_between(last, context.session),
    ).sort("ex_date")
    if ends.is_empty():
        return None
    end = ends.row(-1, named=True)
    into = f" into {end['new_symbol']}" if end["new_symbol"] else ""
    words = ENDS[end["kind"]].format(new=end["new_symbol"], into=into, day=end["ex_date"])
    return f"{symbol} {words}"


def _future(bars: pl.DataFrame, context: Context) -> pl.DataFrame:
    early = findings.ahead(bars, context.session)
    by_symbol = early.group_by("symbol").agg(pl.col("date").min(), bars=pl.len())
    return as_findings(
        "future",
        by_symbol,
        lambda row: (
            f"{row['symbol']}: {counted(row['bars'], 'bar')} from {row['date']} on, though "
            f"{context.session} is the last session that had closed"
        ),
        date="date",
        severity="error",
    )


def _out_of_order(order: pl.DataFrame) -> pl.DataFrame:
    by_symbol = order.group_by("symbol").agg(pl.col("date").min())
    return as_findings(
        "unique",
        by_symbol,
        lambda row: f"{row['symbol']}: the bar of {row['date']} stands after a later one",
        date="date",
        severity="error",
    )


def _broken(bars: pl.DataFrame) -> pl.DataFrame:
    broken = broken_by_symbol(bars)
    # no book can be concerned by a row that says not whose it is
    severity = (
        pl.when(pl.col("symbol").is_null()).then(pl.lit("warning")).otherwise(pl.lit("error"))
    )
    return broken.select("symbol", "date", "says", check="rule", severity=severity).select(
        FINDINGS_SCHEMA.names()
    )


def _gaps(bars: pl.DataFrame, context: Context) -> pl.DataFrame:
    def says(row: dict[str, Any]) -> str:
        missing = f"{row['symbol']}: no bar on {row['first']}"
        if row["sessions"] == 1:
            return missing
        return f"{missing} and the sessions to {row['last']}, {row['sessions']} in all"

    return as_findings("sessions", findings.gaps(bars, context.session), says, date="first")


def _jumps(bars: pl.DataFrame, context: Context) -> pl.DataFrame:
    def says(row: dict[str, Any]) -> str:
        moved = f"{row['symbol']}: {row['move']:+.1%} on {row['date']}".replace("%", " %")
        if row["split_ratio"] is None:
            return moved + (", and no corporate action" if context.actions is not None else "")
        split = _split_words(row["split_ratio"])
        if row["is_known"]:
            return f"{moved}, the day of a split {split} that the prices before it do not show"
        return f"{moved}: it looks like a split {split} that the prices before it do not show"

    found = findings.jumps(bars, context.facts.leveraged, context.actions)
    return as_findings("jumps", found, says, date="date")


def _split_words(price_ratio: float) -> str:
    """New shares to old: a price that falls to a quarter is `4:1`."""
    return f"{1 / price_ratio:g}:1" if price_ratio < 1 else f"1:{price_ratio:g}"


def _restated(bars: pl.DataFrame, context: Context) -> pl.DataFrame:
    if context.before is None:
        return context.carried
    before = since_start(context.before, context.facts)
    found = restated_findings(before, bars, context.actions, context.feed_failure)
    return pl.concat([found, context.carried])


def _history(bars: pl.DataFrame, context: Context) -> pl.DataFrame:
    # those without any bar are the matter of `symbols`
    short = findings.short_histories(bars, context.needed).filter(pl.col("bars") > 0)
    return as_findings(
        "history",
        short,
        lambda row: (
            f"{row['symbol']}: {counted(row['bars'], 'bar')}, and the strategies that use it need "
            f"{row['needed']}"
        ),
        severity="error",
    )


def _idle(bars: pl.DataFrame) -> pl.DataFrame:
    return as_findings(
        "idle",
        findings.idle(bars),
        lambda row: (
            f"{row['symbol']}: one close and no volume for {row['sessions']} sessions from "
            f"{row['first']} to {row['last']}"
        ),
        date="first",
        severity="warning",
    )
