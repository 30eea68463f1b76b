"""The two trading phases with the barrier between them.

All sales of all books end before the first purchase of any: the cash is there when it is spent, and
the broker never sees both sides of a symbol. Purchases are sized from each book's own cash, and
scaled down together when the account has less than the books believe.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.books.planning import scale_to_cash, size_buys, smallest_trade
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.quotes import problem
from alchemiser_dagster.execution.walk import TradeToWalk, Walk
from alchemiser_dagster.ledger.queries import book_cash, outcomes, the_session
from alchemiser_dagster.ledger.session_records import session_prices, set_session_state
from alchemiser_dagster.ledger.trade_records import ENDED_TRADES, end_trade, size_trades, trades_of

CASH_WAITS = (1, 2, 4, 8, 10)
"""Seconds between looks at the account's cash until it shows the sales."""
FAILED_SALES_LIMIT = Decimal(500)
FAILED_SALES_SHARE = Decimal("0.05")


def sell(desk: Desk, session: date) -> None:
    """Walk every sale of every book to its end."""
    _walk(desk, session, _open(trades_of(desk.ledger, session, side="sell")))


def confirm_cash(desk: Desk, session: date) -> Decimal:
    """Wait until the broker's cash shows the sales; returns the cash that may be spent, dollars.

    Should the broker stay behind, what it shows is what may be spent.
    """
    with desk.ledger.read() as connection:
        booked = sum(book_cash(connection).values(), ZERO)
    shown = desk.gateway.account().cash
    for seconds in CASH_WAITS:
        if shown >= booked:
            break
        desk.gateway.wait(seconds)
        shown = desk.gateway.account().cash
    set_session_state(desk.ledger, session, "sold")
    return min(shown, booked)


def buy(desk: Desk, session: date, cash: Decimal) -> None:
    """Size every purchase from confirmed cash (`cash` dollars in the account) and walk it."""
    planned = [t for t in trades_of(desk.ledger, session, side="buy") if t.state == "planned"]
    if planned:
        _block(desk, session, planned)
        _size(desk, session, cash)
    sized = [t for t in trades_of(desk.ledger, session, side="buy") if t.state == "sized"]
    _walk(desk, session, sized)


def _open(trades: Sequence[Row[Any]]) -> list[Row[Any]]:
    return [trade for trade in trades if trade.state not in ENDED_TRADES]


def _walk(desk: Desk, session: date, trades: Sequence[Row[Any]]) -> None:
    if not trades:
        return
    with desk.ledger.read() as connection:
        row = the_session(connection, session)
    assert row is not None
    walk = Walk(
        desk.gateway,
        desk.ledger,
        environment=desk.environment,
        session=session,
        closes_at=row.closes_at,
    )
    walk.run(
        [TradeToWalk(t.trade_id, t.book, t.symbol, t.side, t.intended_quantity) for t in trades]
    )


def _block(desk: Desk, session: date, planned: Sequence[Row[Any]]) -> None:
    """End the purchases of a book whose failed sales are too large a part of its capital."""
    prices = session_prices(desk.ledger, session)
    with desk.ledger.read() as connection:
        capital = {row.book: row.capital for row in outcomes(connection, session)}
    failed: dict[str, Decimal] = {}
    for trade in trades_of(desk.ledger, session, side="sell"):
        unsold = (trade.intended_quantity - trade.filled) * prices[trade.symbol].price
        failed[trade.book] = failed.get(trade.book, ZERO) + unsold
    for trade in planned:
        unsold = failed.get(trade.book, ZERO)
        if unsold > min(FAILED_SALES_LIMIT, FAILED_SALES_SHARE * capital[trade.book]):
            why = (
                f"sales worth {to_cents(unsold)} did not fill, so the book's purchases are blocked"
            )
            end_trade(desk.ledger, trade.trade_id, "skipped", why)


def _size(desk: Desk, session: date, account_cash: Decimal) -> None:
    planned = [t for t in trades_of(desk.ledger, session, side="buy") if t.state == "planned"]
    by_book: dict[str, list[Row[Any]]] = {}
    for trade in planned:
        by_book.setdefault(trade.book, []).append(trade)
    with desk.ledger.read() as connection:
        own_cash = book_cash(connection)
        capital = {row.book: row.capital for row in outcomes(connection, session)}
    prices = session_prices(desk.ledger, session)
    symbols = {trade.symbol for trade in planned}
    quotes, now = desk.gateway.quotes(symbols), desk.gateway.clock().now
    asks = {
        symbol: max(
            prices[symbol].price,
            quotes[symbol].ask
            if symbol in quotes and problem(quotes[symbol], now) is None
            else prices[symbol].ask,
        )
        for symbol in symbols
    }
    assets = desk.gateway.assets()
    whole = {s for s in symbols if s in assets and not assets[s].fractionable}
    budgets = scale_to_cash(
        {
            book: min(sum((t.budget for t in trades), ZERO), max(own_cash[book], ZERO))
            for book, trades in by_book.items()
        },
        account_cash,
    )
    sized: dict[str, tuple[Decimal, Decimal]] = {}
    dropped: dict[str, str] = {}
    for book, trades in by_book.items():
        buys, left_out = size_buys(
            {trade.symbol: trade.budget for trade in trades},
            available=budgets[book],
            asks=asks,
            minimum=smallest_trade(capital[book]),
            whole_shares=whole,
        )
        trade_ids = {trade.symbol: trade.trade_id for trade in trades}
        sized |= {trade_ids[buy.symbol]: (buy.quantity, buy.budget) for buy in buys}
        dropped |= {trade_ids[symbol]: reason for symbol, reason in left_out.items()}
    size_trades(desk.ledger, sized, dropped)
