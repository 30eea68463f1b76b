"""The account, its books, and the cash that moves between them and the world."""

from sqlalchemy import Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from alchemiser_dagster.ledger.columns import Instant, money, price, quantity, weight
from alchemiser_dagster.ledger.schema.base import metadata

UNALLOCATED = "unallocated"
"""The book that holds the cash no strategy has been given."""
UNATTRIBUTED = "unattributed"
"""The book that holds shares no strategy bought. Nothing trades them but an operator."""

WITHOUT_STRATEGY = (UNALLOCATED, UNATTRIBUTED)
"""The books that no strategy trades."""

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
