"""A session: who was expected to trade, at which prices, and what the broker said it held."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    String,
    Table,
)

from alchemiser_dagster.ledger.columns import Instant, money, price, quantity, weight
from alchemiser_dagster.ledger.schema.base import metadata

sessions = Table(
    "sessions",
    metadata,
    Column("session", Date, primary_key=True),
    Column("state", String, nullable=False, comment="open, planned, sold, sized, complete"),
    Column("outcome", String, nullable=True, comment="success, partial, failure"),
    Column("opens_at", Instant, nullable=False),
    Column("closes_at", Instant, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
)

session_books = Table(
    "session_books",
    metadata,
    Column("session", ForeignKey("sessions.session"), primary_key=True),
    Column("book", ForeignKey("books.book"), primary_key=True),
    Column("state", String, nullable=False, comment="expected, planned, or an outcome"),
    Column("reason", String, nullable=False),
    Column("capital", money(), nullable=True),
    Column("trigger", String, nullable=True, comment="why the book was rebalanced"),
)

plan_items = Table(
    "plan_items",
    metadata,
    Column("session", Date, primary_key=True),
    Column("book", String, primary_key=True),
    Column("symbol", String, primary_key=True),
    Column("action", String, nullable=False, comment="exit, sell, buy, hold, dust, skip"),
    Column("weight", weight(), nullable=False, comment="that the strategy wants"),
    Column("held", quantity(), nullable=False),
    Column("price", price(), nullable=False),
    Column("target", money(), nullable=False),
    Column("current", money(), nullable=False),
    Column("quantity", quantity(), nullable=False, comment="shares to sell"),
    Column("reason", String, nullable=False),
    ForeignKeyConstraint(["session", "book"], ["session_books.session", "session_books.book"]),
)

prices = Table(
    "prices",
    metadata,
    Column("session", ForeignKey("sessions.session"), primary_key=True),
    Column("symbol", String, primary_key=True),
    Column("price", price(), nullable=False, comment="what every book is valued and planned at"),
    Column("bid", price(), nullable=False),
    Column("ask", price(), nullable=False),
    Column("quoted_at", Instant, nullable=False),
)

account_snapshots = Table(
    "account_snapshots",
    metadata,
    Column("session", ForeignKey("sessions.session"), primary_key=True),
    Column("kind", String, primary_key=True, comment="before, after"),
    Column("taken_at", Instant, nullable=False),
    Column("cash", money(), nullable=False),
    Column("equity", price(), nullable=False, comment="dollars, as the broker reports it"),
    Column("last_equity", price(), nullable=True, comment="at the close of the session before"),
    Column("long_market_value", price(), nullable=True),
)

snapshot_positions = Table(
    "snapshot_positions",
    metadata,
    Column("session", Date, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("symbol", String, primary_key=True),
    Column("quantity", quantity(), nullable=False),
    ForeignKeyConstraint(
        ["session", "kind"], ["account_snapshots.session", "account_snapshots.kind"]
    ),
)

reconciliation_items = Table(
    "reconciliation_items",
    metadata,
    Column("session", ForeignKey("sessions.session"), primary_key=True),
    Column("kind", String, primary_key=True, comment="before, after_buys, after_close"),
    Column("what", String, primary_key=True, comment="a symbol, or cash"),
    Column("books", quantity(), nullable=False, comment="shares, or dollars of cash"),
    Column("broker", quantity(), nullable=False),
    Column("price", price(), nullable=True, comment="dollars a share, of the broker's then"),
    Column("classification", String, nullable=False),
    Column("resolution", String, nullable=False),
    Column("breaks", Boolean, nullable=False, comment="somebody must look"),
    Column("at", Instant, nullable=False),
)
