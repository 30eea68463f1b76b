"""What books own: fills, the lots they opened, and what became of those.

    shares left of a lot = entry_quantity - sum(lot_exits.quantity) + sum(lot_adjustments.quantity)
    cost left of a lot   = entry_cost     - sum(lot_exits.cost)     + sum(lot_adjustments.cost)

What is left now is also kept with the lot, so that a sale need not add up its history; the two are
compared every session.
"""

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from alchemiser_dagster.ledger.columns import Instant, money, price, quantity
from alchemiser_dagster.ledger.schema.base import metadata

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
"""The lots that an operator named to be sold next, for books of the SPECIFIC policy."""
