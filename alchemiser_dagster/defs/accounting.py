"""After the close: `fills` and `lots` of each book, read from the ledger.

They are views of the ledger as of a session, so any of them can be made again at any time and gives
the same bytes.
"""

from collections.abc import Callable
from datetime import date

import dagster as dg
import polars as pl
from sqlalchemy import Connection

from alchemiser_dagster.defs.following import FOLLOWING
from alchemiser_dagster.defs.performance import performance_asset
from alchemiser_dagster.defs.plans import EXACT
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.defs.tables import SessionTables
from alchemiser_dagster.ledger.queries import fills_of, open_lots

TRADED = "trading_session"
"""The external asset that stands for a session traded by the job `trade_session`."""

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


def book_accounts(book: str, partitions: dg.PartitionsDefinition[str]) -> list[dg.AssetsDefinition]:
    """The after-close assets of one book."""
    return [
        _view(book, "fills", dg.AssetKey(TRADED), partitions, _fills),
        _view(book, "lots", dg.AssetKey(["fills", book]), partitions, _lots),
        performance_asset(book, partitions),
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
        automation_condition=FOLLOWING,
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
