"""The tables are made as their readers expect them, and one that is there keeps its items."""

from uuid import uuid4

import pytest

from alchemiser_dagster.publishing.dynamodb import PublishedTable, dynamodb_client
from alchemiser_dagster.publishing.errors import PublishingInterrupted, PublishingRefused
from alchemiser_dagster.publishing.tables import (
    STRATEGY_PERFORMANCE,
    TRADE_LEDGER,
    TableSchema,
    create_table,
)
from tests.publishing.interference import Interference

INDEXES = {
    "GSI1-CorrelationIndex": ["GSI1PK", "GSI1SK"],
    "GSI2-SymbolIndex": ["GSI2PK", "GSI2SK"],
    "GSI3-StrategyIndex": ["GSI3PK", "GSI3SK"],
    "GSI4-CorrelationSnapshotIndex": ["GSI4PK", "GSI4SK"],
    "GSI5-StrategyLotsIndex": ["GSI5PK", "GSI5SK"],
    "GSI6-SymbolLotsIndex": ["GSI6PK", "GSI6SK"],
}


def test_the_trade_ledger_has_the_six_indexes(ledger_table: PublishedTable) -> None:
    made = ledger_table.client.describe_table(TableName=ledger_table.name)["Table"]
    assert [key["AttributeName"] for key in made["KeySchema"]] == ["PK", "SK"]
    assert {
        index["IndexName"]: [key["AttributeName"] for key in index["KeySchema"]]
        for index in made["GlobalSecondaryIndexes"]
    } == INDEXES
    assert {index["Projection"]["ProjectionType"] for index in made["GlobalSecondaryIndexes"]} == {
        "ALL"
    }


@pytest.mark.parametrize("table", ["ledger_table", "performance_table"])
def test_both_tables_expire_by_one_name_and_can_be_recovered(
    table: str, request: pytest.FixtureRequest
) -> None:
    made: PublishedTable = request.getfixturevalue(table)
    lives = made.client.describe_time_to_live(TableName=made.name)["TimeToLiveDescription"]
    assert (lives["TimeToLiveStatus"], lives["AttributeName"]) == ("ENABLED", "ExpiresAt")
    backups = made.client.describe_continuous_backups(TableName=made.name)
    recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


@pytest.mark.parametrize("schema", [TRADE_LEDGER, STRATEGY_PERFORMANCE])
def test_making_a_table_twice_does_nothing(server: Interference, schema: TableSchema) -> None:
    name, client = f"table-{uuid4().hex}", dynamodb_client()
    assert len(list(create_table(client, name, schema))) == 3
    assert list(create_table(client, name, schema)) == []


def test_a_table_that_is_there_is_given_what_it_lacks(server: Interference) -> None:
    """As tables are that were made without the index of lots by symbol, and without expiry."""
    name, client = f"table-{uuid4().hex}", dynamodb_client()
    fewer = TableSchema({k: v for k, v in TRADE_LEDGER.indexes.items() if not k.startswith("GSI6")})
    client.create_table(
        TableName=name,
        KeySchema=[
            {"AttributeName": "PK", "KeyType": "HASH"},
            {"AttributeName": "SK", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=fewer.attributes,
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": keys[0], "KeyType": "HASH"},
                    {"AttributeName": keys[1], "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, keys in fewer.indexes.items()
        ],
    )
    table = PublishedTable(name, client)
    table.bring([{"PK": "LOT#1", "SK": "METADATA"}])
    done = list(create_table(client, name, TRADE_LEDGER))
    assert done[0] == f"added the index GSI6-SymbolLotsIndex to the table {name}"
    assert len(done) == 3
    assert table.get([("LOT#1", "METADATA")])
    assert list(create_table(client, name, TRADE_LEDGER)) == []


def test_a_table_with_another_key_is_left_alone(server: Interference) -> None:
    name, client = f"table-{uuid4().hex}", dynamodb_client()
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "switch_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "switch_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(PublishingRefused, match="expected the key PK, SK, was switch_id HASH"):
        list(create_table(client, name, TRADE_LEDGER))


def test_expiry_by_another_attribute_is_not_changed(server: Interference) -> None:
    name, client = f"table-{uuid4().hex}", dynamodb_client()
    list(create_table(client, name, STRATEGY_PERFORMANCE))
    for enabled, attribute in ((False, "ExpiresAt"), (True, "ttl")):
        client.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute},
        )
    with pytest.raises(PublishingRefused, match="expire by ExpiresAt, was by ttl"):
        list(create_table(client, name, STRATEGY_PERFORMANCE))


def test_a_table_cannot_be_made_where_nobody_answers(
    server: Interference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(PublishingInterrupted, match="cannot be reached"):
        list(create_table(dynamodb_client(), "trade-ledger", TRADE_LEDGER))
