"""Publishing the ledger to the TradeLedger table, session by session.

What happened in a session decides which items are written; what they say is how the ledger stands
now, so that a session written again changes nothing and never takes a lot back in time. What the
ledger takes back (a bust) goes from the table too:

    1. the books' parts of an order are written, and those that no longer are deleted
    2. then the order itself, by which a run that was broken off finds what it has to delete
    3. lots, signals, strategies
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.ledger.queries import all_books
from alchemiser_dagster.ledger.schema import account as account_table
from alchemiser_dagster.publishing.dynamodb import PublishedTable
from alchemiser_dagster.publishing.filled_orders import CROSS, filled_orders
from alchemiser_dagster.publishing.items import Item, Key, key_of
from alchemiser_dagster.publishing.ledger_items import (
    lot_item,
    signal_item,
    strategy_items,
    strategy_trade_items,
    trade_item,
)
from alchemiser_dagster.publishing.lot_histories import lot_histories
from alchemiser_dagster.publishing.signal_states import Evening, signal_states


@dataclass(frozen=True)
class LedgerItems:
    """What is to be in the table. `undone` are orders of which nothing stands any more."""

    account: str
    trades: Sequence[Item]
    undone: Sequence[Key]
    strategy_trades: Sequence[Item]
    lots: Sequence[Item]
    signals: Sequence[Item]
    strategies: Sequence[Item]


def account_number(connection: Connection) -> str:
    """The broker's number of the account that the ledger is of."""
    return str(connection.execute(select(account_table.c.account_number)).scalar_one())


def ledger_items(
    connection: Connection,
    sessions: Sequence[date],
    evening_of: Callable[[date], Evening],
    books: Sequence[Book],
) -> LedgerItems:
    """The items of `sessions`; `evening_of` says what signals were made for a session.

    What was filled late counts to a later session, and may change a signal of an earlier one.
    """
    account = account_number(connection)
    orders = filled_orders(connection, sessions)
    signalled = sorted({*sessions, *(order.session for order in orders)})
    evenings = {session: evening_of(session) for session in signalled}
    market = [order for order in orders if order.order_type != CROSS]
    return LedgerItems(
        account=account,
        trades=[trade_item(order, account) for order in market if order.parts],
        undone=[(f"TRADE#{order.order_id}", "METADATA") for order in market if not order.parts],
        strategy_trades=[item for order in orders for item in strategy_trade_items(order)],
        lots=[lot_item(history, account) for history in lot_histories(connection, sessions)],
        signals=[signal_item(state, account) for state in signal_states(connection, evenings)],
        strategies=strategy_items([row.book for row in all_books(connection)], books),
    )


def publish_ledger(table: PublishedTable, items: LedgerItems) -> dict[str, int]:
    """Bring the table up to date; returns how many items of each kind were written or deleted."""
    table.claim(items.account)
    stale = _stale(table, items)
    written = {"strategy trades": table.bring(items.strategy_trades)}
    table.remove(stale)
    written["trades"] = table.bring(items.trades)
    table.remove(items.undone)
    written["lots"] = table.bring(items.lots)
    written["signals"] = table.bring(items.signals)
    written["strategies"] = table.bring(items.strategies)
    return written | {"deleted": len(stale)}


def _stale(table: PublishedTable, items: LedgerItems) -> list[Key]:
    """Books' parts of the orders in the table that the ledger does not have like that."""
    present = table.get([*map(key_of, items.trades), *items.undone])
    wanted = {key_of(item) for item in items.strategy_trades}
    return [key for trade in present.values() for key in _parts_of(trade) if key not in wanted]


def _parts_of(trade: Item) -> Iterable[Key]:
    for book in trade["strategy_names"]:
        yield f"STRATEGY#{book}", f"TRADE#{trade['fill_timestamp']}#{trade['order_id']}"
