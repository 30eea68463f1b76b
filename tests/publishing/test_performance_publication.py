"""Snapshots, and what readers find under LATEST, in a DynamoDB table on a server."""

from datetime import UTC, datetime
from typing import Any

import pytest

from alchemiser_dagster.publishing.dynamodb import PublishedTable
from alchemiser_dagster.publishing.errors import PublishingInterrupted, PublishingRefused
from alchemiser_dagster.publishing.items import Item
from alchemiser_dagster.publishing.performance_items import snapshot_item
from alchemiser_dagster.publishing.performance_publication import publish_performance
from alchemiser_dagster.publishing.snapshot_comparison import (
    ledger_figures,
    snapshot_differences,
)
from tests.ledger.traded import Traded
from tests.publishing.interference import Interference
from tests.publishing.publications import correlation, everything
from tests.publishing.rows import D, account_row, performance_row

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def publish(table: PublishedTable, *rows: dict[str, Any]) -> dict[str, int]:
    accounts = {row["date"]: account_row(row["date"].day) for row in rows}
    return publish_performance(table, "EMB1", rows, accounts)


def under(table: PublishedTable, partition: str) -> dict[str, Item]:
    """The items of a partition by sort key, as a reader queries them."""
    pages = table.pages(
        KeyConditionExpression="PK = :p", ExpressionAttributeValues={":p": {"S": partition}}
    )
    return {item["SK"]: item for page in pages for item in page}


def test_a_snapshot_is_as_its_readers_know_it(performance_table: PublishedTable) -> None:
    publish(performance_table, performance_row(3))
    (item,) = under(performance_table, "STRATEGY#a").values()
    assert item == {
        "PK": "STRATEGY#a",
        "SK": "SNAPSHOT#2026-11-03T21:00:00+00:00",
        "strategy_name": "a",
        "snapshot_timestamp": "2026-11-03T21:00:00+00:00",
        "realized_pnl": "53",
        "current_holdings_value": "36",
        "current_holdings": 1,
        "completed_trades": 3,
        "winning_trades": 2,
        "losing_trades": 1,
        "win_rate": "66.67",
        "avg_profit_per_trade": "17.67",
        "correlation_id": correlation(3),
        "ExpiresAt": int(datetime(2027, 2, 1, 21, tzinfo=UTC).timestamp()),
        "date": "2026-11-03",
        "breakeven_trades": 0,
        "nav": "60053.12",
        "daily_return": "-0.000015",
        "drawdown": "0",
    }


def test_capital_deployed_has_its_own_snapshots(performance_table: PublishedTable) -> None:
    publish(performance_table, performance_row(3), performance_row(4))
    snapshots = under(performance_table, "CAPITAL_DEPLOYED")
    assert list(snapshots) == [
        "SNAPSHOT#2026-11-03T21:00:00+00:00",
        "SNAPSHOT#2026-11-04T21:00:00+00:00",
    ]
    expected = {
        "capital_deployed_pct": "43.21",
        "snapshot_timestamp": "2026-11-04T21:00:00+00:00",
        "correlation_id": correlation(4),
        "ExpiresAt": int(datetime(2027, 2, 2, 21, tzinfo=UTC).timestamp()),
    }
    for item in (
        snapshots["SNAPSHOT#2026-11-04T21:00:00+00:00"],
        under(performance_table, "LATEST")["CAPITAL_DEPLOYED"],
    ):
        assert {name: item[name] for name in item if name not in ("PK", "SK")} == expected


def test_an_account_worth_nothing_has_no_capital_deployed(
    performance_table: PublishedTable,
) -> None:
    row = performance_row(3)
    publish_performance(performance_table, "EMB1", [row], {row["date"]: account_row(3, None)})
    assert under(performance_table, "CAPITAL_DEPLOYED") == {}
    assert list(under(performance_table, "LATEST")) == ["STRATEGY#a"]


def test_publishing_twice_changes_nothing(
    performance_table: PublishedTable, server: Interference
) -> None:
    rows = [performance_row(day, book) for day in (3, 4) for book in ("a", "b")]
    assert publish(performance_table, *rows) == {
        "snapshots": 4,
        "capital deployed": 2,
        "latest": 3,
    }
    before, batches = everything(performance_table), server.calls["BatchWriteItem"]
    assert set(publish(performance_table, *rows).values()) == {0}
    assert everything(performance_table) == before
    assert server.calls["BatchWriteItem"] == batches


def test_the_latest_is_of_the_last_session_whatever_is_published_after_it(
    performance_table: PublishedTable,
) -> None:
    publish(performance_table, performance_row(5, nav=D(105)))
    written = publish(performance_table, performance_row(4, nav=D(104)))
    assert written == {"snapshots": 1, "capital deployed": 1, "latest": 0}
    latest = under(performance_table, "LATEST")
    assert latest["STRATEGY#a"]["nav"] == "105"
    assert latest["CAPITAL_DEPLOYED"]["snapshot_timestamp"] == "2026-11-05T21:00:00+00:00"
    assert len(under(performance_table, "STRATEGY#a")) == 2


def test_a_session_that_was_made_again_is_corrected(performance_table: PublishedTable) -> None:
    publish(performance_table, performance_row(5, nav=D(105)))
    assert publish(performance_table, performance_row(5, nav=D(106)))["latest"] == 1
    for partition in ("LATEST", "STRATEGY#a"):
        (item,) = (i for i in under(performance_table, partition).values() if "nav" in i)
        assert item["nav"] == "106"


def test_the_latest_of_another_writer_s_clock_is_replaced(
    performance_table: PublishedTable,
) -> None:
    """One that was written with the time of writing, as it used to be."""
    written = {"snapshot_timestamp": "2026-11-03T20:59:58.123456+00:00", "nav": "1"}
    performance_table.bring([{"PK": "LATEST", "SK": "STRATEGY#a"} | written])
    publish(performance_table, performance_row(3))
    assert under(performance_table, "LATEST")["STRATEGY#a"]["nav"] == "60053.12"


@pytest.mark.parametrize(("operation", "skip"), [("BatchWriteItem", 0), ("PutItem", 2)])
def test_a_run_that_broke_off_is_completed_by_the_next(
    performance_table: PublishedTable, server: Interference, operation: str, skip: int
) -> None:
    """Put item by item are the mark of whose the table is, then what is under LATEST."""
    rows = [performance_row(day, book) for day in (3, 4) for book in ("a", "b")]
    server.refuse(operation, "ThrottlingException", skip=skip)
    with pytest.raises(PublishingInterrupted):
        publish(performance_table, *rows)
    assert len(under(performance_table, "LATEST")) == (1 if skip else 0)
    server.stop()
    publish(performance_table, *rows)
    assert len(under(performance_table, "LATEST")) == 3
    assert len(everything(performance_table)) == 4 + 2 + 3


def test_a_row_without_a_figure_is_refused_before_anything_is_written(
    performance_table: PublishedTable,
) -> None:
    with pytest.raises(PublishingRefused, match="expected a value of win_rate for b, was none"):
        publish(performance_table, performance_row(3), performance_row(3, "b", win_rate=None))
    assert everything(performance_table) == {}


@pytest.fixture
def measured(traded: Traded) -> tuple[Traded, dict[str, Any]]:
    """A book that won 50 and 6 and lost 3, and has 3 shares of 36 dollars left."""
    traded.trade(2, "a buy 10 XYZ @ 10")
    traded.trade(3, "a buy 8 XYZ @ 12")
    traded.trade(4, "a sell 12 XYZ @ 15")
    traded.trade(5, "a sell 3 XYZ @ 11")
    return traded, performance_row(5)


def compared(
    table: PublishedTable, measured: tuple[Traded, dict[str, Any]], now: datetime = NOW
) -> list[tuple[str, str, str]]:
    traded, row = measured
    with traded.ledger.read() as connection:
        figures = ledger_figures(connection, [row])
    found = snapshot_differences(table, [row], figures, now)
    return [(line["what"], line["ledger"], line["published"]) for line in found]


def test_a_snapshot_that_says_what_the_ledger_does(
    performance_table: PublishedTable, measured: tuple[Traded, dict[str, Any]]
) -> None:
    publish(performance_table, measured[1])
    assert compared(performance_table, measured) == []


def test_a_snapshot_that_says_otherwise_is_listed(
    performance_table: PublishedTable, measured: tuple[Traded, dict[str, Any]]
) -> None:
    publish(performance_table, measured[1])
    performance_table.bring([snapshot_item(measured[1] | {"realized_pnl": D("53.01")})])
    performance_table.remove([("LATEST", "STRATEGY#a")])
    assert compared(performance_table, measured) == [
        ("realized_pnl of 2026-11-05", "53.00", "53.01"),
        ("LATEST snapshot_timestamp of 2026-11-05", "2026-11-05T21:00:00+00:00", "nothing"),
    ]


def test_a_snapshot_that_has_expired_need_not_be_there(
    performance_table: PublishedTable, measured: tuple[Traded, dict[str, Any]]
) -> None:
    assert [what for what, _, _ in compared(performance_table, measured)] == [
        "snapshot of 2026-11-05",
        "LATEST snapshot_timestamp of 2026-11-05",
    ]
    assert compared(performance_table, measured, datetime(2027, 2, 3, 21, tzinfo=UTC)) == []
