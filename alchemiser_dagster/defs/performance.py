"""`performance/<book>` and `portfolio_performance`: what each book is worth and has earned.

Views of the ledger as of a session, valued at the closes of its own `daily_bars`: any of them can
be made again at any time. A range is one pass over everything that ever happened to a book, and a
single session is a range of one, so both give the same bytes.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import dagster as dg
import polars as pl
from sqlalchemy import Connection, select

from alchemiser_dagster.books.book_events import BookEvents
from alchemiser_dagster.books.performance_history import (
    CLOSES,
    percent_of,
    performance_history,
)
from alchemiser_dagster.defs.following import FOLLOWING
from alchemiser_dagster.defs.partly import by_session, kept
from alchemiser_dagster.defs.plans import closes_of
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.defs.tables import SessionTables
from alchemiser_dagster.ledger.book_events import book_events
from alchemiser_dagster.ledger.correlation import correlation_id
from alchemiser_dagster.ledger.schema import WITHOUT_STRATEGY
from alchemiser_dagster.ledger.schema import account as account_table
from alchemiser_dagster.market.sessions import session_close, sessions_between
from alchemiser_dagster.market.snapshots import SnapshotDamaged, SnapshotMissing, SnapshotStore

SHOWN = ("nav", "realized_pnl", "unrealized_pnl", "daily_return", "drawdown")
"""What the page of an asset shows of a session."""


def performance_asset(book: str, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset `performance/<book>`."""

    @dg.asset(
        key=["performance", book],
        deps=[dg.AssetKey(["lots", book]), dg.AssetKey("daily_bars")],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="performance",
        tags={"book": book},
        io_manager_key="session_tables",
        automation_condition=FOLLOWING,
        output_required=False,
    )
    def performance(context: dg.AssetExecutionContext, records: AccountRecords):  # type: ignore[no-untyped-def]
        """What the book is worth at the session's close, and what it has earned.

        One row; none before the book was opened. Dollars, fractions (daily_return,
        time_weighted_return, total_return, drawdown) and per cent (win_rate,
        capital_deployed_pct). `docs/statistics.md` has every column with its formula.
        """
        tables, reasons = _tables(records, context.partition_keys, book)
        for key, table in tables.items():
            for row in table.select(SHOWN).to_dicts():
                shown = {name: float(row[name]) for name in SHOWN if row[name] is not None}
                context.add_asset_metadata(shown, partition_key=key)
        yield from kept(
            context, records, {k: t for k, t in tables.items() if k not in reasons}, reasons
        )

    return performance


def portfolio_performance_asset(
    account: dg.AssetsDefinition, partitions: dg.PartitionsDefinition[str]
) -> dg.AssetsDefinition:
    """The asset `portfolio_performance`."""

    @dg.asset(
        deps=[account, dg.AssetKey("daily_bars")],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="account",
        io_manager_key="session_tables",
        automation_condition=FOLLOWING,
        output_required=False,
    )
    def portfolio_performance(context: dg.AssetExecutionContext, records: AccountRecords):  # type: ignore[no-untyped-def]
        """Every book's performance side by side, cash that no strategy was given included.

        A book that cannot be valued in a session has no row, and the run fails when all others
        have theirs.
        """
        yield from kept(context, records, *_tables(records, context.partition_keys, None))

    return portfolio_performance


def measured(
    records: AccountRecords, wanted: Sequence[date], book: str | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The performance of a book, or of all, in every session up to the last that is wanted.

    And what had no close, as `books.performance_history` gives both.
    """
    with records.ledger.read() as connection:
        events = book_events(connection, through=max(wanted), book=book)
    if events.cash.is_empty() and events.shares.is_empty():
        sessions: list[date] = []
    else:
        opened = min(t["session"].min() for t in (events.cash, events.shares) if t.height)  # type: ignore[type-var]
        sessions = sessions_between(opened, max(wanted))  # type: ignore[arg-type]
    return performance_history(
        events,
        sessions,
        _closes(records, events, sessions),
        without_returns=WITHOUT_STRATEGY,
    )


def _tables(
    records: AccountRecords, keys: Sequence[str], book: str | None
) -> tuple[SessionTables, dict[str, str]]:
    """What can be valued, by session, and why something cannot."""
    wanted = [as_session(key) for key in keys]
    made, unpriced = measured(records, wanted, book)
    with records.ledger.read() as connection:
        table = performance_table(made.filter(pl.col("session").is_in(wanted)), connection)
    return by_session(table, keys), why_unvalued(records.snapshots, unpriced, wanted)


def performance_table(made: pl.DataFrame, connection: Connection) -> pl.DataFrame:
    """The published columns, the seed's first: its names keep their meaning for its readers."""
    number = connection.execute(select(account_table.c.account_number)).scalar_one()
    sessions = made["session"].unique().sort().to_list()
    named = pl.DataFrame(
        {
            "session": sessions,
            "snapshot_timestamp": [session_close(session) for session in sessions],
            "correlation_id": [correlation_id(number, session) for session in sessions],
        },
        schema={
            "session": pl.Date,
            "snapshot_timestamp": pl.Datetime("us", "UTC"),
            "correlation_id": pl.String,
        },
    )
    rows = made.join(named, on="session", how="left")
    return rows.select(
        pl.col("session").alias("date"),
        "book",
        "snapshot_timestamp",
        "correlation_id",
        "realized_pnl",
        "current_holdings_value",
        "current_holdings",
        "completed_trades",
        pl.col("exits_winning").alias("winning_trades"),
        (pl.col("exits_losing") + pl.col("exits_breakeven")).alias("losing_trades"),
        "win_rate",
        "avg_profit_per_trade",
        pl.col("exits_breakeven").alias("breakeven_trades"),
        pl.sum_horizontal("trades_winning", "trades_losing", "trades_breakeven").alias(
            "completed_by_order"
        ),
        pl.col("trades_winning").alias("winning_by_order"),
        pl.col("trades_losing").alias("losing_by_order"),
        pl.col("trades_breakeven").alias("breakeven_by_order"),
        "cash",
        "market_value",
        "nav",
        "unrealized_pnl",
        "flow",
        "transfers",
        "net_flows",
        "income",
        "fees",
        "dividends",
        "interest",
        percent_of(pl.col("market_value"), "nav").alias("capital_deployed_pct"),
        "daily_return",
        "total_return",
        "time_weighted_return",
        "drawdown",
    )


def _closes(records: AccountRecords, events: BookEvents, sessions: Sequence[date]) -> pl.DataFrame:
    """The closes of what was ever held, each session's by its own snapshot, if it has one."""
    symbols = set(events.shares["symbol"])
    rows = [
        (session, symbol, close)
        for session in sessions
        for symbol, close in _closes_or_none(records.snapshots, session).items()
        if symbol in symbols
    ]
    return pl.DataFrame(rows, schema=CLOSES, orient="row")


def _closes_or_none(snapshots: SnapshotStore, session: date) -> dict[str, Decimal]:
    try:
        return closes_of(snapshots, session, session)
    except (SnapshotMissing, SnapshotDamaged):
        return {}  # whoever held something then is not valued, and `why_unvalued` says so


def why_unvalued(
    snapshots: SnapshotStore, unpriced: pl.DataFrame, wanted: Sequence[date]
) -> dict[str, str]:
    """By session what could not be valued, and why there is no close."""
    reasons = {}
    for session in wanted:
        held = unpriced.filter(pl.col("session") == session)
        if held.is_empty():
            continue
        what = ", ".join(f"{row['symbol']} ({row['book']})" for row in held.to_dicts())
        try:
            closes_of(snapshots, session, session)
            why = f"its bars have no close of what is held: {what}"
        except (SnapshotMissing, SnapshotDamaged) as error:
            why = f"{error}; held then: {what}"
        reasons[session.isoformat()] = why
    return reasons
