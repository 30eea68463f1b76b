"""Posting what was traded: the only way shares and cash move between a book and the market.

One transaction writes an execution, the fills it means for the books, their cash and their lots.
The broker's execution id is the key and its cumulative quantity the measure, so a second delivery
of an execution changes nothing and a missing one is noticed:

    order of 10 for trades a (6) and b (4)
    execution of 5, cumulative 5   ->  fills a 3, b 2     pro rata to what each still has open
    execution of 5, cumulative 10  ->  fills a 3, b 2     and the dollars split to the cent

A cross between books is posted in the same way, without an order: one price, two or more fills.

What a transaction needs is read at its beginning, what it does is worked out in memory and written
at its end, a statement a table: however many executions and books, the database is asked about ten
times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from alchemiser_dagster.books.allocation import BILLIONTH, allocate
from alchemiser_dagster.books.money import ZERO, fill_cash, split_to_cents
from alchemiser_dagster.books.netting import Cross
from alchemiser_dagster.ledger.journal import enter_each
from alchemiser_dagster.ledger.lot_posting import Sales, TradeFill, post_purchases
from alchemiser_dagster.ledger.schema import (
    blocks,
    books,
    cash_entries,
    crosses,
    executions,
    fills,
    order_allocations,
    orders,
    trades,
)
from alchemiser_dagster.ledger.store import Ledger, LedgerError

WHOLE = Decimal(1)

# Statements are made once: to make one takes SQLAlchemy longer than to run it.
_ALLOCATED = (
    select(
        blocks.c.session,
        blocks.c.symbol,
        blocks.c.side,
        orders.c.quantity,
        trades.c.trade_id,
        trades.c.book,
        trades.c.lot_order,
        books.c.lot_policy,
        order_allocations.c.quantity.label("allocated"),
    )
    .join(orders, orders.c.block_id == blocks.c.block_id)
    .join(order_allocations, order_allocations.c.client_order_id == orders.c.client_order_id)
    .join(trades, trades.c.trade_id == order_allocations.c.trade_id)
    .join(books, books.c.book == trades.c.book)
    .where(orders.c.client_order_id == bindparam("client_order_id"))
    .order_by(trades.c.trade_id)
)
_POSTED = (
    select(
        executions.c.execution_id,
        executions.c.quantity,
        fills.c.trade_id,
        fills.c.quantity.label("filled"),
    )
    .outerjoin(fills, fills.c.execution_id == executions.c.execution_id)
    .where(executions.c.client_order_id == bindparam("client_order_id"))
)
_CROSSED = (
    select(trades.c.trade_id, trades.c.book, trades.c.lot_order, books.c.lot_policy)
    .join(books, books.c.book == trades.c.book)
    .where(trades.c.trade_id.in_(bindparam("trade_ids", expanding=True)))
    .order_by(trades.c.trade_id)
)
_ADD_EXECUTIONS = insert(executions)
_ADD_CASH = insert(cash_entries)


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
class _Event:
    """An execution, or one side of a cross, with the parts that trades have in it.

    `source` is its id and `column` the column of the table `fills` that keeps it.
    """

    source: str
    column: str
    session: date
    symbol: str
    side: str
    price: Decimal
    at: datetime
    parts: Sequence[TradeFill]


def post_executions(
    ledger: Ledger,
    client_order_id: str,
    reported: Sequence[Execution],
    *,
    counts_to: date | None = None,
) -> list[Execution]:
    """Post the executions of one order that are not in the ledger yet; returns those.

    They count to the order's session, or to `counts_to` when that one has been published. Raises
    LedgerError, and posts nothing, when they do not add up to what the broker says the order had
    filled, or to more than the order was for.
    """
    with ledger.write() as connection:
        return _post(connection, client_order_id, reported, counts_to)


def _post(
    connection: Connection,
    client_order_id: str,
    reported: Sequence[Execution],
    counts_to: date | None,
) -> list[Execution]:
    allocated = connection.execute(_ALLOCATED, {"client_order_id": client_order_id}).all()
    if not allocated:
        raise LedgerError(f"expected an order {client_order_id} in the ledger, was none")
    order = allocated[0]
    known: dict[str, Decimal] = {}
    waiting = {row.trade_id: row.allocated for row in allocated}
    for row in connection.execute(_POSTED, {"client_order_id": client_order_id}):
        known[row.execution_id] = row.quantity
        if row.trade_id is not None:
            waiting[row.trade_id] -= row.filled
    # The same execution may be listed twice.
    fresh = {e.execution_id: e for e in reported if e.execution_id not in known}
    new = sorted(fresh.values(), key=lambda execution: execution.cumulative_quantity)
    posted = sum(known.values(), ZERO)
    rows, events = [], []
    for execution in new:
        posted += execution.quantity
        if posted != execution.cumulative_quantity or posted > order.quantity:
            raise LedgerError(
                f"expected the executions of {client_order_id} to add up to "
                f"{execution.cumulative_quantity} of at most {order.quantity} shares, "
                f"was {posted}"
            )
        cash = fill_cash(execution.quantity, execution.price)
        rows.append(
            {
                "execution_id": execution.execution_id,
                "client_order_id": client_order_id,
                "quantity": execution.quantity,
                "cumulative_quantity": execution.cumulative_quantity,
                "price": execution.price,
                "cash": cash,
                "executed_at": execution.executed_at,
            }
        )
        parts = _split(execution.quantity, cash, allocated, waiting)
        for part in parts:
            waiting[part.trade_id] -= part.quantity
        events.append(
            _Event(
                source=execution.execution_id,
                column="execution_id",
                session=counts_to or order.session,
                symbol=order.symbol,
                side=order.side,
                price=execution.price,
                at=execution.executed_at,
                parts=parts,
            )
        )
    if new:
        connection.execute(_ADD_EXECUTIONS, rows)
        _post_fills(connection, events)
    return new


def _split(
    quantity: Decimal, cash: Decimal, allocated: Sequence[Any], waiting: dict[str, Decimal]
) -> list[TradeFill]:
    """An execution's shares and dollars over the trades, by the shares they are waiting for."""
    whole = all(q == q.to_integral_value() for q in [quantity, *waiting.values()])
    shares = allocate(quantity, waiting, step=WHOLE if whole else BILLIONTH)
    taking = [row for row in allocated if shares[row.trade_id] > 0]
    dollars = split_to_cents(cash, [shares[row.trade_id] for row in taking])
    return [
        _trade_fill(row, shares[row.trade_id], part)
        for row, part in zip(taking, dollars, strict=True)
    ]


def _trade_fill(trade: Any, quantity: Decimal, cash: Decimal) -> TradeFill:
    return TradeFill(
        trade_id=trade.trade_id,
        book=trade.book,
        lot_policy=trade.lot_policy,
        name=trade.book,
        lot_order=trade.lot_order,
        quantity=quantity,
        cash=cash,
    )


def post_cross(connection: Connection, session: date, made: Cross, at: datetime) -> None:
    """Post a cross between books, by trade id, in the caller's transaction.

    Raises LedgerError, and posts nothing, when not as many shares are bought as sold.
    """
    cross_id = f"{session.isoformat()}.{made.symbol}"
    bought = sum(made.purchases.values(), ZERO)
    if made.quantity != bought:
        raise LedgerError(
            f"expected as many shares of {made.symbol} bought as sold in a cross, was {bought} "
            f"bought and {made.quantity} sold"
        )
    connection.execute(
        insert(crosses).values(
            cross_id=cross_id,
            session=session,
            symbol=made.symbol,
            quantity=made.quantity,
            price=made.price,
            bid=made.bid,
            ask=made.ask,
            crossed_at=at,
        )
    )
    for side, shares, dollars in (
        ("sell", made.sales, made.proceeds),
        ("buy", made.purchases, made.costs),
    ):
        rows = connection.execute(_CROSSED, {"trade_ids": list(shares)}).all()
        event = _Event(
            source=cross_id,
            column="cross_id",
            session=session,
            symbol=made.symbol,
            side=side,
            price=made.price,
            at=at,
            parts=[_trade_fill(row, shares[row.trade_id], dollars[row.trade_id]) for row in rows],
        )
        _post_fills(connection, [event])


def _post_fills(connection: Connection, events: Sequence[_Event]) -> None:
    """Write the fills of events of one symbol and side, and what each does to its book."""
    if events[0].side == "buy":
        groups = [[_fill_row(event, part) for part in event.parts] for event in events]
        _enter_fills(connection, groups)
        post_purchases(connection, [row for rows in groups for row in rows])
        return
    sellers = {part.book for event in events for part in event.parts}
    sales = Sales(connection, events[0].symbol, sellers)
    groups = []
    for event in events:
        rows = []
        for part in event.parts:
            for own in sales.owned(part):
                row = _fill_row(event, own)
                sales.sell(row, own)
                rows.append(row)
        groups.append(rows)
    _enter_fills(connection, groups)
    sales.write(connection)


def _fill_row(event: _Event, part: TradeFill) -> dict[str, Any]:
    return {
        "fill_id": f"{event.source}.{part.name}",
        "trade_id": part.trade_id,
        "execution_id": None,
        "cross_id": None,
        "busts": None,
        event.column: event.source,
        "session": event.session,
        "book": part.book,
        "symbol": event.symbol,
        "side": event.side,
        "quantity": part.quantity,
        "price": event.price,
        "cash": part.cash,
        "executed_at": event.at,
    }


def _enter_fills(connection: Connection, groups: Sequence[Sequence[dict[str, Any]]]) -> None:
    """Write fills, a group an event, and the dollars that each moves."""
    enter_each(connection, fills, groups)
    connection.execute(
        _ADD_CASH,
        [
            {
                "book": row["book"],
                "session": row["session"],
                "kind": row["side"],
                "source_id": row["fill_id"],
                "amount": row["cash"] if row["side"] == "sell" else -row["cash"],
                "at": row["executed_at"],
            }
            for rows in groups
            for row in rows
        ],
    )
