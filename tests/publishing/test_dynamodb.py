"""One table: what is written, what is read, and what becomes of a server that does not do it."""

from datetime import UTC, datetime

import pytest

from alchemiser_dagster.publishing.dynamodb import PublishedTable, dynamodb_client
from alchemiser_dagster.publishing.errors import (
    PublishingError,
    PublishingInterrupted,
    PublishingRefused,
)
from alchemiser_dagster.publishing.items import Item, key_of
from tests.publishing.interference import Interference


def lot(number: int, **more: object) -> Item:
    return {"PK": f"LOT#{number}", "SK": "METADATA", "is_open": True, "remaining_qty": "1"} | more


def latest(day: int, nav: str = "100") -> Item:
    at = datetime(2026, 2, day, 21, tzinfo=UTC).isoformat()
    return {"PK": "LATEST", "SK": "STRATEGY#a", "snapshot_timestamp": at, "nav": nav}


LOTS = [lot(number) for number in range(120)]


def test_items_are_read_as_they_were_written(ledger_table: PublishedTable) -> None:
    item = lot(1, exit_records=[{"exit_qty": "0.5"}], strategy_weights={"a": "1"}, ExpiresAt=7)
    assert ledger_table.bring([item]) == 1
    assert ledger_table.get([key_of(item), ("LOT#2", "METADATA")]) == {key_of(item): item}


def test_only_what_changed_is_written(ledger_table: PublishedTable, server: Interference) -> None:
    assert ledger_table.bring(LOTS) == 120
    assert server.calls["BatchWriteItem"] == 5
    assert ledger_table.bring(LOTS) == 0
    assert ledger_table.bring([*LOTS[:50], lot(50, is_open=False), *LOTS[51:]]) == 1
    assert server.calls["BatchWriteItem"] == 6
    assert ledger_table.get([("LOT#50", "METADATA")])["LOT#50", "METADATA"]["is_open"] is False


def test_an_item_given_twice_is_written_once(ledger_table: PublishedTable) -> None:
    """DynamoDB refuses a batch that has a key twice."""
    assert ledger_table.bring([lot(1), lot(1)]) == 1
    ledger_table.remove([key_of(lot(1)), key_of(lot(1)), key_of(lot(2))])
    assert ledger_table.get([key_of(lot(1))]) == {}


def test_what_a_batch_leaves_over_is_written_and_read(
    ledger_table: PublishedTable, server: Interference
) -> None:
    server.leave_over(keep=7, times=4)
    assert ledger_table.bring(LOTS) == 120
    server.leave_over(keep=7, times=4)
    assert len(ledger_table.get(map(key_of, LOTS))) == 120


def test_a_server_that_never_does_it_all_is_told_by_name(
    ledger_table: PublishedTable, server: Interference
) -> None:
    server.leave_over(keep=0, times=10**6)
    with pytest.raises(PublishingInterrupted, match=f"{ledger_table.name}.*was 25 left over"):
        ledger_table.remove(map(key_of, LOTS))
    with pytest.raises(PublishingInterrupted, match="was 100 left over"):
        ledger_table.get(map(key_of, LOTS))


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ProvisionedThroughputExceededException", 400),
        ("InternalServerError", 500),
    ],
)
def test_a_throttled_call_is_repeated(
    ledger_table: PublishedTable,
    server: Interference,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    status: int,
) -> None:
    server.refuse("BatchWriteItem", code, status=status, times=1)
    with pytest.raises(PublishingInterrupted, match=code):
        ledger_table.bring(LOTS)  # these tests make one attempt, unless they say more
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    server.refuse("BatchWriteItem", code, status=status, times=1)
    assert PublishedTable(ledger_table.name, dynamodb_client()).bring(LOTS) == 120


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("AccessDeniedException", "no access.*BatchWriteItem"),
        ("UnrecognizedClientException", "no access"),
        ("ValidationException", "DynamoDB refuses"),
    ],
)
def test_what_would_fail_again_is_refused(
    ledger_table: PublishedTable, server: Interference, code: str, says: str
) -> None:
    server.refuse("BatchGetItem", code)
    with pytest.raises(PublishingRefused, match=says):
        ledger_table.bring(LOTS)


def test_a_table_that_is_not_there_is_told_with_the_way_to_make_it(server: Interference) -> None:
    with pytest.raises(PublishingRefused, match=r"table nowhere.*create-tables"):
        PublishedTable("nowhere").bring(LOTS)


def test_a_server_that_does_not_answer_may_later(
    server: Interference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(PublishingInterrupted, match="cannot be reached"):
        PublishedTable("trade-ledger").bring(LOTS)


def test_no_credentials_are_told_by_name(
    server: Interference, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(PublishingRefused, match="expected AWS credentials"):
        PublishedTable("trade-ledger").bring(LOTS)


def test_no_region_is_told_by_name(server: Interference, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(PublishingError, match=r"expected settings that boto3 can use.*region"):
        PublishedTable("trade-ledger")


def test_the_latest_never_goes_back_in_time(performance_table: PublishedTable) -> None:
    for item in (latest(12), latest(13)):
        assert performance_table.put_unless_later(item, by="snapshot_timestamp")
    assert not performance_table.put_unless_later(latest(12), by="snapshot_timestamp")
    key = key_of(latest(13))
    assert performance_table.get([key])[key] == latest(13)


def test_the_latest_of_the_same_time_is_corrected(performance_table: PublishedTable) -> None:
    for nav in ("100", "101"):
        assert performance_table.put_unless_later(latest(13, nav), by="snapshot_timestamp")
    key = key_of(latest(13))
    assert performance_table.get([key])[key]["nav"] == "101"


def test_another_failure_of_a_conditional_write_is_not_taken_for_an_answer(
    performance_table: PublishedTable, server: Interference
) -> None:
    server.refuse("PutItem", "ThrottlingException", times=1)
    with pytest.raises(PublishingInterrupted):
        performance_table.put_unless_later(latest(13), by="snapshot_timestamp")


def test_a_table_is_of_one_account(ledger_table: PublishedTable) -> None:
    for _ in range(2):
        ledger_table.claim("PA1")
    with pytest.raises(PublishingRefused, match="of the account PA2, was of PA1"):
        ledger_table.claim("PA2")
    ledger_table.claim("PA1")
