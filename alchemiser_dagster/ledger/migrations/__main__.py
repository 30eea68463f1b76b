"""`python -m alchemiser_dagster.ledger.migrations "what changes"` writes the next revision.

It holds what differs between the tables that the migrations so far make and `ledger/schema`.
"""

import sys

from alembic import command
from sqlalchemy import create_engine

from alchemiser_dagster.ledger.migrations import REVISIONS
from alchemiser_dagster.ledger.migrations.upgrade import alembic_config


def main(message: str) -> None:
    """Write the revision after the last one."""
    with create_engine("sqlite://").begin() as connection:
        config = alembic_config(connection)
        command.upgrade(config, "head")
        number = f"{len(REVISIONS) + 1:04}"
        command.revision(config, message, autogenerate=True, rev_id=number)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        sys.exit('Usage: python -m alchemiser_dagster.ledger.migrations "what changes"')
    main(sys.argv[1])
