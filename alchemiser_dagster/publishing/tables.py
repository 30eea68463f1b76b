"""The two DynamoDB tables: their keys, indexes and expiry, and how they are made.

    StrategyPerformance    STRATEGY#<book> / SNAPSHOT#<time>     LATEST / STRATEGY#<book>
                           CAPITAL_DEPLOYED / SNAPSHOT#<time>    LATEST / CAPITAL_DEPLOYED
    TradeLedger            TRADE#<order> / METADATA     STRATEGY#<book> / TRADE#<time>#<order>
                           LOT#<lot> / METADATA         STRATEGY#<book> / METADATA
                           SIGNAL#<signal> / METADATA

In both, ACCOUNT / METADATA says whose the table is.

The names of indexes are those that readers ask for, and number 4 misleads: it has the signals by
their state.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from alchemiser_dagster.publishing.dynamodb_errors import explained
from alchemiser_dagster.publishing.errors import PublishingInterrupted, PublishingRefused
from alchemiser_dagster.publishing.items import EXPIRES

BY_SESSION = "GSI1-CorrelationIndex"
BY_SYMBOL = "GSI2-SymbolIndex"
BY_STRATEGY = "GSI3-StrategyIndex"
SIGNALS_BY_STATE = "GSI4-CorrelationSnapshotIndex"
LOTS_BY_STRATEGY = "GSI5-StrategyLotsIndex"
LOTS_BY_SYMBOL = "GSI6-SymbolLotsIndex"
KEY = ("PK", "SK")
WAIT = {"Delay": 2, "MaxAttempts": 150}
"""How a waiter of boto3 asks whether a table is ready: every 2 seconds for 5 minutes."""

Keys = tuple[str, str]


@dataclass(frozen=True)
class TableSchema:
    """The key attributes of each index of a table, all of them text."""

    indexes: Mapping[str, Keys] = field(default_factory=dict)

    @property
    def attributes(self) -> list[dict[str, str]]:
        """Every key attribute, as DynamoDB wants them declared."""
        names = [name for keys in (KEY, *self.indexes.values()) for name in keys]
        return [{"AttributeName": name, "AttributeType": "S"} for name in names]


STRATEGY_PERFORMANCE = TableSchema()
TRADE_LEDGER = TableSchema(
    {
        BY_SESSION: ("GSI1PK", "GSI1SK"),
        BY_SYMBOL: ("GSI2PK", "GSI2SK"),
        BY_STRATEGY: ("GSI3PK", "GSI3SK"),
        SIGNALS_BY_STATE: ("GSI4PK", "GSI4SK"),
        LOTS_BY_STRATEGY: ("GSI5PK", "GSI5SK"),
        LOTS_BY_SYMBOL: ("GSI6PK", "GSI6SK"),
    }
)


def create_table(client: Any, name: str, schema: TableSchema) -> Iterator[str]:
    """Make a table, or give one that is there what it lacks; yields what was done, in words.

    Indexes, expiry by `ExpiresAt`, and recovery of any moment of the last 35 days. Items that are
    there stay. Raises PublishingRefused for a table with another key.
    """
    with explained(name):
        try:
            found = client.describe_table(TableName=name)["Table"]
        except client.exceptions.ResourceNotFoundException:
            client.create_table(
                TableName=name,
                KeySchema=_key_schema(KEY),
                AttributeDefinitions=schema.attributes,
                BillingMode="PAY_PER_REQUEST",
                **_indexes(schema),
            )
            client.get_waiter("table_exists").wait(TableName=name, WaiterConfig=WAIT)
            yield f"made the table {name} with {len(schema.indexes)} indexes"
        else:
            _require_key(name, found)
            yield from _add_indexes(client, name, schema, found)
        yield from _expire(client, name)
        yield from _make_recoverable(client, name)


def _indexes(schema: TableSchema) -> dict[str, Any]:
    if not schema.indexes:
        return {}
    return {
        "GlobalSecondaryIndexes": [_index(index, keys) for index, keys in schema.indexes.items()]
    }


def _index(name: str, keys: Keys) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": _key_schema(keys),
        "Projection": {"ProjectionType": "ALL"},
    }


def _key_schema(keys: Keys) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(keys, ("HASH", "RANGE"), strict=True)
    ]


def _require_key(name: str, found: Mapping[str, Any]) -> None:
    if found["KeySchema"] != _key_schema(KEY):
        was = ", ".join(f"{key['AttributeName']} {key['KeyType']}" for key in found["KeySchema"])
        raise PublishingRefused(
            f"DynamoDB table {name}: expected the key PK, SK, was {was}: name another table"
        )


def _add_indexes(
    client: Any, name: str, schema: TableSchema, found: Mapping[str, Any]
) -> Iterator[str]:
    """Add the indexes that a table lacks, one at a time, as DynamoDB wants it."""
    present = {index["IndexName"] for index in found.get("GlobalSecondaryIndexes", [])}
    for index, keys in schema.indexes.items():
        if index not in present:
            client.update_table(
                TableName=name,
                AttributeDefinitions=schema.attributes,
                GlobalSecondaryIndexUpdates=[{"Create": _index(index, keys)}],
            )
            _await_index(client, name, index)
            yield f"added the index {index} to the table {name}"


def _await_index(client: Any, name: str, index: str) -> None:
    """Wait until DynamoDB has filled a new index: it makes no second one meanwhile."""
    for _ in range(WAIT["MaxAttempts"]):
        found = client.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes", [])
        if any(one["IndexName"] == index and one["IndexStatus"] == "ACTIVE" for one in found):
            return
        time.sleep(WAIT["Delay"])
    raise PublishingInterrupted(
        f"DynamoDB table {name}: expected the index {index} to be ready, was still being filled: "
        "run the command again later"
    )


def _expire(client: Any, name: str) -> Iterator[str]:
    lives = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    status, attribute = lives.get("TimeToLiveStatus"), lives.get("AttributeName")
    if status in ("ENABLED", "ENABLING") and attribute != EXPIRES:
        raise PublishingRefused(
            f"DynamoDB table {name}: expected items to expire by {EXPIRES}, was by {attribute}: "
            "switch that off, or name another table"
        )
    if status not in ("ENABLED", "ENABLING"):
        client.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRES},
        )
        yield f"items of the table {name} expire by {EXPIRES}"


def _make_recoverable(client: Any, name: str) -> Iterator[str]:
    backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        client.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
        yield f"the table {name} can be recovered to any moment of the last 35 days"
