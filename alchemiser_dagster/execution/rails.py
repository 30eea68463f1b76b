"""The rails that every order must pass, checked where its intent is written down.

    halt, freeze        of the account or the symbol: no order
    daily_loss          no purchase
    single_order        dollars of one order, against the capital of the books it is for
    daily_notional      dollars traded in the session, what is open and this order included
    deployed            dollars of shares held, of open purchases and of this one, against equity

A halted book is left out of a block before the block becomes an order, so it is no matter here.

The check reads in the transaction that then writes the intent. Writers of the ledger take turns, so
of two orders that want the same last dollars the second one sees the first.
"""

from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from alchemiser_dagster.books.limits import day_limit, deployed_limit, order_limit
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.ledger.open_orders import open_purchases, traded_notional
from alchemiser_dagster.ledger.rails import rail_state


class RailBreach(Exception):
    """An order that a rail stops. `rail` is the rail's name; the message says by how much."""

    def __init__(self, rail: str, message: str) -> None:
        super().__init__(message)
        self.rail = rail


def check_order(
    connection: Connection,
    *,
    session: date,
    symbol: str,
    side: str,
    notional: Decimal,
    books_capital: Decimal,
    equity: Decimal,
    long_market_value: Decimal,
    deployment: Decimal,
) -> None:
    """Raise RailBreach unless an order of `notional` dollars may be sent now.

    `books_capital` is the capital of the books that the order is for, `equity` the account's,
    `long_market_value` what the books' shares are worth now, all dollars; `deployment` the share of
    capital that is invested. `connection` is in the transaction that writes the intent.
    """
    found = rail_state(connection).restriction(symbol=symbol, side=side)
    if found is not None:
        raise RailBreach(*found)
    breach = limit_breach(
        symbol=symbol,
        side=side,
        notional=notional,
        books_capital=books_capital,
        equity=equity,
        traded=traded_notional(connection, session),
        deployed=long_market_value + open_purchases(connection, session),
        deployment=deployment,
    )
    if breach is not None:
        raise breach


def limit_breach(
    *,
    symbol: str,
    side: str,
    notional: Decimal,
    books_capital: Decimal,
    equity: Decimal,
    traded: Decimal,
    deployed: Decimal,
    deployment: Decimal,
) -> RailBreach | None:
    """The limit that an order would pass, None when it passes none; the arguments of `check_order`.

    `traded` dollars have been bought and sold in the session, `deployed` are held and on order.
    """
    limits = [
        ("single_order", order_limit(books_capital, deployment), ZERO),
        ("daily_notional", day_limit(equity), traded),
    ]
    if side == "buy":
        limits.append(("deployed", deployed_limit(equity, deployment), deployed))
    for rail, limit, used in limits:
        refusal = limit.refusal(notional, used=used)
        if refusal is not None:
            return RailBreach(rail, f"{side} of {symbol}: {refusal}")
    return None
