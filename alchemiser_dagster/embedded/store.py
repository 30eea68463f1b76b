"""The broker's memory on disk: SQLite, one writer, one transaction per request.

A transaction is committed before the answer it belongs to is sent, so whatever a client was told
survives `kill -9`. (WAL with `synchronous=NORMAL`: a committed transaction is with the operating
system; only the machine's own power failure could undo the last ones.) The file is locked while a
server has it open; a second server is refused.

Nothing random and no wall-clock time is stored: equal requests from an equal start leave equal
databases.
"""

import sqlite3
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from alchemiser_dagster.embedded.archive import Archive, text_of
from alchemiser_dagster.embedded.orders import OPEN_STATUSES, Order
from alchemiser_dagster.embedded.records import dump, load
from alchemiser_dagster.embedded.state import (
    AccountFlags,
    AssetFlags,
    Changes,
    Configuration,
    DailyClose,
    DayTotals,
    Position,
    State,
)

SCHEMA_VERSION = "2"
IN_MEMORY = Path(":memory:")
"""In place of a file: an account that ends with the process."""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE bars_seen (
    symbol TEXT PRIMARY KEY, last_date TEXT NOT NULL, fingerprint TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE orders (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, client_order_id TEXT NOT NULL UNIQUE,
    symbol TEXT NOT NULL, side TEXT NOT NULL, status TEXT NOT NULL, submitted_at TEXT NOT NULL,
    parent_id TEXT, body TEXT NOT NULL);
CREATE INDEX orders_by_status ON orders (status, sequence);
CREATE TABLE order_event (
    number INTEGER PRIMARY KEY, order_id TEXT NOT NULL, event TEXT NOT NULL, at TEXT NOT NULL,
    body TEXT NOT NULL);
CREATE INDEX order_event_by_order ON order_event (order_id, number);
CREATE TABLE activity (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, at TEXT NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE cash_entry (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, amount TEXT NOT NULL, at TEXT NOT NULL,
    settles TEXT NOT NULL, reference TEXT NOT NULL);
CREATE TABLE position (symbol TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE asset_flags (symbol TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE daily_close (session TEXT PRIMARY KEY, equity TEXT NOT NULL, cash TEXT NOT NULL)
    WITHOUT ROWID;
"""


class StateFileError(Exception):
    """The state file cannot be used: locked, damaged, or of another account."""


class Store(Archive):
    """The state file at `path`, opened for this process alone; or none: `IN_MEMORY`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        super().__init__(
            sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        )
        self._scalars: dict[str, str] = {}
        try:
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._db.close()
            raise StateFileError(
                f"{path}: expected a state file no other broker has open, was locked ({error})"
            ) from error
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise StateFileError(f"{path}: expected a broker's state file ({error})") from error

    def close(self) -> None:
        self._db.close()

    @property
    def is_new(self) -> bool:
        return not self._db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()

    def create(self, settings: dict[str, str], state: State) -> None:
        """Write a new account: its fixed `settings` and its first state."""
        self._db.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA.split(";"):
            self._db.execute(statement)
        for key, value in {"schema_version": SCHEMA_VERSION, **settings}.items():
            self._put("meta", key, value)
        self._write_state(state)
        self._db.execute("COMMIT")

    def settings(self) -> dict[str, str]:
        """The account's fixed settings, and the scalars of its state."""
        try:
            found = dict(self._db.execute("SELECT key, value FROM meta").fetchall())
        except sqlite3.DatabaseError as error:
            raise StateFileError(
                f"{self.path}: expected a broker's state file ({error})"
            ) from error
        if found.get("schema_version") != SCHEMA_VERSION:
            raise StateFileError(
                f"{self.path}: expected schema version {SCHEMA_VERSION}, "
                f"was {found.get('schema_version')}"
            )
        return found

    def bars_seen(self) -> dict[str, tuple[date, str]]:
        rows = self._db.execute("SELECT symbol, last_date, fingerprint FROM bars_seen")
        return {symbol: (date.fromisoformat(last), mark) for symbol, last, mark in rows}

    def write_bars_seen(self, rows: Iterable[tuple[str, date, str]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(
            "INSERT OR REPLACE INTO bars_seen VALUES (?, ?, ?)",
            ((symbol, last.isoformat(), mark) for symbol, last, mark in rows),
        )
        self._db.execute("COMMIT")

    def load(self) -> State:
        """The state as of the last commit."""
        meta = self.settings()
        closes = [
            DailyClose(date.fromisoformat(session), Decimal(equity), Decimal(cash))
            for session, equity, cash in self._db.execute(
                "SELECT session, equity, cash FROM daily_close ORDER BY session DESC LIMIT 2"
            )
        ]
        positions = self._db.execute("SELECT body FROM position ORDER BY symbol").fetchall()
        flags = self._db.execute("SELECT symbol, body FROM asset_flags ORDER BY symbol").fetchall()
        places = ",".join("?" * len(OPEN_STATUSES))
        orders = self._db.execute(
            f"SELECT body FROM orders WHERE status IN ({places}) ORDER BY sequence",
            sorted(OPEN_STATUSES),
        ).fetchall()
        return State(
            now=datetime.fromisoformat(meta["now"]),
            cash=Decimal(meta["cash"]),
            last_stamp=datetime.fromisoformat(meta["last_stamp"]),
            sequence=int(meta["sequence"]),
            positions={p.symbol: p for p in (load(Position, body) for (body,) in positions)},
            orders={o.id: o for o in (load(Order, body) for (body,) in orders)},
            configuration=load(Configuration, meta["configuration"]),
            account_flags=load(AccountFlags, meta["account_flags"]),
            asset_flags={symbol: load(AssetFlags, body) for symbol, body in flags},
            day_totals=load(DayTotals, meta["day_totals"]),
            last_close=closes[0] if closes else None,
            close_before=closes[1] if len(closes) > 1 else None,
        )

    def commit(self, state: State, changes: Changes) -> None:
        """Write all `changes` and the state's scalars in one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._write_changes(state, changes)
            self._write_state(state)
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            self._scalars = {}
            raise

    def dump(self) -> list[str]:
        """The whole database as SQL statements: equal databases have equal dumps."""
        return list(self._db.iterdump())

    def _write_changes(self, state: State, changes: Changes) -> None:
        for order in changes.orders.values():
            self._db.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (sequence) DO UPDATE"
                " SET status = excluded.status, body = excluded.body",
                (
                    order.sequence,
                    order.id,
                    order.client_order_id,
                    order.symbol,
                    order.side,
                    order.status,
                    text_of(order.created_at),
                    order.parent_id or order.attached_to,
                    dump(order),
                ),
            )
        self._db.executemany(
            "INSERT INTO order_event (order_id, event, at, body) VALUES (?, ?, ?, ?)",
            (
                (event.order.id, event.event, text_of(event.at), dump(event))
                for event in changes.events
            ),
        )
        self._db.executemany(
            "INSERT INTO activity (id, type, at, body) VALUES (?, ?, ?, ?)",
            ((a.id, a.type, text_of(a.at), dump(a)) for a in changes.activities),
        )
        self._db.executemany(
            "INSERT INTO cash_entry (kind, amount, at, settles, reference) VALUES (?, ?, ?, ?, ?)",
            (
                (c.kind, str(c.amount), text_of(c.at), c.settles.isoformat(), c.reference)
                for c in changes.cash
            ),
        )
        for symbol in sorted(changes.positions):
            if symbol in state.positions:
                self._put("position", symbol, dump(state.positions[symbol]))
            else:
                self._db.execute("DELETE FROM position WHERE symbol = ?", (symbol,))
        for symbol in sorted(changes.assets):
            self._put("asset_flags", symbol, dump(state.asset_flags[symbol]))
        self._db.executemany(
            "INSERT INTO daily_close VALUES (?, ?, ?)",
            ((c.session.isoformat(), str(c.equity), str(c.cash)) for c in changes.closes),
        )

    def _write_state(self, state: State) -> None:
        scalars = {
            "now": state.now.isoformat(),
            "cash": str(state.cash),
            "last_stamp": state.last_stamp.isoformat(),
            "sequence": str(state.sequence),
            "configuration": dump(state.configuration),
            "account_flags": dump(state.account_flags),
            "day_totals": dump(state.day_totals),
        }
        for key, value in scalars.items():
            if self._scalars.get(key) != value:
                self._put("meta", key, value)
        self._scalars = scalars

    def _put(self, table: str, key: str, value: str) -> None:
        self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, value))
