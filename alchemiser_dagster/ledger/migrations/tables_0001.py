"""The tables as revision 0001 has them: those of version 0.1.0. Frozen: never edit this file.

    account ── books ── cash_entries
                  │
    sessions ── session_books ── trades ── orders ── fills ── lots ── lot_exits
        │
        └── prices, account_snapshots ── snapshot_positions

A trade of a book had orders of its own, and a fill was an execution of one of them.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from alchemiser_dagster.ledger.columns import Instant, money, price, quantity, weight

metadata = MetaData()
"""Its constraints have no names of ours: that version left naming them to the engine."""

account = Table(
    "account",
    metadata,
    Column("account_number", String, primary_key=True),
    Column("schema_version", Integer, nullable=False),
    Column("inception", Date, nullable=False, comment="session on whose evening it was opened"),
    Column("opened_at", Instant, nullable=False),
    Column("opening_cash", money(), nullable=False),
)

books = Table(
    "books",
    metadata,
    Column("book", String, primary_key=True),
    Column("allocation", weight(), nullable=False),
    Column("opened_session", Date, nullable=False),
)

cash_entries = Table(
    "cash_entries",
    metadata,
    Column("entry_id", Integer, primary_key=True),
    Column("book", ForeignKey("books.book"), nullable=False),
    Column("session", Date, nullable=False),
    Column("kind", String, nullable=False, comment="opening, transfer, buy, sell"),
    Column("source_id", String, nullable=False, comment="what caused it: a fill, an opening"),
    Column("amount", money(), nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("kind", "source_id", "book"),
    Index("cash_entries_by_book", "book", "session"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("session", Date, primary_key=True),
    Column("state", String, nullable=False, comment="open, sold, complete"),
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

trades = Table(
    "trades",
    metadata,
    Column("trade_id", String, primary_key=True),
    Column("session", Date, nullable=False),
    Column("book", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False, comment="buy, sell"),
    Column("is_exit", Boolean, nullable=False),
    Column("intended_quantity", quantity(), nullable=False),
    Column("budget", money(), nullable=True, comment="most a purchase may cost"),
    Column("state", String, nullable=False, comment="planned, sized, or how it ended"),
    Column("reason", String, nullable=False),
    Column("arrival_bid", price(), nullable=True),
    Column("arrival_ask", price(), nullable=True),
    ForeignKeyConstraint(["session", "book"], ["session_books.session", "session_books.book"]),
    UniqueConstraint("session", "book", "symbol", "side"),
)

orders = Table(
    "orders",
    metadata,
    Column("client_order_id", String, primary_key=True),
    Column("trade_id", ForeignKey("trades.trade_id"), nullable=False),
    Column("step", Integer, nullable=False),
    Column("broker_order_id", String, unique=True, nullable=True),
    Column("order_type", String, nullable=False, comment="limit, market"),
    Column("quantity", quantity(), nullable=False),
    Column("limit_price", price(), nullable=True),
    Column("state", String, nullable=False),
    Column("filled_quantity", quantity(), nullable=False),
    Column("submitted_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    Column("message", String, nullable=False),
    UniqueConstraint("trade_id", "step"),
)

fills = Table(
    "fills",
    metadata,
    Column("fill_id", String, primary_key=True, comment="the broker's execution id"),
    Column("client_order_id", ForeignKey("orders.client_order_id"), nullable=False),
    Column("session", Date, nullable=False),
    Column("book", ForeignKey("books.book"), nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False),
    Column("quantity", quantity(), nullable=False),
    Column("cumulative_quantity", quantity(), nullable=False),
    Column("price", price(), nullable=False),
    Column("cash", money(), nullable=False, comment="dollars that moved, always positive"),
    Column("executed_at", Instant, nullable=False),
    UniqueConstraint("client_order_id", "cumulative_quantity"),
    Index("fills_by_book", "book", "session"),
)

lots = Table(
    "lots",
    metadata,
    Column("lot_id", ForeignKey("fills.fill_id"), primary_key=True),
    Column("book", ForeignKey("books.book"), nullable=False),
    Column("symbol", String, nullable=False),
    Column("session", Date, nullable=False),
    Column("entry_at", Instant, nullable=False),
    Column("entry_quantity", quantity(), nullable=False),
    Column("entry_price", price(), nullable=False),
    Column("entry_cost", money(), nullable=False),
    Index("lots_by_book", "book", "symbol", "entry_at"),
)

lot_exits = Table(
    "lot_exits",
    metadata,
    Column("lot_id", ForeignKey("lots.lot_id"), primary_key=True),
    Column("fill_id", ForeignKey("fills.fill_id"), primary_key=True),
    Column("session", Date, nullable=False),
    Column("quantity", quantity(), nullable=False),
    Column("price", price(), nullable=False),
    Column("proceeds", money(), nullable=False),
    Column("cost", money(), nullable=False),
    Column("exited_at", Instant, nullable=False),
    Index("lot_exits_by_session", "session"),
)

account_snapshots = Table(
    "account_snapshots",
    metadata,
    Column("session", ForeignKey("sessions.session"), primary_key=True),
    Column("kind", String, primary_key=True, comment="before, after"),
    Column("taken_at", Instant, nullable=False),
    Column("cash", money(), nullable=False),
    Column("equity", price(), nullable=False, comment="dollars, as the broker reports it"),
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
