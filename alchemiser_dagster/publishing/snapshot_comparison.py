"""Whether the StrategyPerformance table says what the ledger does, for the sessions published."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.queries import exits_of, open_lots
from alchemiser_dagster.publishing.comparison import Difference
from alchemiser_dagster.publishing.dynamodb import PublishedTable
from alchemiser_dagster.publishing.items import Key, has_expired
from alchemiser_dagster.publishing.performance_items import (
    LATEST,
    TIME,
    latest_item,
    newest_by_book,
    snapshot_item,
)

Row = Mapping[str, Any]
Figures = dict[str, Decimal]


def ledger_figures(connection: Connection, rows: Sequence[Row]) -> dict[tuple[str, date], Figures]:
    """What the ledger says of each book at its last session in rows of `portfolio_performance`."""
    return {
        (row["book"], row["date"]): _figures(connection, row["book"], row["date"])
        for row in newest_by_book(rows)
    }


def snapshot_differences(
    table: PublishedTable,
    rows: Sequence[Row],
    figures: Mapping[tuple[str, date], Figures],
    now: datetime,
) -> list[Difference]:
    """Snapshots of `rows` that are missing, that say otherwise than the `figures` of a book's last
    session, and what is older under LATEST; none when all agree.
    """
    wanted = {_key(row): row for row in rows if not has_expired(snapshot_item(row), now)}
    found = []
    published = table.get(wanted)
    for key, row in wanted.items():
        if key not in published:
            found.append(_difference(row, "snapshot", "one", None))
            continue
        for name, ours in figures.get((row["book"], row["date"]), {}).items():
            theirs = published[key].get(name)
            if theirs is None or Decimal(theirs) != ours:
                found.append(_difference(row, name, ours, theirs))
    return found + _behind(table, [row for row in newest_by_book(rows) if _key(row) in wanted])


def _figures(connection: Connection, book: str, session: date) -> Figures:
    lots = open_lots(connection, book=book, through=session)
    exits = exits_of(connection, book, through=session)
    return {
        "realized_pnl": sum((exit_.proceeds - exit_.cost for exit_ in exits), ZERO),
        "completed_trades": Decimal(len(exits)),
        "current_holdings": Decimal(len(lots)),
        "current_holdings_value": sum((lot.cost for lot in lots), ZERO),
    }


def _behind(table: PublishedTable, newest: Sequence[Row]) -> list[Difference]:
    latest = table.get((LATEST, f"STRATEGY#{row['book']}") for row in newest)
    found = []
    for row in newest:
        ours = latest_item(row)[TIME]
        theirs = latest.get((LATEST, f"STRATEGY#{row['book']}"), {}).get(TIME)
        if theirs is None or theirs < ours:
            found.append(_difference(row, f"{LATEST} {TIME}", ours, theirs))
    return found


def _key(row: Row) -> Key:
    item = snapshot_item(row)
    return item["PK"], item["SK"]


def _difference(row: Row, what: str, ledger: object, published: object) -> Difference:
    return {
        "book": row["book"],
        "what": f"{what} of {row['date']}",
        "ledger": str(ledger),
        "published": "nothing" if published is None else str(published),
    }
