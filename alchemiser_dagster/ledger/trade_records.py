"""Writes of the trading job about trades and their orders.

Every function is safe to call again after a crash: what is there already stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.schema import fills, orders, trades
from alchemiser_dagster.ledger.store import Ledger

ENDED_TRADES = ("filled", "partial", "skipped", "failed")
ENDED_ORDERS = ("filled", "canceled", "expired", "rejected")


@dataclass(frozen=True)
class NewOrder:
    """An order about to be sent."""

    client_order_id: str
    trade_id: str
    step: int
    order_type: str
    quantity: Decimal
    limit_price: Decimal | None
    at: datetime


def trades_of(ledger: Ledger, session: date, *, side: str | None = None) -> Sequence[Row[Any]]:
    """The trades of a session, with `filled` = shares filled so far: exits first, then by book."""
    filled = (
        select(
            orders.c.trade_id,
            func.sum(fills.c.quantity, type_=fills.c.quantity.type).label("quantity"),
        )
        .join(fills, fills.c.client_order_id == orders.c.client_order_id)
        .group_by(orders.c.trade_id)
        .subquery()
    )
    query = (
        select(
            trades,
            func.coalesce(filled.c.quantity, ZERO, type_=fills.c.quantity.type).label("filled"),
        )
        .outerjoin(filled, filled.c.trade_id == trades.c.trade_id)
        .where(trades.c.session == session)
        .order_by(trades.c.is_exit.desc(), trades.c.book, trades.c.symbol)
    )
    if side is not None:
        query = query.where(trades.c.side == side)
    with ledger.read() as connection:
        return connection.execute(query).all()


def size_trades(
    ledger: Ledger, sized: Mapping[str, tuple[Decimal, Decimal]], dropped: Mapping[str, str]
) -> None:
    """Fix all planned purchases of a session at once, because they share the cash there is.

    `sized` gives (shares, most it may cost in dollars) and `dropped` a reason, both by trade id.
    """
    changes: list[tuple[str, dict[str, object]]] = [
        (trade, {"state": "sized", "intended_quantity": quantity, "budget": budget})
        for trade, (quantity, budget) in sized.items()
    ]
    changes += [
        (trade, {"state": "skipped", "reason": reason}) for trade, reason in dropped.items()
    ]
    with ledger.write() as connection:
        for trade, values in changes:
            connection.execute(
                update(trades)
                .where(trades.c.trade_id == trade, trades.c.state == "planned")
                .values(**values)
            )


def arrive_trade(ledger: Ledger, trade: str, bid: Decimal, ask: Decimal) -> None:
    """Keep the quote at the trade's first step, against which its slippage is measured."""
    with ledger.write() as connection:
        connection.execute(
            update(trades)
            .where(trades.c.trade_id == trade, trades.c.arrival_bid.is_(None))
            .values(arrival_bid=bid, arrival_ask=ask)
        )


def end_trade(ledger: Ledger, trade: str, state: str, reason: str) -> None:
    """End a trade; one that has ended stays as it is."""
    if state not in ENDED_TRADES:
        raise ValueError(f"expected one of {ENDED_TRADES}, was {state!r}")
    with ledger.write() as connection:
        connection.execute(
            update(trades)
            .where(trades.c.trade_id == trade, trades.c.state.not_in(ENDED_TRADES))
            .values(state=state, reason=reason)
        )


def intend_order(ledger: Ledger, order: NewOrder) -> None:
    """Commit the intent to send an order, before it is sent."""
    with ledger.write() as connection:
        connection.execute(
            insert(orders).values(
                client_order_id=order.client_order_id,
                trade_id=order.trade_id,
                step=order.step,
                order_type=order.order_type,
                quantity=order.quantity,
                limit_price=order.limit_price,
                state="intended",
                filled_quantity=ZERO,
                submitted_at=order.at,
                message="",
            )
        )


def update_order(
    ledger: Ledger,
    client_order_id: str,
    state: str,
    *,
    broker_order_id: str | None = None,
    filled_quantity: Decimal | None = None,
    ended_at: datetime | None = None,
    message: str | None = None,
) -> None:
    """Record what became of an order; what is not given stays as it is."""
    given = {
        "broker_order_id": broker_order_id,
        "filled_quantity": filled_quantity,
        "ended_at": ended_at,
        "message": message,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    with ledger.write() as connection:
        connection.execute(
            update(orders)
            .where(orders.c.client_order_id == client_order_id)
            .values(state=state, **changes)
        )


def orders_of(ledger: Ledger, trade: str) -> Sequence[Row[Any]]:
    """The orders of a trade, in the order of its steps."""
    with ledger.read() as connection:
        return connection.execute(
            select(orders).where(orders.c.trade_id == trade).order_by(orders.c.step)
        ).all()


def filled_quantity(ledger: Ledger, trade: str) -> Decimal:
    """Shares of a trade that have been filled and posted."""
    with ledger.read() as connection:
        total = connection.execute(
            select(func.sum(fills.c.quantity, type_=fills.c.quantity.type))
            .join(orders, orders.c.client_order_id == fills.c.client_order_id)
            .where(orders.c.trade_id == trade)
        ).scalar()
    return total if total is not None else ZERO
