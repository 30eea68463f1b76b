"""Reading what blocks were traded at: of one block, or of a range of sessions in one read a table.

However many sessions, blocks and orders there are, the database is asked four times.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select, true

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.execution.quality import (
    BASIS_POINTS,
    BookPart,
    Crossed,
    FilledOrder,
    Quality,
)
from alchemiser_dagster.ledger.schema import (
    blocks,
    crosses,
    executions,
    fills,
    orders,
    prices,
    sessions,
)


def block_quality(connection: Connection, block_id: str) -> Quality:
    """How one block was executed."""
    (block,) = _blocks(connection, blocks.c.block_id == block_id)
    return block


def traded_blocks(
    connection: Connection, first: date, last: date, *, symbol: str | None = None
) -> list[Quality]:
    """How the blocks of the sessions from `first` to `last` were executed, by session and id."""
    return _blocks(connection, _between(blocks, first, last, symbol))


def crossed_shares(
    connection: Connection, first: date, last: date, *, symbol: str | None = None
) -> list[Crossed]:
    """What books traded with each other in a range of sessions, by session and symbol."""
    rows = connection.execute(
        select(crosses)
        .where(_between(crosses, first, last, symbol))
        .order_by(crosses.c.session, crosses.c.symbol)
    )
    return [
        Crossed(row.session, row.symbol, row.quantity, row.price, row.bid, row.ask) for row in rows
    ]


def _between(table: Any, first: date, last: date, symbol: str | None) -> ColumnElement[bool]:
    return and_(
        table.c.session >= first,
        table.c.session <= last,
        table.c.symbol == symbol if symbol is not None else true(),
    )


def _blocks(connection: Connection, wanted: ColumnElement[bool]) -> list[Quality]:
    rows = connection.execute(
        select(blocks, sessions.c.closes_at, prices.c.price.label("decision_mid"))
        .join(sessions, sessions.c.session == blocks.c.session)
        .outerjoin(
            prices,
            and_(prices.c.session == blocks.c.session, prices.c.symbol == blocks.c.symbol),
        )
        .where(wanted)
        .order_by(blocks.c.session, blocks.c.block_id)
    ).all()
    sent = _grouped(
        connection.execute(
            select(orders)
            .join(blocks, blocks.c.block_id == orders.c.block_id)
            .where(wanted)
            .order_by(orders.c.attempt, orders.c.step)
        ),
        "block_id",
    )
    executed = _grouped(
        connection.execute(
            select(executions)
            .join(orders, orders.c.client_order_id == executions.c.client_order_id)
            .join(blocks, blocks.c.block_id == orders.c.block_id)
            .where(wanted)
        ),
        "client_order_id",
    )
    shared = _grouped(
        connection.execute(
            select(fills.c.book, fills.c.quantity, fills.c.price, executions.c.client_order_id)
            .join(executions, executions.c.execution_id == fills.c.execution_id)
            .join(orders, orders.c.client_order_id == executions.c.client_order_id)
            .join(blocks, blocks.c.block_id == orders.c.block_id)
            .where(wanted)
            .order_by(fills.c.book)
        ),
        "client_order_id",
    )
    return [_block(row, sent[row.block_id], executed, shared) for row in rows]


def _grouped(rows: Iterable[Row[Any]], name: str) -> defaultdict[str, list[Row[Any]]]:
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found


def _block(
    row: Row[Any],
    sent: Sequence[Row[Any]],
    executed: defaultdict[str, list[Row[Any]]],
    shared: defaultdict[str, list[Row[Any]]],
) -> Quality:
    mid = spread = None
    if row.arrival_bid is not None:
        mid = (row.arrival_bid + row.arrival_ask) / 2
        spread = (row.arrival_ask - row.arrival_bid) / mid * BASIS_POINTS
    filled_orders = tuple(
        _order(
            row, order, executed[order.client_order_id], shared[order.client_order_id], mid, spread
        )
        for order in sent
        if executed[order.client_order_id]
    )
    return Quality(
        session=row.session,
        symbol=row.symbol,
        side=row.side,
        filled=sum((order.filled for order in filled_orders), ZERO),
        value=sum((order.value for order in filled_orders), ZERO),
        arrival_mid=mid,
        spread_bps=spread,
        block_id=row.block_id,
        state=row.state,
        reason=row.reason,
        quantity=row.quantity,
        decision_mid=row.decision_mid,
        steps=len(sent),
        order_types=tuple(dict.fromkeys(order.order_type for order in sent)),
        seconds=_seconds(
            [order.submitted_at for order in sent], [order.filled_at for order in filled_orders]
        ),
        orders=filled_orders,
    )


def _order(
    block: Row[Any],
    order: Row[Any],
    executed: Sequence[Row[Any]],
    shared: Sequence[Row[Any]],
    mid: Decimal | None,
    spread: Decimal | None,
) -> FilledOrder:
    return FilledOrder(
        session=block.session,
        symbol=block.symbol,
        side=block.side,
        filled=_shares(executed),
        value=_value(executed),
        arrival_mid=mid,
        spread_bps=spread,
        client_order_id=order.client_order_id,
        step=order.step,
        order_type=order.order_type,
        submitted_at=order.submitted_at,
        filled_at=max(part.executed_at for part in executed),
        closes_at=block.closes_at,
        parts=tuple(
            BookPart(book, _shares(own), _value(own))
            for book, own in _grouped(shared, "book").items()
        ),
    )


def _shares(rows: Sequence[Row[Any]]) -> Decimal:
    return sum((row.quantity for row in rows), ZERO)


def _value(rows: Sequence[Row[Any]]) -> Decimal:
    return sum((row.quantity * row.price for row in rows), ZERO)


def _seconds(sent: Sequence[datetime], filled: Sequence[datetime]) -> float | None:
    if not sent or not filled:
        return None
    return max(0.0, (max(filled) - min(sent)).total_seconds())
