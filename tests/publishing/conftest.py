"""Tables of DynamoDB on a server of this machine, made as a person makes them."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any
from uuid import uuid4

import pytest

from alchemiser_dagster.publishing.dynamodb import PublishedTable, dynamodb_client
from alchemiser_dagster.publishing.tables import (
    STRATEGY_PERFORMANCE,
    TRADE_LEDGER,
    TableSchema,
    create_table,
)
from tests.ledger.activity_lines import traded
from tests.publishing.interference import Interference, server
from tests.storage.stores import bucket, files, s3_server, s3_settings

__all__ = ["bucket", "files", "s3_server", "s3_settings", "server", "traded"]


@cache
def client_of(endpoint: str) -> Any:
    """One client for all tests: to make one takes longer than most of them."""
    return dynamodb_client()


@pytest.fixture
def make_table(server: Interference) -> Callable[[TableSchema], PublishedTable]:
    def make(schema: TableSchema) -> PublishedTable:
        name = f"table-{uuid4().hex}"
        client = client_of(os.environ["AWS_ENDPOINT_URL"])
        assert list(create_table(client, name, schema))
        return PublishedTable(name, client)

    return make


@pytest.fixture
def ledger_table(make_table: Callable[[TableSchema], PublishedTable]) -> PublishedTable:
    return make_table(TRADE_LEDGER)


@pytest.fixture
def performance_table(make_table: Callable[[TableSchema], PublishedTable]) -> PublishedTable:
    return make_table(STRATEGY_PERFORMANCE)
