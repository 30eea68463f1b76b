"""After the close: `fills`, `lots` and `performance` of each book, read from the ledger.

They are views of the ledger as of a session, so any of them can be made again at any time and gives
the same bytes. `performance` values the lots at the closes of `daily_bars`.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import dagster as dg
import polars as pl
from sqlalchemy import Connection

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.performance import (
    Performance,
    PriceMissing,
    market_value,
    measure,
    pnl_by_trade,
)
from alchemiser_dagster.defs.plans import EXACT, closes_of
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.defs.tables import SessionTables
from alchemiser_dagster.ledger.queries import (
    book_cash,
    exits_of,
    external_flows,
    fills_of,
    income,
    open_lots,
)
from alchemiser_dagster.market.sessions import previous_session
from alchemiser_dagster.market.snapshots import SnapshotDamaged, SnapshotMissing, SnapshotStore

TRADED = "trading_session"
"""The external asset that stands for a session traded by the job `trade_session`."""

UNPRICED = (PriceMissing, SnapshotMissing, SnapshotDamaged)
"""Why a book may have no value."""

FILL_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "fill_id": pl.String,
    "trade_id": pl.String,
    "client_order_id": pl.String,
    "cross_id": pl.String,
    "symbol": pl.String,
    "side": pl.String,
    "quantity": EXACT,
    "price": EXACT,
    "cash": EXACT,
    "executed_at": pl.Datetime("us", "UTC"),
}
LOT_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "lot_id": pl.String,
    "symbol": pl.String,
    "entry_at": pl.Datetime("us", "UTC"),
    "entry_quantity": EXACT,
    "entry_price": EXACT,
    "quantity": EXACT,
    "cost": EXACT,
}
PLACES = Decimal("0.000000001")


def book_accounts(book: str, partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """The after-close assets of one book."""
    return [
        _view(book, "fills", dg.AssetKey(TRADED), partitions, _fills),
        _view(book, "lots", dg.AssetKey(["fills", book]), partitions, _lots),
        _performance_asset(book, partitions),
    ]


def _view(
    book: str,
    stage: str,
    after: dg.AssetKey,
    partitions: dg.PartitionsDefinition[str],
    read: Callable[[Connection, str, date], pl.DataFrame],
) -> dg.AssetsDefinition:
    @dg.asset(
        key=[stage, book],
        deps=[after],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=stage,
        tags={"book": book},
        description=read.__doc__,
        io_manager_key="session_tables",
        automation_condition=dg.AutomationCondition.eager(),
    )
    def view(context: dg.AssetExecutionContext, records: AccountRecords) -> SessionTables:
        with records.ledger.read() as connection:
            return {key: read(connection, book, as_session(key)) for key in context.partition_keys}

    return view


def _fills(connection: Connection, book: str, session: date) -> pl.DataFrame:
    """The book's fills in the session: its parts of the broker's executions, and its crosses."""
    return pl.DataFrame(
        [
            {name: getattr(row, name) for name in FILL_COLUMNS}
            for row in fills_of(connection, book, session)
        ],
        schema=FILL_COLUMNS,
    )


def _lots(connection: Connection, book: str, session: date) -> pl.DataFrame:
    """The lots the book has open at the end of the session, oldest first."""
    return pl.DataFrame(
        [
            {name: getattr(lot, name) for name in LOT_COLUMNS}
            for lot in open_lots(connection, book=book, through=session)
        ],
        schema=LOT_COLUMNS,
    )


def _performance_asset(book: str, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["performance", book],
        deps=[dg.AssetKey(["lots", book]), dg.AssetKey("daily_bars")],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="performance",
        tags={"book": book},
        io_manager_key="session_tables",
        automation_condition=dg.AutomationCondition.eager(),
    )
    def performance(context: dg.AssetExecutionContext, records: AccountRecords) -> SessionTables:
        """What the book is worth at the session's close, and what it has earned."""
        tables = {}
        with records.ledger.read() as connection:
            for key in context.partition_keys:
                try:
                    made = book_performance(connection, book, as_session(key), records.snapshots)
                except UNPRICED as missing:
                    raise dg.Failure(f"{book}, {key}: {missing}") from missing
                tables[key] = performance_table(as_session(key), book, made)
                context.add_asset_metadata(
                    {
                        "nav": float(made.nav),
                        "realised": float(made.realised),
                        "unrealised": float(made.unrealised),
                        "daily return": float(made.daily_return or 0),
                    },
                    partition_key=key,
                )
        return tables

    return performance


def book_performance(
    connection: Connection, book: str, session: date, snapshots: SnapshotStore
) -> Performance:
    """A book's performance in `session`, valued at the closes of its `daily_bars`."""
    before = previous_session(session)
    earlier_cash = book_cash(connection, through=before).get(book)
    previous_nav = None
    if earlier_cash is not None:
        earlier_lots = open_lots(connection, book=book, through=before)
        previous_nav = earlier_cash + market_value(
            earlier_lots, closes_of(snapshots, session, before)
        )
    pnls = [
        (row.trade_id, row.proceeds - row.cost)
        for row in exits_of(connection, book, through=session)
    ]
    return measure(
        cash=book_cash(connection, through=session).get(book, ZERO),
        lots=open_lots(connection, book=book, through=session),
        exit_pnls=[pnl for _, pnl in pnls],
        trade_pnls=pnl_by_trade(pnls).values(),
        income=income(connection, book, through=session),
        prices=closes_of(snapshots, session, session),
        flow=external_flows(connection, book, session=session),
        net_flows=external_flows(connection, book, through=session),
        previous_nav=previous_nav,
    )


def performance_table(session: date, book: str, made: Performance) -> pl.DataFrame:
    """A performance as a table of one row; money exact, returns as fractions."""
    exact = {
        "cash": made.cash,
        "market_value": made.market_value,
        "nav": made.nav,
        "cost": made.cost,
        "realised": made.realised,
        "unrealised": made.unrealised,
        "income": made.income,
        "flow": made.flow,
        "net_flows": made.net_flows,
    }
    counts = {
        "holdings": made.holdings,
        "exits": made.exits,
        "winning": made.winning,
        "losing": made.losing,
        "breakeven": made.breakeven,
        "trades": made.by_trade.completed,
        "winning_trades": made.by_trade.winning,
    }
    returns = {"daily_return": made.daily_return, "total_return": made.total_return}
    return pl.DataFrame(
        [
            {"date": session, "book": book}
            | {name: amount.quantize(PLACES) for name, amount in exact.items()}
            | counts
            | {name: None if r is None else float(r) for name, r in returns.items()}
        ],
        schema={"date": pl.Date, "book": pl.String}
        | dict.fromkeys(exact, EXACT)
        | dict.fromkeys(counts, pl.Int64)
        | dict.fromkeys(returns, pl.Float64),
    )
