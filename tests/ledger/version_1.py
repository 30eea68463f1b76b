"""A ledger as version 0.1.0 left it: 1,000 dollars, books `a` (600) and `b` (300).

2026-11-03  a buys 10 XYZ: 6 @ 12.00 and 4 @ 11.99
            b buys 5 XYZ: 2 @ 12.00 with a limit order, then 3 @ 12.01 at the market
2026-11-04  a sells 8 of its 10 XYZ @ 12.50; b meant to sell XYZ, but its trade was skipped
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from alembic import command
from sqlalchemy import Connection, Table, insert

from alchemiser_dagster.ledger.migrations.tables_0001 import metadata
from alchemiser_dagster.ledger.migrations.upgrade import alembic_config

EVENING, TUESDAY, WEDNESDAY = date(2026, 11, 2), date(2026, 11, 3), date(2026, 11, 4)


def make_version_1(connection: Connection) -> None:
    """Make the tables of revision 0001 and put the rows in; no revision is recorded."""
    command.upgrade(alembic_config(connection), "0001")
    connection.exec_driver_sql("DROP TABLE alembic_version")
    for name, columns, rows in _ROWS:
        add(connection, name, *(dict(zip(columns.split(), row, strict=True)) for row in rows))


def add(connection: Connection, name: str, *rows: Mapping[str, Any]) -> None:
    """Add rows to a table of revision 0001; numbers may be written as text."""
    table = metadata.tables[name]
    connection.execute(insert(table), [_typed(table, row) for row in rows])


def at(session: date, seconds: int) -> datetime:
    """So many seconds into the trading of a session."""
    return datetime(session.year, session.month, session.day, 20, 50, seconds, tzinfo=UTC)


def _typed(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    exact = {column.name for column in table.columns if hasattr(column.type, "scale")}
    return {
        name: Decimal(value) if name in exact and value is not None else value
        for name, value in row.items()
    }


# fmt: off
_ROWS: list[tuple[str, str, list[tuple[Any, ...]]]] = [
    ("account", "account_number schema_version inception opened_at opening_cash", [
        ("EMB1", 1, EVENING, at(EVENING, 0), "1000"),
    ]),
    ("books", "book allocation opened_session", [
        ("unallocated", "0", EVENING), ("a", "0.6", EVENING), ("b", "0.3", EVENING),
    ]),
    ("sessions", "session state outcome opens_at closes_at started_at ended_at", [
        (day, "complete", outcome, at(day, 0), at(day, 0), at(day, 0), at(day, 59))
        for day, outcome in ((TUESDAY, "success"), (WEDNESDAY, "partial"))
    ]),
    ("session_books", "session book state reason capital trigger", [
        (TUESDAY, "a", "traded", "", "600", "schedule"),
        (TUESDAY, "b", "traded", "", "300", "schedule"),
        (WEDNESDAY, "a", "traded", "", "605", "schedule"),
        (WEDNESDAY, "b", "partial", "no quote", "302.50", "schedule"),
    ]),
    ("prices", "session symbol price bid ask quoted_at", [
        (TUESDAY, "XYZ", "12", "11.99", "12.01", at(TUESDAY, 0)),
        (WEDNESDAY, "XYZ", "12.505", "12.50", "12.51", at(WEDNESDAY, 0)),
    ]),
    ("trades", "trade_id session book symbol side is_exit intended_quantity budget state reason "
               "arrival_bid arrival_ask", [
        ("2026-11-03.a.XYZ.buy", TUESDAY, "a", "XYZ", "buy", False, "10", "120.12", "filled", "",
         "11.99", "12.01"),
        ("2026-11-03.b.XYZ.buy", TUESDAY, "b", "XYZ", "buy", False, "5", "60.06", "filled", "",
         "11.98", "12"),
        ("2026-11-04.a.XYZ.sell", WEDNESDAY, "a", "XYZ", "sell", False, "8", None, "filled", "",
         "12.50", "12.51"),
        ("2026-11-04.b.XYZ.sell", WEDNESDAY, "b", "XYZ", "sell", True, "5", None, "skipped",
         "no quote", None, None),
    ]),
    ("orders", "client_order_id trade_id step broker_order_id order_type quantity limit_price "
               "state filled_quantity submitted_at ended_at message", [
        ("a1", "2026-11-03.a.XYZ.buy", 1, "broker1", "limit", "10", "12.005", "filled", "10",
         at(TUESDAY, 1), at(TUESDAY, 4), ""),
        ("b1", "2026-11-03.b.XYZ.buy", 1, "broker2", "limit", "5", "12", "canceled", "2",
         at(TUESDAY, 2), at(TUESDAY, 5), ""),
        ("b2", "2026-11-03.b.XYZ.buy", 2, "broker3", "market", "3", None, "filled", "3",
         at(TUESDAY, 5), at(TUESDAY, 6), ""),
        ("a2", "2026-11-04.a.XYZ.sell", 1, "broker4", "limit", "8", "12.50", "filled", "8",
         at(WEDNESDAY, 1), at(WEDNESDAY, 2), ""),
    ]),
    ("fills", "fill_id client_order_id session book symbol side quantity cumulative_quantity price "
              "cash executed_at", [
        ("x1", "a1", TUESDAY, "a", "XYZ", "buy", "6", "6", "12", "72", at(TUESDAY, 3)),
        ("x2", "a1", TUESDAY, "a", "XYZ", "buy", "4", "10", "11.99", "47.96", at(TUESDAY, 4)),
        ("x3", "b1", TUESDAY, "b", "XYZ", "buy", "2", "2", "12", "24", at(TUESDAY, 3)),
        ("x4", "b2", TUESDAY, "b", "XYZ", "buy", "3", "3", "12.01", "36.03", at(TUESDAY, 6)),
        ("x5", "a2", WEDNESDAY, "a", "XYZ", "sell", "8", "8", "12.50", "100", at(WEDNESDAY, 2)),
    ]),
    ("cash_entries", "entry_id book session kind source_id amount at", [
        (1, "unallocated", EVENING, "opening", "EMB1", "1000", at(EVENING, 0)),
        (2, "a", EVENING, "opening", "a", "600", at(EVENING, 0)),
        (3, "unallocated", EVENING, "transfer", "opening of a", "-600", at(EVENING, 0)),
        (4, "b", EVENING, "opening", "b", "300", at(EVENING, 0)),
        (5, "unallocated", EVENING, "transfer", "opening of b", "-300", at(EVENING, 0)),
        (6, "a", TUESDAY, "buy", "x1", "-72", at(TUESDAY, 3)),
        (7, "a", TUESDAY, "buy", "x2", "-47.96", at(TUESDAY, 4)),
        (8, "b", TUESDAY, "buy", "x3", "-24", at(TUESDAY, 3)),
        (9, "b", TUESDAY, "buy", "x4", "-36.03", at(TUESDAY, 6)),
        (10, "a", WEDNESDAY, "sell", "x5", "100", at(WEDNESDAY, 2)),
    ]),
    ("lots", "lot_id book symbol session entry_at entry_quantity entry_price entry_cost", [
        ("x1", "a", "XYZ", TUESDAY, at(TUESDAY, 3), "6", "12", "72"),
        ("x2", "a", "XYZ", TUESDAY, at(TUESDAY, 4), "4", "11.99", "47.96"),
        ("x3", "b", "XYZ", TUESDAY, at(TUESDAY, 3), "2", "12", "24"),
        ("x4", "b", "XYZ", TUESDAY, at(TUESDAY, 6), "3", "12.01", "36.03"),
    ]),
    ("lot_exits", "lot_id fill_id session quantity price proceeds cost exited_at", [
        ("x1", "x5", WEDNESDAY, "6", "12.50", "75", "72", at(WEDNESDAY, 2)),
        ("x2", "x5", WEDNESDAY, "2", "12.50", "25", "23.98", at(WEDNESDAY, 2)),
    ]),
    ("account_snapshots", "session kind taken_at cash equity", [
        (TUESDAY, "after", at(TUESDAY, 59), "820.01", "1000.01"),
        (WEDNESDAY, "after", at(WEDNESDAY, 59), "920.01", "1007.51"),
    ]),
    ("snapshot_positions", "session kind symbol quantity", [
        (TUESDAY, "after", "XYZ", "15"), (WEDNESDAY, "after", "XYZ", "7"),
    ]),
]
