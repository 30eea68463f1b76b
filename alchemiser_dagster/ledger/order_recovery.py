"""Rows for an order of ours that the ledger lost: its id says where it belongs.

An order of all books is one of its block, whose trades share it as they do every order: by what
each still has open. An order that names a book is that book's alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, func, insert, select

from alchemiser_dagster.books.allocation import allocate
from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.ledger.block_records import block_id, open_block_members
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.schema import (
    block_trades,
    blocks,
    order_allocations,
    orders,
    session_books,
    sessions,
    trades,
)
from alchemiser_dagster.ledger.session_records import trade_id
from alchemiser_dagster.market.sessions import session_close, session_open

FOUND = "found in the broker's history"


@dataclass(frozen=True)
class LostOrder:
    """An order of which the ledger has no row: what its id and the broker say of it."""

    client_order_id: str
    order_id: str
    session: date
    symbol: str
    side: str
    attempt: int
    step: int
    quantity: Decimal
    limit_price: Decimal | None
    state: str
    filled_quantity: Decimal
    submitted_at: datetime


def recover_block_order(connection: Connection, order: LostOrder, round_: int) -> None:
    """Write the rows of an order of a block that the ledger has; nothing when they are there.

    Raises LedgerError when the block's trades do not have so many shares open.
    """
    if _is_known(connection, order):
        return
    block = block_id(order.session, order.symbol, round_)
    open_ = {t: shares for t, (_, shares) in open_block_members(connection, block).items()}
    try:
        parts = allocate(order.quantity, open_)
    except ValueError as error:
        raise LedgerError(f"{order.client_order_id}: {error}") from error
    _write(connection, order, block, parts)


def recover_book_order(connection: Connection, order: LostOrder, book: str) -> None:
    """Write the rows of an order of one book, its trade and its session included."""
    if _is_known(connection, order):
        return
    trade = _trade(connection, order, book)
    rounds = connection.execute(
        select(func.max(blocks.c.round)).where(
            blocks.c.session == order.session, blocks.c.symbol == order.symbol
        )
    ).scalar()
    round_ = (rounds or 0) + 1
    block = block_id(order.session, order.symbol, round_)
    connection.execute(
        insert(blocks).values(
            block_id=block,
            session=order.session,
            symbol=order.symbol,
            side=order.side,
            round=round_,
            quantity=order.quantity,
            state="filled" if order.filled_quantity == order.quantity else "partial",
            reason=FOUND,
        )
    )
    connection.execute(
        insert(block_trades).values(block_id=block, trade_id=trade, quantity=order.quantity)
    )
    _write(connection, order, block, {trade: order.quantity})


def _is_known(connection: Connection, order: LostOrder) -> bool:
    same = orders.c.client_order_id == order.client_order_id
    return connection.execute(select(orders.c.block_id).where(same)).first() is not None


def _write(
    connection: Connection, order: LostOrder, block: str, parts: Mapping[str, Decimal]
) -> None:
    worth = ZERO if order.limit_price is None else to_cents(order.quantity * order.limit_price)
    connection.execute(
        insert(orders).values(
            client_order_id=order.client_order_id,
            block_id=block,
            attempt=order.attempt,
            step=order.step,
            broker_order_id=order.order_id,
            order_type="market" if order.limit_price is None else "limit",
            quantity=order.quantity,
            limit_price=order.limit_price,
            notional=worth,
            state=order.state,
            filled_quantity=order.filled_quantity,
            submitted_at=order.submitted_at,
            message=FOUND,
        )
    )
    connection.execute(
        insert(order_allocations),
        [
            {"client_order_id": order.client_order_id, "trade_id": trade, "quantity": shares}
            for trade, shares in parts.items()
            if shares > 0
        ],
    )


def _trade(connection: Connection, order: LostOrder, book: str) -> str:
    """The trade of the book that the order belongs to, made where there is none."""
    known = connection.execute(
        select(trades.c.trade_id, trades.c.side).where(
            trades.c.session == order.session,
            trades.c.book == book,
            trades.c.symbol == order.symbol,
        )
    ).one_or_none()
    if known is not None:
        if known.side != order.side:
            raise LedgerError(
                f"{order.client_order_id}: expected {book} to {known.side} {order.symbol} in "
                f"{order.session}, as it planned, was to {order.side}"
            )
        found: str = known.trade_id
        return found
    _expect_book(connection, order.session, book)
    name = trade_id(order.session, book, order.symbol, order.side)
    connection.execute(
        insert(trades).values(
            trade_id=name,
            session=order.session,
            book=book,
            symbol=order.symbol,
            side=order.side,
            is_exit=False,
            intended_quantity=order.quantity,
            held_back=ZERO,
            state="filled" if order.filled_quantity == order.quantity else "partial",
            reason=FOUND,
        )
    )
    return name


def _expect_book(connection: Connection, session: date, book: str) -> None:
    if connection.execute(select(sessions).where(sessions.c.session == session)).first() is None:
        connection.execute(
            insert(sessions).values(
                session=session,
                state="complete",
                outcome="partial",
                opens_at=session_open(session),
                closes_at=session_close(session),
                started_at=session_open(session),
                ended_at=session_close(session),
            )
        )
    expected = (session_books.c.session == session, session_books.c.book == book)
    if connection.execute(select(session_books).where(*expected)).first() is None:
        connection.execute(
            insert(session_books).values(session=session, book=book, state="traded", reason=FOUND)
        )
