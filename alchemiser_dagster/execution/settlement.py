"""The end of a session: every book's outcome, the account as the broker has it, and the proof.

The books must sum to the broker to the share and the cent; if they do not, the session stays
incomplete and the job fails, so that somebody looks before the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row

from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.phases import buy, confirm_cash, sell
from alchemiser_dagster.execution.preparation import check_books, take_snapshot
from alchemiser_dagster.ledger.queries import incomplete_sessions, outcomes
from alchemiser_dagster.ledger.session_records import (
    complete_session,
    record_outcome,
    record_snapshot,
)
from alchemiser_dagster.ledger.trade_records import ENDED_TRADES, trades_of


@dataclass(frozen=True)
class SessionReport:
    """How a session ended: its outcome and each book's, with the reasons."""

    outcome: str
    books: dict[str, tuple[str, str]]
    trades: int


def settle(desk: Desk, session: date) -> SessionReport:
    """Write all outcomes, check the books against the broker, and complete the session."""
    trades = trades_of(desk.ledger, session)
    unfinished = [trade.trade_id for trade in trades if trade.state not in ENDED_TRADES]
    if unfinished:
        raise RuntimeError(f"expected every trade to have ended, was open: {unfinished}")
    with desk.ledger.read() as connection:
        rows = outcomes(connection, session)
    for row in rows:
        if row.state == "expected":
            reason = "interrupted before it was planned"
            record_outcome(desk.ledger, session, row.book, "failed", reason)
        if row.state == "planned":
            state, reason = _outcome([trade for trade in trades if trade.book == row.book])
            record_outcome(desk.ledger, session, row.book, state, reason)
    snapshot = take_snapshot(desk)
    check_books(desk, snapshot)
    record_snapshot(desk.ledger, session, "after", snapshot)
    with desk.ledger.read() as connection:
        ended = {row.book: (row.state, row.reason) for row in outcomes(connection, session)}
    outcome = _session_outcome([state for state, _ in ended.values()])
    complete_session(desk.ledger, session, outcome, snapshot.taken_at)
    return SessionReport(outcome, ended, sum(1 for trade in trades if trade.filled > 0))


def finish_earlier(desk: Desk, session: date) -> list[date]:
    """Bring sessions before `session` that were interrupted to their end; returns them.

    Their orders have long ended at the broker: what filled is posted, nothing new is sent.
    """
    with desk.ledger.read() as connection:
        earlier = incomplete_sessions(connection, before=session)
    for unfinished in earlier:
        sell(desk, unfinished)
        buy(desk, unfinished, confirm_cash(desk, unfinished))
        settle(desk, unfinished)
    return earlier


def _outcome(trades: Sequence[Row[Any]]) -> tuple[str, str]:
    """A book's outcome from its trades: traded, held, partial or failed."""
    tried = [trade for trade in trades if trade.state != "skipped"]
    reasons = "; ".join(
        f"{trade.side} {trade.symbol}: {trade.reason}" for trade in trades if trade.reason
    )
    if not tried:
        return ("held", reasons)
    if all(trade.state == "filled" for trade in tried):
        return ("traded", reasons)
    if any(trade.filled > 0 for trade in tried):
        return ("partial", reasons)
    return ("failed", reasons)


def _session_outcome(states: Sequence[str]) -> str:
    good = [state for state in states if state in ("traded", "held")]
    if len(good) == len(states):
        return "success"
    return "partial" if good or "partial" in states else "failure"
