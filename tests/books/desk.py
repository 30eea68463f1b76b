"""A desk that books what happens step by step, and writes down the facts as it goes.

It is what the ledger does, without the database: the state is kept by hand here, so that what
`rebuild` makes of the facts has something to be compared with.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from alchemiser_dagster.books.activities import split_lots
from alchemiser_dagster.books.booking import LotPolicy, book_sale
from alchemiser_dagster.books.busts import undo_purchase, undo_sale
from alchemiser_dagster.books.lots import Lot, LotAdjustment, LotExit
from alchemiser_dagster.books.money import ZERO, fill_cash
from alchemiser_dagster.books.rebuild import BookState, CashMoved, Fact, Fill, PolicyChosen

OPENED = datetime(2026, 11, 2, 20, 45, tzinfo=UTC)


def lot(lot_id: str, quantity: str, price: str, *, minute: int = 0, symbol: str = "XYZ") -> Lot:
    """A lot as it was bought, `minute` minutes after the desk opened."""
    shares, each = Decimal(quantity), Decimal(price)
    return Lot(
        lot_id=lot_id,
        symbol=symbol,
        entry_at=OPENED + timedelta(minutes=minute),
        entry_quantity=shares,
        entry_price=each,
        quantity=shares,
        cost=fill_cash(shares, each),
    )


def bought(*purchases: tuple[str, str]) -> list[Lot]:
    """Lots A, B, ... from (quantity, price) pairs, a minute apart."""
    return [
        lot(chr(ord("A") + i), quantity, price, minute=i)
        for i, (quantity, price) in enumerate(purchases)
    ]


class Desk:
    """The books, every fact about them, and what the broker has: shares by symbol, and cash."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.fills: dict[str, Fill] = {}
        self.exits: dict[str, list[LotExit]] = {}
        self.lots: dict[str, Lot] = {}
        self.owner: dict[str, str] = {}
        self.cash: dict[str, Decimal] = defaultdict(Decimal)
        self.flows: dict[str, Decimal] = defaultdict(Decimal)
        self.policies: dict[str, LotPolicy] = defaultdict(lambda: LotPolicy.FIFO)
        self.broker: dict[str, Decimal] = defaultdict(Decimal)
        self.undone: set[str] = set()

    def choose(self, book: str, policy: LotPolicy) -> None:
        self.policies[book] = policy
        self.facts.append(PolicyChosen(book, policy))

    def pay(self, book: str, dollars: str) -> None:
        self.cash[book] += Decimal(dollars)
        self.flows[book] += Decimal(dollars)
        self.facts.append(CashMoved(book, Decimal(dollars)))

    def buy(self, book: str, quantity: str, price: str, *, symbol: str = "XYZ") -> str:
        fill = self._fill(book, symbol, "buy", Decimal(quantity), Decimal(price))
        own = lot(fill.fill_id, quantity, price, minute=len(self.fills) - 1, symbol=symbol)
        self.lots[own.lot_id], self.owner[own.lot_id] = own, book
        return fill.fill_id

    def sell(
        self,
        book: str,
        quantity: str,
        price: str,
        *,
        symbol: str = "XYZ",
        named: Sequence[str] = (),
    ) -> str:
        shares, each = Decimal(quantity), Decimal(price)
        _, exits = book_sale(
            self.policies[book],
            self.held(book, symbol),
            quantity=shares,
            price=each,
            proceeds=fill_cash(shares, each),
            named=named,
        )
        fill = self._fill(book, symbol, "sell", shares, each, named=tuple(named))
        self._exit(fill.fill_id, exits)
        return fill.fill_id

    def split(self, ratio: str, *, symbol: str = "XYZ") -> None:
        """As the broker does it: one position, cut to nine places."""
        before = self.broker[symbol]
        added = _cut(before * Decimal(ratio)) - before
        lots = [one for one in self.lots.values() if one.symbol == symbol and one.quantity != 0]
        changes = split_lots(lots, ratio=Decimal(ratio), added=added)
        self.broker[symbol] += added
        for change in changes:
            self._adjust(change)
        self.facts.extend(changes)

    def bust(self, fill_id: str) -> str:
        of = self.fills[fill_id]
        adjustments: list[LotAdjustment] = []
        if of.side == "buy":
            adjustments, exits = undo_purchase(
                self.held(of.book, of.symbol),
                fill_id,
                quantity=of.quantity,
                price=of.price,
                cash=of.cash,
            )
        else:
            exits = undo_sale(self.exits[fill_id])
        fill = self._fill(of.book, of.symbol, of.side, -of.quantity, of.price, busts=fill_id)
        self.undone |= {fill_id, fill.fill_id}
        for change in adjustments:
            self._adjust(change)
        self._exit(fill.fill_id, exits)
        return fill.fill_id

    def held(self, book: str, symbol: str = "XYZ") -> list[Lot]:
        """The open lots of one book and symbol."""
        return [
            one
            for one in self.lots.values()
            if self.owner[one.lot_id] == book and one.symbol == symbol and one.quantity != 0
        ]

    def realised(self, book: str) -> Decimal:
        exits = [e for made in self.exits.values() for e in made if self.owner[e.lot_id] == book]
        return sum((e.pnl for e in exits), ZERO)

    def states(self) -> dict[str, BookState]:
        """The books as the desk has them."""
        return {
            book: BookState(
                cash=self.cash[book],
                lots={
                    one.lot_id: one
                    for one in self.lots.values()
                    if self.owner[one.lot_id] == book and one.quantity != 0
                },
                exits={
                    fill_id: made
                    for fill_id, made in self.exits.items()
                    if self.fills[fill_id].book == book
                },
            )
            for book in self.cash
        }

    def _fill(
        self,
        book: str,
        symbol: str,
        side: str,
        quantity: Decimal,
        price: Decimal,
        *,
        named: tuple[str, ...] = (),
        busts: str | None = None,
    ) -> Fill:
        fill = Fill(
            fill_id=f"f{len(self.fills) + 1:03d}",
            book=book,
            symbol=symbol,
            side=side,
            quantity=quantity,
            price=price,
            cash=fill_cash(abs(quantity), price).copy_sign(quantity),
            executed_at=OPENED + timedelta(minutes=len(self.fills)),
            named=named,
            busts=busts,
        )
        self.fills[fill.fill_id] = fill
        self.facts.append(fill)
        bought = side == "buy"
        self.cash[book] += -fill.cash if bought else fill.cash
        self.broker[symbol] += quantity if bought else -quantity
        return fill

    def _exit(self, fill_id: str, exits: list[LotExit]) -> None:
        if exits:
            self.exits[fill_id] = exits
        for one in exits:
            self._adjust(LotAdjustment(one.lot_id, -one.quantity, -one.cost))

    def _adjust(self, change: LotAdjustment) -> None:
        before = self.lots[change.lot_id]
        self.lots[change.lot_id] = before.plus(change.quantity, change.cost)


def _cut(shares: Decimal) -> Decimal:
    return shares.quantize(Decimal("0.000000001"), rounding="ROUND_DOWN")
