"""What must hold between the ledger and its broker at any moment, whatever has happened.

    books + what the broker has done and nobody has posted yet = broker      shares and cents
    every order at the broker was intended before, once, on one side of its symbol
    no book sells what it does not own; lots, exits and adjustments add up
    the journal is whole, and the books made again from it are the books

Each check raises AssertionError.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, select

from alchemiser_dagster.books.money import ZERO, fill_cash
from alchemiser_dagster.embedded import InProcessBroker
from alchemiser_dagster.embedded.archive import ActivityFilter
from alchemiser_dagster.embedded.orders import OrderFilter
from alchemiser_dagster.embedded.state import Activity
from alchemiser_dagster.execution.identities import books_not_rebuilt, journal_broken
from alchemiser_dagster.ledger.queries import book_cash, positions
from alchemiser_dagster.ledger.schema import (
    UNATTRIBUTED,
    activities,
    blocks,
    executions,
    fills,
    lot_adjustments,
    lot_exits,
    lots,
    orders,
    trades,
)

EVERY_ORDER = OrderFilter(status="all", limit=100_000, descending=False)
EVERY_ACTIVITY = ActivityFilter(descending=False, limit=100_000)
BY_HAND = "by-hand"
"""How the client id of an order begins that somebody else sent."""


def check_all(connection: Connection, broker: InProcessBroker, *, disturbed: bool) -> None:
    """Check everything. `disturbed`: other people have moved shares, so some may be missing."""
    check_sums(connection, broker)
    check_orders(connection, broker)
    check_lots(connection)
    if not disturbed:
        check_sales(connection)
    assert journal_broken(connection) == []
    assert books_not_rebuilt(connection) == []


def check_sums(connection: Connection, broker: InProcessBroker) -> None:
    """The books, and what is not posted yet, are what the broker has: exactly."""
    cash = sum(book_cash(connection).values(), ZERO)
    held: dict[str, Decimal] = defaultdict(Decimal)
    for own in positions(connection).values():
        for symbol, shares in own.items():
            held[symbol] += shares
    for activity in not_posted(connection, broker):
        symbol, shares, dollars = _movement(activity.type, activity.details)
        held[symbol] += shares
        cash += dollars
    state = broker.brokerage.state
    assert {s: q for s, q in held.items() if q} == {s: p.qty for s, p in state.positions.items()}
    assert cash == state.cash


def not_posted(connection: Connection, broker: InProcessBroker) -> list[Activity]:
    """What has moved the broker's shares or cash, and the ledger does not have yet."""
    posted = set(connection.execute(select(executions.c.execution_id)).scalars())
    posted |= set(connection.execute(select(activities.c.activity_id)).scalars())
    found = broker.brokerage.store.activities(EVERY_ACTIVITY) or []
    return [activity for activity in found if activity.id not in posted]


def check_orders(connection: Connection, broker: InProcessBroker) -> None:
    """Each order was intended, and taken once; one side a symbol; no trade filled beyond itself."""
    names = Counter(
        order.client_order_id
        for order in broker.brokerage.store.orders(EVERY_ORDER)
        if not order.client_order_id.startswith(BY_HAND)
    )
    assert max(names.values(), default=1) == 1
    rows = connection.execute(
        select(orders.c.client_order_id, blocks.c.session, blocks.c.symbol, blocks.c.side).join(
            blocks, blocks.c.block_id == orders.c.block_id
        )
    ).all()
    assert names.keys() <= {row.client_order_id for row in rows}
    sides: dict[tuple[date, str], set[str]] = defaultdict(set)
    for row in rows:
        sides[row.session, row.symbol].add(row.side)
    assert all(len(seen) == 1 for seen in sides.values())
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for fill in connection.execute(select(fills)):
        filled[fill.trade_id] += fill.quantity
    for trade in connection.execute(select(trades)):
        assert filled[trade.trade_id] <= trade.intended_quantity, trade


def check_lots(connection: Connection) -> None:
    """What is left of a lot is its entry less exits and adjustments, and never less than none."""
    left = {lot.lot_id: lot.entry_quantity for lot in connection.execute(select(lots))}
    for table, sign in ((lot_exits, -1), (lot_adjustments, 1)):
        for row in connection.execute(select(table)):
            left[row.lot_id] += sign * row.quantity
    for lot in connection.execute(select(lots)):
        assert lot.quantity == left[lot.lot_id], lot
        assert lot.quantity >= 0 or lot.book == UNATTRIBUTED, lot


def check_sales(connection: Connection) -> None:
    """No sale was of shares that its book did not own."""
    sold = connection.execute(select(fills.c.fill_id)).scalars()
    assert [name for name in sold if name.endswith(".unmatched")] == []


def _movement(kind: str, details: Mapping[str, str]) -> tuple[str, Decimal, Decimal]:
    """An activity's symbol, signed shares, and dollars into the account."""
    symbol, shares = details.get("symbol", ""), Decimal(details.get("qty", "0"))
    if kind != "FILL":
        return symbol, shares, Decimal(details.get("net_amount", "0"))
    dollars = fill_cash(shares, Decimal(details["price"]))
    return (symbol, shares, -dollars) if details["side"] == "buy" else (symbol, -shares, dollars)
