"""The account at the end of each session: the sum of its books.

    pnl                    = NAV(t) - NAV(s) - flows after s          s: the session valued before
    daily return           = pnl / NAV(s)
    month-to-date return   = (E - B - F) / (B + sum of w(i) x F(i))   Modified Dietz

Money put into the account in a session is invested near its close, so the session's return is on
what was there before. (A book's flow comes from other books at the start of its session, and counts
from then on: `books.performance_history`.)

B is the NAV at the end of the month before, E the NAV now, F the month's flows; a flow counts with
the part of the month so far in which it was there, w = (days since the 1st, now - at the flow) /
days since the 1st now, and 1 on the 1st itself; in the month in which the account was opened the
days are counted from its opening (P. O. Dietz, Pension Funds: Measuring Investment Performance,
1966). Start 10,000, deposit 5,000, end 15,300: 2.00 % with the deposit on the 1st,
2.40 % in the middle, 3.00 % on the last day.
"""

import polars as pl

from alchemiser_dagster.books.performance_history import percent_of, since_before, with_index

_SUMMED = ("cash", "market_value", "long_market_value", "nav", "net_flows")


def account_history(books: pl.DataFrame, unpriced: pl.DataFrame) -> pl.DataFrame:
    """The account by session, from what `books.performance_history` gives of all its books.

    A session in which one of them could not be valued has no row. Columns: session; nav, flow, pnl,
    long_market_value, cash (dollars); daily_return, time_weighted_return, drawdown,
    month_to_date_return (fractions); gross_exposure_pct, net_exposure_pct, cash_share_pct,
    capital_deployed_pct (per cent of NAV, two places; null where it is not above 0).
    """
    rows = (
        books.join(unpriced, on="session", how="anti")
        .group_by("session")
        .agg(pl.col(_SUMMED).sum())
        .sort("session")
        .with_columns(book=pl.lit("account"))
    )
    pnl, before = since_before("nav") - since_before("net_flows"), _nav_before()
    daily = pnl.cast(pl.Float64) / before.cast(pl.Float64)
    rows = rows.with_columns(daily_return=pl.when(before > 0).then(daily))
    return _month_to_date(with_index(rows)).select(
        "session",
        "nav",
        since_before("net_flows").alias("flow"),
        pnl.alias("pnl"),
        "daily_return",
        "time_weighted_return",
        "drawdown",
        "month_to_date_return",
        "long_market_value",
        "cash",
        percent_of(_gross(), "nav").alias("gross_exposure_pct"),
        percent_of(pl.col("market_value"), "nav").alias("net_exposure_pct"),
        percent_of(pl.col("cash"), "nav").alias("cash_share_pct"),
        percent_of(pl.col("long_market_value"), "nav").alias("capital_deployed_pct"),
    )


def _nav_before() -> pl.Expr:
    return pl.col("nav").shift().fill_null(0)


def _gross() -> pl.Expr:
    """Long and short value together: the short is what the market value lacks of the long."""
    return 2 * pl.col("long_market_value") - pl.col("market_value")


def _month_to_date(rows: pl.DataFrame) -> pl.DataFrame:
    month = pl.col("session").dt.truncate("1mo")
    since = pl.max_horizontal(month, pl.col("session").min())
    rows = rows.with_columns(
        month=month,
        days=(pl.col("session") - since).dt.total_days(),
        entered=since_before("net_flows").cast(pl.Float64),
        start=_nav_before().cast(pl.Float64),
    )
    begin = pl.col("start").first().over("month")
    flows = pl.col("entered").cum_sum().over("month")
    dated = (pl.col("entered") * pl.col("days")).cum_sum().over("month")
    weighted = pl.when(pl.col("days") > 0).then(flows - dated / pl.col("days")).otherwise(flows)
    base = begin + weighted
    earned = pl.col("nav").cast(pl.Float64) - begin - flows
    return rows.with_columns(month_to_date_return=pl.when(base > 0).then(earned / base))
