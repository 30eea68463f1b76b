"""What can be asked of the state file: orders by id or filter, activities, closes, cash."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from alchemiser_dagster.embedded.orders import OPEN_STATUSES, Order, OrderFilter
from alchemiser_dagster.embedded.records import load
from alchemiser_dagster.embedded.state import Activity, CashEntry, DailyClose


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Which activities a listing asks for; `after` and `until` leave out their own moment.

    `beyond` is the id of the last activity of the page before.
    """

    types: tuple[str, ...] = ()
    after: datetime | None = None
    until: datetime | None = None
    beyond: str | None = None
    descending: bool = True
    limit: int = 100


def text_of(moment: datetime) -> str:
    """A moment as stored: always with microseconds, so that texts sort like the moments."""
    return moment.isoformat(timespec="microseconds")


class Archive:
    """Queries on an open state file."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def order(self, order_id: str) -> Order | None:
        return self._one_order("id = ?", order_id)

    def order_by_client_id(self, client_order_id: str) -> Order | None:
        return self._one_order("client_order_id = ?", client_order_id)

    def order_as_of(self, order_id: str, moment: datetime) -> Order | None:
        """The order as it was at `moment`; None if it did not exist yet."""
        row = self._db.execute(
            "SELECT json_extract(body, '$.order') FROM order_event"
            " WHERE order_id = ? AND at <= ? ORDER BY number DESC LIMIT 1",
            (order_id, text_of(moment)),
        ).fetchone()
        return load(Order, row[0]) if row is not None else None

    def client_id_used(self, client_order_id: str) -> bool:
        """Whether any order, open or ended, has had this client id."""
        row = self._db.execute(
            "SELECT 1 FROM orders WHERE client_order_id = ?", (client_order_id,)
        ).fetchone()
        return row is not None

    def orders(self, wanted: OrderFilter) -> list[Order]:
        """The orders that `wanted` asks for, by order of arrival."""
        where = _Conditions()
        if wanted.status != "all":
            where.among("status", OPEN_STATUSES, negated=wanted.status == "closed")
        if wanted.symbols:
            where.among("symbol", wanted.symbols)
        where.bound("side = ?", wanted.side)
        where.bound("submitted_at > ?", wanted.after and text_of(wanted.after))
        where.bound("submitted_at < ?", wanted.until and text_of(wanted.until))
        where.bound("sequence < ?", wanted.before_sequence)
        where.bound("sequence > ?", wanted.after_sequence)
        if wanted.nested:
            where.add("parent_id IS NULL")
        rows = self._db.execute(
            f"SELECT body FROM orders {where} ORDER BY sequence {_direction(wanted.descending)}"
            " LIMIT ?",
            (*where.values, wanted.limit),
        )
        return [load(Order, body) for (body,) in rows]

    def activities(self, wanted: ActivityFilter) -> list[Activity] | None:
        """The activities that `wanted` asks for, as booked; None if `beyond` is unknown."""
        where = _Conditions()
        if wanted.types:
            where.among("type", wanted.types)
        where.bound("at > ?", wanted.after and text_of(wanted.after))
        where.bound("at < ?", wanted.until and text_of(wanted.until))
        if wanted.beyond is not None:
            row = self._db.execute(
                "SELECT number FROM activity WHERE id = ?", (wanted.beyond,)
            ).fetchone()
            if row is None:
                return None
            where.bound("number < ?" if wanted.descending else "number > ?", row[0])
        rows = self._db.execute(
            f"SELECT body FROM activity {where} ORDER BY number {_direction(wanted.descending)}"
            " LIMIT ?",
            (*where.values, wanted.limit),
        )
        return [load(Activity, body) for (body,) in rows]

    def daily_closes(self) -> list[DailyClose]:
        rows = self._db.execute("SELECT session, equity, cash FROM daily_close ORDER BY session")
        return [
            DailyClose(date.fromisoformat(session), Decimal(equity), Decimal(cash))
            for session, equity, cash in rows
        ]

    def cash_entries(self) -> list[CashEntry]:
        rows = self._db.execute(
            "SELECT kind, amount, at, settles, reference FROM cash_entry ORDER BY number"
        )
        return [
            CashEntry(
                kind,
                Decimal(amount),
                datetime.fromisoformat(at),
                date.fromisoformat(settles),
                reference,
            )
            for kind, amount, at, settles, reference in rows
        ]

    def unsettled(self, today: date) -> dict[date, Decimal]:
        """The proceeds of trades that settle after `today`, by the day they do."""
        found: dict[date, Decimal] = {}
        rows = self._db.execute(
            "SELECT settles, amount FROM cash_entry"
            " WHERE kind IN ('fill', 'option') AND settles > ? ORDER BY number",
            (today.isoformat(),),
        )
        for settles, amount in rows:
            if Decimal(amount) > 0:
                day = date.fromisoformat(settles)
                found[day] = found.get(day, Decimal(0)) + Decimal(amount)
        return found

    def last_standing_fill(self, symbol: str) -> Activity | None:
        """The latest fill in `symbol` that has not been busted."""
        row = self._db.execute(
            "SELECT body FROM activity AS fill WHERE type = 'FILL'"
            " AND json_extract(body, '$.details.symbol') = ? AND NOT EXISTS ("
            "   SELECT 1 FROM activity WHERE type = 'MISC'"
            "   AND json_extract(body, '$.details.previous_id') = fill.id)"
            " ORDER BY number DESC LIMIT 1",
            (symbol,),
        ).fetchone()
        return load(Activity, row[0]) if row is not None else None

    def _one_order(self, condition: str, value: str) -> Order | None:
        row = self._db.execute(f"SELECT body FROM orders WHERE {condition}", (value,)).fetchone()
        return load(Order, row[0]) if row is not None else None


class _Conditions:
    """A WHERE clause under construction."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.values: list[object] = []

    def bound(self, condition: str, value: object) -> None:
        if value is not None:
            self._conditions.append(condition)
            self.values.append(value)

    def add(self, condition: str) -> None:
        self._conditions.append(condition)

    def among(self, column: str, choices: Iterable[str], negated: bool = False) -> None:
        items = sorted(choices)
        word = "NOT IN" if negated else "IN"
        self._conditions.append(f"{column} {word} ({','.join('?' * len(items))})")
        self.values.extend(items)

    def __str__(self) -> str:
        return f"WHERE {' AND '.join(self._conditions)}" if self._conditions else ""


def _direction(descending: bool) -> str:
    return "DESC" if descending else "ASC"
