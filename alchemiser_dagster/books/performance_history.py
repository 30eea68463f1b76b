"""What books were worth and had earned at the end of each session, for a range in one pass.

The formulas are those of `books.performance`, which values one book at one moment; here every
figure is a cumulative sum over sessions, of all books at once. Exact: sums of decimals, the market
value with thirteen places (nine of a share, four of a price) before it is kept with nine.

    daily return r(t)      = NAV(t) / (NAV(s) + flows after s) - 1     s: the session valued before
    time-weighted return   = product of (1 + r) - 1, from the opening on
    drawdown               = index / highest index so far - 1, the index starting at 1

Flows count at the start of their session (GIPS calls it daily valuation). A session without prices
is not valued; the return of the next one spans it, and its flows are in the next one's. A book that
no strategy trades has no returns: what happens to be in it is nobody's result.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import polars as pl

from alchemiser_dagster.books.book_events import FLOWS, INCOME, TRANSFERS, BookEvents
from alchemiser_dagster.books.tallies import exits_tallied, trades_tallied

EXACT = pl.Decimal(38, 9)
CLOSES: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "session": pl.Date,
    "symbol": pl.String,
    "close": pl.Decimal(38, 4),
}
_PRODUCT = pl.Decimal(38, 13)
_HUNDRED = 100
RETURNS = ("daily_return", "total_return", "time_weighted_return", "drawdown")


def performance_history(
    events: BookEvents,
    sessions: Sequence[date],
    closes: pl.DataFrame,
    *,
    without_returns: Collection[str] = (),
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Performance by book and session, and what could not be valued.

    `sessions` are in order, without those before the first event; `closes` has the columns of
    `CLOSES`, dollars a share; `without_returns` are the books that no strategy trades. Returns

    - book, session, cash, market_value (long_market_value: without short lots), nav,
      current_holdings_value (cost), unrealized_pnl, flow, transfers, net_flows, income, dividends,
      interest, fees (dollars); current_holdings (lots); realized_pnl and the counts of exits and
      trades; daily_return, total_return, time_weighted_return, drawdown (fractions); a row for
      each session from a book's first;
    - book, session, symbol of what a book held without a price: those sessions have no row.
    """
    touched = pl.concat(
        [events.cash.select("book", "session"), events.shares.select("book", "session")]
    )
    opened = touched.group_by("book").agg(first=pl.col("session").min())
    grid = (
        opened.join(pl.DataFrame({"session": sessions}, schema={"session": pl.Date}), how="cross")
        .filter(pl.col("session") >= pl.col("first"))
        .select("book", "session")
        .sort("session")
    )
    held = _held(events.shares, grid)
    priced = held.join(closes, on=["session", "symbol"], how="left")
    unpriced = priced.filter(pl.col("close").is_null()).select("book", "session", "symbol")
    grid = grid.join(unpriced, on=["book", "session"], how="anti").sort("session")
    rows = _as_of(grid, _cash(events.cash))
    rows = rows.join(_worth(priced), on=["book", "session"], how="left")
    for counted in (
        _open_lots(events.shares),
        exits_tallied(events.exits),
        trades_tallied(events.exits),
    ):
        rows = _as_of(rows.sort("session"), counted)
    measured = with_returns(_with_sums(rows))
    is_idle = pl.col("book").is_in(list(without_returns))
    measured = measured.with_columns(pl.when(~is_idle).then(pl.col(RETURNS)))
    return measured, unpriced.sort("session", "book", "symbol")


def _as_of(rows: pl.DataFrame, running: pl.DataFrame) -> pl.DataFrame:
    """Join what stood at the end of each row's session."""
    return rows.join_asof(
        running.sort("session"),
        on="session",
        by="book",
        strategy="backward",
        check_sortedness=False,  # polars cannot check it by group
    )


def _cash(cash: pl.DataFrame) -> pl.DataFrame:
    """Running dollars by book: all of its cash, and the parts that were not trading."""
    kinds = {
        "cash": None,
        "net_flows": FLOWS,
        "net_transfers": TRANSFERS,
        "income": INCOME,
        "dividends": ("dividend",),
        "interest": ("interest",),
        "fees": ("fee",),
    }
    sums = [_of_kinds(wanted).alias(name) for name, wanted in kinds.items()]
    return (
        cash.group_by("book", "session")
        .agg(sums)
        .sort("book", "session")
        .with_columns(pl.col(list(kinds)).cum_sum().over("book"))
    )


def _of_kinds(kinds: Sequence[str] | None) -> pl.Expr:
    amount = pl.col("amount")
    return (amount if kinds is None else amount.filter(pl.col("kind").is_in(kinds))).sum()


def _held(shares: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """book, session, symbol, quantity and cost of what was held at the end of each session."""
    key = ["book", "symbol"]
    running = (
        shares.group_by(*key, "session")
        .agg(pl.col("quantity", "cost").sum())
        .sort("session")
        .with_columns(pl.col("quantity", "cost").cum_sum().over(key))
    )
    wanted = grid.join(shares.select(key).unique(), on="book").sort("session")
    return wanted.join_asof(
        running, on="session", by=key, strategy="backward", check_sortedness=False
    ).filter(pl.col("quantity") != 0)


def _worth(priced: pl.DataFrame) -> pl.DataFrame:
    """Market value and cost of each book's shares in each session, dollars.

    `long_market_value` leaves short lots out, which only an accident brings into a book.
    """
    value = pl.col("quantity").cast(_PRODUCT) * pl.col("close").cast(_PRODUCT)
    return priced.group_by("book", "session").agg(
        value.sum().round(9).cast(EXACT).alias("market_value"),
        value.filter(pl.col("quantity") > 0).sum().round(9).cast(EXACT).alias("long_market_value"),
        pl.col("cost").sum().alias("current_holdings_value"),
    )


def _open_lots(shares: pl.DataFrame) -> pl.DataFrame:
    """The number of lots with something left, running."""
    lot = ["book", "lot_id"]
    left = (
        shares.group_by(*lot, "session")
        .agg(pl.col("quantity").sum())
        .sort(*lot, "session")
        .with_columns(is_open=(pl.col("quantity").cum_sum().over(lot) != 0).cast(pl.Int64))
    )
    change = pl.col("is_open") - pl.col("is_open").shift(fill_value=0).over(lot)
    return (
        left.with_columns(current_holdings=change)
        .group_by("book", "session")
        .agg(pl.col("current_holdings").sum())
        .sort("book", "session")
        .with_columns(pl.col("current_holdings").cum_sum().over("book"))
    )


def _with_sums(rows: pl.DataFrame) -> pl.DataFrame:
    """What follows from a session's own figures; what never happened is 0."""
    rows = rows.with_columns(
        pl.col(pl.Decimal).fill_null(0).cast(EXACT), pl.col(pl.Int64).fill_null(0)
    )
    rows = rows.sort("book", "session").with_columns(
        flow=since_before("net_flows"), transfers=since_before("net_transfers")
    )
    completed = pl.sum_horizontal("exits_winning", "exits_losing", "exits_breakeven")
    return rows.with_columns(
        nav=pl.col("cash") + pl.col("market_value"),
        unrealized_pnl=pl.col("market_value") - pl.col("current_holdings_value"),
        realized_pnl=pl.col("pnl"),
        completed_trades=completed,
        win_rate=_rounded_share(10_000 * pl.col("exits_winning"), completed),
        avg_profit_per_trade=_rounded_share((pl.col("pnl") * 100).cast(pl.Int64), completed),
    )


def _rounded_share(hundredths: pl.Expr, of: pl.Expr) -> pl.Expr:
    """`hundredths` / `of` rounded half up to whole hundredths, as a decimal; 0 of nothing."""
    rounded = hundredths.sign() * ((2 * hundredths.abs() + of) // (2 * of))
    cents = pl.when(of > 0).then(rounded).otherwise(0)
    return cents.cast(EXACT) / pl.lit(_HUNDRED).cast(EXACT)


def since_before(name: str) -> pl.Expr:
    """What a running sum has grown by since the book's row before."""
    return pl.col(name) - pl.col(name).shift().over("book").fill_null(0)


def percent_of(part: pl.Expr, whole: str) -> pl.Expr:
    """`part` in per cent of the column `whole`, to two places; null unless that is above 0."""
    share = part.cast(pl.Decimal(38, 6)) * 100 / pl.col(whole).cast(pl.Decimal(38, 6))
    return pl.when(pl.col(whole) > 0).then(share.round(2)).cast(EXACT)


def with_returns(rows: pl.DataFrame) -> pl.DataFrame:
    """Add daily_return, total_return, time_weighted_return and drawdown to a table with book,
    session, nav and net_flows (dollars), of every session from a book's first; sorted by them.
    """
    rows = rows.sort("book", "session")
    nav, net_flows = pl.col("nav"), pl.col("net_flows")
    base = nav.shift().over("book").fill_null(0) + since_before("net_flows")
    daily = nav.cast(pl.Float64) / base.cast(pl.Float64) - 1
    earned = (nav - net_flows).cast(pl.Float64) / net_flows.cast(pl.Float64)
    rows = rows.with_columns(
        daily_return=pl.when((base > 0) & (nav >= 0)).then(daily),
        total_return=pl.when(net_flows > 0).then(earned),
    )
    return with_index(rows)


def with_index(rows: pl.DataFrame) -> pl.DataFrame:
    """Add time_weighted_return and drawdown to a table with book and daily_return, in order."""
    index = (1 + pl.col("daily_return").fill_null(0)).cum_prod().over("book")
    peak = pl.max_horizontal(index.cum_max().over("book"), pl.lit(1.0))
    return rows.with_columns(time_weighted_return=index - 1, drawdown=index / peak - 1)
