"""The books, made again from the recorded facts alone.

A fact is what nothing else in the ledger says: a fill, a lot that no fill opened, an adjustment of
a lot, cash that no fill moved, a change of lot policy. Given all of them in the order in which they
were posted, `rebuild` books each as it was booked then, with the same functions:

    cash      100,000.00 into a        a: cash 100,000.00
    fill f1   a BUYs 10 @ 10.00        a: cash  99,900.00   lot f1: 10 for 100.00
    fill f2   a SELLs 4 @ 12.00        a: cash  99,948.00   lot f1:  6 for  60.00   realised 8.00
    fill f3   busts f2                 a: cash  99,900.00   lot f1: 10 for 100.00   realised 0.00

Cash of fills, lots of fills, exits and positions follow from the facts. If the ledger's own do not
equal the rebuilt ones, `differences` says where somebody changed something, or a bug did.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from alchemiser_dagster.books.booking import LotPolicy, book_sale
from alchemiser_dagster.books.busts import undo_purchase, undo_sale
from alchemiser_dagster.books.lots import Lot, LotAdjustment, LotError, LotExit
from alchemiser_dagster.books.money import ZERO


@dataclass(frozen=True)
class Fill:
    """A book's part of an execution or a cross: shares at a price, for dollars in cents.

    A BUY opens a lot with the fill's id. A SELL comes out of the book's lots, `named` ones first;
    one that is `unmatched`, because no book owned the shares, opens a short lot instead. A fill
    that `busts` another has its shares and its dollars with the sign turned.
    """

    fill_id: str
    book: str
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    cash: Decimal
    executed_at: datetime
    named: tuple[str, ...] = ()
    unmatched: bool = False
    busts: str | None = None


@dataclass(frozen=True)
class LotOpened:
    """A lot that no fill opened: shares that were found, or came from another book."""

    book: str
    lot: Lot


@dataclass(frozen=True)
class CashMoved:
    """Dollars into a book (negative: out of it) that no fill moved."""

    book: str
    amount: Decimal


@dataclass(frozen=True)
class PolicyChosen:
    """How a book's sales choose their lots from now on; FIFO until then."""

    book: str
    policy: LotPolicy


Fact = Fill | LotOpened | LotAdjustment | CashMoved | PolicyChosen
"""Of the adjustments only those that are facts: not the ones that a bust made."""


@dataclass
class BookState:
    """A book: dollars of cash, its open lots by lot id, and the exits that each fill made."""

    cash: Decimal = ZERO
    lots: dict[str, Lot] = field(default_factory=dict)
    exits: dict[str, list[LotExit]] = field(default_factory=dict)

    @property
    def realised(self) -> Decimal:
        """Realised profit or loss, dollars."""
        return sum((one.pnl for exits in self.exits.values() for one in exits), ZERO)

    @property
    def positions(self) -> dict[str, Decimal]:
        """Shares by symbol."""
        held: dict[str, Decimal] = defaultdict(Decimal)
        for lot in self.lots.values():
            held[lot.symbol] += lot.quantity
        return dict(held)


def rebuild(facts: Iterable[Fact]) -> dict[str, BookState]:
    """The books by name, from all facts in the order of posting.

    Raises LotError for a fact that cannot have been booked: a sale of more than the book had, a
    bust or an adjustment of something that is not there.
    """
    books = _Books()
    for fact in facts:
        match fact:
            case Fill():
                books.fill(fact)
            case LotOpened(book, lot):
                books.put(book, lot)
            case LotAdjustment():
                books.adjust(fact)
            case CashMoved(book, amount):
                books.states[book].cash += amount
            case PolicyChosen(book, policy):
                books.policies[book] = policy
    return books.finished()


@dataclass(frozen=True)
class Difference:
    """A figure of a book that is not what the facts make of it; 0 for what is not there at all."""

    book: str
    what: str
    recorded: Decimal
    rebuilt: Decimal


def differences(
    recorded: Mapping[str, BookState], rebuilt: Mapping[str, BookState]
) -> list[Difference]:
    """Every figure in which the recorded books are not the rebuilt ones, by book and name."""
    # Nearly always all books are equal, and their figures need no names.
    unlike = [b for b in {**recorded, **rebuilt} if recorded.get(b) != rebuilt.get(b)]
    ours, theirs = (
        _figures({book: books[book] for book in unlike if book in books})
        for books in (recorded, rebuilt)
    )
    compared = (
        Difference(*key, recorded=ours.get(key, ZERO), rebuilt=theirs.get(key, ZERO))
        for key in sorted(ours.keys() | theirs.keys())
    )
    return [figure for figure in compared if figure.recorded != figure.rebuilt]


def _figures(books: Mapping[str, BookState]) -> dict[tuple[str, str], Decimal]:
    figures: dict[tuple[str, str], Decimal] = {}
    for book, state in books.items():
        figures[book, "cash"] = state.cash
        figures[book, "realised"] = state.realised
        for symbol, shares in state.positions.items():
            figures[book, f"shares of {symbol}"] = shares
        for lot in state.lots.values():
            figures[book, f"lot {lot.lot_id}: shares"] = lot.quantity
            figures[book, f"lot {lot.lot_id}: cost"] = lot.cost
        for fill_id, exits in state.exits.items():
            for one in exits:
                name = f"exit of lot {one.lot_id} by {fill_id}"
                figures[book, f"{name}: shares"] = one.quantity
                figures[book, f"{name}: proceeds"] = one.proceeds
                figures[book, f"{name}: cost"] = one.cost
    return figures


class _Books:
    """The books while they are rebuilt."""

    def __init__(self) -> None:
        self.states: dict[str, BookState] = defaultdict(BookState)
        self.policies: dict[str, LotPolicy] = defaultdict(lambda: LotPolicy.FIFO)
        self._owners: dict[str, str] = {}
        self._lots: dict[str, Lot] = {}
        # Again those that are open, by book and symbol, because that is what a sale looks at.
        self._open: dict[tuple[str, str], dict[str, Lot]] = defaultdict(dict)
        self._standing: dict[str, Fill] = {}

    def finished(self) -> dict[str, BookState]:
        for (book, _), lots in self._open.items():
            self.states[book].lots.update(lots)
        return dict(self.states)

    def put(self, book: str, lot: Lot) -> None:
        """A new lot, or what a known one has become."""
        self._owners[lot.lot_id] = book
        self._lots[lot.lot_id] = lot
        still_open = self._open[book, lot.symbol]
        if lot.quantity != 0:
            still_open[lot.lot_id] = lot
        else:
            still_open.pop(lot.lot_id, None)

    def adjust(self, change: LotAdjustment) -> None:
        lot = self._lots.get(change.lot_id)
        if lot is None:
            raise LotError(f"expected a lot {change.lot_id} to adjust, was none")
        self.put(self._owners[lot.lot_id], lot.plus(change.quantity, change.cost))

    def fill(self, fill: Fill) -> None:
        if fill.fill_id in self._standing:
            raise LotError(f"expected fill {fill.fill_id} to be recorded once, was twice")
        self._standing[fill.fill_id] = fill
        self.states[fill.book].cash += fill.cash if fill.side == "sell" else -fill.cash
        if fill.busts is not None:
            self._bust(fill, self._undone(fill))
        elif fill.side == "buy":
            self.put(fill.book, _lot(fill, fill.quantity, fill.cash))
        elif fill.unmatched:
            self.put(fill.book, _lot(fill, -fill.quantity, -fill.cash))
        else:
            _, exits = book_sale(
                self.policies[fill.book],
                self._held(fill),
                quantity=fill.quantity,
                price=fill.price,
                proceeds=fill.cash,
                named=fill.named,
            )
            self._exit(fill, exits)

    def _bust(self, fill: Fill, undone: Fill) -> None:
        if undone.side == "buy":
            adjustments, exits = undo_purchase(
                self._held(undone),
                undone.fill_id,
                quantity=undone.quantity,
                price=undone.price,
                cash=undone.cash,
            )
        elif undone.unmatched:
            adjustments = [LotAdjustment(undone.fill_id, undone.quantity, undone.cash)]
            exits = []
        else:
            adjustments = []
            exits = undo_sale(self.states[undone.book].exits[undone.fill_id])
        for adjustment in adjustments:
            self.adjust(adjustment)
        self._exit(fill, exits)

    def _undone(self, fill: Fill) -> Fill:
        undone = self._standing.pop(fill.busts or "", None)
        if undone is None:
            raise LotError(f"expected a fill {fill.busts} for {fill.fill_id} to undo, was none")
        expected = (undone.book, undone.symbol, undone.side, -undone.quantity, -undone.cash)
        actual = (fill.book, fill.symbol, fill.side, fill.quantity, fill.cash)
        if actual != expected:
            raise LotError(f"expected {fill.fill_id} to undo {expected}, was {actual}")
        return undone

    def _held(self, fill: Fill) -> list[Lot]:
        return list(self._open[fill.book, fill.symbol].values())

    def _exit(self, fill: Fill, exits: list[LotExit]) -> None:
        if exits:
            self.states[fill.book].exits[fill.fill_id] = exits
        for one in exits:
            self.adjust(LotAdjustment(one.lot_id, -one.quantity, -one.cost))


def _lot(fill: Fill, quantity: Decimal, cost: Decimal) -> Lot:
    return Lot(
        lot_id=fill.fill_id,
        symbol=fill.symbol,
        entry_at=fill.executed_at,
        entry_quantity=quantity,
        entry_price=fill.price,
        quantity=quantity,
        cost=cost,
    )
