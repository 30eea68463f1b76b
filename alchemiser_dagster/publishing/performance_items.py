"""The items of the StrategyPerformance table, each a pure function of rows of the tables.

A snapshot has every column of `portfolio_performance` under its own name, but for the book's, which
is `strategy_name`. Its time is the session's close, so a session has one snapshot however often it
is written.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from alchemiser_dagster.publishing.errors import PublishingRefused
from alchemiser_dagster.publishing.items import EXPIRES, Item, expiry, time_text, value_of

SNAPSHOT_DAYS = 90
"""Snapshots expire so many days after their session; the tables they are made from do not."""
TIME = "snapshot_timestamp"
LATEST = "LATEST"
CAPITAL_DEPLOYED = "CAPITAL_DEPLOYED"
NEEDED = (
    "book",
    TIME,
    "correlation_id",
    "realized_pnl",
    "current_holdings_value",
    "current_holdings",
    "completed_trades",
    "winning_trades",
    "losing_trades",
    "win_rate",
    "avg_profit_per_trade",
)
"""The columns without which a snapshot is of no use to its readers."""

Row = Mapping[str, Any]


def snapshot_item(row: Row) -> Item:
    """A book at the end of a session."""
    return _item(_snapshot(row), f"STRATEGY#{row['book']}", f"SNAPSHOT#{time_text(row[TIME])}")


def latest_item(row: Row) -> Item:
    """The same, where readers look for the last there is."""
    return _item(_snapshot(row), LATEST, f"STRATEGY#{row['book']}")


def capital_item(account: Row, of: Row) -> Item | None:
    """How much of the account is in the market, per cent, at the end of a session.

    `account` is the session's row of `account_performance` and `of` one of `portfolio_performance`.
    None where the account is worth nothing.
    """
    made = _capital(account, of)
    at = time_text(of[TIME])
    return None if made is None else _item(made, CAPITAL_DEPLOYED, f"SNAPSHOT#{at}")


def latest_capital_item(account: Row, of: Row) -> Item | None:
    """The same, where readers look for the last there is."""
    made = _capital(account, of)
    return None if made is None else _item(made, LATEST, CAPITAL_DEPLOYED)


def newest_by_book(rows: Iterable[Row]) -> list[Row]:
    """The last row of each book."""
    newest: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row[TIME]):
        newest[row["book"]] = row
    return list(newest.values())


def _snapshot(row: Row) -> Item:
    absent = [name for name in NEEDED if row.get(name) is None]
    if absent:
        raise PublishingRefused(
            f"portfolio_performance: expected a value of {', '.join(absent)} for "
            f"{row.get('book', 'every book')}, was none: materialise it again"
        )
    renamed = {"strategy_name": row["book"]} | {
        name: value for name, value in row.items() if name != "book"
    }
    return _made(renamed, row)


def _capital(account: Row, of: Row) -> Item | None:
    percent = account["capital_deployed_pct"]
    if percent is None:
        return None
    named = {name: of[name] for name in (TIME, "correlation_id")}
    return _made({"capital_deployed_pct": percent} | named, of)


def _made(values: Row, row: Row) -> Item:
    written = {name: value_of(value) for name, value in values.items() if value is not None}
    return written | {EXPIRES: expiry(row[TIME], SNAPSHOT_DAYS)}


def _item(values: Item, partition_key: str, sort_key: str) -> Item:
    return {"PK": partition_key, "SK": sort_key} | values
