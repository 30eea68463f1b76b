"""Prices as they were traded, from a file whose prices may be adjusted for the splits it lists.

Files of daily bars with a column of splits come in two kinds, and the broker, which carries splits
out itself, would count those of the second twice. What each split is shows at its ex-date, here
four for one:

                      close          adj_close / close     its row of the table
    traded            100 -> 25      0.25 -> 1 (x 4)       stays as it is
    adjusted           25 -> 25         1 -> 1 (x 1)       prices before it are multiplied by 4

A dividend on the same day moves the second ratio too, so the nearer of the two readings is taken,
and the move of the close has to say the same. For a split by less than a fifth it cannot, a day's
move being as large; there the second ratio is believed where adj_close is another series than
close. Whatever agrees with neither reading is refused.
"""

from math import log

import polars as pl

from alchemiser_dagster.embedded.bars import PRICES, SPLIT
from alchemiser_dagster.market.bars import BarsError

NEAR = 0.4
"""How far a step may be from what is expected, in logarithms: a dividend of a third of the price.
For splits by less, this part of the split's own."""
LARGE = log(1.2)
"""A split by more shows in the close."""
SHOWN = 3


def traded_prices(bars: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """`bars` at traded prices and volumes, with the column split; sorted by symbol and date.

    `bars` is a bars table; `splits` has the columns symbol, date and split: shares after it for one
    before, on the ex-date.

    Raises:
        BarsError: a split of which the bars do not tell whether their prices are adjusted for it.
    """
    table = (
        bars.join(splits, on=["symbol", "date"], how="left")
        .sort("symbol", "date")
        .with_columns(_is_adjusted().alias("is_adjusted"))
    )
    unclear = table.filter(pl.col(SPLIT).is_not_null(), pl.col("is_adjusted").is_null())
    if not unclear.is_empty():
        raise BarsError(_told(table, unclear))
    each = pl.when("is_adjusted").then(SPLIT).otherwise(1.0)
    later = each.cum_prod(reverse=True).over("symbol") / each
    return table.with_columns(
        *(pl.col(name) * later for name in PRICES), volume=pl.col("volume") / later
    ).drop("is_adjusted")


def _is_adjusted() -> pl.Expr:
    """Whether the prices before a row's split are adjusted for it; null where nobody can say."""
    first = pl.col("symbol").shift() != pl.col("symbol")
    ratio = pl.col("adj_close") / pl.col("close")
    split, close, step = pl.col(SPLIT).log(), _step(pl.col("close")), _step(ratio)
    is_large = split.abs() > LARGE
    has_returns = ((ratio.max() / ratio.min()).over("symbol") - 1) > 1e-6
    falls = (close + split).abs() < close.abs()

    def near(expected: pl.Expr) -> pl.Expr:
        return (step - expected).abs() <= NEAR * pl.min_horizontal(split.abs(), 1.0)

    return (
        pl.when(first.fill_null(True))  # nothing is before it
        .then(False)
        .when(near(split), falls | ~is_large)
        .then(False)
        .when(near(pl.lit(0.0)), ~falls & is_large | ~is_large & has_returns)
        .then(True)
    )


def _step(values: pl.Expr) -> pl.Expr:
    return (values / values.shift()).log()


def _told(table: pl.DataFrame, unclear: pl.DataFrame) -> str:
    before = table.with_columns(
        close_before=pl.col("close").shift(), adj_close_before=pl.col("adj_close").shift()
    )
    rows = before.join(unclear, on=["symbol", "date"], how="semi").to_dicts()
    listed = "; ".join(
        f"{row['symbol']} on {row['date']}, {row[SPLIT]:g} for one: close "
        f"{row['close_before']:g} -> {row['close']:g}, adj_close {row['adj_close_before']:g} -> "
        f"{row['adj_close']:g}"
        for row in rows[:SHOWN]
    )
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return (
        "expected prices that are either those traded before a split, with an adj_close that is "
        f"adjusted for it, or adjusted for it both, was neither: {listed}{more}. Mend adj_close "
        "there, or leave the column split out"
    )
