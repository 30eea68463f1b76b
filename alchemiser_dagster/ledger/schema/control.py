"""What may stop the trading, and the record that nothing was changed behind its back."""

from sqlalchemy import Column, Integer, String, Table, Text

from alchemiser_dagster.ledger.columns import Instant
from alchemiser_dagster.ledger.schema.base import metadata

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
"""The row (halt, account) always exists; where it is missing or unreadable it counts as on."""

journal = Table(
    "journal",
    metadata,
    Column("sequence", Integer, primary_key=True),
    Column("kind", String, nullable=False, comment="the table that was added to"),
    Column("payload", Text, nullable=False, comment="the row, as canonical JSON"),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
)
"""Append-only: every row that moves shares or cash, each hashed with the hash of the one before."""
