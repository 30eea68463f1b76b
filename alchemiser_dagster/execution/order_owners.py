"""Whose an order of the broker's history is.

    the ledger has its row           the trades that the row allocates it to
    its id is of a block of ours     the trades of the block
    its id names a book of ours      that book
    anything else                    nobody's: `unattributed`

An id says something only when all of it agrees: the form, the environment, the symbol, the side. A
name that is not a book of the ledger is never guessed at.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from alchemiser_dagster.execution.identifiers import OrderName, parse_order_id
from alchemiser_dagster.execution.order_history import PastOrder
from alchemiser_dagster.ledger.block_records import block_id
from alchemiser_dagster.ledger.order_recovery import (
    LostOrder,
    recover_block_order,
    recover_book_order,
)
from alchemiser_dagster.ledger.schema import (
    WITHOUT_STRATEGY,
    blocks,
    books,
    orders,
    trades,
)
from alchemiser_dagster.ledger.shadow import Shadow
from alchemiser_dagster.market.sessions import SessionError, is_session


@dataclass(frozen=True)
class Owned:
    """An order of ours, by its client id. `name` is what that says where the row is lost."""

    client_order_id: str
    name: OrderName | None = None

    @property
    def is_recovered(self) -> bool:
        """Whether its id alone says whose it is."""
        return self.name is not None


def owner_of(connection: Connection, order: PastOrder, environment: str) -> Owned | None:
    """Whose `order` is by the ledger of `connection`; None for nobody's."""
    row = connection.execute(
        select(orders.c.client_order_id).where(
            or_(
                orders.c.client_order_id == order.client_order_id,
                orders.c.broker_order_id == order.order_id,
            )
        )
    ).first()
    if row is not None:
        return Owned(row.client_order_id)
    name = parse_order_id(order.client_order_id)
    if name is None or not _agrees(name, order, environment):
        return None
    known = _has_block(connection, name) if name.round_ is not None else _has_book(connection, name)
    return Owned(order.client_order_id, name) if known else None


def _agrees(name: OrderName, order: PastOrder, environment: str) -> bool:
    try:
        trades_then = is_session(name.session)
    except SessionError:
        return False
    told = (name.environment, name.symbol, name.side)
    return trades_then and told == (environment[0], order.symbol, order.side)


def _has_block(connection: Connection, name: OrderName) -> bool:
    wanted = block_id(name.session, name.symbol, name.round_ or 0)
    row = connection.execute(
        select(blocks.c.block_id).where(blocks.c.block_id == wanted, blocks.c.side == name.side)
    )
    return row.first() is not None


def _has_book(connection: Connection, name: OrderName) -> bool:
    """Whether the id names a strategy's book that did not trade the symbol the other way."""
    book = connection.execute(select(books.c.book).where(books.c.book == name.owner)).scalar()
    if book is None or book in WITHOUT_STRATEGY:
        return False
    other = connection.execute(
        select(trades.c.trade_id).where(
            trades.c.session == name.session,
            trades.c.book == book,
            trades.c.symbol == name.symbol,
            trades.c.side != name.side,
        )
    )
    return other.first() is None


def recover(shadow: Shadow, order: PastOrder, name: OrderName) -> None:
    """Write the rows of an order of which only the id is left. Raises LedgerError."""
    shadow.copy_session(name.session)
    lost = LostOrder(
        client_order_id=order.client_order_id,
        order_id=order.order_id,
        session=name.session,
        symbol=order.symbol,
        side=order.side,
        attempt=name.attempt,
        step=name.step,
        quantity=order.quantity or order.filled_quantity,
        limit_price=order.limit_price,
        state=order.state.value,
        filled_quantity=order.filled_quantity,
        submitted_at=order.submitted_at,
    )
    with shadow.ledger.write() as connection:
        if name.round_ is not None:
            recover_block_order(connection, lost, name.round_)
        else:
            recover_book_order(connection, lost, name.owner)
