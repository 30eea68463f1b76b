"""The tables of version 0.1.0: a trade of a book has orders of its own."""

from alembic import op

from alchemiser_dagster.ledger.migrations import tables_0001

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    tables_0001.metadata.create_all(op.get_bind(), checkfirst=False)
