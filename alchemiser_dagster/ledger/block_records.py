"""Writes of the trading job about blocks and their orders.

A block is what all books together send to the market in one symbol. Its orders are written down,
with the shares each trade is to get, before they are sent. Every function is safe to call again
after a crash: what is there already stays as it is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.schema import (
    block_trades,
    blocks,
    executions,
    fills,
    order_allocations,
    orders,
    trades,
)
from alchemiser_dagster.ledger.store import Ledger, LedgerError

ENDED_ORDERS = ("filled", "canceled", "expired", "rejected", "not_accepted")
"""States in which an order's filled quantity is final; `not_accepted` never reached the broker."""
ENDED_BLOCKS = ("filled", "partial", "skipped", "failed", "blocked")


@dataclass(frozen=True)
class NewBlock:
    """Shares of one symbol to trade in the market, by trade id."""

    symbol: str
    side: str
    shares: Mapping[str, Decimal]


@dataclass(frozen=True)
class NewOrder:
    """An order about to be sent, and the shares of it that each trade is to get.

    `notional` is the most it may move, dollars: what the limits of the account reserve for it.
    """

    client_order_id: str
    block_id: str
    attempt: int
    step: int
    order_type: str
    quantity: Decimal
    limit_price: Decimal | None
    notional: Decimal
    allocations: Mapping[str, Decimal]
    at: datetime


def block_id(session: date, symbol: str, round_: int) -> str:
    """The id of a block: a symbol goes to the market at most once a round."""
    return f"{session.isoformat()}.{symbol}.{round_}"


def open_blocks(
    connection: Connection, session: date, round_: int, new: Sequence[NewBlock]
) -> None:
    """Record the blocks of a round.

    Raises LedgerError for a symbol whose other side is still being traded: the two would meet.
    """
    working = {
        row.symbol: row.side
        for row in connection.execute(
            select(blocks.c.symbol, blocks.c.side).where(
                blocks.c.session == session, blocks.c.state == "open"
            )
        )
    }
    for block in new:
        if working.get(block.symbol, block.side) != block.side:
            raise LedgerError(
                f"expected one side of {block.symbol} at a time in {session}, was a {block.side} "
                f"beside a {working[block.symbol]}"
            )
        name = block_id(session, block.symbol, round_)
        connection.execute(
            insert(blocks).values(
                block_id=name,
                session=session,
                symbol=block.symbol,
                side=block.side,
                round=round_,
                quantity=sum(block.shares.values(), ZERO),
                state="open",
                reason="",
            )
        )
        connection.execute(
            insert(block_trades),
            [
                {"block_id": name, "trade_id": trade, "quantity": quantity}
                for trade, quantity in block.shares.items()
            ],
        )


def blocks_of(ledger: Ledger, session: date, *, round_: int | None = None) -> Sequence[Row[Any]]:
    """The blocks of a session, largest first by the number of shares, then by symbol."""
    query = select(blocks).where(blocks.c.session == session)
    if round_ is not None:
        query = query.where(blocks.c.round == round_)
    with ledger.read() as connection:
        return connection.execute(
            query.order_by(blocks.c.round, blocks.c.quantity.desc(), blocks.c.symbol)
        ).all()


def books_of_order(connection: Connection, client_order_id: str) -> set[str]:
    """The books that an order is for."""
    return set(
        connection.execute(
            select(trades.c.book)
            .join(order_allocations, order_allocations.c.trade_id == trades.c.trade_id)
            .where(order_allocations.c.client_order_id == client_order_id)
        ).scalars()
    )


def open_block_members(connection: Connection, block: str) -> dict[str, tuple[str, Decimal]]:
    """(book, shares still to trade) by trade id, for the trades of a block that are not done."""
    filled = (
        select(fills.c.trade_id, func.sum(fills.c.quantity, type_=fills.c.quantity.type).label("q"))
        .join(executions, executions.c.execution_id == fills.c.execution_id)
        .join(orders, orders.c.client_order_id == executions.c.client_order_id)
        .where(orders.c.block_id == block)
        .group_by(fills.c.trade_id)
        .subquery()
    )
    rows = connection.execute(
        select(trades.c.trade_id, trades.c.book, block_trades.c.quantity, filled.c.q)
        .join(block_trades, block_trades.c.trade_id == trades.c.trade_id)
        .outerjoin(filled, filled.c.trade_id == trades.c.trade_id)
        .where(block_trades.c.block_id == block)
        .order_by(trades.c.trade_id)
    )
    left = {row.trade_id: (row.book, row.quantity - (row.q or ZERO)) for row in rows}
    return {trade: (book, shares) for trade, (book, shares) in left.items() if shares > 0}


def money_left(connection: Connection, trade_ids: Iterable[str]) -> Decimal:
    """Dollars that purchases may still spend: their budgets, less what their fills cost."""
    wanted = list(trade_ids)
    spent = (
        select(fills.c.trade_id, func.sum(fills.c.cash, type_=fills.c.cash.type).label("cash"))
        .where(fills.c.trade_id.in_(wanted))
        .group_by(fills.c.trade_id)
        .subquery()
    )
    rows = connection.execute(
        select(trades.c.budget, spent.c.cash)
        .outerjoin(spent, spent.c.trade_id == trades.c.trade_id)
        .where(trades.c.trade_id.in_(wanted))
    )
    return sum((row.budget - (row.cash or ZERO) for row in rows), ZERO)


def arrive_block(ledger: Ledger, block: str, bid: Decimal, ask: Decimal, at: datetime) -> None:
    """Keep the quote at the block's first step, against which its slippage is measured."""
    with ledger.write() as connection:
        connection.execute(
            update(blocks)
            .where(blocks.c.block_id == block, blocks.c.arrived_at.is_(None))
            .values(arrival_bid=bid, arrival_ask=ask, arrived_at=at)
        )


def end_block(ledger: Ledger, block: str, state: str, reason: str, at: datetime) -> None:
    """End a block; one that has ended stays as it is."""
    if state not in ENDED_BLOCKS:
        raise ValueError(f"expected one of {ENDED_BLOCKS}, was {state!r}")
    with ledger.write() as connection:
        connection.execute(
            update(blocks)
            .where(blocks.c.block_id == block, blocks.c.state == "open")
            .values(state=state, reason=reason, ended_at=at)
        )


def intend_order(
    ledger: Ledger, order: NewOrder, check: Callable[[Connection], None] | None = None
) -> None:
    """Commit the intent to send an order, before it is sent.

    `check` sees the ledger in the same transaction and may raise, so that two orders cannot both
    take what is left of a limit.
    """
    with ledger.write() as connection:
        if check is not None:
            check(connection)
        connection.execute(
            insert(orders).values(
                client_order_id=order.client_order_id,
                block_id=order.block_id,
                attempt=order.attempt,
                step=order.step,
                order_type=order.order_type,
                quantity=order.quantity,
                limit_price=order.limit_price,
                notional=order.notional,
                state="intended",
                filled_quantity=ZERO,
                submitted_at=order.at,
                message="",
            )
        )
        connection.execute(
            insert(order_allocations),
            [
                {
                    "client_order_id": order.client_order_id,
                    "trade_id": trade,
                    "quantity": quantity,
                }
                for trade, quantity in order.allocations.items()
            ],
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
    """Record what became of an order; what is not given stays as it is, and so does an end."""
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
            .where(
                orders.c.client_order_id == client_order_id,
                orders.c.state.not_in(ENDED_ORDERS),
            )
            .values(state=state, **changes)
        )


def orders_of(ledger: Ledger, block: str) -> Sequence[Row[Any]]:
    """The orders of a block, in the order they were intended, with the shares `posted` of each."""
    posted = (
        select(
            executions.c.client_order_id,
            func.sum(executions.c.quantity, type_=executions.c.quantity.type).label("q"),
        )
        .group_by(executions.c.client_order_id)
        .subquery()
    )
    with ledger.read() as connection:
        return connection.execute(
            select(
                orders,
                func.coalesce(posted.c.q, ZERO, type_=orders.c.quantity.type).label("posted"),
            )
            .outerjoin(posted, posted.c.client_order_id == orders.c.client_order_id)
            .where(orders.c.block_id == block)
            .order_by(orders.c.attempt, orders.c.step)
        ).all()
