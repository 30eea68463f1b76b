"""From a book's wish to the broker's executions.

A *trade* is what one book buys or sells of one symbol. What two books trade with each other is a
*cross*. What is left of all books' trades in a symbol goes to the market as one *block*, worked by
one or more *orders*; each order says beforehand how its shares are allocated to trades. An
*execution* is the broker's word that a part of an order was filled.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from alchemiser_dagster.ledger.columns import Instant, money, price, quantity
from alchemiser_dagster.ledger.schema.base import metadata

trades = Table(
    "trades",
    metadata,
    Column("trade_id", String, primary_key=True),
    Column("session", Date, nullable=False),
    Column("book", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False, comment="buy, sell"),
    Column("is_exit", Boolean, nullable=False),
    Column("intended_quantity", quantity(), nullable=False, comment="0 for a buy not yet sized"),
    Column("held_back", quantity(), nullable=False, comment="of a sale: kept to be crossed"),
    Column("budget", money(), nullable=True, comment="most a purchase may cost"),
    Column("state", String, nullable=False, comment="planned, sized, or how it ended"),
    Column("reason", String, nullable=False),
    Column("lot_order", String, nullable=True, comment="JSON list of the lots a sale takes"),
    ForeignKeyConstraint(["session", "book"], ["session_books.session", "session_books.book"]),
    UniqueConstraint("session", "book", "symbol"),
)

crosses = Table(
    "crosses",
    metadata,
    Column("cross_id", String, primary_key=True),
    Column("session", ForeignKey("sessions.session"), nullable=False),
    Column("symbol", String, nullable=False),
    Column("quantity", quantity(), nullable=False),
    Column("price", price(), nullable=False, comment="the arrival mid"),
    Column("bid", price(), nullable=False),
    Column("ask", price(), nullable=False),
    Column("crossed_at", Instant, nullable=False),
    UniqueConstraint("session", "symbol"),
)

blocks = Table(
    "blocks",
    metadata,
    Column("block_id", String, primary_key=True),
    Column("session", ForeignKey("sessions.session"), nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False, comment="buy, sell: one at a time in a symbol"),
    Column("round", Integer, nullable=False, comment="1 before the barrier, 2 after it"),
    Column("quantity", quantity(), nullable=False),
    Column("state", String, nullable=False, comment="open, or how it ended"),
    Column("reason", String, nullable=False),
    Column("arrival_bid", price(), nullable=True),
    Column("arrival_ask", price(), nullable=True),
    Column("arrived_at", Instant, nullable=True),
    Column("ended_at", Instant, nullable=True),
    UniqueConstraint("session", "symbol", "round"),
)

block_trades = Table(
    "block_trades",
    metadata,
    Column("block_id", ForeignKey("blocks.block_id"), primary_key=True),
    Column("trade_id", ForeignKey("trades.trade_id"), primary_key=True),
    Column("quantity", quantity(), nullable=False, comment="of the block, for this trade"),
    Index(None, "trade_id"),
)

orders = Table(
    "orders",
    metadata,
    Column("client_order_id", String, primary_key=True),
    Column("block_id", ForeignKey("blocks.block_id"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("broker_order_id", String, unique=True, nullable=True),
    Column("order_type", String, nullable=False, comment="limit, market"),
    Column("quantity", quantity(), nullable=False),
    Column("limit_price", price(), nullable=True),
    Column("notional", money(), nullable=False, comment="dollars it is reserved at"),
    Column("state", String, nullable=False),
    Column("filled_quantity", quantity(), nullable=False),
    Column("submitted_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    Column("message", String, nullable=False),
    UniqueConstraint("block_id", "attempt", "step"),
    Index(None, "state"),
)

order_allocations = Table(
    "order_allocations",
    metadata,
    Column("client_order_id", ForeignKey("orders.client_order_id"), primary_key=True),
    Column("trade_id", ForeignKey("trades.trade_id"), primary_key=True),
    Column("quantity", quantity(), nullable=False, comment="of the order, for this trade"),
    Index(None, "trade_id"),
)

executions = Table(
    "executions",
    metadata,
    Column("execution_id", String, primary_key=True, comment="the broker's"),
    Column("client_order_id", ForeignKey("orders.client_order_id"), nullable=False),
    Column("quantity", quantity(), nullable=False),
    Column("cumulative_quantity", quantity(), nullable=False, comment="of the order, with it"),
    Column("price", price(), nullable=False),
    Column("cash", money(), nullable=False, comment="dollars that moved, always positive"),
    Column("executed_at", Instant, nullable=False),
    UniqueConstraint("client_order_id", "cumulative_quantity"),
)
