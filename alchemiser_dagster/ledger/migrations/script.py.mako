"""${message}."""

import sqlalchemy as sa
from alembic import op

from alchemiser_dagster.ledger import columns

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Add here what happens to the rows."""
    ${upgrades}
