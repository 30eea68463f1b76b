"""The workload in the project's own ledger, in an SQLite file.

What was decided before the first execution arrives (sessions, trades, blocks, orders and their
allocations) is written beforehand in bulk; `post` is the posting itself, by `post_executions`, one
transaction an order, as the trading job does it.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Row, event, insert, select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.rebuild import Fact
from alchemiser_dagster.ledger.facts import facts
from alchemiser_dagster.ledger.opening import BookTerms, open_account, open_books
from alchemiser_dagster.ledger.posting import post_executions
from alchemiser_dagster.ledger.queries import exits_of, positions
from alchemiser_dagster.ledger.schema import (
    block_trades,
    blocks,
    fills,
    order_allocations,
    orders,
    session_books,
    sessions,
    trades,
)
from alchemiser_dagster.ledger.session_records import trade_id
from alchemiser_dagster.ledger.store import Ledger
from benchmarks.ledger.workload import BOOKS, FIRST, Traded

CASH = Decimal(1_000_000_000)


def prepare(
    path: Path, placed: Sequence[Traded], books: Sequence[str] = BOOKS, first: date = FIRST
) -> Ledger:
    """A ledger in which every order of `placed` is written down and nothing has been executed."""
    ledger = Ledger.at(path)
    opened = datetime.combine(first, datetime.min.time(), UTC)
    open_account(ledger, account_number="EMB1", inception=first, cash=CASH, at=opened)
    terms = {book: BookTerms(Decimal("0.8") / len(books)) for book in books}
    open_books(ledger, terms, session=first, at=opened)
    days = sorted({order.session for order in placed})
    rows: dict[Any, list[dict[str, Any]]] = {
        sessions: [_session(day) for day in days],
        session_books: [
            {"session": day, "book": book, "state": "planned", "reason": ""}
            for day in days
            for book in books
        ],
        trades: [_trade(order, book) for order in placed for book in order.shares],
        blocks: [_block(order) for order in placed],
        block_trades: [_part(order, book, "block_id") for order in placed for book in order.shares],
        orders: [_order(order) for order in placed],
        order_allocations: [
            _part(order, book, "client_order_id") for order in placed for book in order.shares
        ],
    }
    with ledger.write() as connection:
        for table, values in rows.items():
            connection.execute(insert(table), values)
    return ledger


def post(ledger: Ledger, placed: Sequence[Traded]) -> None:
    """Post all executions, an order's in one transaction."""
    for order in placed:
        post_executions(ledger, order.name, order.executions)


def without_waiting(ledger: Ledger) -> Ledger:
    """The same ledger, whose commits do not wait for the disk. Not safe, and nothing does this."""

    @event.listens_for(ledger.engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    ledger.close()  # what is open was opened without it
    return ledger


def results(ledger: Ledger) -> tuple[dict[str, dict[str, Decimal]], dict[str, Decimal]]:
    """Shares by book and symbol, and realised P&L in dollars by book."""
    with ledger.read() as connection:
        realised = {
            book: sum((e.proceeds - e.cost for e in exits_of(connection, book)), ZERO)
            for book in BOOKS
        }
        return positions(connection), realised


def posted(ledger: Ledger) -> Sequence[Row[Any]]:
    """The fills, oldest first."""
    with ledger.read() as connection:
        return connection.execute(
            select(fills).order_by(fills.c.executed_at, fills.c.fill_id)
        ).all()


def journaled(ledger: Ledger) -> list[Fact]:
    """The facts that the journal has been told."""
    with ledger.read() as connection:
        return list(facts(connection))


def _session(day: Any) -> dict[str, Any]:
    closes_at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=21)
    return {
        "session": day,
        "state": "sized",
        "opens_at": closes_at - timedelta(hours=6),
        "closes_at": closes_at,
        "started_at": closes_at - timedelta(minutes=15),
    }


def _trade(order: Traded, book: str) -> dict[str, Any]:
    return {
        "trade_id": trade_id(order.session, book, order.symbol, order.side),
        "session": order.session,
        "book": book,
        "symbol": order.symbol,
        "side": order.side,
        "is_exit": False,
        "intended_quantity": order.shares[book],
        "held_back": ZERO,
        "state": "sized",
        "reason": "",
    }


def _block(order: Traded) -> dict[str, Any]:
    return {
        "block_id": order.name,
        "session": order.session,
        "symbol": order.symbol,
        "side": order.side,
        "round": 1,
        "quantity": order.quantity,
        "state": "open",
        "reason": "",
    }


def _order(order: Traded) -> dict[str, Any]:
    return {
        "client_order_id": order.name,
        "block_id": order.name,
        "attempt": 1,
        "step": 1,
        "order_type": "market",
        "quantity": order.quantity,
        "notional": ZERO,
        "state": "working",
        "filled_quantity": ZERO,
        "submitted_at": order.executions[0].executed_at,
        "message": "",
    }


def _part(order: Traded, book: str, of: str) -> dict[str, Any]:
    return {
        of: order.name,
        "trade_id": trade_id(order.session, book, order.symbol, order.side),
        "quantity": order.shares[book],
    }
