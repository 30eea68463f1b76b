"""What books can trade with each other, so that only the rest goes to the market.

One book sells what another buys: at the broker that is a sale and a purchase of the same symbol,
each paying half the spread, and refused as a wash trade where they meet. Between two books of one
account it needs no order. The shares and the cash change hands in the ledger, at the mid of the
quote on arrival, and seller and buyer save half the spread each:

    quote 99.90 / 100.10, A sells 10 XYZ, B wants 600.00 of it
    sell phase    B would get 6 at 100.00, so 6 of A's 10 are held back; 4 are sold to the market
    after it      B has its 600.00:   A sells 6 to B at 100.00; saved 6 x 0.20 = 1.20
                  B has only 300.00:  A sells 3 to B; the 3 left are sold to the market

So crossing has two steps. Before the sales are sent, `hold_back` keeps the shares that other books
are expected to buy. When all sales have ended and the cash is confirmed, `books.sizing` says what
each book can pay for, and `cross` matches it.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from alchemiser_dagster.books.allocation import BILLIONTH, allocate
from alchemiser_dagster.books.money import ZERO, fill_cash, floor_quantity, split_to_cents
from alchemiser_dagster.books.planning import DUST

_PRICE = Decimal("0.000001")
_WHOLE = Decimal(1)


@dataclass(frozen=True)
class Sale:
    """A trade that sells: `quantity` shares."""

    trade_id: str
    book: str
    symbol: str
    quantity: Decimal


@dataclass(frozen=True)
class Purchase:
    """A trade that buys: the `dollars` a book wants more of a symbol, before it is sized."""

    trade_id: str
    book: str
    symbol: str
    dollars: Decimal


@dataclass(frozen=True)
class Prices:
    """A symbol's quote on arrival, and the price at which the session's books were planned."""

    bid: Decimal
    ask: Decimal
    planned: Decimal

    @property
    def mid(self) -> Decimal:
        """What books trade at with each other: half way between bid and ask, to six places."""
        return ((self.bid + self.ask) / 2).quantize(_PRICE, rounding=ROUND_HALF_EVEN)

    @property
    def to_buy(self) -> Decimal:
        """What a purchase in the market is sized at: never less than it was planned at."""
        return max(self.ask, self.planned)


@dataclass(frozen=True)
class Cross:
    """Shares of one symbol that change books; shares by trade, the same sum on both sides."""

    symbol: str
    price: Decimal
    bid: Decimal
    ask: Decimal
    sales: Mapping[str, Decimal]
    purchases: Mapping[str, Decimal]

    @property
    def quantity(self) -> Decimal:
        """Shares that change books."""
        return sum(self.sales.values(), ZERO)

    @property
    def proceeds(self) -> dict[str, Decimal]:
        """Dollars each sale brings, in cents."""
        return self._cash(self.sales)

    @property
    def costs(self) -> dict[str, Decimal]:
        """Dollars each purchase costs, in cents; they sum to the proceeds."""
        return self._cash(self.purchases)

    @property
    def saved_spread(self) -> Decimal:
        """Dollars that seller and buyer would have paid the market, unrounded."""
        return self.quantity * (self.ask - self.bid)

    def _cash(self, side: Mapping[str, Decimal]) -> dict[str, Decimal]:
        total = fill_cash(self.quantity, self.price)
        return dict(zip(side, split_to_cents(total, list(side.values())), strict=True))


def hold_back(
    sales: Iterable[Sale],
    purchases: Iterable[Purchase],
    mids: Mapping[str, Decimal],
    *,
    whole_shares: Set[str] = frozenset(),
) -> dict[str, Decimal]:
    """Shares of each sale to keep for other books' purchases, by trade; the rest goes to market.

    `mids` are dollars a share of every symbol on both sides. `whole_shares` cross in whole shares.
    A rest of a symbol worth less than an order may be is held back too: it would not be sold.
    """
    offers: dict[str, dict[str, Decimal]] = {}
    for sale in sales:
        offers.setdefault(sale.symbol, {})[sale.trade_id] = sale.quantity
    wanted: dict[str, Decimal] = {}
    for purchase in purchases:
        symbol = purchase.symbol
        if symbol in offers:
            shares = floor_quantity(purchase.dollars / mids[symbol], whole=symbol in whole_shares)
            wanted[symbol] = wanted.get(symbol, ZERO) + shares
    held_back: dict[str, Decimal] = {}
    for symbol, offered in offers.items():
        whole = symbol in whole_shares
        crossable = _crossable(offered, whole=whole)
        most = sum(crossable.values(), ZERO)
        overlap = min(most, wanted.get(symbol, ZERO))
        rest = sum(offered.values(), ZERO) - overlap
        if overlap > 0 and rest * mids[symbol] < DUST:
            overlap = most
        held_back |= allocate(overlap, crossable, step=_step(whole))
    return held_back


def cross(
    symbol: str,
    prices: Prices,
    *,
    offered: Mapping[str, Decimal],
    wanted: Mapping[str, Decimal],
    whole: bool = False,
) -> Cross | None:
    """Match `offered` with `wanted` shares by trade, in proportion; None where nothing matches."""
    crossable = _crossable(offered, whole=whole)
    quantity = min(sum(crossable.values(), ZERO), sum(wanted.values(), ZERO))
    if quantity == 0:
        return None
    sales = allocate(quantity, crossable, step=_step(whole))
    purchases = allocate(quantity, wanted, step=_step(whole))
    return Cross(
        symbol,
        prices.mid,
        prices.bid,
        prices.ask,
        {trade: shares for trade, shares in sorted(sales.items()) if shares > 0},
        {trade: shares for trade, shares in sorted(purchases.items()) if shares > 0},
    )


def _crossable(offered: Mapping[str, Decimal], *, whole: bool) -> dict[str, Decimal]:
    # A fraction of a share that others may only hold whole finds no buyer among them.
    return {
        trade: floor_quantity(shares, whole=True) if whole else shares
        for trade, shares in offered.items()
    }


def _step(whole: bool) -> Decimal:
    return _WHOLE if whole else BILLIONTH
