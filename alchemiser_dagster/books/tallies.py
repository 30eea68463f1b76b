"""Results counted by their sign, session by session: by lot exit and by trade.

How many exits a sale makes depends on the lots and the fills it happens to meet; a trade is what
was decided (`books.performance` has the example). A sale that a bust undid counts until the session
of the bust.
"""

import polars as pl

from alchemiser_dagster.books.book_events import MONEY

SIGNS = {"winning": 1, "losing": -1, "breakeven": 0}


def exits_tallied(exits: pl.DataFrame) -> pl.DataFrame:
    """Lot exits up to each session in which something was sold.

    Takes `EXIT_EVENTS`; gives book, session, pnl (dollars) and the counts exits_winning,
    exits_losing and exits_breakeven, since the beginning.
    """
    signed = _with_undone(exits)
    sign = pl.col("exit").sign().cast(pl.Int64)
    counts = [
        pl.col("times").filter(sign == value).sum().cast(pl.Int64).alias(f"exits_{name}")
        for name, value in SIGNS.items()
    ]
    daily = signed.group_by("book", "session").agg(pl.col("pnl").sum(), *counts)
    return _running(daily, ["pnl", *(f"exits_{name}" for name in SIGNS)])


def trades_tallied(exits: pl.DataFrame) -> pl.DataFrame:
    """Trades with something sold, up to each session in which there was.

    Takes `EXIT_EVENTS`; gives book, session and the counts trades_winning, trades_losing and
    trades_breakeven. A trade is counted by the sum of its exits as it stands at the session's end.
    """
    of_trade = ["book", "trade_id"]
    daily = (
        _with_undone(exits)
        .group_by(*of_trade, "session")
        .agg(pl.col("pnl", "times").sum())
        .sort(*of_trade, "session")
        .with_columns(pl.col("pnl", "times").cum_sum().over(of_trade))
    )
    # A trade moves from one count to another when its sum changes sign: +1 here, -1 there.
    changes = []
    for name, value in SIGNS.items():
        now = ((pl.col("times") > 0) & (pl.col("pnl").sign() == value)).cast(pl.Int64)
        before = now.shift(fill_value=0).over(of_trade)
        changes.append((now - before).alias(f"trades_{name}"))
    names = [f"trades_{name}" for name in SIGNS]
    by_session = daily.with_columns(changes).group_by("book", "session").agg(pl.col(names).sum())
    return _running(by_session, names)


def _with_undone(exits: pl.DataFrame) -> pl.DataFrame:
    """One row an exit, and one more that takes it back in the session of its bust.

    `exit` is the profit that says which count it belongs to, `pnl` what it adds to the sum.
    """
    booked = exits.select(
        "book", "session", "trade_id", exit="pnl", pnl="pnl", times=pl.lit(1, pl.Int64)
    )
    undone = exits.filter(pl.col("undone").is_not_null()).select(
        "book",
        "trade_id",
        session="undone",
        exit="pnl",
        pnl=(-pl.col("pnl")).cast(MONEY),
        times=pl.lit(-1, pl.Int64),
    )
    return pl.concat([booked, undone.select(booked.columns)])


def _running(daily: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    return daily.sort("book", "session").with_columns(pl.col(names).cum_sum().over("book"))
