"""Posting an execution: the only way shares and cash move between a book and the market.

One transaction writes the fill, its cash and its lots. The broker's execution id is the key, so a
second delivery of the same execution changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, func, insert, select

from alchemiser_dagster.books.lots import book_fifo
from alchemiser_dagster.books.money import ZERO, fill_cash
from alchemiser_dagster.ledger.queries import open_lots
from alchemiser_dagster.ledger.schema import cash_entries, fills, lot_exits, lots, orders, trades
from alchemiser_dagster.ledger.store import Ledger, LedgerError


@dataclass(frozen=True)
class Execution:
    """One execution as the broker reports it: `quantity` shares at `price` dollars.

    `cumulative_quantity` is what the order had filled with this execution included.
    """

    execution_id: str
    quantity: Decimal
    cumulative_quantity: Decimal
    price: Decimal
    executed_at: datetime


@dataclass(frozen=True)
class _Trade:
    session: date
    book: str
    symbol: str
    side: str
    order_quantity: Decimal


def post_executions(
    ledger: Ledger, client_order_id: str, executions: Sequence[Execution]
) -> list[Execution]:
    """Post the executions of one order that are not in the ledger yet; returns those."""
    with ledger.write() as connection:
        return _post(connection, client_order_id, executions)


def _post(
    connection: Connection, client_order_id: str, executions: Sequence[Execution]
) -> list[Execution]:
    row = connection.execute(
        select(trades.c.session, trades.c.book, trades.c.symbol, trades.c.side, orders.c.quantity)
        .join(orders, orders.c.trade_id == trades.c.trade_id)
        .where(orders.c.client_order_id == client_order_id)
    ).one_or_none()
    if row is None:
        raise LedgerError(f"expected an order {client_order_id} in the ledger, was none")
    trade = _Trade(*row)
    known = set(
        connection.execute(
            select(fills.c.fill_id).where(fills.c.client_order_id == client_order_id)
        ).scalars()
    )
    posted = _posted_quantity(connection, client_order_id)
    new = sorted(
        (e for e in executions if e.execution_id not in known),
        key=lambda execution: execution.cumulative_quantity,
    )
    for execution in new:
        posted += execution.quantity
        if posted != execution.cumulative_quantity or posted > trade.order_quantity:
            raise LedgerError(
                f"expected the executions of {client_order_id} to add up to "
                f"{execution.cumulative_quantity} of at most {trade.order_quantity} shares, "
                f"was {posted}"
            )
        _post_one(connection, client_order_id, trade, execution)
    return new


def _posted_quantity(connection: Connection, client_order_id: str) -> Decimal:
    total = connection.execute(
        select(func.sum(fills.c.quantity, type_=fills.c.quantity.type)).where(
            fills.c.client_order_id == client_order_id
        )
    ).scalar()
    return total if total is not None else ZERO


def _post_one(
    connection: Connection, client_order_id: str, trade: _Trade, execution: Execution
) -> None:
    cash = fill_cash(execution.quantity, execution.price)
    connection.execute(
        insert(fills).values(
            fill_id=execution.execution_id,
            client_order_id=client_order_id,
            session=trade.session,
            book=trade.book,
            symbol=trade.symbol,
            side=trade.side,
            quantity=execution.quantity,
            cumulative_quantity=execution.cumulative_quantity,
            price=execution.price,
            cash=cash,
            executed_at=execution.executed_at,
        )
    )
    connection.execute(
        insert(cash_entries).values(
            book=trade.book,
            session=trade.session,
            kind=trade.side,
            source_id=execution.execution_id,
            amount=cash if trade.side == "sell" else -cash,
            at=execution.executed_at,
        )
    )
    if trade.side == "buy":
        connection.execute(
            insert(lots).values(
                lot_id=execution.execution_id,
                book=trade.book,
                symbol=trade.symbol,
                session=trade.session,
                entry_at=execution.executed_at,
                entry_quantity=execution.quantity,
                entry_price=execution.price,
                entry_cost=cash,
            )
        )
        return
    held = open_lots(connection, book=trade.book, symbol=trade.symbol)
    _, exits = book_fifo(held, quantity=execution.quantity, price=execution.price, proceeds=cash)
    connection.execute(
        insert(lot_exits),
        [
            {
                "lot_id": exit_.lot_id,
                "fill_id": execution.execution_id,
                "session": trade.session,
                "quantity": exit_.quantity,
                "price": exit_.price,
                "proceeds": exit_.proceeds,
                "cost": exit_.cost,
                "exited_at": execution.executed_at,
            }
            for exit_ in exits
        ],
    )
