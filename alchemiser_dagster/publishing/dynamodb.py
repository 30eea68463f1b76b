"""One DynamoDB table: items read and written by key, and queries read to their last page.

boto3 repeats a call that was throttled or not answered; how often is its own setting
(AWS_MAX_ATTEMPTS, AWS_RETRY_MODE). What a batch leaves over is sent again here, a few times.
"""

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import boto3  # type: ignore[import-untyped]
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]

from alchemiser_dagster.publishing.dynamodb_errors import condition_failed, explained
from alchemiser_dagster.publishing.errors import PublishingInterrupted, PublishingRefused
from alchemiser_dagster.publishing.items import Item, Key, key_of

CONNECT_SECONDS, READ_SECONDS = 10, 30
WRITE_BATCH, READ_BATCH = 25, 100
"""DynamoDB's own limits of one call."""
BATCH_ATTEMPTS = 8
LONGEST_WAIT = 5.0
"""Seconds between two attempts at what a batch has left over, at most."""

T = TypeVar("T")
_serializer, _deserializer = TypeSerializer(), TypeDeserializer()


def dynamodb_client() -> Any:
    """A client with boto3's own settings (credentials, region, AWS_ENDPOINT_URL, attempts)."""
    with explained("DynamoDB"):
        return boto3.Session().client(
            "dynamodb",
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard"},
            ),
        )


class PublishedTable:
    """A table with the key PK and SK. Every method raises PublishingError where DynamoDB fails."""

    def __init__(self, name: str, client: Any = None) -> None:
        self.name = name
        self.client = dynamodb_client() if client is None else client

    def get(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """The items of those keys that there are, as last written (consistent reads)."""
        found: dict[Key, Item] = {}
        for part in _batches(list(dict.fromkeys(keys)), READ_BATCH):
            waiting: dict[str, Any] = {
                self.name: {"Keys": [_key(key) for key in part], "ConsistentRead": True}
            }
            for attempt in range(BATCH_ATTEMPTS):
                with explained(self.name):
                    answer = self.client.batch_get_item(RequestItems=waiting)
                for raw in answer["Responses"].get(self.name, []):
                    item = _item(raw)
                    found[key_of(item)] = item
                waiting = answer.get("UnprocessedKeys") or {}
                if not waiting:
                    break
                _pause(attempt)
            else:
                raise self._left_over(len(waiting[self.name]["Keys"]), "read")
        return found

    def bring(self, items: Iterable[Item]) -> int:
        """Write those of `items` that are not in the table as they are; returns how many."""
        wanted = {key_of(item): item for item in items}
        present = self.get(wanted)
        changed = [item for key, item in wanted.items() if present.get(key) != item]
        self._write([{"PutRequest": {"Item": _attributes(item)}} for item in changed])
        return len(changed)

    def remove(self, keys: Iterable[Key]) -> None:
        """Delete the items of those keys; they need not be there."""
        self._write([{"DeleteRequest": {"Key": _key(key)}} for key in dict.fromkeys(keys)])

    def put_unless_later(self, item: Item, by: str) -> bool:
        """Put an item, unless the table has one under its key whose text in `by` is greater."""
        condition = "attribute_not_exists(PK) OR #by <= :mine"
        return self._put_if(item, condition, by)

    def claim(self, account_number: str) -> None:
        """Make the table that account's. Raises PublishingRefused when it is another's.

        Two accounts have books of the same names; in one table each would overwrite the other's.
        """
        item = {"PK": "ACCOUNT", "SK": "METADATA", "account_number": account_number}
        condition = "attribute_not_exists(PK) OR #by = :mine"
        if not self._put_if(item, condition, "account_number"):
            owner = self.get([key_of(item)])[key_of(item)]["account_number"]
            raise PublishingRefused(
                f"DynamoDB table {self.name}: expected a table of the account {account_number}, "
                f"was of {owner}: publish each account to tables of its own"
            )

    def pages(self, **query: Any) -> Iterator[list[Item]]:
        """The pages of a Query, to the last: DynamoDB answers with at most 1 MB at a time."""
        start: dict[str, Any] = {}
        while True:
            with explained(self.name):
                answer = self.client.query(TableName=self.name, **query, **start)
            yield [_item(raw) for raw in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _put_if(self, item: Item, condition: str, by: str) -> bool:
        with explained(self.name), condition_failed() as failed:
            self.client.put_item(
                TableName=self.name,
                Item=_attributes(item),
                ConditionExpression=condition,
                ExpressionAttributeNames={"#by": by},
                ExpressionAttributeValues={":mine": _serializer.serialize(item[by])},
            )
        return not failed

    def _write(self, requests: Sequence[dict[str, Any]]) -> None:
        for part in _batches(requests, WRITE_BATCH):
            waiting: list[dict[str, Any]] = list(part)
            for attempt in range(BATCH_ATTEMPTS):
                with explained(self.name):
                    answer = self.client.batch_write_item(RequestItems={self.name: waiting})
                waiting = (answer.get("UnprocessedItems") or {}).get(self.name, [])
                if not waiting:
                    break
                _pause(attempt)
            else:
                raise self._left_over(len(waiting), "written")

    def _left_over(self, count: int, done: str) -> PublishingInterrupted:
        return PublishingInterrupted(
            f"DynamoDB table {self.name}: expected all items of a batch to be {done} in "
            f"{BATCH_ATTEMPTS} attempts, was {count} left over: it has too much to do, do it again "
            "later or give the table more capacity"
        )


def _batches(of: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (of[start : start + size] for start in range(0, len(of), size))


def _pause(attempt: int) -> None:
    """Wait a random part of a time that doubles ("full jitter")."""
    time.sleep(random.uniform(0, min(LONGEST_WAIT, 0.05 * 2**attempt)))


def _key(key: Key) -> dict[str, Any]:
    return {"PK": {"S": key[0]}, "SK": {"S": key[1]}}


def _attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _serializer.serialize(value) for name, value in item.items()}


def _item(raw: Mapping[str, Any]) -> Item:
    return {name: _deserializer.deserialize(value) for name, value in raw.items()}
