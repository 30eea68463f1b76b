"""I4 and I5 at the broker's door: every order known beforehand, in time, in bounds.

Checked in the moment an order is sent, or taken by the broker.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from alchemiser_dagster.embedded.clock import new_york_date
from alchemiser_dagster.market.sessions import is_session, session_close
from tests.simulation.tables import DOLLARS, PRICE, ZERO, Tables, exact
from tests.simulation.witness import Accepted, Witness

WINDOW = timedelta(minutes=15)
NO_ORDERS = timedelta(seconds=60)
CENT = Decimal("0.01")
LARGEST_ORDER = Decimal(1_000_000)
ORDER_ROOM = Decimal("1.01")
MARKET_ROOM = Decimal("0.05")
"""A market order is judged at the plan's price, from which the market may have moved so far."""


def known(tables: Tables, order: Accepted) -> Iterator[str]:
    """The intent was committed before."""
    query = "SELECT 1 FROM orders WHERE client_order_id = ?"
    if not tables.rows(query, order.client_order_id):
        yield (
            f"I4: expected the intent of {order.client_order_id} to be committed before the "
            f"broker took it ({order.side} {order.quantity} {order.symbol}), was unknown"
        )


def in_window(what: str, now: datetime, tolerance: timedelta) -> Iterator[str]:
    """It is sent in the trading window; the program's clock may be wrong by `tolerance`."""
    session = new_york_date(now)
    if not is_session(session):
        yield f"I5: expected no order on {session}, was {what}"
        return
    close = session_close(session)
    begins, ends = close - WINDOW - tolerance, close - NO_ORDERS + tolerance
    if not begins <= now <= ends:
        yield (
            f"I5: expected an order to be sent between {begins:%H:%M:%S} and {ends:%H:%M:%S}, "
            f"was {what} at {now.astimezone(close.tzinfo):%H:%M:%S.%f}"
        )


def in_its_session(tables: Tables, order: Accepted) -> Iterator[str]:
    """The broker takes it in the session that it is for."""
    session = new_york_date(order.at)
    rows = tables.rows(
        "SELECT b.session FROM orders o JOIN blocks b ON b.block_id = o.block_id"
        " WHERE o.client_order_id = ?",
        order.client_order_id,
    )
    if rows and str(rows[0][0]) != session.isoformat():
        yield f"I5: {order.client_order_id} is for {rows[0][0]}, and was taken on {session}"


def one_side(witness: Witness, order: Accepted) -> Iterator[str]:
    """The broker never sees both sides of a symbol in a session."""
    session = new_york_date(order.at)
    for other in witness.orders.values():
        if (
            not other.by_hand
            and other.symbol == order.symbol
            and other.side != order.side
            and new_york_date(other.at) == session
        ):
            yield (
                f"I5: expected one side of {order.symbol} in {session}, was "
                f"{other.client_order_id} and {order.client_order_id}"
            )
            return


def not_braked(tables: Tables, order: Accepted, brakes: Mapping[str, set[str]]) -> Iterator[str]:
    """Nothing new comes for a halted scope; `brakes` are the ids intended before, by scope."""
    books = tables.values(
        "SELECT t.book FROM order_allocations a JOIN trades t ON t.trade_id = a.trade_id"
        " WHERE a.client_order_id = ?",
        order.client_order_id,
    )
    scopes = {"account", f"symbol:{order.symbol}", *(f"book:{book}" for book in books)}
    for scope, before in brakes.items():
        if scope in scopes and order.client_order_id not in before:
            yield f"I5: expected no new order while {scope} is halted, was {order}"


def within_limits(tables: Tables, order: Accepted) -> Iterator[str]:
    """The order's dollars against the capital of the books it is for."""
    rows = tables.rows(
        "SELECT DISTINCT t.book, s.capital, p.price, b.session FROM order_allocations a"
        " JOIN trades t ON t.trade_id = a.trade_id"
        " JOIN session_books s ON s.session = t.session AND s.book = t.book"
        " JOIN orders o ON o.client_order_id = a.client_order_id"
        " JOIN blocks b ON b.block_id = o.block_id"
        " JOIN prices p ON p.session = b.session AND p.symbol = b.symbol"
        " WHERE a.client_order_id = ?",
        order.client_order_id,
    )
    if not rows:
        return
    capital = sum((exact(row[1], DOLLARS) for row in rows), ZERO)
    price = order.limit_price or exact(rows[0][2], PRICE)
    dollars = order.quantity * price
    room = CENT if order.limit_price else dollars * MARKET_ROOM + CENT
    if dollars > min(LARGEST_ORDER, ORDER_ROOM * capital) + room:
        yield (
            f"I5: {order.client_order_id}: expected at most "
            f"{min(LARGEST_ORDER, ORDER_ROOM * capital):.2f} dollars, was {dollars:.2f}"
        )
