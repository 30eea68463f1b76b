"""The job `reconcile_after_close`: half an hour after the close, books and broker once more.

It sends no order. What it posts and books counts to the next session, so the tables of the session
that is over stay as they were published. The rules are in `execution.after_close`.
"""

import dagster as dg

from alchemiser_dagster.defs.resources import TradingDesk, TradingLock, as_session
from alchemiser_dagster.defs.trading import TRADE_TAG
from alchemiser_dagster.execution.after_close import reconcile_after_close
from alchemiser_dagster.execution.gate import SessionRefused


@dg.op
def reconcile(context: dg.OpExecutionContext, trading: TradingDesk, lock: TradingLock) -> None:
    """Post what the broker has listed since the trading, compare, and fail on what breaks."""
    session = as_session(context.partition_key)
    if not lock.acquire():
        context.log.info(f"{session}: another process is trading; nothing to do here")
        return
    try:
        found = reconcile_after_close(trading.desk(), session)
    except SessionRefused as refusal:
        raise dg.Failure(str(refusal), allow_retries=False) from refusal
    lines = [f"posted late: {execution}" for execution in found.executions]
    lines += [str(posted) for posted in found.activities]
    lines += [str(item) for item in found.items if item.books != item.broker]
    context.log.info("\n".join([f"{session}: {len(found.items)} items compared", *lines]))
    if found.breaks:
        raise dg.Failure(
            f"after the close of {session} the books do not sum to the broker:\n  "
            + "\n  ".join(map(str, found.breaks)),
            allow_retries=False,
        )


def reconcile_after_close_job(partitions: dg.PartitionsDefinition[str]) -> dg.JobDefinition:
    """The job `reconcile_after_close`, once a session."""

    @dg.job(
        name="reconcile_after_close",
        partitions_def=partitions,
        executor_def=dg.in_process_executor,
        tags={TRADE_TAG: "true", "dagster/max_retries": "0"},
        description="30 minutes after the close: post what the broker has listed since the "
        "trading, under the next session, and compare the books with the broker. What breaks is "
        "frozen, listed, and fails the run. Sends no order.",
    )
    def after_close() -> None:
        reconcile()

    return after_close
