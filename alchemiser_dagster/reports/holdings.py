"""What a book holds and what each symbol has brought it, worked out from its lots and closes."""

from dataclasses import dataclass

import polars as pl

from alchemiser_dagster.reports.data import TearsheetData

CASH, OTHER = "cash", "other"
SHOWN_SYMBOLS = 11
"""So many have a colour of their own; the rest are one."""
INCOME = "dividends, interest, fees"


@dataclass(frozen=True, eq=False)
class Weights:
    """Shares of a whole over time: `table` has a date and a column of fractions for each name."""

    table: pl.DataFrame

    @property
    def names(self) -> list[str]:
        """Whose shares they are, the largest first, `other` and `cash` last."""
        return [name for name in self.table.columns if name != "date"]


def live_weights(data: TearsheetData) -> Weights:
    """Each symbol's market value and the cash as shares of the book's NAV, a row a session.

    Values are lots at the closes given; sessions with NAV <= 0, or with a symbol held that has no
    close, are left out.
    """
    held = (
        data.lots.group_by("date", "symbol")
        .agg(pl.col("quantity").sum().cast(pl.Float64))
        .join(data.closes, on=["date", "symbol"], how="left")
    )
    unpriced = held.filter(pl.col("close").is_null())["date"].implode()
    nav = data.performance.select("date", pl.col("nav", "cash").cast(pl.Float64)).filter(
        (pl.col("nav") > 0) & ~pl.col("date").is_in(unpriced)
    )
    parts = pl.concat(
        [
            held.select("date", "symbol", value=pl.col("quantity") * pl.col("close")),
            nav.select("date", symbol=pl.lit(CASH), value=pl.col("cash")),
        ]
    )
    shares = parts.join(nav.select("date", "nav"), on="date").select(
        "date", "symbol", weight=pl.col("value") / pl.col("nav")
    )
    return _spread(nav.select("date").sort("date"), shares)


def model_weights_by_month(data: TearsheetData) -> Weights:
    """The mean weight of each symbol on paper over the sessions of each month, at its first day."""
    month = pl.col("date").dt.truncate("1mo")
    months = data.paper.group_by(month).agg(sessions=pl.len()).sort("date")
    shares = (
        data.model_weights.group_by(month, "symbol")
        .agg(pl.col("weight").sum())
        .join(months, on="date")
        .select("date", "symbol", weight=pl.col("weight") / pl.col("sessions"))
    )
    return _spread(months.select("date"), shares)


def _spread(dates: pl.DataFrame, shares: pl.DataFrame) -> Weights:
    """Shares in rows (date, symbol, weight) as a column a symbol, few enough to be told apart."""
    symbols = shares.filter(pl.col("symbol") != CASH)
    largest = (
        symbols.group_by("symbol")
        .agg(pl.col("weight").sum())
        .sort(["weight", "symbol"], descending=[True, False])["symbol"]
        .to_list()
    )
    shown = largest if len(largest) <= SHOWN_SYMBOLS + 1 else largest[:SHOWN_SYMBOLS]
    names = [*shown, *([OTHER] if len(shown) < len(largest) else [])]
    names += [CASH] if CASH in shares["symbol"] else []
    named = shares.with_columns(
        pl.when(pl.col("symbol").is_in([*shown, CASH]))
        .then("symbol")
        .otherwise(pl.lit(OTHER))
        .alias("symbol")
    )
    table = named.pivot("symbol", on_columns=names, index="date", aggregate_function="sum")
    return Weights(dates.join(table, on="date", how="left").fill_null(0.0).sort("date"))


def pnl_by_symbol(data: TearsheetData) -> pl.DataFrame:
    """Columns symbol, realised and unrealised (dollars, Float64), the largest sum first.

    The unrealised is that of the last session at its closes, null where a symbol has none. What
    came in beside the trades has a row of its own, named by `INCOME`.
    """
    last = data.last_lots
    unrealised = (
        last.group_by("symbol")
        .agg(pl.col("quantity", "cost").sum().cast(pl.Float64))
        .join(data.last_closes, on="symbol", how="left")
        .select("symbol", unrealised=pl.col("quantity") * pl.col("close") - pl.col("cost"))
    )
    realised = data.exits.group_by("symbol").agg(
        realised=(pl.col("proceeds") - pl.col("cost")).sum().cast(pl.Float64)
    )
    both = realised.join(unrealised, on="symbol", how="full", coalesce=True).with_columns(
        pl.col("realised").fill_null(0.0),
        # A symbol that is not held has no unrealised result; one without a close an unknown one.
        pl.when(pl.col("symbol").is_in(last["symbol"].implode()))
        .then("unrealised")
        .otherwise(0.0)
        .alias("unrealised"),
    )
    total = pl.col("realised") + pl.col("unrealised").fill_null(0.0)
    traded = both.sort([total, "symbol"], descending=[True, False])
    income = _income(data)
    if not income:
        return traded
    row = {"symbol": INCOME, "realised": income, "unrealised": 0.0}
    return pl.concat([traded, pl.DataFrame([row], schema=traded.schema)])


def _income(data: TearsheetData) -> float:
    """Dividends and interest less fees since the book was opened, dollars."""
    rows = data.performance.sort("date")["income"].drop_nulls()
    return float(rows[-1]) if len(rows) else 0.0
