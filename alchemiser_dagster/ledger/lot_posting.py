"""What a fill does to the lots of its book: a purchase opens one, a sale consumes some.

A book can only sell what it owns, so an order is never for more. Should the broker nevertheless
report more sold than the book's lots hold (the books were wrong, or shares went another way), the
fill is not lost: the excess is posted to the book `unattributed` as a short lot, which the
reconciliation then shows.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, literal_column, select, update

from alchemiser_dagster.books.booking import LotPolicy, book_sale
from alchemiser_dagster.books.lots import Lot, LotExit
from alchemiser_dagster.books.money import ZERO, split_to_cents
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.schema import UNATTRIBUTED, lot_exits, lots

UNMATCHED = ".unmatched"
"""How the id of a fill ends whose shares no book owned."""

IS_OPEN = lots.c.quantity != literal_column("0")
"""In the words of the index `open_lots`: SQLite does not use it for a number that is bound."""
_OPEN = (
    select(lots)
    .where(
        lots.c.book.in_(bindparam("books", expanding=True)),
        lots.c.symbol == bindparam("symbol"),
        IS_OPEN,
    )
    .order_by(lots.c.entry_at, lots.c.lot_id)
)
_ADD_LOTS, _ADD_EXITS = insert(lots), insert(lot_exits)
_UPDATE = (
    update(lots)
    .where(lots.c.lot_id == bindparam("of"))
    .values(quantity=bindparam("left"), cost=bindparam("dollars"))
)


@dataclass(frozen=True)
class TradeFill:
    """A trade's part of an execution or a cross: shares, and dollars in cents.

    `name` is the last part of its fill id; `lot_order` a JSON list of the lots a sale takes first.
    """

    trade_id: str
    book: str
    lot_policy: str
    name: str
    lot_order: str | None
    quantity: Decimal
    cash: Decimal

    @property
    def unmatched(self) -> bool:
        """Whether these are shares that no book owned."""
        return self.book == UNATTRIBUTED and self.name.endswith(UNMATCHED)


def open_book_lots(connection: Connection, book: str, symbol: str) -> list[Lot]:
    """The open lots of one book and symbol as they are now, oldest first."""
    return [lot_of(row) for row in _open_rows(connection, [book], symbol)]


def _open_rows(connection: Connection, books: Collection[str], symbol: str) -> Sequence[Row[Any]]:
    return connection.execute(_OPEN, {"books": sorted(books), "symbol": symbol}).all()


def lot_of(row: Any) -> Lot:
    """A row of the table `lots` as it is now."""
    return Lot(
        lot_id=row.lot_id,
        symbol=row.symbol,
        entry_at=row.entry_at,
        entry_quantity=row.entry_quantity,
        entry_price=row.entry_price,
        quantity=row.quantity,
        cost=row.cost,
    )


class Sales:
    """Sales of one symbol by `books`, out of lots that are read once and written once."""

    def __init__(self, connection: Connection, symbol: str, books: Collection[str]) -> None:
        self._lots: dict[str, dict[str, Lot]] = {book: {} for book in books}
        for row in _open_rows(connection, books, symbol):
            self._lots[row.book][row.lot_id] = lot_of(row)
        self._changed: dict[str, Lot] = {}
        self._exits: list[dict[str, Any]] = []
        self._short: list[dict[str, Any]] = []

    def owned(self, part: TradeFill) -> list[TradeFill]:
        """A sale's fill, cut in two where the book does not own so much: its own, and the rest."""
        held = sum((lot.quantity for lot in self._lots[part.book].values()), ZERO)
        if held >= part.quantity:
            return [part]
        excess = part.quantity - max(held, ZERO)
        other = replace(part, book=UNATTRIBUTED, name=part.name + UNMATCHED, quantity=excess)
        if held <= 0:
            return [other]
        own_cash, other_cash = split_to_cents(part.cash, [held, excess])
        return [
            replace(part, quantity=held, cash=own_cash),
            replace(other, cash=other_cash),
        ]

    def sell(self, fill: Mapping[str, Any], part: TradeFill) -> None:
        """Take a SELL fill out of its book's lots, by the book's policy, named lots first."""
        if part.unmatched:
            self._short.append(_lot_row(fill, Decimal(-1)))
            return
        own = self._lots[part.book]
        after, exits = book_sale(
            LotPolicy(part.lot_policy),
            list(own.values()),
            quantity=part.quantity,
            price=fill["price"],
            proceeds=part.cash,
            named=json.loads(part.lot_order) if part.lot_order else [],
        )
        sold = {exit_.lot_id for exit_ in exits}
        changed = {lot.lot_id: lot for lot in after if lot.lot_id in sold}
        own.update(changed)
        self._changed |= changed
        self._exits += _exit_rows(exits, fill["fill_id"], fill["session"], fill["executed_at"])

    def write(self, connection: Connection) -> None:
        """Write what the sales did to the lots; their fills must be written before."""
        if self._short:
            connection.execute(_ADD_LOTS, self._short)
        if self._exits:
            connection.execute(_ADD_EXITS, self._exits)
        update_lots(connection, list(self._changed.values()))


def post_purchases(connection: Connection, fills: Sequence[Mapping[str, Any]]) -> None:
    """Open a lot for every BUY fill (rows of the table `fills`)."""
    connection.execute(_ADD_LOTS, [_lot_row(fill, Decimal(1)) for fill in fills])


def record_exits(
    connection: Connection, exits: Sequence[LotExit], fill_id: str, session: Any, at: Any
) -> None:
    """Write the exits that one fill makes."""
    connection.execute(_ADD_EXITS, _exit_rows(exits, fill_id, session, at))


def _exit_rows(
    exits: Sequence[LotExit], fill_id: str, session: Any, at: Any
) -> list[dict[str, Any]]:
    return [
        {
            "lot_id": exit_.lot_id,
            "fill_id": fill_id,
            "session": session,
            "quantity": exit_.quantity,
            "price": exit_.price,
            "proceeds": exit_.proceeds,
            "cost": exit_.cost,
            "exited_at": at,
        }
        for exit_ in exits
    ]


def update_lots(connection: Connection, changed: Sequence[Lot]) -> None:
    """Write what is left of lots now."""
    if not changed:
        return
    connection.execute(
        _UPDATE,
        [{"of": lot.lot_id, "left": lot.quantity, "dollars": lot.cost} for lot in changed],
    )


def open_other_lot(
    connection: Connection,
    *,
    lot_id: str,
    book: str,
    symbol: str,
    session: Any,
    at: Any,
    quantity: Decimal,
    price: Decimal,
    cost: Decimal,
) -> None:
    """Open, and journal, a lot that no fill brought in: shares found or moved between books."""
    row = {
        "lot_id": lot_id,
        "book": book,
        "symbol": symbol,
        "session": session,
        "entry_at": at,
        "entry_quantity": quantity,
        "entry_price": price,
        "entry_cost": cost,
        "quantity": quantity,
        "cost": cost,
    }
    enter(connection, lots, row)


def _lot_row(fill: Mapping[str, Any], sign: Decimal) -> dict[str, Any]:
    return {
        "lot_id": fill["fill_id"],
        "book": fill["book"],
        "symbol": fill["symbol"],
        "session": fill["session"],
        "entry_at": fill["executed_at"],
        "entry_quantity": sign * fill["quantity"],
        "entry_price": fill["price"],
        "entry_cost": sign * fill["cash"],
        "quantity": sign * fill["quantity"],
        "cost": sign * fill["cash"],
    }
