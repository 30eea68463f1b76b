"""Ledgers of version 0.1.0 are brought up to this version with the same books."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, NullPool, Table, create_engine, inspect, select, text
from sqlalchemy.exc import IntegrityError

from alchemiser_dagster.ledger import schema
from alchemiser_dagster.ledger.journal import entries, verify
from alchemiser_dagster.ledger.migrations import REVISIONS, tables_0001
from alchemiser_dagster.ledger.migrations.upgrade import alembic_config, revision_of
from alchemiser_dagster.ledger.store import Ledger, LedgerError
from tests.ledger.version_1 import TUESDAY, WEDNESDAY, add, at, make_version_1

D = Decimal


@contextmanager
def database(url: str) -> Iterator[Connection]:
    """A transaction on the database itself, which leaves its tables as they are."""
    with create_engine(url, poolclass=NullPool).begin() as connection:
        yield connection


def rows(connection: Connection, table: Table) -> list[dict[str, Any]]:
    """All rows of a table, by key."""
    query = select(table).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(query).mappings()]


@pytest.fixture
def version_1(ledger_url: str) -> str:
    """The URL of a ledger that version 0.1.0 left."""
    with database(ledger_url) as connection:
        make_version_1(connection)
    return ledger_url


@pytest.fixture
def migrated(version_1: str) -> Iterator[Connection]:
    """That ledger, opened by this version."""
    ledger = Ledger(version_1)
    with ledger.read() as connection:
        yield connection
    ledger.close()


def test_every_book_keeps_its_cash(migrated: Connection) -> None:
    cash: dict[str, Decimal] = {}
    for entry in rows(migrated, schema.cash_entries):
        cash[entry["book"]] = cash.get(entry["book"], D(0)) + entry["amount"]
    assert cash == {"unallocated": D(100), "a": D("580.04"), "b": D("239.97")}


def test_every_book_keeps_its_lots_and_knows_what_is_left_of_them(migrated: Connection) -> None:
    assert [
        (lot["lot_id"], lot["book"], lot["entry_quantity"], lot["quantity"], lot["cost"])
        for lot in rows(migrated, schema.lots)
    ] == [
        ("x1", "a", 6, 0, 0),
        ("x2", "a", 4, 2, D("23.98")),
        ("x3", "b", 2, 2, D(24)),
        ("x4", "b", 3, 3, D("36.03")),
    ]


def test_what_both_versions_keep_stays_as_it_was(version_1: str) -> None:
    old = tables_0001.metadata.sorted_tables
    with database(version_1) as connection:
        before = {table.name: rows(connection, table) for table in old}
    Ledger(version_1).close()
    for table in old:
        new = schema.metadata.tables[table.name]
        both = [column.name for column in table.columns if column.name in new.columns]
        with database(version_1) as connection:
            after = rows(connection, new)
        kept = [row for row in after if row.get("book") != "unattributed"]
        assert before[table.name]
        assert [[row[name] for name in both] for row in kept] == [
            [row[name] for name in both] for row in before[table.name]
        ], table.name


def test_each_trade_that_had_orders_becomes_a_block(migrated: Connection) -> None:
    blocks = rows(migrated, schema.blocks)
    assert [
        (block["block_id"], block["side"], block["round"], block["quantity"], block["state"])
        for block in blocks
    ] == [
        ("2026-11-03.XYZ.2", "buy", 2, 10, "filled"),
        ("2026-11-03.XYZ.3.b", "buy", 3, 5, "filled"),
        ("2026-11-04.XYZ.1", "sell", 1, 8, "filled"),
    ]
    assert [(block["arrival_bid"], block["arrived_at"], block["ended_at"]) for block in blocks] == [
        (D("11.99"), at(TUESDAY, 1), at(TUESDAY, 4)),
        (D("11.98"), at(TUESDAY, 2), at(TUESDAY, 6)),
        (D("12.50"), at(WEDNESDAY, 1), at(WEDNESDAY, 2)),
    ]
    assert [tuple(row.values()) for row in rows(migrated, schema.block_trades)] == [
        ("2026-11-03.XYZ.2", "2026-11-03.a.XYZ.buy", 10),
        ("2026-11-03.XYZ.3.b", "2026-11-03.b.XYZ.buy", 5),
        ("2026-11-04.XYZ.1", "2026-11-04.a.XYZ.sell", 8),
    ]


def test_orders_belong_to_blocks_and_are_allocated_to_their_trade(migrated: Connection) -> None:
    assert [
        (order["client_order_id"], order["block_id"], order["attempt"], order["notional"])
        for order in rows(migrated, schema.orders)
    ] == [
        ("a1", "2026-11-03.XYZ.2", 1, D("120.05")),
        ("a2", "2026-11-04.XYZ.1", 1, D(100)),
        ("b1", "2026-11-03.XYZ.3.b", 1, D(60)),
        ("b2", "2026-11-03.XYZ.3.b", 1, D(0)),
    ]
    assert [tuple(row.values()) for row in rows(migrated, schema.order_allocations)] == [
        ("a1", "2026-11-03.a.XYZ.buy", 10),
        ("a2", "2026-11-04.a.XYZ.sell", 8),
        ("b1", "2026-11-03.b.XYZ.buy", 5),
        ("b2", "2026-11-03.b.XYZ.buy", 3),
    ]


def test_each_fill_becomes_an_execution_with_one_fill(migrated: Connection) -> None:
    executions = rows(migrated, schema.executions)
    fills = rows(migrated, schema.fills)
    assert [tuple(execution.values())[:4] for execution in executions] == [
        ("x1", "a1", 6, 6),
        ("x2", "a1", 4, 10),
        ("x3", "b1", 2, 2),
        ("x4", "b2", 3, 3),
        ("x5", "a2", 8, 8),
    ]
    assert [
        (fill["fill_id"], fill["execution_id"], fill["quantity"], fill["price"], fill["cash"])
        for fill in fills
    ] == [
        (part["execution_id"], part["execution_id"], part["quantity"], part["price"], part["cash"])
        for part in executions
    ]
    assert fills[3]["trade_id"] == "2026-11-03.b.XYZ.buy"


def test_the_account_is_not_halted_and_has_a_book_for_shares_nobody_bought(
    migrated: Connection,
) -> None:
    assert [
        (rail["rail"], rail["scope"], rail["state"], rail["set_by"])
        for rail in rows(migrated, schema.rails)
    ] == [("halt", "account", "off", "migration")]
    assert [(book["book"], book["lot_policy"]) for book in rows(migrated, schema.books)] == [
        ("a", "FIFO"),
        ("b", "FIFO"),
        ("unallocated", "FIFO"),
        ("unattributed", "FIFO"),
    ]


def test_the_journal_tells_what_moved_shares_and_cash_in_its_order(migrated: Connection) -> None:
    told = list(entries(migrated))
    assert verify(migrated) == []
    assert [
        row["source_id"] if entry.kind == "cash_entries" else row["fill_id"]
        for entry in told
        for row in entry.rows
    ] == ["EMB1", "a", "opening of a", "b", "opening of b", "x1", "x2", "x3", "x4", "x5"]
    assert told[2].rows == [
        {
            "amount": "-600.00",
            "at": "2026-11-02T20:50:00+00:00",
            "book": "unallocated",
            "kind": "transfer",
            "session": "2026-11-02",
            "source_id": "opening of a",
        }
    ]


def test_cash_entries_are_numbered_on(version_1: str) -> None:
    ledger = Ledger(version_1)
    with ledger.write() as connection:
        connection.execute(
            schema.cash_entries.insert().values(
                book="a",
                session=WEDNESDAY,
                kind="dividend",
                source_id="d1",
                amount=D(1),
                at=at(WEDNESDAY, 59),
            )
        )
        assert rows(connection, schema.cash_entries)[-1]["entry_id"] == 11
    ledger.close()


def test_a_ledger_without_an_account_is_migrated_too(ledger_url: str) -> None:
    with database(ledger_url) as connection:
        tables_0001.metadata.create_all(connection)
    ledger = Ledger(ledger_url)
    with ledger.read() as connection:
        assert revision_of(connection) == REVISIONS[-1]
        assert [table for table in schema.metadata.sorted_tables if rows(connection, table)] == []
    ledger.close()


def test_a_migration_that_fails_leaves_the_ledger_as_it_was(version_1: str) -> None:
    with database(version_1) as connection:
        # Nobody can have sold and bought the same symbol for one book in one session.
        both = {**rows(connection, tables_0001.trades)[0], "trade_id": "other", "side": "sell"}
        add(connection, "trades", both)
        before = {t.name: rows(connection, t) for t in tables_0001.metadata.sorted_tables}
    with pytest.raises(IntegrityError):
        Ledger(version_1)
    with database(version_1) as connection:
        assert revision_of(connection) is None
        after = {t.name: rows(connection, t) for t in tables_0001.metadata.sorted_tables}
    assert after == before


def test_a_ledger_in_the_middle_of_a_session_is_refused(version_1: str) -> None:
    trade = "2026-11-04.b.XYZ.sell"
    with database(version_1) as connection:
        connection.execute(tables_0001.sessions.update().values(state="sold", outcome=None))
        connection.execute(
            tables_0001.trades.update()
            .where(tables_0001.trades.c.trade_id == trade)
            .values(state="planned")
        )
    with pytest.raises(LedgerError, match=f"every trade to have ended, was {trade} planned"):
        Ledger(version_1)
    with database(version_1) as connection:
        assert revision_of(connection) is None


def test_the_migrations_make_the_tables_of_the_schema(ledger_url: str) -> None:
    with database(ledger_url) as connection:
        command.upgrade(alembic_config(connection), "head")
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []
        upgraded = described(connection)
        everything = MetaData()
        everything.reflect(connection)
        everything.drop_all(connection)
    Ledger(ledger_url).close()
    with database(ledger_url) as connection:
        created = described(connection)
    assert upgraded == created
    assert set(created) == {*schema.metadata.tables, "alembic_version"}


def described(connection: Connection) -> dict[str, list[str]]:
    """All that the engine can tell about each table, key names and partial indices included."""
    inspector = inspect(connection)
    return {
        name: sorted(
            _text(part)
            for part in (
                *inspector.get_columns(name),
                inspector.get_pk_constraint(name),
                *inspector.get_indexes(name),
                *inspector.get_unique_constraints(name),
                *inspector.get_foreign_keys(name),
            )
        )
        for name in inspector.get_table_names()
    }


def _text(part: Any) -> str:
    """A description to be compared: types and conditions are objects that equal only themselves."""
    if isinstance(part, Mapping):
        return str({key: _text(value) for key, value in part.items()})
    return str(part)


def test_the_list_of_revisions_is_alembics() -> None:
    with create_engine("sqlite://").connect() as connection:
        scripts = ScriptDirectory.from_config(alembic_config(connection)).walk_revisions()
        assert [script.revision for script in scripts] == list(reversed(REVISIONS))


def test_a_ledger_of_a_newer_version_is_refused(ledger_url: str) -> None:
    Ledger(ledger_url).close()
    with database(ledger_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match=r"of revision \d+ or earlier, was 9999; a newer version"):
        Ledger(ledger_url)


def test_a_database_of_something_else_is_refused(ledger_url: str) -> None:
    with database(ledger_url) as connection:
        connection.execute(text("CREATE TABLE orders (number INTEGER)"))
    with pytest.raises(LedgerError, match="was one with tables orders of something else"):
        Ledger(ledger_url)
    with database(ledger_url) as connection:
        assert inspect(connection).get_table_names() == ["orders"]


def _make_nothing(connection: Connection) -> None:
    """A database that no version has opened yet."""


@pytest.mark.parametrize(
    ("make", "journaled"), [(_make_nothing, 0), (make_version_1, 10)], ids=["new", "version 1"]
)
def test_processes_that_open_it_at_once_make_or_migrate_it_once(
    ledger_url: str, make: Callable[[Connection], None], journaled: int
) -> None:
    with database(ledger_url) as connection:
        make(connection)
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(4)
    processes = [spawn.Process(target=_open, args=(ledger_url, barrier)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    with database(ledger_url) as connection:
        assert revision_of(connection) == REVISIONS[-1]
        assert len(list(entries(connection))) == journaled
        assert verify(connection) == []


def _open(url: str, barrier: Barrier) -> None:
    barrier.wait()
    Ledger(url).close()
