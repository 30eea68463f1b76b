"""Whether the TradeLedger table says what the ledger does: counts and sums, book by book.

The ledger's side is what its own queries say, the table's what its readers find by index. Indexes
of DynamoDB follow the table a moment later, so a difference is looked at again a few times before
it is believed.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, and_, func, select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.queries import all_books, exits_of, open_lots, positions
from alchemiser_dagster.ledger.schema import executions, fills, plan_items, sessions, trades
from alchemiser_dagster.publishing.dynamodb import PublishedTable
from alchemiser_dagster.publishing.filled_orders import IS_STANDING
from alchemiser_dagster.publishing.items import Item, time_text
from alchemiser_dagster.publishing.ledger_items import SIGNAL_DAYS
from alchemiser_dagster.publishing.readers import (
    OPEN,
    published_lots,
    published_lots_of_symbol,
    published_signals,
    published_strategy_trades,
)

SECOND_LOOKS = (0.5, 1.0, 2.0, 4.0)
"""Seconds to wait before each of the looks after the first."""

Difference = dict[str, str]
"""What differs (`book`, `what`), and what the two sides say (`ledger`, `published`)."""


@dataclass(frozen=True)
class Totals:
    """What a book holds and has done: lots, shares and dollars."""

    open_lots: int
    shares: Decimal
    cost: Decimal
    exits: int
    realised: Decimal
    bought: int
    paid: Decimal
    sold: int
    received: Decimal


@dataclass(frozen=True)
class LedgerSays:
    """The ledger's side: totals by book, shares by symbol, symbols executed by session."""

    books: Mapping[str, Totals]
    shares: Mapping[str, Decimal]
    executed: Mapping[date, int]


def ledger_says(connection: Connection, traded: Sequence[date]) -> LedgerSays:
    """Read the ledger's side: books as they are now, signals of the sessions `traded`."""
    held: dict[str, Decimal] = {}
    for shares in positions(connection).values():
        for symbol, quantity in shares.items():
            held[symbol] = held.get(symbol, ZERO) + quantity
    return LedgerSays(
        books={row.book: _of_ledger(connection, row.book) for row in all_books(connection)},
        shares=held,
        executed=_executed(connection, traded),
    )


def differences(
    table: PublishedTable, says: LedgerSays, made_at: Mapping[date, datetime], now: datetime
) -> list[Difference]:
    """What the table says otherwise, a line each; none when it says the same.

    `made_at` says when the signals of each session were made.
    """
    for wait in (*SECOND_LOOKS, None):
        found = [
            *_of_books(table, says.books),
            *_of_symbols(table, says.shares),
            *_of_signals(table, says.executed, made_at, now),
        ]
        if not found or wait is None:
            break
        time.sleep(wait)
    return found


def _of_ledger(connection: Connection, book: str) -> Totals:
    lots = open_lots(connection, book=book)
    exits = exits_of(connection, book)
    trades = _traded(connection, book)
    return Totals(
        open_lots=len(lots),
        shares=sum((lot.quantity for lot in lots), ZERO),
        cost=sum((lot.cost for lot in lots), ZERO),
        exits=len(exits),
        realised=sum((row.proceeds - row.cost for row in exits), ZERO),
        bought=trades.get("buy", (0, ZERO))[0],
        paid=trades.get("buy", (0, ZERO))[1],
        sold=trades.get("sell", (0, ZERO))[0],
        received=trades.get("sell", (0, ZERO))[1],
    )


def _traded(connection: Connection, book: str) -> dict[str, tuple[int, Decimal]]:
    """How many orders and crosses a book had a part in, and dollars, by side."""
    source = func.coalesce(executions.c.client_order_id, fills.c.cross_id)
    rows = connection.execute(
        select(
            fills.c.side,
            func.count(source.distinct()),
            func.sum(fills.c.cash, type_=fills.c.cash.type),
        )
        .outerjoin(executions, executions.c.execution_id == fills.c.execution_id)
        .where(fills.c.book == book, fills.c.busts.is_(None), IS_STANDING)
        .group_by(fills.c.side)
    )
    return {side: (count, cash) for side, count, cash in rows}


def _executed(connection: Connection, traded: Sequence[date]) -> dict[date, int]:
    """How many of each session's plan items were traded, once it is complete."""
    rows = connection.execute(
        select(plan_items.c.session, plan_items.c.book, plan_items.c.symbol)
        .join(sessions, sessions.c.session == plan_items.c.session)
        .join(
            trades,
            and_(
                trades.c.session == plan_items.c.session,
                trades.c.book == plan_items.c.book,
                trades.c.symbol == plan_items.c.symbol,
            ),
        )
        .join(fills, and_(fills.c.trade_id == trades.c.trade_id, fills.c.book == trades.c.book))
        .where(
            plan_items.c.session.in_(traded),
            sessions.c.state == "complete",
            fills.c.busts.is_(None),
            IS_STANDING,
        )
        .distinct()
    )
    count = Counter(row.session for row in rows)
    return {session: count[session] for session in traded}


def _of_books(table: PublishedTable, books: Mapping[str, Totals]) -> list[Difference]:
    found = []
    for book, totals in books.items():
        published = _published(table, book)
        for one in fields(Totals):
            ours, theirs = getattr(totals, one.name), getattr(published, one.name)
            if ours != theirs:
                found.append(_difference(book, one.name, ours, theirs))
    return found


def _published(table: PublishedTable, book: str) -> Totals:
    lots = list(published_lots(table, book))
    held = [lot for lot in lots if lot["is_open"]]
    exits = [exit_ for lot in lots for exit_ in lot["exit_records"]]
    trades = list(published_strategy_trades(table, book))
    bought = [trade for trade in trades if trade["direction"] == "BUY"]
    sold = [trade for trade in trades if trade["direction"] == "SELL"]
    return Totals(
        open_lots=len(held),
        shares=_sum(held, "remaining_qty"),
        cost=_sum(held, "cost_basis"),
        exits=len(exits),
        realised=_sum(exits, "realized_pnl"),
        bought=len(bought),
        paid=_sum(bought, "strategy_trade_value"),
        sold=len(sold),
        received=_sum(sold, "strategy_trade_value"),
    )


def _of_symbols(table: PublishedTable, shares: Mapping[str, Decimal]) -> list[Difference]:
    found = []
    for symbol, held in shares.items():
        lots = published_lots_of_symbol(table, symbol, state=OPEN)
        published = _sum(lots, "remaining_qty")
        if published != held:
            found.append(_difference("all", f"shares of {symbol}", held, published))
    return found


def _of_signals(
    table: PublishedTable,
    executed: Mapping[date, int],
    made_at: Mapping[date, datetime],
    now: datetime,
) -> list[Difference]:
    found = []
    for session, count in executed.items():
        evening = made_at[session]
        if evening + timedelta(days=SIGNAL_DAYS) <= now:
            continue  # DynamoDB may have deleted them
        signals = list(published_signals(table, "EXECUTED", made_at=time_text(evening)))
        if len(signals) != count:
            what = f"signals executed in {session}"
            found.append(_difference("all", what, count, len(signals)))
    return found


def _sum(items: Iterable[Item], name: str) -> Decimal:
    return sum((Decimal(item[name]) for item in items), ZERO)


def _difference(book: str, what: str, ledger: Any, published: Any) -> Difference:
    return {"book": book, "what": what, "ledger": str(ledger), "published": str(published)}
