"""Reading what `books.live_minus_model` asks of the ledger: a book over a range of sessions.

What the book had before the first session is read once, what moved after it by a query a table: a
range gives the same as its sessions one by one, and costs little more than one of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from alchemiser_dagster.books.book_events import FLOWS, INCOME
from alchemiser_dagster.books.book_session import BookSession, Correction
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.price_chain import PricedFill
from alchemiser_dagster.ledger.journaled import BUST
from alchemiser_dagster.ledger.missed_trades import MissedTrades
from alchemiser_dagster.ledger.queries import book_cash, positions
from alchemiser_dagster.ledger.schema import (
    blocks,
    books,
    cash_entries,
    crosses,
    executions,
    fills,
    lot_adjustments,
    lot_exits,
    lots,
    orders,
    prices,
)

BUY, SELL, SPLIT = "buy", "sell", "split"
DAY = timedelta(days=1)


@dataclass
class _Moved:
    """What moved in one session: dollars by kind of entry, shares by symbol."""

    cash: dict[str, Decimal] = field(default_factory=dict)
    shares: dict[str, Decimal] = field(default_factory=dict)
    splits: dict[str, Decimal] = field(default_factory=dict)
    fills: list[PricedFill] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)


def book_sessions(
    connection: Connection, book: str, sessions: Sequence[date]
) -> Iterator[BookSession]:
    """A book over each of `sessions`, which are in order; not over those before it was opened."""
    opened = connection.execute(select(books.c.opened_session).where(books.c.book == book)).scalar()
    sessions = [session for session in sessions if opened is not None and session >= opened]
    if not sessions:
        return
    first, last = sessions[0], sessions[-1]
    cash = book_cash(connection, through=first - DAY).get(book, ZERO)
    held = dict(positions(connection, through=first - DAY).get(book, {}))
    moves = _moves(connection, book, first, last)
    missed = MissedTrades(connection, book, first, last)
    for session in sorted({*sessions, *moves}):
        moved = moves.get(session, _Moved())
        cash_before, held_before = cash, dict(held)
        cash += sum(moved.cash.values(), ZERO)
        for symbol, shares in moved.shares.items():
            _add(held, symbol, shares)
        held = {symbol: shares for symbol, shares in held.items() if shares}
        if session not in sessions:
            continue
        yield BookSession(
            book=book,
            session=session,
            cash_before=cash_before,
            cash=cash,
            held_before=held_before,
            held=dict(held),
            flow=sum((moved.cash.get(kind, ZERO) for kind in FLOWS), ZERO),
            dividends=moved.cash.get("dividend", ZERO),
            fees=moved.cash.get("fee", ZERO),
            interest=moved.cash.get("interest", ZERO),
            splits=moved.splits,
            fills=moved.fills,
            corrections=moved.corrections,
            missed=missed.before(session),
        )


def _add(totals: dict[str, Decimal], name: str, amount: Decimal) -> None:
    totals[name] = totals.get(name, ZERO) + amount


def _moves(connection: Connection, book: str, first: date, last: date) -> dict[date, _Moved]:
    moves: dict[date, _Moved] = {}

    def at(row: Row[Any]) -> _Moved:
        return moves.setdefault(row.session, _Moved())

    for row in _cash(connection, book, first, last):
        _add(at(row).cash, row.kind, row.amount)
        if row.kind not in (BUY, SELL, *FLOWS, *INCOME):
            at(row).corrections.append(Correction(row.source_id, cash=row.amount))
    for row in _entered(connection, book, first, last):
        _add(at(row).shares, row.symbol, row.entry_quantity)
        if row.fill_id is None:
            at(row).corrections.append(
                Correction(row.lot_id, symbol=row.symbol, shares=row.entry_quantity)
            )
    for row in _of_lots(connection, lot_exits, book, first, last):
        _add(at(row).shares, row.symbol, -row.quantity)
    for row in _of_lots(connection, lot_adjustments, book, first, last):
        _add(at(row).shares, row.symbol, row.quantity)
        if row.kind == SPLIT:
            _add(at(row).splits, row.symbol, row.quantity)
        elif row.kind != BUST:  # those are in the fills that they undo
            cause = f"{row.kind} {row.source_id}"
            at(row).corrections.append(Correction(cause, symbol=row.symbol, shares=row.quantity))
    for row in _fills(connection, book, first, last):
        if row.busts is None:
            at(row).fills.append(_priced(row))
        else:
            at(row).corrections.append(_taken_back(row))
    return moves


def _within(column: ColumnElement[date], first: date, last: date) -> ColumnElement[bool]:
    return column.between(first, last)


def _cash(connection: Connection, book: str, first: date, last: date) -> Sequence[Row[Any]]:
    return connection.execute(
        select(cash_entries)
        .where(cash_entries.c.book == book, _within(cash_entries.c.session, first, last))
        .order_by(cash_entries.c.entry_id)
    ).all()


def _entered(connection: Connection, book: str, first: date, last: date) -> Sequence[Row[Any]]:
    return connection.execute(
        select(lots, fills.c.fill_id)
        .outerjoin(fills, fills.c.fill_id == lots.c.lot_id)
        .where(lots.c.book == book, _within(lots.c.session, first, last))
        .order_by(lots.c.entry_at, lots.c.lot_id)
    ).all()


def _of_lots(
    connection: Connection, table: Any, book: str, first: date, last: date
) -> Sequence[Row[Any]]:
    """The exits or adjustments of a book's lots, with their symbol."""
    return connection.execute(
        select(table, lots.c.symbol)
        .join(lots, lots.c.lot_id == table.c.lot_id)
        .where(lots.c.book == book, _within(table.c.session, first, last))
        .order_by(table.c.lot_id)
    ).all()


def _fills(connection: Connection, book: str, first: date, last: date) -> Sequence[Row[Any]]:
    """Fills with the quote on arrival, and the price their own session was planned at."""
    planned = func.coalesce(blocks.c.session, crosses.c.session)
    return connection.execute(
        select(
            fills,
            func.coalesce(crosses.c.bid, blocks.c.arrival_bid, type_=prices.c.bid.type).label(
                "bid"
            ),
            func.coalesce(crosses.c.ask, blocks.c.arrival_ask, type_=prices.c.ask.type).label(
                "ask"
            ),
            prices.c.price.label("decision"),
        )
        .outerjoin(executions, executions.c.execution_id == fills.c.execution_id)
        .outerjoin(orders, orders.c.client_order_id == executions.c.client_order_id)
        .outerjoin(blocks, blocks.c.block_id == orders.c.block_id)
        .outerjoin(crosses, crosses.c.cross_id == fills.c.cross_id)
        .outerjoin(prices, and_(prices.c.session == planned, prices.c.symbol == fills.c.symbol))
        .where(fills.c.book == book, _within(fills.c.session, first, last))
        .order_by(fills.c.executed_at, fills.c.fill_id)
    ).all()


def _priced(row: Row[Any]) -> PricedFill:
    return PricedFill(
        symbol=row.symbol,
        side=row.side,
        quantity=row.quantity,
        price=row.price,
        cash=row.cash,
        decision=row.decision,
        bid=row.bid,
        ask=row.ask,
        is_cross=row.cross_id is not None,
    )


def _taken_back(row: Row[Any]) -> Correction:
    """A fill that undoes another has the same side, and shares and cash with the sign turned."""
    sign = 1 if row.side == BUY else -1
    return Correction(
        f"bust of {row.busts}",
        cash=-sign * row.cash,
        symbol=row.symbol,
        shares=sign * row.quantity,
    )
