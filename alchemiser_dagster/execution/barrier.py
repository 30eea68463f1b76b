"""Between the sales and the purchases: which purchases may follow, and how large they are.

    sales have ended ─► purchases of books whose sales failed are blocked ─► the rest is sized

Nothing is read from the broker or the ledger here, and nothing is recorded, so that a session and
the preview of it come to the same purchases.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.books.limits import failed_sales_limit, purchases_limit
from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.books.netting import Prices, Purchase, Sale
from alchemiser_dagster.books.planning import smallest_trade
from alchemiser_dagster.books.sizing import Sizing, size_and_cross
from alchemiser_dagster.execution.desk import DEPLOYMENT, Capital
from alchemiser_dagster.ledger.block_records import NewBlock


@dataclass(frozen=True)
class TradeAtBarrier:
    """A trade of a book when the sales have ended.

    `quantity` shares are to be sold, `held_back` of them wait to be crossed, `filled` are sold;
    `budget` dollars are to be spent on a purchase. `state` is as it is recorded: "planned" unless
    something forbids the trade.
    """

    trade_id: str
    book: str
    symbol: str
    side: str
    state: str
    quantity: Decimal
    held_back: Decimal
    filled: Decimal
    budget: Decimal


def blocked_purchases(
    trades: Sequence[TradeAtBarrier],
    prices: Mapping[str, Decimal],
    capital: Capital,
    *,
    working: Set[str] = frozenset(),
) -> dict[str, str]:
    """The purchases that may not follow, with the reason, by trade id.

    Those of a book whose sales failed for too much, at `prices` (dollars a share), or that is one
    of `working`: its sales are still open.
    """
    failed: dict[str, Decimal] = {}
    for trade in trades:
        if trade.side == "sell":
            unsold = max(trade.quantity - trade.held_back - trade.filled, ZERO)
            failed[trade.book] = failed.get(trade.book, ZERO) + unsold * prices[trade.symbol]
    blocked = {}
    for trade in trades:
        if trade.side != "buy" or trade.state != "planned":
            continue
        unsold = failed.get(trade.book, ZERO)
        if trade.book in working:
            blocked[trade.trade_id] = (
                "a sale of the book is still open, so its purchases are blocked"
            )
        elif unsold > failed_sales_limit(capital.books[trade.book]).dollars:
            blocked[trade.trade_id] = (
                f"sales worth {to_cents(unsold)} did not fill, so the book's purchases are blocked"
            )
    return blocked


def purchases_wanted(trades: Iterable[TradeAtBarrier]) -> list[Purchase]:
    """The purchases that are to be sized."""
    return [
        Purchase(t.trade_id, t.book, t.symbol, t.budget)
        for t in trades
        if t.side == "buy" and t.state == "planned"
    ]


def sales_held_back(trades: Iterable[TradeAtBarrier]) -> list[Sale]:
    """What was held back of the sales, for the purchases of other books."""
    return [
        Sale(t.trade_id, t.book, t.symbol, t.held_back)
        for t in trades
        if t.side == "sell" and t.held_back > 0 and t.state == "planned"
    ]


def size_purchases(
    wants: Sequence[Purchase],
    held_back: Sequence[Sale],
    *,
    book_cash: Mapping[str, Decimal],
    account_cash: Decimal,
    prices: Mapping[str, Prices],
    capital: Capital,
    whole_shares: Set[str],
    sold: Set[str],
) -> Sizing:
    """Size and cross within each book's limits; the arguments are `size_and_cross`'s."""
    books = {want.book for want in wants}
    return size_and_cross(
        wants,
        held_back,
        book_cash={
            book: book_cash.get(book, ZERO) for book in books | {sale.book for sale in held_back}
        },
        account_cash=account_cash,
        prices=prices,
        minimums={book: smallest_trade(capital.books[book]) for book in books},
        caps={book: purchases_limit(capital.books[book], DEPLOYMENT).dollars for book in books},
        whole_shares=whole_shares,
        sold=sold,
    )


def blocks_after_sizing(sizing: Sizing, symbols: Mapping[str, str]) -> list[NewBlock]:
    """The blocks of the second round; `symbols` are by trade id."""
    return [
        *_blocks("sell", sizing.to_sell, symbols),
        *_blocks("buy", sizing.to_buy, symbols),
    ]


def _blocks(side: str, shares: Mapping[str, Decimal], symbols: Mapping[str, str]) -> list[NewBlock]:
    by_symbol: dict[str, dict[str, Decimal]] = {}
    for trade, quantity in shares.items():
        by_symbol.setdefault(symbols[trade], {})[trade] = quantity
    return [NewBlock(symbol, side, own) for symbol, own in sorted(by_symbol.items())]
