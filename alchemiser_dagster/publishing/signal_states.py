"""What became of each strategy's signal for a session, symbol by symbol.

    GENERATED     the session has not ended
    EXECUTED      the book bought or sold the symbol
    IGNORED       the session ended, and it did neither

A signal is never SUPERSEDED here: one that is made again takes the place of the one before.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from alchemiser_dagster.ledger.schema import (
    executions,
    fills,
    orders,
    plan_items,
    session_books,
    sessions,
    trades,
)
from alchemiser_dagster.publishing.filled_orders import IS_STANDING, order_id

ACTIONS = {"buy": "BUY", "sell": "SELL", "exit": "SELL"}
"""What a plan says is to be done; anything else is to hold."""


@dataclass(frozen=True)
class Evening:
    """When the signals of a session were made, and a book's target weights by symbol."""

    made_at: datetime
    weights: Callable[[str], Mapping[str, Decimal]]


@dataclass(frozen=True)
class SignalState:
    """A target weight of a book for a session (the one traded), and what became of it."""

    session: date
    made_at: datetime
    book: str
    symbol: str
    weight: Decimal
    action: str
    reason: str
    lifecycle: str
    order_ids: Sequence[str]


def signal_states(connection: Connection, evenings: Mapping[date, Evening]) -> list[SignalState]:
    """The signals of those sessions that have begun, by session, book and symbol.

    `evenings` are by the session in which their signals are traded. Of a book that was planned,
    what the plan says; of one that was not, its signal, and nothing where it has none.
    """
    traded = list(evenings)
    filled = _orders_filled(connection, traded)
    planned: dict[tuple[date, str], list[Row[Any]]] = defaultdict(list)
    for item in connection.execute(select(plan_items).where(plan_items.c.session.in_(traded))):
        planned[item.session, item.book].append(item)
    states = []
    for row in connection.execute(_books_of(traded)):
        items = planned.get((row.session, row.book))
        evening = evenings[row.session]
        for symbol, weight, action, reason in (
            _of_plan(items)
            if items is not None
            else _of_signal(evening.weights(row.book), row.reason)
        ):
            order_ids = filled.get((row.session, row.book, symbol), set())
            ended = "EXECUTED" if order_ids else "IGNORED"
            states.append(
                SignalState(
                    session=row.session,
                    made_at=evening.made_at,
                    book=row.book,
                    symbol=symbol,
                    weight=weight,
                    action=action,
                    reason=reason,
                    lifecycle=ended if row.session_state == "complete" else "GENERATED",
                    order_ids=sorted(order_ids),
                )
            )
    return states


def _orders_filled(
    connection: Connection, traded: Sequence[date]
) -> dict[tuple[date, str, str], set[str]]:
    """The orders and crosses by session, book and symbol; each counts to the session it was of,
    however late it was filled."""
    filled: dict[tuple[date, str, str], set[str]] = defaultdict(set)
    source = func.coalesce(order_id(), fills.c.cross_id).label("order_id")
    for row in connection.execute(
        select(trades.c.session, fills.c.book, fills.c.symbol, source)
        .join(trades, trades.c.trade_id == fills.c.trade_id)
        .outerjoin(executions, executions.c.execution_id == fills.c.execution_id)
        .outerjoin(orders, orders.c.client_order_id == executions.c.client_order_id)
        .where(trades.c.session.in_(traded), fills.c.busts.is_(None), IS_STANDING)
    ):
        filled[row.session, row.book, row.symbol].add(row.order_id)
    return filled


def _books_of(traded: Sequence[date]) -> Select[Any]:
    return (
        select(session_books, sessions.c.state.label("session_state"))
        .join(sessions, sessions.c.session == session_books.c.session)
        .where(session_books.c.session.in_(traded))
        .order_by(session_books.c.session, session_books.c.book)
    )


def _of_plan(items: Sequence[Row[Any]]) -> Iterator[tuple[str, Decimal, str, str]]:
    for item in sorted(items, key=lambda item: item.symbol):
        yield item.symbol, item.weight, ACTIONS.get(item.action, "HOLD"), item.reason


def _of_signal(
    wished: Mapping[str, Decimal], reason: str
) -> Iterator[tuple[str, Decimal, str, str]]:
    for symbol, weight in sorted(wished.items()):
        yield symbol, weight, "HOLD", reason
