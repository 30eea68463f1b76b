"""Publishing performance to the StrategyPerformance table, session by session.

The snapshots first, then what readers find under LATEST. That is only ever replaced by what is of
the same session or a later one, so an earlier session can be published again at any time.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from alchemiser_dagster.publishing.dynamodb import PublishedTable
from alchemiser_dagster.publishing.items import Item
from alchemiser_dagster.publishing.performance_items import (
    TIME,
    Row,
    capital_item,
    latest_capital_item,
    latest_item,
    newest_by_book,
    snapshot_item,
)


def publish_performance(
    table: PublishedTable,
    account: str,
    books: Sequence[Row],
    accounts: Mapping[date, Row],
) -> dict[str, int]:
    """Bring the table up to date; returns how many items of each kind were written.

    `books` are rows of `portfolio_performance`, of one session or many; `accounts` the rows of
    `account_performance` by session.
    """
    snapshots = [snapshot_item(row) for row in books]
    capital = _of_sessions(books, accounts)
    table.claim(account)
    written = {
        "snapshots": table.bring(snapshots),
        "capital deployed": table.bring(_some(capital_item(*pair) for pair in capital)),
    }
    latest = [latest_item(row) for row in newest_by_book(books)]
    latest += _some(latest_capital_item(*pair) for pair in capital[-1:])
    present = table.get((item["PK"], item["SK"]) for item in latest)
    changed = [item for item in latest if present.get((item["PK"], item["SK"])) != item]
    return written | {"latest": sum(table.put_unless_later(item, by=TIME) for item in changed)}


def _of_sessions(books: Sequence[Row], accounts: Mapping[date, Row]) -> list[tuple[Row, Row]]:
    """The account's row of each session beside one of a book's, which has the time and the id."""
    of = {row["date"]: row for row in sorted(books, key=lambda row: row[TIME])}
    return [(accounts[session], row) for session, row in of.items() if session in accounts]


def _some(items: Any) -> list[Item]:
    return [item for item in items if item is not None]
