"""The job `trade_session`: the only code that sends orders.

    gate ─► open_session ─► plan_books ─► sell ─► confirm_cash ─► buy ─► settle

Each op does one step of the protocol in `execution/` and leaves its result in the ledger, so a run
that was killed anywhere is simply started again: it finds what was done and goes on. The gate lets
through only the session that is open now, so no backfill and no click can trade the past.
"""

from decimal import Decimal

import dagster as dg

from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.books.weights import WeightError
from alchemiser_dagster.defs.accounting import TRADED
from alchemiser_dagster.defs.plans import is_scheduled, plan_key, target_weights
from alchemiser_dagster.defs.resources import (
    AccountRecords,
    TradingDesk,
    TradingLock,
    as_session,
)
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.execution import phases, preparation, settlement
from alchemiser_dagster.execution.gate import OpenWindow, SessionRefused, check_gate
from alchemiser_dagster.execution.preparation import BooksBroken, Wish

TRADE_TAG = "alchemiser/trade"


@dg.op(out=dg.Out(OpenWindow, is_required=False))
def gate(context: dg.OpExecutionContext, trading: TradingDesk, lock: TradingLock):  # type: ignore[no-untyped-def]
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
        return
    yield dg.Output(window)


@dg.op(out=dg.Out(OpenWindow))
def open_session(
    context: dg.OpExecutionContext,
    window: OpenWindow,
    records: AccountRecords,
    trading: TradingDesk,
) -> OpenWindow:
    """Finish interrupted sessions, write down who is expected to trade, check books and broker."""
    desk = trading.desk()
    allocations = records.allocations()
    try:
        for session in settlement.finish_earlier(desk, window.session):
            context.log.warning(f"{session} had been interrupted and was brought to its end")
        preparation.open_session(desk, window, allocations, inception=records.facts.inception)
    except BooksBroken as broken:
        raise dg.Failure(str(broken), allow_retries=False) from broken
    return window


@dg.op(out=dg.Out(OpenWindow))
def plan_books(
    context: dg.OpExecutionContext,
    window: OpenWindow,
    records: AccountRecords,
    trading: TradingDesk,
) -> OpenWindow:
    """Price every book's plan at the quotes of now and fix its trades for the session."""
    wishes = {book.name: _wish(records, book, window) for book in records.books()}
    plans = preparation.plan_session(trading.desk(), window.session, wishes)
    lines = [
        f"{book}: {plan.trigger or 'not due'}; {len(plan.sells)} to sell, {len(plan.buys)} to buy"
        for book, plan in plans.items()
    ]
    context.log.info("\n".join(["planned at the quotes of now", *lines]))
    return window


def _wish(records: AccountRecords, book: Book, window: OpenWindow) -> Wish:
    if book.symphony is None:
        return Wish(missing=book.problem)
    try:
        plan = records.tables.read(plan_key(book.name), window.session.isoformat())
        weights = target_weights(plan)
    except (TableMissing, WeightError) as missing:
        return Wish(missing=f"no plan: {missing}")
    with records.ledger.read() as connection:
        scheduled = is_scheduled(connection, book.name, book.symphony, window.session)
    return Wish(weights, scheduled=scheduled, threshold=book.symphony.rebalancing.threshold)


@dg.op(out=dg.Out(OpenWindow))
def sell(window: OpenWindow, trading: TradingDesk) -> OpenWindow:
    """Walk every sale of every book to its end."""
    phases.sell(trading.desk(), window.session)
    return window


@dg.op(out=dg.Out(Decimal))
def confirm_cash(window: OpenWindow, trading: TradingDesk) -> Decimal:
    """The barrier: wait until the account's cash shows the sales."""
    return phases.confirm_cash(trading.desk(), window.session)


@dg.op(out=dg.Out(OpenWindow))
def buy(window: OpenWindow, cash: Decimal, trading: TradingDesk) -> OpenWindow:
    """Size every purchase from confirmed cash and walk it to its end."""
    phases.buy(trading.desk(), window.session, cash)
    return window


@dg.op
def settle(context: dg.OpExecutionContext, window: OpenWindow, trading: TradingDesk) -> None:
    """Write every book's outcome and prove that the books sum to the broker."""
    try:
        report = settlement.settle(trading.desk(), window.session)
    except BooksBroken as broken:
        raise dg.Failure(str(broken), allow_retries=False) from broken
    lines = [
        f"{book}: {state}{f' ({reason})' if reason else ''}"
        for book, (state, reason) in report.books.items()
    ]
    context.log.info("\n".join([f"{report.outcome}, {report.trades} trades", *lines]))
    context.log_event(
        dg.AssetMaterialization(
            TRADED,
            partition=context.partition_key,
            metadata={
                "outcome": report.outcome,
                "trades": report.trades,
                "books": dg.MetadataValue.json(
                    {book: ": ".join(filter(None, ended)) for book, ended in report.books.items()}
                ),
            },
        )
    )


def trade_session_job(partitions: dg.PartitionsDefinition[str]) -> dg.JobDefinition:
    """The job `trade_session`, one run a session."""

    @dg.job(
        partitions_def=partitions,
        executor_def=dg.in_process_executor,
        tags={TRADE_TAG: "true", "dagster/max_retries": "0"},
    )
    def trade_session() -> None:
        """Trade one session: sell, wait for the cash, buy, settle."""
        window = plan_books(open_session(gate()))
        sold = sell(window)
        settle(buy(sold, confirm_cash(sold)))

    return trade_session
