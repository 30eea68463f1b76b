"""The end of a session: what filled late, every book's outcome, and the books beside the broker.

A session always comes to an outcome. Where books and broker differ afterwards, the symbol is frozen
and the difference recorded (`resolution`), so that somebody looks; the other books go on.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.planning import DUST, TOO_DEAR
from alchemiser_dagster.execution.activities import post_new_activities
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.opening import compare_with_broker
from alchemiser_dagster.execution.phases import buy, sell
from alchemiser_dagster.execution.reconciliation import Item
from alchemiser_dagster.execution.step import WHOLE_ONLY
from alchemiser_dagster.execution.walk import SESSION_LENGTH
from alchemiser_dagster.ledger.block_records import ENDED_BLOCKS, blocks_of, orders_of
from alchemiser_dagster.ledger.posting import Execution, post_executions
from alchemiser_dagster.ledger.queries import incomplete_sessions, outcomes, the_session
from alchemiser_dagster.ledger.rails import rail_state
from alchemiser_dagster.ledger.session_records import (
    complete_session,
    record_outcome,
    record_snapshot,
    session_prices,
)
from alchemiser_dagster.ledger.store import LedgerError
from alchemiser_dagster.ledger.trade_records import ENDED_TRADES, end_trade, trades_of

FAILED_SHARE = Decimal("0.30")
"""From this share of failed symbols on, a session is a failure."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SessionReport:
    """How a session ended: its outcome and each book's, with the reasons, and what breaks."""

    outcome: str
    books: dict[str, tuple[str, str]]
    trades: int
    breaks: tuple[Item, ...] = ()


def settle(desk: Desk, session: date) -> SessionReport:
    """Write all outcomes, compare the books with the broker, and complete the session."""
    post_late_executions(desk, session)
    _end_trades(desk, session)
    trades = trades_of(desk.ledger, session)
    with desk.ledger.read() as connection:
        rows = outcomes(connection, session)
    for row in rows:
        if row.state == "expected":
            record_outcome(
                desk.ledger, session, row.book, "timed_out", "it was not planned in time"
            )
        if row.state == "planned":
            state, reason = book_outcome([trade for trade in trades if trade.book == row.book])
            record_outcome(desk.ledger, session, row.book, state, reason)
    post_new_activities(desk.gateway, desk.ledger, session)
    snapshot, items = compare_with_broker(desk, session, "after_buys")
    record_snapshot(desk.ledger, session, "after", snapshot)
    with desk.ledger.read() as connection:
        ended = {row.book: (row.state, row.reason) for row in outcomes(connection, session)}
    outcome = session_outcome(trades, [state for state, _ in ended.values()])
    complete_session(desk.ledger, session, outcome, snapshot.taken_at)
    return SessionReport(
        outcome,
        ended,
        sum(1 for trade in trades if trade.filled > 0),
        tuple(item for item in items if item.breaks),
    )


def finish_earlier(desk: Desk, session: date) -> list[date]:
    """Bring sessions before `session` that were interrupted to their end; returns them.

    Their orders have long ended at the broker: what filled is posted, nothing new is sent.
    """
    with desk.ledger.read() as connection:
        earlier = incomplete_sessions(connection, before=session)
    for unfinished in earlier:
        finish(desk, unfinished)
    return earlier


def finish(desk: Desk, session: date) -> SessionReport:
    """Bring a session whose time is over to its end."""
    with desk.ledger.read() as connection:
        row = the_session(connection, session)
    assert row is not None
    if row.state != "open":  # else nothing was planned, so nothing was sent
        sell(desk, session)
        buy(desk, session)
    return settle(desk, session)


def post_late_executions(
    desk: Desk, session: date, *, counts_to: date | None = None
) -> list[Execution]:
    """Post what orders filled after they were taken to have ended; returns that.

    `counts_to` is as `ledger.posting.post_executions` takes it.
    """
    with desk.ledger.read() as connection:
        row = the_session(connection, session)
    assert row is not None
    since = row.closes_at - SESSION_LENGTH
    mine = {
        order.client_order_id: order
        for block in blocks_of(desk.ledger, session)
        for order in orders_of(desk.ledger, block.block_id)
    }
    if not mine:
        return []
    late = [
        order
        for name, order in desk.gateway.orders_since(since).items()
        if name in mine and order.filled_quantity > mine[name].posted
    ]
    executions = desk.gateway.executions(since) if late else {}
    posted: list[Execution] = []
    for order in late:
        reported = executions.get(order.order_id, [])
        try:
            posted += post_executions(
                desk.ledger, order.client_order_id, reported, counts_to=counts_to
            )
        except LedgerError as error:
            # The account goes on; the reconciliation finds what is missing.
            _log.error("%s: %s", order.client_order_id, error)
    return posted


def _end_trades(desk: Desk, session: date) -> None:
    """End every trade by what it filled; the reasons are those of its blocks, or of a rail.

    A book that was halted is left out of its blocks, which go on for the others: what it did not
    get has the rail as its reason.
    """
    why: dict[str, str] = {}
    blocked: set[str] = set()
    for block in blocks_of(desk.ledger, session):
        if block.state not in ENDED_BLOCKS:
            raise RuntimeError(f"expected every block to have ended, was open: {block.block_id}")
        if block.reason:
            why[block.symbol] = block.reason
        if block.state == "blocked":
            blocked.add(block.symbol)
    prices = session_prices(desk.ledger, session)
    with desk.ledger.read() as connection:
        rails = rail_state(connection)
    for trade in trades_of(desk.ledger, session):
        if trade.state in ENDED_TRADES:
            continue
        rail = rails.obstacle(symbol=trade.symbol, side=trade.side, book=trade.book)
        reason = why.get(trade.symbol) or rail or "the session ended before it could be traded"
        left = (trade.intended_quantity - trade.filled) * prices[trade.symbol].price
        # A budget that does not buy another whole share has done what it can.
        spent = trade.side == "buy" and (
            trade.budget - trade.cash < DUST or why.get(trade.symbol) == WHOLE_ONLY
        )
        if trade.filled > 0 and (left < DUST or spent):
            state, reason = "filled", ""
        elif trade.filled > 0:
            state = "partial"
        else:
            state = "blocked" if rail or trade.symbol in blocked else "failed"
        end_trade(desk.ledger, trade.trade_id, state, reason)


def book_outcome(trades: Sequence[Row[Any]]) -> tuple[str, str]:
    """A book's outcome from its trades: traded, held, partial, blocked or failed."""
    tried = [trade for trade in trades if trade.state != "skipped"]
    reasons = "; ".join(
        f"{trade.side} {trade.symbol}: {trade.reason}" for trade in trades if trade.reason
    )
    if not tried:
        return ("held", reasons)
    if all(trade.state == "filled" for trade in tried):
        return ("traded", reasons)
    if any(trade.state == "blocked" for trade in tried):
        return ("blocked", reasons)
    if any(trade.filled > ZERO for trade in tried):
        return ("partial", reasons)
    return ("failed", reasons)


def session_outcome(trades: Sequence[Row[Any]], books: Sequence[str]) -> str:
    """success, partial or failure, from the trades and the books' outcomes.

    Trades skipped because a share costs more than its slice make a session partial, never more.
    With others failed, the share of symbols that did not trade as they should decides; and no book
    that ended well is a failure.
    """
    good = [state for state in books if state in ("traded", "held")]
    hard = {trade.symbol for trade in trades if trade.state in ("partial", "failed", "blocked")}
    dear = {trade.symbol for trade in trades if trade.reason == TOO_DEAR}
    if not hard and len(good) == len(books):
        return "partial" if dear else "success"
    symbols = {trade.symbol for trade in trades}
    if symbols and Decimal(len(hard | dear)) / len(symbols) >= FAILED_SHARE:
        return "failure"
    return "partial" if good or "partial" in books else "failure"
