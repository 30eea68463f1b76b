"""`alchemiser create-tables`: the tables that the settings name."""

from uuid import uuid4

import pytest
from typer.testing import CliRunner

from alchemiser_dagster.cli import app
from alchemiser_dagster.publishing.dynamodb import dynamodb_client
from tests.storage.stores import s3_server, s3_settings

from .conftest import flat

__all__ = ["s3_server", "s3_settings"]


@pytest.fixture
def name(s3_settings: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a trade ledger's table that is not there yet."""
    name = f"trades-{uuid4().hex}"
    monkeypatch.setenv("ALCHEMISER_PUBLISH_LEDGER", name)
    monkeypatch.delenv("ALCHEMISER_PUBLISH_PERFORMANCE", raising=False)
    return name


def create_tables() -> tuple[int, str]:
    done = CliRunner().invoke(app, ["create-tables"])
    return done.exit_code, flat(done)


def test_a_table_is_made_once(name: str) -> None:
    code, said = create_tables()
    assert code == 0, said
    assert f"made the table {name} with 6 indexes" in said
    assert create_tables() == (0, f"the table {name} has all that it needs")
    assert dynamodb_client().describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"


def test_both_tables_are_made(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALCHEMISER_PUBLISH_PERFORMANCE", f"performance-{name}")
    _, said = create_tables()
    assert f"made the table performance-{name} with 0 indexes" in said


def test_without_a_name_there_is_nothing_to_make(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALCHEMISER_PUBLISH_LEDGER")
    code, said = create_tables()
    assert code == 1
    assert "expected the name of a table in ALCHEMISER_PUBLISH_LEDGER" in said


def test_where_nobody_answers_it_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    code, said = create_tables()
    assert code == 1
    assert "cannot be reached" in said
