"""The engines that a ledger can be kept on, for tests that should hold on each.

A test that asks for `ledger_url` runs twice: on an SQLite file, and in a schema of its own on the
PostgreSQL server of this machine (skipped where none answers).
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

SERVER = "postgresql+psycopg2://postgres@127.0.0.1:5432/test"


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    if not _server_answers():
        pytest.skip("no PostgreSQL server on 127.0.0.1:5432")
    schema = f"ledger_{uuid4().hex}"
    _on_server(f"CREATE SCHEMA {schema}")
    yield f"{SERVER}?options=-csearch_path%3D{schema}"
    _on_server(f"DROP SCHEMA {schema} CASCADE")


@cache
def _server_answers() -> bool:
    try:
        _on_server("SELECT 1")
    except OperationalError:
        return False
    return True


def _on_server(statement: str) -> None:
    engine = create_engine(SERVER, connect_args={"connect_timeout": 3}, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(statement))
