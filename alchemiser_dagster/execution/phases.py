"""The two trading phases with the barrier between them.

    sell      every block of sales is worked; what other books want to buy is held back
    barrier   the account's cash shows the sales
    size      purchases are sized from confirmed cash, crosses booked, the rest made into blocks
    buy       purchases, and what was held back and found no buyer, are worked

All sales end before the first purchase: the cash is there when it is spent, and the broker never
sees both sides of a symbol.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from alchemiser_dagster.books.limits import deployed_limit
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.netting import Prices
from alchemiser_dagster.books.sizing import Sizing
from alchemiser_dagster.execution.barrier import (
    TradeAtBarrier,
    blocked_purchases,
    blocks_after_sizing,
    purchases_wanted,
    sales_held_back,
    size_purchases,
)
from alchemiser_dagster.execution.desk import DEPLOYMENT, Capital, Desk
from alchemiser_dagster.execution.quotes import problem
from alchemiser_dagster.execution.reconciliation import total_positions
from alchemiser_dagster.execution.walk import NO_ORDERS, Walk
from alchemiser_dagster.ledger.block_records import blocks_of, open_block_members
from alchemiser_dagster.ledger.queries import (
    book_cash,
    outcomes,
    positions,
    snapshot,
    the_session,
)
from alchemiser_dagster.ledger.session_records import session_prices, set_session_state
from alchemiser_dagster.ledger.trade_records import block_trade, record_sizing, trades_of

CASH_WAITS = (1, 2, 4, 8, 10, 5)
"""Seconds between looks at the account's cash until it shows the sales."""
BARRIER = timedelta(minutes=6)
"""The longest that purchases wait for sales."""


def start_sales(desk: Desk, session: date) -> Walk:
    """The walk of the session's sales.

    While the session is open it ends in time for the purchases; sales that are still open then go
    on beside them. Of a session that is over it ends when its blocks do.
    """
    now = desk.gateway.clock().now
    with desk.ledger.read() as connection:
        row = the_session(connection, session)
    assert row is not None
    left = row.closes_at - now
    until: datetime | None = None
    if left > timedelta(0):
        before_barrier = row.state in ("open", "planned")
        until = now + min(BARRIER, left / 2) if before_barrier else now
    return Walk(desk, session, _capital(desk, session), round_=1, until=until)


def start_purchases(desk: Desk, session: date) -> Walk:
    """The walk of the session's purchases, and of sales that have not ended yet."""
    return Walk(desk, session, _capital(desk, session), round_=2)


def block_ids(desk: Desk, session: date, round_: int) -> list[str]:
    """The blocks of a round, the largest first by what they are worth."""
    prices = session_prices(desk.ledger, session)
    found = blocks_of(desk.ledger, session, round_=round_)
    worth = {block.block_id: block.quantity * prices[block.symbol].price for block in found}
    return sorted(worth, key=lambda block: (-worth[block], block))


def unfinished_block_ids(desk: Desk, session: date) -> list[str]:
    """The blocks that are open after the barrier: all of the second round, and stuck sales."""
    found = {b.block_id for b in blocks_of(desk.ledger, session) if b.state == "open"}
    ordered = [*block_ids(desk, session, 2), *block_ids(desk, session, 1)]
    return [block for block in ordered if block in found]


def sell(desk: Desk, session: date) -> None:
    """Work every block of sales."""
    walk = start_sales(desk, session)
    for block in block_ids(desk, session, 1):
        walk.finish(block)


def buy(desk: Desk, session: date) -> None:
    """Work every block of purchases, and what is left of the sales."""
    walk = start_purchases(desk, session)
    for block in unfinished_block_ids(desk, session):
        walk.finish(block)


def confirm_cash(desk: Desk, session: date) -> Decimal:
    """Wait until the broker's cash shows the sales; returns the cash that may be spent, dollars.

    Should the broker stay behind, what it shows is what may be spent.
    """
    with desk.ledger.read() as connection:
        booked = sum(book_cash(connection).values(), ZERO)
        row = the_session(connection, session)
    assert row is not None
    shown = desk.gateway.account().cash
    for seconds in CASH_WAITS:
        if shown >= booked:
            break
        desk.gateway.wait(seconds)
        shown = desk.gateway.account().cash
    if row.state == "planned":
        set_session_state(desk.ledger, session, "sold")
    return min(shown, booked)


def size(desk: Desk, session: date, cash: Decimal) -> Sizing | None:
    """Size every purchase from confirmed cash (`cash` dollars in the account) and book the crosses.

    Returns None when that was done before, by a run that was interrupted, or is too late.
    """
    now = desk.gateway.clock().now
    with desk.ledger.read() as connection:
        row = the_session(connection, session)
        assert row is not None
        if row.state != "sold" or row.closes_at - now < NO_ORDERS:
            return None
        own_cash = book_cash(connection)
        held = total_positions(positions(connection))
    capital = _capital(desk, session)
    trades = [_at_barrier(row) for row in trades_of(desk.ledger, session)]
    planned = {s: quoted.price for s, quoted in session_prices(desk.ledger, session).items()}
    blocked = blocked_purchases(trades, planned, capital, working=_still_selling(desk, session))
    for trade, why in blocked.items():
        block_trade(desk.ledger, trade, why)
    wants = purchases_wanted(trade for trade in trades if trade.trade_id not in blocked)
    held_back = sales_held_back(trades)
    assets = desk.gateway.assets()
    sized = size_purchases(
        wants,
        held_back,
        book_cash=own_cash,
        account_cash=min(cash, _room(capital, held, planned)),
        prices=_prices(
            desk, session, {w.symbol for w in wants} | {h.symbol for h in held_back}, now
        ),
        capital=capital,
        whole_shares={symbol for symbol, asset in assets.items() if not asset.fractionable},
        # Where books deal with each other first, nothing is bought that was sold: one side a
        # symbol. Where they do not, it may be, once the sale has ended.
        sold={
            block.symbol
            for block in blocks_of(desk.ledger, session, round_=1)
            if desk.crossing or block.state == "open"
        },
    )
    record_sizing(
        desk.ledger,
        session,
        sized={trade: (own.quantity, own.budget) for trade, own in sized.purchases.items()},
        dropped=sized.dropped,
        crosses=sized.crosses,
        blocks=blocks_after_sizing(sized, {trade.trade_id: trade.symbol for trade in trades}),
        at=now,
    )
    return sized


def _at_barrier(row: Row[Any]) -> TradeAtBarrier:
    return TradeAtBarrier(
        trade_id=row.trade_id,
        book=row.book,
        symbol=row.symbol,
        side=row.side,
        state=row.state,
        quantity=row.intended_quantity,
        held_back=row.held_back,
        filled=row.filled,
        budget=row.budget or ZERO,
    )


def _capital(desk: Desk, session: date) -> Capital:
    with desk.ledger.read() as connection:
        before = snapshot(connection, session, "before")
        books = {
            row.book: row.capital
            for row in outcomes(connection, session)
            if row.capital is not None
        }
    equity = desk.gateway.account().equity if before is None else before.equity
    return Capital(equity, books)


def _room(capital: Capital, held: Mapping[str, Decimal], prices: Mapping[str, Decimal]) -> Decimal:
    """Dollars that may be bought before the account's limit of deployed capital is reached."""
    value = sum((shares * prices.get(symbol, ZERO) for symbol, shares in held.items()), ZERO)
    return deployed_limit(capital.equity, DEPLOYMENT).dollars - value


def _prices(desk: Desk, session: date, symbols: set[str], now: datetime) -> dict[str, Prices]:
    """The quotes of now, or where there is no valid one those the session was planned at."""
    planned = session_prices(desk.ledger, session)
    quotes = desk.gateway.quotes(symbols)
    found = {}
    for symbol in symbols:
        quote, known = quotes.get(symbol), planned[symbol]
        good = quote is not None and problem(quote, now) is None
        bid, ask = (quote.bid, quote.ask) if quote is not None and good else (known.bid, known.ask)
        found[symbol] = Prices(bid=bid, ask=ask, planned=known.price)
    return found


def _still_selling(desk: Desk, session: date) -> set[str]:
    """The books that have a part in a block of sales that is still open."""
    books: set[str] = set()
    with desk.ledger.read() as connection:
        for block in blocks_of(desk.ledger, session, round_=1):
            if block.state == "open":
                members = open_block_members(connection, block.block_id)
                books |= {book for book, _ in members.values()}
    return books
