"""The facts of the journal, as `books.rebuild` takes them, and the books as the tables have them.

journal ──► facts ──► rebuild ──► books  ─┐
                                          ├─ equal, unless something was changed, or a bug did
lots, lot_exits, cash_entries ──► books  ─┘
"""

import json
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, select

from alchemiser_dagster.books.booking import LotPolicy
from alchemiser_dagster.books.lots import Lot, LotAdjustment, LotExit
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.rebuild import (
    BookState,
    CashMoved,
    Fact,
    Fill,
    LotOpened,
    PolicyChosen,
)
from alchemiser_dagster.ledger.journal import entries
from alchemiser_dagster.ledger.journaled import BUST, Values, typed
from alchemiser_dagster.ledger.lot_posting import UNMATCHED, lot_of
from alchemiser_dagster.ledger.queries import book_cash
from alchemiser_dagster.ledger.schema import (
    UNATTRIBUTED,
    books,
    cash_entries,
    fills,
    lot_adjustments,
    lot_exits,
    lots,
    trades,
)


def facts(connection: Connection) -> Iterator[Fact]:
    """Every fact of the journal, in the order of posting.

    A book whose lot policy the journal does not tell has had the present one all along.
    """
    named = {
        row.trade_id: tuple(json.loads(row.lot_order))
        for row in connection.execute(
            select(trades.c.trade_id, trades.c.lot_order).where(trades.c.lot_order.is_not(None))
        )
    }
    journaled = list(entries(connection))
    told = {row["book"] for entry in journaled if entry.kind == books.name for row in entry.rows}
    for row in connection.execute(select(books.c.book, books.c.lot_policy)):
        if row.book not in told:
            yield PolicyChosen(row.book, LotPolicy(row.lot_policy))
    for entry in journaled:
        for raw in entry.rows:
            fact = _fact(entry.kind, raw, named)
            if fact is not None:
                yield fact


def _fact(kind: str, raw: Values, named: Mapping[str, tuple[str, ...]]) -> Fact | None:
    match kind:
        case fills.name:
            return _fill(typed(fills, raw), named)
        case lots.name:
            row = typed(lots, raw)
            return LotOpened(row["book"], _lot(row))
        case lot_adjustments.name:
            row = typed(lot_adjustments, raw)
            if row["kind"] == BUST:
                return None
            return LotAdjustment(row["lot_id"], row["quantity"], row["cost"])
        case cash_entries.name:
            row = typed(cash_entries, raw)
            return CashMoved(row["book"], row["amount"])
        case books.name:
            return PolicyChosen(raw["book"], LotPolicy(raw["lot_policy"]))
    return None


def _fill(row: Values, named: Mapping[str, tuple[str, ...]]) -> Fill:
    return Fill(
        fill_id=row["fill_id"],
        book=row["book"],
        symbol=row["symbol"],
        side=row["side"],
        quantity=row["quantity"],
        price=row["price"],
        cash=row["cash"],
        executed_at=row["executed_at"],
        named=named.get(row["trade_id"], ()),
        unmatched=row["book"] == UNATTRIBUTED and row["fill_id"].endswith(UNMATCHED),
        busts=row.get("busts"),
    )


def _lot(row: Values) -> Lot:
    return Lot(
        lot_id=row["lot_id"],
        symbol=row["symbol"],
        entry_at=row["entry_at"],
        entry_quantity=row["entry_quantity"],
        entry_price=row["entry_price"],
        quantity=row["entry_quantity"],
        cost=row["entry_cost"],
    )


def recorded_books(connection: Connection) -> dict[str, BookState]:
    """The books by name, as the tables `lots`, `lot_exits` and `cash_entries` have them now."""
    found = {book: BookState(cash=cash) for book, cash in book_cash(connection).items()}
    for row in connection.execute(select(lots).where(lots.c.quantity != ZERO)):
        found.setdefault(row.book, BookState()).lots[row.lot_id] = lot_of(row)
    exits = connection.execute(
        select(lot_exits, lots.c.book).join(lots, lots.c.lot_id == lot_exits.c.lot_id)
    )
    for row in exits:
        made = found.setdefault(row.book, BookState()).exits.setdefault(row.fill_id, [])
        made.append(LotExit(row.lot_id, row.quantity, row.price, row.proceeds, row.cost))
    return found
