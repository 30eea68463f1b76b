"""What rebalances of a book meant to trade and did not.

    a sale                        the shares planned less those sold
    a purchase                    the shares it was sized to less those bought; if it never came to
                                  be sized, what its budget buys at the price it was planned at
    left alone, worth under 1.00  all of its shares
    left alone, frozen            what it was short of its target, or above it

A trade that ended as filled missed nothing: what is left of it is worth less than a dollar, or its
money is spent. Shares that filled after their session count from the session in which they were
posted, and so do executions that were taken back.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from alchemiser_dagster.books.book_session import Missed
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.planning import FROZEN, Action
from alchemiser_dagster.ledger.schema import fills, plan_items, prices, session_books, trades


class MissedTrades:
    """Those of one book, of all sessions before `last` that the sessions from `first` on need."""

    def __init__(self, connection: Connection, book: str, first: date, last: date) -> None:
        self._rebalances = list(
            connection.execute(
                select(session_books.c.session)
                .where(
                    session_books.c.book == book,
                    session_books.c.session < last,
                    session_books.c.trigger.is_not(None),
                    session_books.c.trigger != "",
                )
                .order_by(session_books.c.session)
            ).scalars()
        )
        since = self._latest_before(first) or first
        self._trades = _by_session(_trades(connection, book, since, last))
        self._left_alone = _by_session(_left_alone(connection, book, since, last))
        self._filled: dict[str, list[tuple[date, Decimal]]] = {}
        for fill in connection.execute(
            select(fills.c.trade_id, fills.c.session, fills.c.quantity).where(
                fills.c.book == book, fills.c.session >= since, fills.c.session < last
            )
        ):
            self._filled.setdefault(fill.trade_id, []).append((fill.session, fill.quantity))

    def before(self, session: date) -> list[Missed]:
        """What the latest rebalance before `session` missed, as it was known then."""
        rebalance = self._latest_before(session)
        if rebalance is None:
            return []
        found = [
            Missed(rebalance, trade.symbol, self._missing(trade, session), _why(trade))
            for trade in self._trades.get(rebalance, [])
        ]
        found += [
            Missed(rebalance, item.symbol, _short_of_target(item), item.reason)
            for item in self._left_alone.get(rebalance, [])
        ]
        return [one for one in found if one.shares]

    def _latest_before(self, session: date) -> date | None:
        place = bisect_left(self._rebalances, session)
        return self._rebalances[place - 1] if place else None

    def _missing(self, trade: Row[Any], session: date) -> Decimal:
        filled = self._filled.get(trade.trade_id, [])
        intended: Decimal = trade.intended_quantity
        if trade.state == "filled":
            intended = sum((q for at, q in filled if at == trade.session and q > 0), ZERO)
        elif not intended and trade.budget and trade.price:
            intended = trade.budget / trade.price
        left = intended - sum((q for at, q in filled if at < session), ZERO)
        return left if trade.side == "buy" else -left


def _why(trade: Row[Any]) -> str:
    told: str = trade.reason or trade.state
    return "taken back" if trade.state == "filled" else told


def _trades(connection: Connection, book: str, since: date, last: date) -> Sequence[Row[Any]]:
    priced = and_(prices.c.session == trades.c.session, prices.c.symbol == trades.c.symbol)
    return connection.execute(
        select(trades, prices.c.price)
        .outerjoin(prices, priced)
        .where(trades.c.book == book, trades.c.session >= since, trades.c.session < last)
        .order_by(trades.c.session, trades.c.symbol)
    ).all()


def _left_alone(connection: Connection, book: str, since: date, last: date) -> Sequence[Row[Any]]:
    return connection.execute(
        select(plan_items)
        .where(
            plan_items.c.book == book,
            plan_items.c.session >= since,
            plan_items.c.session < last,
            or_(plan_items.c.action == Action.DUST.value, plan_items.c.reason == FROZEN),
        )
        .order_by(plan_items.c.session, plan_items.c.symbol)
    ).all()


def _by_session(rows: Sequence[Row[Any]]) -> Mapping[date, list[Row[Any]]]:
    found: dict[date, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.session, []).append(row)
    return found


def _short_of_target(item: Row[Any]) -> Decimal:
    short: Decimal = (item.target - item.current) / item.price
    return -item.held if item.action == Action.DUST.value else short
