"""`execution_quality`: what a session's blocks cost, and what crossing saved."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

import dagster as dg
import polars as pl
from sqlalchemy import Connection

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.defs.accounting import TRADED
from alchemiser_dagster.defs.following import FOLLOWING
from alchemiser_dagster.defs.plans import EXACT
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.defs.tables import SessionTables
from alchemiser_dagster.execution.quality import (
    COSTLY_BPS,
    COSTLY_DOLLARS,
    Crossed,
    Quality,
    cost_of,
    saved_spread,
)
from alchemiser_dagster.execution.quality_records import crossed_shares, traded_blocks
from alchemiser_dagster.execution.quality_report import Slippage, by_symbol, orders_of

PLACES = Decimal("0.000000001")
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "kind": pl.String,
    "symbol": pl.String,
    "side": pl.String,
    "state": pl.String,
    "reason": pl.String,
    "quantity": EXACT,
    "filled": EXACT,
    "arrival_mid": EXACT,
    "spread_bps": EXACT,
    "vwap": EXACT,
    "slippage_bps": EXACT,
    "slippage": EXACT,
    "saved_spread": EXACT,
    "steps": pl.Int64,
    "order_types": pl.String,
    "seconds": pl.Float64,
}


def execution_quality_assets(
    partitions: dg.PartitionsDefinition[str],
) -> tuple[dg.AssetsDefinition, dg.AssetChecksDefinition]:
    """The asset `execution_quality` and its check."""

    @dg.asset(
        deps=[dg.AssetKey(TRADED)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="account",
        io_manager_key="session_tables",
        automation_condition=FOLLOWING,
    )
    def execution_quality(
        context: dg.AssetExecutionContext, records: AccountRecords
    ) -> SessionTables:
        """How well a session was traded: a row a block, and a row a cross between books.

        Columns: kind (block, cross), symbol, side, state, reason, quantity and filled (shares),
        arrival_mid and vwap (dollars a share), spread_bps (quoted, on arrival), slippage_bps and
        slippage (dollars; positive is a cost), saved_spread (dollars), steps (orders sent),
        order_types, seconds (from the first order to the last execution).
        """
        first, last = _range(context.partition_keys)
        with records.ledger.read() as connection:
            all_blocks = traded_blocks(connection, first, last)
            all_crosses = crossed_shares(connection, first, last)
        tables: SessionTables = {}
        for key in context.partition_keys:
            blocks = [block for block in all_blocks if block.session == as_session(key)]
            crosses = [cross for cross in all_crosses if cross.session == as_session(key)]
            rows = [*map(_block_row, blocks), *map(_cross_row, crosses)]
            tables[key] = pl.DataFrame(rows, schema=COLUMNS)
            context.add_asset_metadata(_summary(blocks, crosses), partition_key=key)
        return tables

    @dg.asset_check(asset=execution_quality, blocking=False)
    def execution_cost(
        context: dg.AssetCheckExecutionContext, records: AccountRecords
    ) -> dg.AssetCheckResult:
        """No block cost more than 10 basis points and 100 dollars."""
        with records.ledger.read() as connection:
            found = costly_blocks(connection, context.op_execution_context.partition_keys)
        return dg.AssetCheckResult(
            passed=not found,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "limits": f"{COSTLY_BPS} basis points and {COSTLY_DOLLARS} dollars",
                "blocks": dg.MetadataValue.json(found),
            },
        )

    return execution_quality, execution_cost


def costly_blocks(connection: Connection, keys: Sequence[str]) -> list[str]:
    """The blocks of a range of sessions that cost too much, a line each."""
    blocks = traded_blocks(connection, *_range(keys))
    return [f"{block.session}: {block}" for block in blocks if block.is_costly]


def _range(keys: Sequence[str]) -> tuple[date, date]:
    sessions = [as_session(key) for key in keys]
    return min(sessions), max(sessions)


def _summary(
    blocks: list[Quality], crosses: list[Crossed]
) -> dict[str, float | int | dg.TableMetadataValue]:
    """What the page of the asset shows: floats, because nothing is reckoned from them."""
    cost = cost_of(blocks)
    shown: dict[str, float | int | dg.TableMetadataValue] = {
        "blocks": len(blocks),
        "traded (dollars)": float(cost.traded),
        "slippage (dollars)": round(float(cost.dollars), 4),
        "crosses": len(crosses),
        "saved spread (dollars)": round(float(saved_spread(crosses)), 4),
        "slippage by symbol": _distribution(by_symbol(orders_of(blocks))),
    }
    return shown if cost.bps is None else shown | {"slippage (bps)": round(float(cost.bps), 4)}


def _distribution(symbols: Mapping[str, Slippage]) -> dg.TableMetadataValue:
    """The slippage of a session's orders, a row a symbol; a cell is empty where there is none."""
    rows = [
        {
            "symbol": symbol,
            "orders": made.orders,
            "traded (dollars)": float(made.cost.traded),
            "average (bps)": _shown(made.average_bps),
            "median (bps)": _shown(made.median_bps),
            "best (bps)": _shown(made.best_bps),
            "worst (bps)": _shown(made.worst_bps),
            "rating": "" if made.rating is None else made.rating.value,
            "slippage (dollars)": _shown(made.cost.dollars),
            "seconds to fill, median": made.median_seconds,
        }
        for symbol, made in symbols.items()
    ]
    return dg.MetadataValue.table(
        [dg.TableRecord(row) for row in rows],
        dg.TableSchema(
            [
                dg.TableColumn("symbol"),
                dg.TableColumn("orders", "int"),
                dg.TableColumn("traded (dollars)", "float"),
                *(
                    dg.TableColumn(f"{name} (bps)", "float")
                    for name in ("average", "median", "best", "worst")
                ),
                dg.TableColumn("rating"),
                dg.TableColumn("slippage (dollars)", "float"),
                dg.TableColumn("seconds to fill, median", "float"),
            ]
        ),
    )


def _shown(number: Decimal | None) -> float | None:
    return None if number is None else round(float(number), 2)


def _block_row(block: Quality) -> dict[str, object]:
    return {
        "kind": "block",
        "symbol": block.symbol,
        "side": block.side,
        "state": block.state,
        "reason": block.reason,
        "quantity": block.quantity,
        "filled": block.filled,
        "arrival_mid": _exact(block.arrival_mid),
        "spread_bps": _exact(block.spread_bps),
        "vwap": _exact(block.vwap),
        "slippage_bps": _exact(block.slippage_bps),
        "slippage": _exact(block.slippage_dollars),
        "saved_spread": None,
        "steps": block.steps,
        "order_types": ", ".join(block.order_types),
        "seconds": block.seconds,
    }


def _cross_row(cross: Crossed) -> dict[str, object]:
    return {
        "kind": "cross",
        "symbol": cross.symbol,
        "side": None,
        "state": "filled",
        "reason": "",
        "quantity": cross.quantity,
        "filled": cross.quantity,
        "arrival_mid": _exact(cross.price),
        "spread_bps": _exact(cross.spread_bps),
        "vwap": _exact(cross.price),
        "slippage_bps": _exact(ZERO),
        "slippage": _exact(ZERO),
        "saved_spread": _exact(cross.saved_spread),
        "steps": 0,
        "order_types": "",
        "seconds": None,
    }


def _exact(number: Decimal | None) -> Decimal | None:
    return None if number is None else number.quantize(PLACES)
