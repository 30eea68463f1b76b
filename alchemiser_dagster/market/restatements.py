"""What a source has changed about the past since the snapshot before.

Adjusted prices are restated by every dividend and split: all prices before the ex-date are scaled
by one factor. BIL closes at 91.68 and then goes ex a dividend of 0.32, so that its past shrinks by
1 - 0.32 / 91.68 = 0.99651. A table that joined yesterday's rows to today's would show a fall of
0.31 % on that day, where a holder gained 0.04 %, and a comparison of BIL with another fund would
come out wrong. Snapshots are therefore taken whole, and two of them differ in one of these ways:

    dividend, split, ...   the past is scaled as the feed of corporate actions explains
    adjustment             the past is scaled, and the source has no such feed
    unexplained            the past is scaled, and the feed knows no reason
    correction             single bars differ

Here the tables are compared; `restated_symbol` tells the kinds apart.
"""

from collections import defaultdict

import polars as pl

from alchemiser_dagster.market.action_factors import Closes
from alchemiser_dagster.market.actions import Action
from alchemiser_dagster.market.restated_symbol import (
    FIELDS,
    TOLERANCE,
    VOLUME_TOLERANCE,
    changes_of_symbol,
)

LEAST_OVERLAP = 30

RESTATEMENTS_SCHEMA = pl.Schema(
    {
        "symbol": pl.String(),
        "kind": pl.String(),
        "first": pl.Date(),
        "last": pl.Date(),
        "bars": pl.Int64(),
        "ratio": pl.Float64(),
        "says": pl.String(),
    }
)


class OverlapError(ValueError):
    """Two tables share too few sessions of a symbol to be compared."""


def restatements(
    before: pl.DataFrame, now: pl.DataFrame, actions: pl.DataFrame | None
) -> pl.DataFrame:
    """What `now` says differently from `before` about the sessions that both have.

    Both are sound bars tables; `actions` is the table of corporate actions (see `actions`) with
    ex-dates from the first session of `now` to the day on which it was taken; None where they are
    not known. The result has the columns of `RESTATEMENTS_SCHEMA`, one row per symbol and change:
    its kind, the first and last session changed and how many, and the ratio new / old of adj_close
    (null if not constant).

    Raises:
        OverlapError: a symbol has fewer sessions in common than 30, and than either table has.
    """
    short = short_overlaps(before, now)
    if not short.is_empty():
        listed = ", ".join(f"{symbol} {shared}" for symbol, shared in short.iter_rows())
        raise OverlapError(
            f"expected at least {LEAST_OVERLAP} sessions of a symbol in both tables, or all that "
            f"the shorter one has, was {listed}: fetch more of the past"
        )
    changed = _changed(before, now)
    concerned = now.join(changed.select("symbol").unique(), on="symbol", how="semi")
    closes = {
        symbol: Closes(bars["date"].to_numpy(), bars["close"].to_numpy())
        for symbol, bars in _parts(concerned.sort("symbol", "date"))
    }
    feed = None if actions is None else _by_symbol(actions)
    rows = [
        (symbol, change.kind, change.first, change.last, change.bars, change.ratio, change.says)
        for symbol, overlap in _parts(changed)
        for change in changes_of_symbol(
            symbol, overlap, closes[symbol], None if feed is None else feed[symbol]
        )
    ]
    return pl.DataFrame(rows, schema=RESTATEMENTS_SCHEMA, orient="row").sort(
        "symbol", "last", "kind"
    )


def short_overlaps(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Symbols of both tables that cannot be compared: symbol, shared (sessions)."""
    rows = (
        before.group_by("symbol")
        .agg(old=pl.len())
        .join(now.group_by("symbol").agg(new=pl.len()), on="symbol")
    )
    shared = (
        before.join(now, on=["symbol", "date"], how="semi")
        .group_by("symbol")
        .agg(shared=pl.len().cast(pl.Int64))
    )
    return (
        rows.join(shared, on="symbol", how="left")
        .with_columns(pl.col("shared").fill_null(0))
        .filter(pl.col("shared") < pl.min_horizontal("old", "new", LEAST_OVERLAP))
        .select("symbol", "shared")
        .sort("symbol")
    )


def _changed(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """All shared sessions of the symbols with a difference: the columns of `now`, `<name>_old`."""
    shared = now.join(before, on=["symbol", "date"], suffix="_old")
    ratios = {field: pl.col(field) / pl.col(f"{field}_old") for field in FIELDS}
    differs = pl.any_horizontal(
        (ratio - 1).abs() > (VOLUME_TOLERANCE if field == "volume" else TOLERANCE)
        for field, ratio in ratios.items()
    )
    # 0 / 0 of a volume is NaN, which polars holds to be above every number
    both_zero = (pl.col("volume") == 0) & (pl.col("volume_old") == 0)
    symbols = (
        shared.with_columns(volume=pl.when(~both_zero).then("volume"))
        .filter(differs)["symbol"]
        .unique()
    )
    return shared.filter(pl.col("symbol").is_in(symbols.implode())).sort("symbol", "date")


def _parts(table: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    return [(str(name), part) for (name,), part in table.group_by("symbol", maintain_order=True)]


def _by_symbol(actions: pl.DataFrame) -> dict[str, list[Action]]:
    feed: dict[str, list[Action]] = defaultdict(list)
    for row in actions.select(Action._fields).iter_rows():
        feed[row[0]].append(Action(*row))
    return feed
