"""What the next session would send, worked out by its own functions; nothing is sent or recorded.

    the session                              the preview
    is opened, compares books and broker     looks ahead to it (`outlook`)
    quotes, capital shared out, plans        the same, at the quotes of now
    works the sales, confirms the cash       every sale that may be sent fills at the bid
    sizes the purchases, books the crosses   the same, from the cash expected then

The session may still send something else: prices move, and a sale may fill in part or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from alchemiser_dagster.books.money import CENT, ZERO, fill_cash, to_cents
from alchemiser_dagster.books.netting import Prices
from alchemiser_dagster.books.planning import DUST
from alchemiser_dagster.books.sizing import Sizing
from alchemiser_dagster.execution.barrier import (
    TradeAtBarrier,
    blocked_purchases,
    blocks_after_sizing,
    purchases_wanted,
    sales_held_back,
    size_purchases,
)
from alchemiser_dagster.execution.capital import moved_this_week, planned_transfers
from alchemiser_dagster.execution.desk import DEPLOYMENT, Capital, Desk
from alchemiser_dagster.execution.outlook import Outlook
from alchemiser_dagster.execution.preparation import (
    Conditions,
    SessionPlan,
    Wish,
    make_plan,
    read_prices,
    symbols_to_price,
    wishes_of,
)
from alchemiser_dagster.execution.prices import limit_price
from alchemiser_dagster.execution.quotes import OLDEST_TO_VALUE, Quote
from alchemiser_dagster.execution.rails import limit_breach
from alchemiser_dagster.execution.reconciliation import total_positions
from alchemiser_dagster.ledger.block_records import NewBlock
from alchemiser_dagster.ledger.opening import BookTerms
from alchemiser_dagster.ledger.queries import positions
from alchemiser_dagster.ledger.session_records import NewTrade, Quoted, trade_id


@dataclass(frozen=True)
class PreviewedOrder:
    """The first order of a block: shares of several books, at the limit of the walk's first step.

    `round` is 1 before the purchases are sized and 2 after it. `shares` are by trade id. `stopped`
    says why the order would not be sent; it is empty where it would.
    """

    round: int
    symbol: str
    side: str
    shares: Mapping[str, Decimal]
    books: tuple[str, ...]
    limit: Decimal
    stopped: str = ""

    @property
    def quantity(self) -> Decimal:
        """Shares."""
        return sum(self.shares.values(), ZERO)

    @property
    def dollars(self) -> Decimal:
        """What it moves at its limit, in cents."""
        return to_cents(self.quantity * self.limit)


@dataclass(frozen=True)
class Preview:
    """The next session, as far as it can be known now.

    `trades` are the books' trades by trade id, before the purchases are sized; `blocked` says of
    which purchases follow no sale, `faults` which symbols have no usable quote.
    """

    outlook: Outlook
    plan: SessionPlan
    trades: Mapping[str, NewTrade]
    blocked: Mapping[str, str]
    sizing: Sizing
    orders: tuple[PreviewedOrder, ...]
    faults: Mapping[str, str]

    def reason(self, trade: str) -> str:
        """Why a trade is not made, as far as that is known before its order; empty if it is."""
        known = self.trades[trade].reason
        return known or self.blocked.get(trade) or self.sizing.dropped.get(trade, "")


def preview(
    desk: Desk, ahead: Outlook, wishes: Mapping[str, Wish], terms: Mapping[str, BookTerms]
) -> Preview:
    """What the session `ahead` would send for `wishes`; raises BrokerError.

    While the market is closed the latest quotes are used, however old.
    """
    session = ahead.session
    with desk.ledger.read() as connection:
        held = positions(connection)
    own = wishes_of(ahead.expected, wishes, ahead.rails)
    quotes, faults = read_prices(
        desk,
        symbols_to_price(own, held),
        oldest=OLDEST_TO_VALUE if ahead.market_is_open else timedelta.max,
    )
    prices = {symbol: quote.price for symbol, quote in quotes.items()}
    moved, cash = _share_out(desk, ahead, prices, terms)
    made = make_plan(
        desk,
        session,
        own,
        Conditions(
            prices=prices,
            faults=faults,
            cash=cash,
            moved=moved,
            rails=ahead.rails,
            equity=ahead.account.equity,
            unsure=ahead.unsure,
        ),
    )
    capital = Capital(
        ahead.account.equity, {book: to_cents(plan.capital) for book, plan in made.plans.items()}
    )
    trades = {trade_id(session, t.book, t.symbol, t.side): t for t in made.trades}
    worth = sum(
        (shares * prices.get(symbol, ZERO) for symbol, shares in total_positions(held).items()),
        ZERO,
    )
    market = _Market(quotes, trades, capital, deployed=worth)
    sales = market.orders(1, made.blocks)
    sold = {trade: q for sale in sales if not sale.stopped for trade, q in sale.shares.items()}
    at_barrier = [_at_barrier(name, trade, sold) for name, trade in trades.items()]
    blocked = blocked_purchases(at_barrier, prices, capital)
    proceeds = {
        trade: fill_cash(shares, quotes[trades[trade].symbol].bid) for trade, shares in sold.items()
    }
    expected = dict(cash)
    for trade, dollars in proceeds.items():
        book = trades[trade].book
        expected[book] = expected.get(book, ZERO) + dollars
    assets = desk.gateway.assets()
    sizing = size_purchases(
        purchases_wanted(trade for trade in at_barrier if trade.trade_id not in blocked),
        sales_held_back(at_barrier),
        book_cash=expected,
        account_cash=min(ahead.account.cash, sum(cash.values(), ZERO))
        + sum(proceeds.values(), ZERO),
        prices={s: Prices(bid=q.bid, ask=q.ask, planned=q.price) for s, q in quotes.items()},
        capital=capital,
        whole_shares={symbol for symbol, asset in assets.items() if not asset.fractionable},
        sold={block.symbol for block in made.blocks} if desk.crossing else set(),
    )
    symbols = {name: trade.symbol for name, trade in trades.items()}
    purchases = market.orders(2, blocks_after_sizing(sizing, symbols))
    return Preview(ahead, made, trades, blocked, sizing, (*sales, *purchases), faults)


def _share_out(
    desk: Desk, ahead: Outlook, prices: Mapping[str, Decimal], terms: Mapping[str, BookTerms]
) -> tuple[Mapping[str, Decimal], Mapping[str, Decimal]]:
    """Dollars that are moved between the books, and their cash afterwards."""
    with desk.ledger.read() as connection:
        done = moved_this_week(connection, ahead.session)
        if done is not None:
            return done, ahead.cash
        moved = planned_transfers(
            connection,
            ahead.session,
            prices=prices,
            cash=ahead.cash,
            allocations={book: own.allocation for book, own in terms.items()},
        )
    cash = {b: ahead.cash.get(b, ZERO) + moved.get(b, ZERO) for b in ahead.cash.keys() | moved}
    return moved, cash


def _at_barrier(name: str, trade: NewTrade, sold: Mapping[str, Decimal]) -> TradeAtBarrier:
    return TradeAtBarrier(
        trade_id=name,
        book=trade.book,
        symbol=trade.symbol,
        side=trade.side,
        state=trade.state,
        quantity=trade.quantity,
        held_back=trade.held_back,
        filled=sold.get(name, ZERO),
        budget=trade.budget or ZERO,
    )


class _Market:
    """Makes blocks into first orders, one after the other, and keeps the limits' account."""

    def __init__(
        self,
        quotes: Mapping[str, Quoted],
        trades: Mapping[str, NewTrade],
        capital: Capital,
        *,
        deployed: Decimal,
    ) -> None:
        self._quotes = quotes
        self._trades = trades
        self._capital = capital
        self._traded, self._deployed = ZERO, deployed

    def orders(self, round_: int, blocks: Sequence[NewBlock]) -> list[PreviewedOrder]:
        """The orders of a round, the largest first, each as if those before it had filled."""
        made = [self._order(round_, block) for block in blocks]
        made.sort(key=lambda o: (-o.quantity * self._quotes[o.symbol].price, o.symbol))
        return [self._judged(order) for order in made]

    def _order(self, round_: int, block: NewBlock) -> PreviewedOrder:
        quoted = self._quotes[block.symbol]
        quote = Quote(block.symbol, quoted.bid, quoted.ask, quoted.quoted_at)
        books = sorted({self._trades[trade].book for trade in block.shares})
        limit = limit_price(block.side, 1, quote)
        return PreviewedOrder(round_, block.symbol, block.side, block.shares, tuple(books), limit)

    def _judged(self, order: PreviewedOrder) -> PreviewedOrder:
        notional = order.dollars + CENT
        breach = limit_breach(
            symbol=order.symbol,
            side=order.side,
            notional=notional,
            books_capital=sum((self._capital.books[book] for book in order.books), ZERO),
            equity=self._capital.equity,
            traded=self._traded,
            deployed=self._deployed,
            deployment=DEPLOYMENT,
        )
        if order.quantity * order.limit < DUST:
            return replace(order, stopped=f"worth less than {DUST}")
        if breach is not None:
            return replace(order, stopped=str(breach))
        self._traded += order.dollars
        self._deployed += order.dollars if order.side == "buy" else -order.dollars
        return order
