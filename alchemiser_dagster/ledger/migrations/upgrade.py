"""Bringing the tables of a database to the last revision.

Alembic is imported only when there is something to migrate: it takes longer to import than a
ledger takes to open.
"""

from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    select,
)

from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.migrations import REVISIONS
from alchemiser_dagster.ledger.schema import metadata

if TYPE_CHECKING:
    from alembic.config import Config

# As alembic makes it.
_alembic_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def revision_of(connection: Connection) -> str | None:
    """The revision that a database says it has; None where it says none."""
    if not inspect(connection).has_table(_alembic_version.name):
        return None
    return connection.execute(select(_alembic_version.c.version_num)).scalar_one_or_none()


def is_current(connection: Connection) -> bool:
    """Whether the tables are of the last revision."""
    return revision_of(connection) == REVISIONS[-1]


def bring_up(connection: Connection) -> None:
    """Make the tables, or migrate them, in the caller's transaction.

    Raises LedgerError where the database is a newer version's, or is no ledger.
    """
    found = revision_of(connection)
    if found is None:
        found = _unversioned(connection)
    if found is None:
        metadata.create_all(connection, checkfirst=False)
        _stamp(connection, REVISIONS[-1])
    elif found not in REVISIONS:
        raise LedgerError(
            f"expected a ledger of revision {REVISIONS[-1]} or earlier, was {found}; "
            "a newer version of alchemiser-dagster wrote it: install that one"
        )
    elif found != REVISIONS[-1]:
        from alembic import command

        command.upgrade(alembic_config(connection), REVISIONS[-1])


def alembic_config(connection: Connection) -> "Config":
    """The configuration of alembic's commands: the migrations beside this file, on `connection`."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "alchemiser_dagster.ledger:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _unversioned(connection: Connection) -> str | None:
    """The revision of tables that do not say it: version 0.1.0 did not use alembic yet."""
    inspector = inspect(connection)
    ours = sorted(set(inspector.get_table_names()) & set(metadata.tables))
    if not ours:
        return None
    columns = inspector.get_columns("account") if "account" in ours else []
    if not any(column["name"] == "schema_version" for column in columns):
        raise LedgerError(
            f"expected a ledger or an empty database, was one with tables {', '.join(ours)} "
            "of something else; give the ledger a database or a schema of its own"
        )
    _stamp(connection, REVISIONS[0])
    return REVISIONS[0]


def _stamp(connection: Connection, revision: str) -> None:
    _alembic_version.create(connection, checkfirst=True)
    connection.execute(insert(_alembic_version).values(version_num=revision))
