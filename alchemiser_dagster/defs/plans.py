"""`plan`: what each book should trade next, priced at the closes its signal was made from.

The trading job takes the target weights from here and prices them again, with the same function, at
the quotes of its own window.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache

import dagster as dg
import polars as pl
from sqlalchemy import Connection

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.planning import Plan, PlanError, plan_book
from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.books.weights import WeightError, accept_weights
from alchemiser_dagster.defs.bars import BARS
from alchemiser_dagster.defs.partitions import previous_session
from alchemiser_dagster.defs.resources import AccountRecords, as_session
from alchemiser_dagster.defs.signals import signal_key
from alchemiser_dagster.defs.tables import SessionTables, TableMissing
from alchemiser_dagster.execution.desk import DEPLOYMENT
from alchemiser_dagster.ledger.opening import opening_cash
from alchemiser_dagster.ledger.queries import book_cash, last_rebalance, positions
from alchemiser_dagster.market import sessions
from alchemiser_dagster.market.snapshots import SnapshotDamaged, SnapshotMissing, SnapshotStore
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.symphony import Symphony

UNPLANNABLE = (TableMissing, SnapshotMissing, SnapshotDamaged, WeightError, PlanError)
"""Why a book may have no plan."""
EXACT = pl.Decimal(38, 9)
PLAN_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "action": pl.String,
    "weight": EXACT,
    "held": EXACT,
    "price": EXACT,
    "target": EXACT,
    "current": EXACT,
    "quantity": EXACT,
    "reason": pl.String,
}


def plan_key(book: str) -> list[str]:
    """The asset key of a book's plan."""
    return ["plan", book]


def plan_asset(book: Book, partitions: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    """The asset `plan/<book>`."""

    @dg.asset(
        key=plan_key(book.name),
        deps=[
            dg.AssetDep(dg.AssetKey(key), partition_mapping=previous_session)
            for key in (signal_key(book.name), [BARS])
        ],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="plan",
        tags={"book": book.name},
        io_manager_key="session_tables",
    )
    def plan(context: dg.AssetExecutionContext, records: AccountRecords) -> SessionTables:
        """The book's plan: its target weights against what it holds at the start of the session.

        Columns: symbol, action, weight, held (shares), price, target and current (dollars),
        quantity (shares to sell), reason.
        """
        if book.symphony is None:
            raise dg.Failure(f"{book.name}: {book.problem}")
        tables: SessionTables = {}
        for key in context.partition_keys:
            try:
                made = plan_of_book(records, book, book.symphony, as_session(key))
            except UNPLANNABLE as error:
                reason = f"{book.name} has no plan for {key}: {error}"
                records.tables.refuse(plan_key(book.name), key, reason)
                raise dg.Failure(reason, allow_retries=False) from error
            tables[key] = plan_table(made)
            context.add_asset_metadata(
                {
                    "capital": float(made.capital),
                    "cash": float(made.cash),
                    "trigger": made.trigger or "not due",
                    "plan": dg.MetadataValue.md(_as_markdown(made)),
                },
                partition_key=key,
            )
        return tables

    return plan


def _as_markdown(plan: Plan) -> str:
    lines = ["| symbol | action | weight | target | held now | difference |"]
    lines.append("|---|---|---:|---:|---:|---:|")
    lines += [
        f"| {item.symbol} | {item.action} | {item.weight:.2%} | {item.target:,.2f} "
        f"| {item.current:,.2f} | {item.difference:+,.2f} |"
        for item in plan.items
    ]
    return "\n".join(lines)


def plan_of_book(records: AccountRecords, book: Book, symphony: Symphony, session: date) -> Plan:
    """What a book should trade in `session`, by the signal and the closes of the evening before.

    Raises one of `UNPLANNABLE`.
    """
    before = sessions.previous_session(session)
    weights = weights_of(records.tables.read(signal_key(book.name), before.isoformat()))
    closes = closes_of(records.snapshots, before, before)
    with records.ledger.read() as connection:
        return plan_at_closes(connection, book, symphony, session, weights, closes)


def weights_of(signal: pl.DataFrame) -> dict[str, Decimal]:
    """Decimal target weights of a signal table, in the broker's spelling of symbols."""
    floats = {
        broker_symbol(symbol): weight
        for symbol, weight in signal.select("symbol", "weight").iter_rows()
    }
    return accept_weights(floats)


def is_scheduled(connection: Connection, book: str, symphony: Symphony, session: date) -> bool:
    """Whether the symphony's own calendar makes it due in `session`."""
    return symphony.rebalancing.due_on(session, last_rebalance(connection, book, session))


def plan_at_closes(
    connection: Connection,
    book: Book,
    symphony: Symphony,
    session: date,
    weights: Mapping[str, Decimal],
    closes: Mapping[str, Decimal],
) -> Plan:
    """Plan a book for `session` from the ledger as it stood before, at `closes` (dollars)."""
    before = sessions.previous_session(session)
    held = positions(connection, through=before).get(book.name, {})
    cash = book_cash(connection, through=before).get(book.name)
    if cash is None:
        cash = opening_cash(connection, book.allocation, through=before)
    return plan_book(
        weights=weights,
        holdings=held,
        cash=cash,
        prices=closes,
        deployment=DEPLOYMENT,
        scheduled=is_scheduled(connection, book.name, symphony, session),
        threshold=symphony.rebalancing.threshold,
    )


def closes_of(snapshots: SnapshotStore, snapshot: date, session: date) -> dict[str, Decimal]:
    """The tradable close of each symbol in `session`, dollars to four places, as `daily_bars` of
    `snapshot` has it. Raises SnapshotMissing or SnapshotDamaged.
    """
    content = snapshots.get(snapshot).sha256
    return _closes(snapshots, snapshot, content, session)


@lru_cache(maxsize=1024)
def _closes(
    snapshots: SnapshotStore, snapshot: date, content: str, session: date
) -> dict[str, Decimal]:
    # Every book of a run asks for the same closes, and there are some years of them.
    bars = snapshots.scan(snapshot, content).filter(pl.col("date") == session)
    rows = bars.select("symbol", "close").collect().iter_rows()
    return {symbol: Decimal(str(round(close, 4))) for symbol, close in rows}


def plan_table(plan: Plan) -> pl.DataFrame:
    """A plan as a table, one row a symbol."""
    places = Decimal("0.000000001")
    return pl.DataFrame(
        [
            {
                "symbol": item.symbol,
                "action": item.action.value,
                "weight": item.weight.quantize(places),
                "held": item.held.quantize(places),
                "price": item.price.quantize(places),
                "target": item.target.quantize(places),
                "current": item.current.quantize(places),
                "quantity": item.quantity.quantize(places),
                "reason": item.reason,
            }
            for item in plan.items
        ],
        schema=PLAN_COLUMNS,
    )


def target_weights(table: pl.DataFrame) -> dict[str, Decimal]:
    """The target weights of a plan table."""
    rows = table.filter(pl.col("weight") > ZERO).select("symbol", "weight").iter_rows()
    return {symbol: weight.normalize() for symbol, weight in rows}
