"""The facts that only the ledger knows: no history of the broker's tells them.

    a book opened, or its lot policy changed         the operator's files
    opening cash, transfers                          capital between books
    crosses                                          shares that changed books without an order
    attributions                                     the operator gave found shares to a book
    shares found, residual cash                      what a reconciliation booked

They are read from the journal, each with its place among what the broker does know: after the last
execution that was journaled before it. Its own time would not do: an operator's clock is not that
of a simulated broker.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from alchemiser_dagster.books.booking import LotPolicy
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.netting import Cross
from alchemiser_dagster.ledger.account_activity import MANUAL
from alchemiser_dagster.ledger.attribution import KIND as ATTRIBUTION
from alchemiser_dagster.ledger.journal import Entry, entries
from alchemiser_dagster.ledger.journaled import Values, typed
from alchemiser_dagster.ledger.schema import (
    UNATTRIBUTED,
    books,
    cash_entries,
    crosses,
    fills,
    lot_adjustments,
    lots,
    reconciliation_items,
)

HANDED_ON = ("opening", "transfer")
"""Kinds of cash entries that the broker has no part in."""
RESIDUAL = "residual"
_OCCASION = r"(\d{4}-\d\d-\d\d)\.(before|after_buys|after_close)"
_OF_OCCASION = re.compile(rf"{_OCCASION}(\.\d+)?")
"""The source of what a reconciliation booked; other residuals are an activity's."""
_FOUND = re.compile(rf"{UNATTRIBUTED}\.{_OCCASION}\..+")


@dataclass(frozen=True)
class BookNamed:
    """A book was opened, or chose another policy: the `number`-th time (from 0) it was named."""

    book: str
    policy: LotPolicy
    number: int


@dataclass(frozen=True)
class CashEntered:
    """Dollars between books, or that a reconciliation booked: a row of `cash_entries`."""

    row: Values

    @property
    def paid_for_shares(self) -> bool:
        """Cash that went for shares found in the same reconciliation, and means nothing alone."""
        return bool(self.row["kind"] == RESIDUAL and self.row["book"] == UNATTRIBUTED)


@dataclass(frozen=True)
class Crossed:
    """Shares that changed books."""

    cross_id: str
    session: date
    made: Cross
    at: datetime


@dataclass(frozen=True)
class Attributed:
    """Shares of no strategy that were given to a book at a price; `lot_id` is the new lot."""

    lot_id: str
    book: str
    symbol: str
    quantity: Decimal
    price: Decimal
    session: date
    at: datetime


@dataclass(frozen=True)
class SharesFound:
    """A lot (a row of `lots`) of shares that nobody bought; the broker had `seen` of the symbol."""

    row: Values
    seen: Decimal


OwnFact = BookNamed | CashEntered | Crossed | Attributed | SharesFound


@dataclass(frozen=True)
class PlacedFact:
    """A fact, and its place: `after` the last execution before it (None: before all of them)."""

    fact: OwnFact
    after: datetime | None
    sequence: int


def own_facts(connection: Connection) -> list[PlacedFact]:
    """The ledger's own facts, in the order of the journal."""
    placed: list[PlacedFact] = []
    sides: dict[str, list[Values]] = {}
    named: Counter[str] = Counter()
    after: datetime | None = None
    for entry in entries(connection):
        for moment in _executions(entry):
            after = moment if after is None else max(after, moment)
        for fact in _facts(connection, entry, named, sides):
            placed.append(PlacedFact(fact, after, entry.sequence))
    return placed


def _executions(entry: Entry) -> Iterator[datetime]:
    """When the shares of an entry moved at the broker, or were found there."""
    for raw in entry.rows:
        if entry.kind == fills.name and raw.get("execution_id") is not None:
            yield typed(fills, raw)["executed_at"]
        if entry.kind == cash_entries.name and raw["kind"] == MANUAL:
            yield typed(cash_entries, raw)["at"]
        if entry.kind == lot_adjustments.name and raw["kind"] == "split":
            yield typed(lot_adjustments, raw)["at"]
        if entry.kind == lots.name and _FOUND.fullmatch(raw["lot_id"]):
            yield typed(lots, raw)["entry_at"]


def _facts(
    connection: Connection, entry: Entry, named: Counter[str], sides: dict[str, list[Values]]
) -> Iterator[OwnFact]:
    for raw in entry.rows:
        match entry.kind:
            case books.name:
                yield BookNamed(raw["book"], LotPolicy(raw["lot_policy"]), named[raw["book"]])
                named[raw["book"]] += 1
            case cash_entries.name if _is_own_cash(raw):
                yield CashEntered(typed(cash_entries, raw))
            case lots.name:
                found = _lot_fact(connection, typed(lots, raw))
                if found is not None:
                    yield found
            case fills.name if raw.get("cross_id") is not None:
                sides.setdefault(raw["cross_id"], []).append(typed(fills, raw))
    if entry.kind == fills.name and entry.rows[0].get("cross_id") is not None:
        # The seller's side is journaled first.
        told = sides[entry.rows[0]["cross_id"]]
        if {row["side"] for row in told} == {"buy", "sell"}:
            yield _cross(connection, told)


def _is_own_cash(raw: Values) -> bool:
    residual = raw["kind"] == RESIDUAL and _OF_OCCASION.fullmatch(raw["source_id"])
    return raw["kind"] in HANDED_ON or bool(residual)


def _lot_fact(connection: Connection, row: Values) -> OwnFact | None:
    """The fact behind a lot that no fill opened; None where the broker lists what did."""
    if row["lot_id"].startswith(f"{ATTRIBUTION}."):
        return Attributed(
            lot_id=row["lot_id"],
            book=row["book"],
            symbol=row["symbol"],
            quantity=row["entry_quantity"],
            price=row["entry_price"],
            session=row["session"],
            at=row["entry_at"],
        )
    occasion = _FOUND.fullmatch(row["lot_id"])
    if occasion is None:
        return None
    table = reconciliation_items
    seen = connection.execute(
        select(table.c.broker).where(
            table.c.session == date.fromisoformat(occasion[1]),
            table.c.kind == occasion[2],
            table.c.what == row["symbol"],
        )
    ).scalar()
    return SharesFound(row, row["entry_quantity"] if seen is None else seen)


def _cross(connection: Connection, rows: list[Values]) -> Crossed:
    first: dict[str, Any] = rows[0]
    quotes = connection.execute(
        select(crosses.c.bid, crosses.c.ask).where(crosses.c.cross_id == first["cross_id"])
    ).one_or_none()
    # Without its row nobody knows the quote any more, but the price was its mid.
    bid, ask = (first["price"], first["price"]) if quotes is None else (quotes.bid, quotes.ask)
    return Crossed(
        first["cross_id"],
        first["session"],
        Cross(
            first["symbol"], first["price"], bid, ask, _shares(rows, "sell"), _shares(rows, "buy")
        ),
        first["executed_at"],
    )


def _shares(rows: list[Values], side: str) -> dict[str, Decimal]:
    """Shares by trade, in the order of the trades' names."""
    shares: dict[str, Decimal] = {}
    for row in sorted((r for r in rows if r["side"] == side), key=lambda r: str(r["trade_id"])):
        shares[row["trade_id"]] = shares.get(row["trade_id"], ZERO) + row["quantity"]
    return shares
