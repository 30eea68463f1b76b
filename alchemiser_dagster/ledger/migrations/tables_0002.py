"""The tables as revision 0002 has them. Frozen: never edit this file.

What they mean is told where they are kept up, in `alchemiser_dagster.ledger.schema`. A migration
cannot use those, for they go on changing, while revision 0002 must stay what it was.
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
    Text,
    UniqueConstraint,
    text,
)

from alchemiser_dagster.ledger.columns import Instant, money, price, quantity, weight

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_by_%(column_0_N_name)s",
        "uq": "%(table_name)s_one_%(column_0_N_name)s",
        "fk": "%(table_name)s_%(column_0_N_name)s_of_%(referred_table_name)s",
        "pk": "%(table_name)s_key",
    }
)

account = Table(
    "account",
    metadata,
    Column("account_number", String, primary_key=True),
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
    Column("lot_policy", String, nullable=False, server_default="FIFO"),
)

cash_entries = Table(
    "cash_entries",
    metadata,
    Column("entry_id", Integer, primary_key=True),
    Column("book", ForeignKey("books.book"), nullable=False),
    Column("session", Date, nullable=False),
    Column(
        "kind",
        String,
        nullable=False,
        comment="opening, transfer, buy, sell, dividend, fee, interest, deposit, withdrawal, "
        "residual, attribution, manual",
    ),
    Column("source_id", String, nullable=False, comment="what caused it: a fill, an activity"),
    Column("amount", money(), nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("kind", "source_id", "book"),
    Index(None, "book", "session"),
)

activities = Table(
    "activities",
    metadata,
    Column("activity_id", String, primary_key=True, comment="the broker's"),
    Column("kind", String, nullable=False, comment="the broker's: DIV, FEE, SPLIT, ..."),
    Column("session", Date, nullable=False, comment="the session in which it was posted"),
    Column("symbol", String, nullable=True),
    Column("quantity", quantity(), nullable=True),
    Column("price", price(), nullable=True),
    Column("amount", money(), nullable=True),
    Column("dated", Date, nullable=False, comment="the broker's date of it"),
    Column("description", String, nullable=False),
    Column("treatment", String, nullable=False, comment="how it was posted, or why it was not"),
    Column("posted_at", Instant, nullable=False),
)

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

fills = Table(
    "fills",
    metadata,
    Column("fill_id", String, primary_key=True),
    Column("trade_id", ForeignKey("trades.trade_id"), nullable=False),
    Column("execution_id", ForeignKey("executions.execution_id"), nullable=True),
    Column("cross_id", ForeignKey("crosses.cross_id"), nullable=True),
    Column("busts", ForeignKey("fills.fill_id"), nullable=True, unique=True, comment="undone fill"),
    Column("session", Date, nullable=False),
    Column("book", ForeignKey("books.book"), nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False),
    Column("quantity", quantity(), nullable=False, comment="negative where a bust takes it back"),
    Column("price", price(), nullable=False),
    Column("cash", money(), nullable=False, comment="dollars; of the sign of the quantity"),
    Column("executed_at", Instant, nullable=False),
    UniqueConstraint("execution_id", "trade_id", "book"),
    UniqueConstraint("cross_id", "trade_id"),
    Index(None, "book", "session"),
    Index(None, "trade_id"),
)

OPEN = text("quantity <> 0")

lots = Table(
    "lots",
    metadata,
    Column("lot_id", String, primary_key=True, comment="the BUY fill, or what else brought it in"),
    Column("book", ForeignKey("books.book"), nullable=False),
    Column("symbol", String, nullable=False),
    Column("session", Date, nullable=False),
    Column("entry_at", Instant, nullable=False),
    Column("entry_quantity", quantity(), nullable=False),
    Column("entry_price", price(), nullable=False),
    Column("entry_cost", money(), nullable=False),
    Column("quantity", quantity(), nullable=False, comment="shares left"),
    Column("cost", money(), nullable=False, comment="dollars of cost left"),
    Index(None, "book", "symbol", "entry_at"),
    Index("open_lots", "book", "symbol", sqlite_where=OPEN, postgresql_where=OPEN),
)

lot_exits = Table(
    "lot_exits",
    metadata,
    Column("lot_id", ForeignKey("lots.lot_id"), primary_key=True),
    Column("fill_id", ForeignKey("fills.fill_id"), primary_key=True),
    Column("session", Date, nullable=False),
    Column("quantity", quantity(), nullable=False, comment="negative where a bust takes it back"),
    Column("price", price(), nullable=False),
    Column("proceeds", money(), nullable=False),
    Column("cost", money(), nullable=False),
    Column("exited_at", Instant, nullable=False),
    Index(None, "session"),
    Index(None, "fill_id"),
)

lot_adjustments = Table(
    "lot_adjustments",
    metadata,
    Column("lot_id", ForeignKey("lots.lot_id"), primary_key=True),
    Column("source_id", String, primary_key=True, comment="the activity or command behind it"),
    Column("session", Date, nullable=False),
    Column("kind", String, nullable=False, comment="split, bust, attribution, manual, correction"),
    Column("quantity", quantity(), nullable=False, comment="shares added; negative: taken away"),
    Column("cost", money(), nullable=False, comment="dollars added; negative: taken away"),
    Column("actor", String, nullable=False, comment="broker, or operator"),
    Column("cause", String, nullable=False),
    Column("at", Instant, nullable=False),
    Index(None, "session"),
)

lot_choices = Table(
    "lot_choices",
    metadata,
    Column("book", ForeignKey("books.book"), primary_key=True),
    Column("symbol", String, primary_key=True),
    Column("rank", Integer, primary_key=True, comment="1 is sold first"),
    Column("lot_id", ForeignKey("lots.lot_id"), nullable=False),
    Column("chosen_at", Instant, nullable=False),
    UniqueConstraint("book", "lot_id"),
)

rails = Table(
    "rails",
    metadata,
    Column("rail", String, primary_key=True, comment="halt, freeze, flatten, daily_loss"),
    Column("scope", String, primary_key=True, comment="account, book:<name> or symbol:<SYMBOL>"),
    Column("state", String, nullable=False, comment="on: it restricts; off: it does not"),
    Column("reason", String, nullable=False),
    Column("set_by", String, nullable=False),
    Column("set_at", Instant, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("kind", String, nullable=False, comment="the table that was added to"),
    Column("payload", Text, nullable=False, comment="the row, as canonical JSON"),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
)
