"""The job `trade_session`: the only code that sends orders.

    gate ─► open_session ─► plan_books ─► sales ─┬► work_sale ... ┬► confirm_cash ─► size_and_cross
                                                 └► work_sale ... ┘                        │
                settle ◄─┬ work_purchase ... ◄─┬─ purchases ◄─────────────────────────────┘
                         └ work_purchase ... ◄─┘

Each op does one step of the protocol in `execution/` and leaves its result in the ledger, so a run
that was killed anywhere is simply started again: it finds what was done and goes on. The gate lets
through only the session that is open now, so no backfill and no click can trade the past.

There is one `work_...` step a block. The blocks of a phase move together, in whichever of these
steps is running: each sees its own block to its end and reports on it.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import dagster as dg

from alchemiser_dagster.defs.accounting import TRADED
from alchemiser_dagster.defs.resources import (
    AccountRecords,
    TradingDesk,
    TradingFloor,
    TradingLock,
    as_session,
)
from alchemiser_dagster.defs.wishes import book_wish
from alchemiser_dagster.execution import opening, phases, preparation, settlement
from alchemiser_dagster.execution.gate import OpenWindow, SessionRefused, check_gate
from alchemiser_dagster.execution.opening import WrongLedger
from alchemiser_dagster.execution.quality_records import block_quality
from alchemiser_dagster.ledger.queries import outcomes, the_session
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.ledger.trade_records import trades_of

TRADE_TAG = "alchemiser/trade"
POOL = "broker"
"""The steps that work orders: an instance may limit how many run at once."""


@dg.op(out=dg.Out(OpenWindow, is_required=False))
def gate(
    context: dg.OpExecutionContext,
    records: AccountRecords,
    trading: TradingDesk,
    lock: TradingLock,
) -> Iterator[dg.Output[OpenWindow]]:
    """Let the session through if it is the one to trade now, and nobody else is trading it."""
    session = as_session(context.partition_key)
    if not lock.acquire():
        context.log.info(f"{session}: another process is trading; nothing to do here")
        return
    try:
        window = check_gate(trading.desk(), session)
    except SessionRefused as refusal:
        raise dg.Failure(str(refusal), allow_retries=False) from refusal
    if window is None:
        context.log.info(f"{session} has been traded to its end; nothing is sent again")
        if not is_announced(context.instance, session):
            announce(context, records.ledger, session)
        return
    yield dg.Output(window)


@dg.op(out=dg.Out(OpenWindow))
def open_session(
    context: dg.OpExecutionContext,
    window: OpenWindow,
    records: AccountRecords,
    trading: TradingDesk,
) -> OpenWindow:
    """Finish interrupted sessions, write down who is expected to trade, compare with the broker."""
    desk = trading.desk()
    try:
        for session in settlement.finish_earlier(desk, window.session):
            context.log.warning(f"{session} had been interrupted and was brought to its end")
            announce(context, desk.ledger, session)
        found = opening.open_session(
            desk, window, records.terms(), inception=records.facts.inception
        )
    except WrongLedger as wrong:
        raise dg.Failure(str(wrong), allow_retries=False) from wrong
    for note in found.notes:
        context.log.info(note)
    for item in found.breaks:
        context.log.error(f"books and broker do not agree: {item}")
    return window


@dg.op(out=dg.Out(OpenWindow))
def plan_books(
    context: dg.OpExecutionContext,
    window: OpenWindow,
    records: AccountRecords,
    trading: TradingDesk,
) -> OpenWindow:
    """Price every book's plan at the quotes of now and fix its trades for the session."""
    wishes = {book.name: book_wish(records, book, window.session) for book in records.books()}
    made = preparation.plan_session(trading.desk(), window.session, wishes)
    if made is None:
        context.log.info("the session was planned before, or it is too late to plan it")
        return window
    lines = [
        f"{book}: {plan.trigger or 'not due'}; {len(plan.sells)} to sell, {len(plan.buys)} to buy"
        for book, plan in made.plans.items()
    ]
    lines += [f"{book}: no plan: {reason}" for book, reason in made.refused.items()]
    lines += [f"{book}: capital moved by {dollars:+}" for book, dollars in made.transfers.items()]
    context.log.info("\n".join(["planned at the quotes of now", *lines]))
    for overlap in made.overlaps:
        context.log.warning(f"{overlap.level}: {overlap}")
    return window


@dg.op(out=dg.DynamicOut(str))
def sales(
    window: OpenWindow, trading: TradingDesk, floor: TradingFloor, lock: TradingLock
) -> Iterator[dg.DynamicOutput[str]]:
    """The blocks of sales, one a symbol; what other books want to buy is held back."""
    lock.require()
    desk = trading.desk()
    floor.open(phases.start_sales(desk, window.session))
    yield from _blocks(phases.block_ids(desk, window.session, 1))


@dg.op(pool=POOL)
def work_sale(context: dg.OpExecutionContext, block: str, floor: TradingFloor) -> str:
    """See one block of sales to its end, or until the purchases have to begin."""
    floor.finish(block)
    _report_block(context, floor, block)
    return block


@dg.op(out=dg.Out(Decimal))
def confirm_cash(window: OpenWindow, sold: list[str], trading: TradingDesk) -> Decimal:
    """The barrier: wait until the account's cash shows the sales."""
    return phases.confirm_cash(trading.desk(), window.session)


@dg.op(out=dg.Out(OpenWindow))
def size_and_cross(
    context: dg.OpExecutionContext, window: OpenWindow, cash: Decimal, trading: TradingDesk
) -> OpenWindow:
    """Size every purchase from confirmed cash, and let books trade with each other."""
    sized = phases.size(trading.desk(), window.session, cash)
    if sized is None:
        context.log.info("the purchases were sized before, or it is too late for them")
        return window
    lines = [
        f"{cross.quantity} {cross.symbol} changed books at {cross.price}" for cross in sized.crosses
    ]
    if lines:
        context.log.info("\n".join([*lines, f"saved spread: {sized.saved_spread:.2f} dollars"]))
    return window


@dg.op(out=dg.DynamicOut(str))
def purchases(
    window: OpenWindow, trading: TradingDesk, floor: TradingFloor, lock: TradingLock
) -> Iterator[dg.DynamicOutput[str]]:
    """The blocks of purchases, of held back sales without a buyer, and of sales still open."""
    lock.require()
    desk = trading.desk()
    floor.open(phases.start_purchases(desk, window.session))
    yield from _blocks(phases.unfinished_block_ids(desk, window.session))


@dg.op(pool=POOL)
def work_purchase(context: dg.OpExecutionContext, block: str, floor: TradingFloor) -> str:
    """See one block to its end."""
    floor.finish(block)
    _report_block(context, floor, block)
    return block


@dg.op
def settle(
    context: dg.OpExecutionContext, window: OpenWindow, bought: list[str], trading: TradingDesk
) -> None:
    """Write every book's outcome and compare the books with the broker."""
    report = settlement.settle(trading.desk(), window.session)
    lines = [
        f"{book}: {state}{f' ({reason})' if reason else ''}"
        for book, (state, reason) in report.books.items()
    ]
    context.log.info("\n".join([f"{report.outcome}, {report.trades} trades", *lines]))
    announce(context, trading.records.ledger, window.session)
    if report.breaks:
        raise dg.Failure(
            "the session was traded and recorded, but the books do not sum to the broker:\n  "
            + "\n  ".join(map(str, report.breaks)),
            allow_retries=False,
        )


def announce(context: dg.OpExecutionContext, ledger: Ledger, session: date) -> None:
    """Tell Dagster that a session was traded to its end, as the ledger has it.

    Everything after the close waits for this. A run that was killed just before is made up for by
    the next one.
    """
    with ledger.read() as connection:
        row = the_session(connection, session)
        books = {
            ended.book: ": ".join(filter(None, (ended.state, ended.reason)))
            for ended in outcomes(connection, session)
        }
    assert row is not None
    metadata = {
        "outcome": row.outcome,
        "trades": sum(1 for trade in trades_of(ledger, session) if trade.filled > 0),
        "books": dg.MetadataValue.json(books),
    }
    context.log_event(
        dg.AssetMaterialization(TRADED, partition=session.isoformat(), metadata=metadata)
    )


def is_announced(instance: dg.DagsterInstance, session: date) -> bool:
    """Whether Dagster has been told that a session was traded to its end."""
    of_session = dg.AssetRecordsFilter(dg.AssetKey(TRADED), asset_partitions=[session.isoformat()])
    return bool(instance.fetch_materializations(of_session, limit=1).records)


def _blocks(block_ids: list[str]) -> Iterator[dg.DynamicOutput[str]]:
    for block in block_ids:
        key = "".join(c if c.isalnum() else "_" for c in block)
        yield dg.DynamicOutput(block, mapping_key=key)


def _report_block(context: dg.OpExecutionContext, floor: TradingFloor, block: str) -> None:
    with floor.records.ledger.read() as connection:
        quality = block_quality(connection, block)
    context.log.info(str(quality))
    context.add_output_metadata(quality.as_metadata())


def trade_session_job(partitions: dg.PartitionsDefinition[str]) -> dg.JobDefinition:
    """The job `trade_session`, one run a session."""

    @dg.job(
        partitions_def=partitions,
        executor_def=dg.in_process_executor,
        tags={TRADE_TAG: "true", "dagster/max_retries": "0"},
    )
    def trade_session() -> None:
        """Trade one session: sell, wait for the cash, cross and buy, settle.

        Started again after an interruption it goes on where it stopped; after the close it sends
        nothing and brings the session to its end.
        """
        window = plan_books(open_session(gate()))
        sold = sales(window).map(work_sale)
        sized = size_and_cross(window, confirm_cash(window, sold.collect()))
        bought = purchases(sized).map(work_purchase)
        settle(sized, bought.collect())

    return trade_session
