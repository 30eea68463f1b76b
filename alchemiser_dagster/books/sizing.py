"""How much of what they want books can buy, from each other and in the market.

All sales have ended and the cash is confirmed. A book may spend its own cash and what its crosses
bring; all books together may spend in the market what the account has:

    in a book        wants 3,000 and 12,000, cash 14,600     2,920.00 and 11,680.00
    in the account   books want 5,000, 4,000 and 3,000 of    3,750.00, 3,000.00 and 2,250.00
                     the market, the account has 9,000

Each purchase first takes its part of the shares that were held back in its symbol, at the mid; the
rest is bought at the ask. What was held back and found no buyer is sold in the market, and then
nothing of that symbol is bought there: the market sees one side of a symbol in a session.

What one book buys by crossing is another book's cash, which pays for that book's purchases, which
may cross again. So sizes are found by starting too high and giving way:

    1. every book counts on its cash and on the sale of everything held back from it
    2. size and cross all purchases
    3. a book that has less than it counts on gives way by the difference; back to 2
    4. purchases below the smallest trade are dropped; back to 2

A book only ever gives way, so this ends. Where it is slow (books that live on each other's
proceeds, in a ring) books lose patience: after `PATIENCE` rounds they give way by twice the
difference, then by four times and so on, until they count on nothing but their own cash. That finds
less than could be bought, never more.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.netting import Cross, Prices, Purchase, Sale
from alchemiser_dagster.books.purchase_round import Request, Round

PATIENCE = 10


@dataclass(frozen=True)
class SizedPurchase:
    """A purchase with its shares fixed; `budget` is the most it may cost, dollars in cents."""

    quantity: Decimal
    budget: Decimal


@dataclass(frozen=True)
class Sizing:
    """What is bought, crossed and sold after the sales. Keys are trades, quantities shares.

    Every purchase wanted is in `purchases` or, with the reason, in `dropped`. The shares of a
    purchase are what it crosses plus `to_buy`; those held back from a sale are what it crosses plus
    `to_sell`. `crosses` are in the order of their symbols, at most one a symbol.
    """

    purchases: Mapping[str, SizedPurchase]
    dropped: Mapping[str, str]
    crosses: tuple[Cross, ...]
    to_buy: Mapping[str, Decimal]
    to_sell: Mapping[str, Decimal]

    @property
    def saved_spread(self) -> Decimal:
        """Dollars that crossing saved the books, unrounded."""
        return sum((made.saved_spread for made in self.crosses), ZERO)


def size_and_cross(
    wants: Sequence[Purchase],
    held_back: Sequence[Sale],
    *,
    book_cash: Mapping[str, Decimal],
    account_cash: Decimal,
    prices: Mapping[str, Prices],
    minimums: Mapping[str, Decimal],
    caps: Mapping[str, Decimal],
    whole_shares: Set[str] = frozenset(),
    sold: Set[str] = frozenset(),
) -> Sizing:
    """Size the purchases `wants` and match them with what was `held_back` of other books' sales.

    By book: `book_cash` is confirmed dollars (a book below zero buys from its crosses only),
    `minimums` the smallest trade, `caps` the most its purchases may cost together. `account_cash`
    is dollars that may be spent in the market. `prices` are by symbol; what has none is neither
    crossed nor bought. `whole_shares` are the symbols without fractions, `sold` those of which
    sales went to the market earlier in the session.

    The order of the inputs does not matter. What a dropped purchase would have cost stays in cash.
    """
    request = Request(
        wants=sorted(wants, key=lambda want: want.trade_id),
        held_back=sorted(held_back, key=lambda sale: sale.trade_id),
        account_cash=max(account_cash, ZERO),
        prices=prices,
        minimums=minimums,
        whole_shares=whole_shares,
        sold=sold,
    )
    hopes = request.proceeds_of_everything()
    limits = {
        book: max(ZERO, min(total, caps[book], book_cash[book] + hopes.get(book, ZERO)))
        for book, total in request.totals.items()
    }
    dropped = {w.trade_id: "no price to buy at" for w in request.wants if w.symbol not in prices}
    while True:
        round_ = _settle(request, limits, dropped, book_cash=book_cash, caps=caps)
        small = request.too_small(round_, dropped)
        if not small:
            return _sizing(request, round_, dropped)
        dropped |= small


def _settle(
    request: Request,
    limits: dict[str, Decimal],
    dropped: Mapping[str, str],
    *,
    book_cash: Mapping[str, Decimal],
    caps: Mapping[str, Decimal],
) -> Round:
    """Lower `limits`, dollars each book counts on, until every book has what it counts on."""
    for number in count(1):
        round_ = request.size(limits, dropped)
        settled = True
        for book, limit in limits.items():
            own = max(ZERO, min(caps[book], book_cash[book]))
            has = max(ZERO, min(caps[book], book_cash[book] + round_.proceeds.get(book, ZERO)))
            # Cents of a cross are rounded, so a book may spend a cent more than it counted on.
            excess = max(limit, round_.spent[book]) - has
            if excess > 0:
                settled = False
                lower = limit - excess * 2 ** max(0, number - PATIENCE)
                limits[book] = max(lower, own if limit > own else ZERO)
        if settled:
            return round_
    raise AssertionError  # count() never ends


def _sizing(request: Request, round_: Round, dropped: Mapping[str, str]) -> Sizing:
    purchases = {
        want.trade_id: SizedPurchase(
            round_.crossed.get(want.trade_id, ZERO) + round_.to_buy.get(want.trade_id, ZERO),
            round_.budgets[want.trade_id],
        )
        for want in request.wants
        if want.trade_id not in dropped
    }
    return Sizing(purchases, dropped, round_.crosses, round_.to_buy, round_.to_sell)
