"""The account's figures, and the one rule by which a fill moves cash.

**Cash.** Each execution moves cash by `round_half_up(quantity x price, 2 decimals)` (times 100 for
options): out for a buy, in for a sale. Nothing else is rounded on the way, so cash is always whole
cents, and a client that applies the rule to the quantity and price of every FILL activity arrives
at the broker's cash to the cent. Fees, dividends and exercised options, where there are any, are
activities FEE, DIV and OPTRD whose `net_amount` is the cash moved.

**Identities**, at every moment:

    equity            = cash + long market value + short market value
    position quantity = sum of its fills (buys plus, sells minus)
    buying power      = multiplier x equity - long - |short| - cash held for open orders, at least 0

In an account of settled cash only, the proceeds of sales count as held until they settle. With
multiplier 1 and no shorts, buying power is cash less what open buys hold back. Market values
are marked at the last trade, which after the close is the day's close; their sums are rounded to
cents before they are added, so the first identity holds for the figures shown.

The average entry price is the quantity-weighted mean of opening fills to nine decimals; closing
fills leave it unchanged.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from alchemiser_dagster.embedded.clock import last_opened_session, new_york_date
from alchemiser_dagster.embedded.market import Market
from alchemiser_dagster.embedded.money import QUANTITY_STEP, ZERO, cents, cents_up
from alchemiser_dagster.embedded.option_contracts import is_option, multiplier
from alchemiser_dagster.embedded.option_rules import cash_behind_options
from alchemiser_dagster.embedded.orders import Order
from alchemiser_dagster.embedded.state import DailyClose, Position, State

INITIAL_MARGIN = Decimal("0.5")
MAINTENANCE_MARGIN_LONG = Decimal("0.25")
MAINTENANCE_MARGIN_SHORT = Decimal("0.3")
SHORT_SALE_ALLOWANCE = Decimal("1.03")


def cash_effect(side: str, symbol: str, qty: Decimal, price: Decimal) -> Decimal:
    """How an execution of `qty` at `price` moves cash, in dollars and whole cents."""
    amount = cents(qty * price * multiplier(symbol))
    return -amount if side == "buy" else amount


def add_to_position(position: Position, signed_qty: Decimal, price: Decimal) -> None:
    """Apply a fill of `signed_qty` (negative for a sale) that does not cross zero."""
    before, after = position.qty, position.qty + signed_qty
    assert before * after >= 0, f"expected a fill up to flat, was {signed_qty} on {before}"
    if abs(after) > abs(before):
        mean = (position.average_price * before + signed_qty * price) / after
        position.average_price = mean.quantize(QUANTITY_STEP, ROUND_HALF_UP)
    position.qty = after
    if abs(position.overnight_qty) > abs(after):
        position.overnight_qty = after


def held_for_orders(state: State, symbol: str, apart: str | None = None) -> Decimal:
    """Shares of the position in `symbol` that open orders against it hold.

    The two exits of one order hold the same shares. Those of the order with the id `apart` are left
    out.
    """
    position = state.positions.get(symbol)
    if position is None:
        return ZERO
    closing = "sell" if position.qty > 0 else "buy"
    by_group: dict[str, Decimal] = {}
    for order in state.orders.values():
        group = order.attached_to or order.id
        if order.symbol == symbol and order.side == closing and group != apart:
            by_group[group] = max(by_group.get(group, ZERO), order.held_shares)
    return sum(by_group.values(), ZERO)


@dataclass(frozen=True, slots=True)
class Figures:
    """The account in dollars at a moment; the market values are in whole cents."""

    cash: Decimal
    long_market_value: Decimal
    short_market_value: Decimal
    equity: Decimal
    last_equity: Decimal
    multiplier: Decimal
    reserved: Decimal
    buying_power: Decimal
    regt_buying_power: Decimal
    non_marginable_buying_power: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    position_market_value: Decimal


def market_price(market: Market, position: Position, moment: datetime) -> Decimal:
    """The last trade of a held symbol."""
    trade = market.trade(position.symbol, moment)
    assert trade is not None, f"expected a price for the held symbol {position.symbol}"
    return trade.price


def figures(state: State, market: Market, opening_cash: Decimal) -> Figures:
    """The account's figures as of the state's clock."""
    values = [p.units * market_price(market, p, state.now) for p in state.positions.values()]
    long_value = cents(sum((value for value in values if value > 0), ZERO))
    short_value = cents(sum((value for value in values if value < 0), ZERO))
    equity = state.cash + long_value + short_value
    gross = long_value - short_value
    reserved = sum((reservation(state, order) for order in state.orders.values()), ZERO)
    reserved += cash_behind_options(state)
    today = new_york_date(state.now)
    reserved += sum((cash for day, cash in state.unsettled.items() if day > today), ZERO)
    multiplier = Decimal(state.configuration.max_margin_multiplier)
    overnight = min(multiplier, Decimal(2))
    return Figures(
        cash=state.cash,
        long_market_value=long_value,
        short_market_value=short_value,
        equity=equity,
        last_equity=last_equity(state, opening_cash),
        multiplier=multiplier,
        reserved=reserved,
        buying_power=max(ZERO, multiplier * equity - gross - reserved),
        regt_buying_power=max(ZERO, overnight * equity - gross - reserved),
        non_marginable_buying_power=max(ZERO, state.cash - reserved),
        initial_margin=cents(gross * (INITIAL_MARGIN if multiplier > 1 else 1)),
        maintenance_margin=cents(
            long_value * MAINTENANCE_MARGIN_LONG - short_value * MAINTENANCE_MARGIN_SHORT
        ),
        position_market_value=gross,
    )


def reservation(state: State, order: Order) -> Decimal:
    """Buying power that an open order holds: nothing when it closes a position.

    Until the clock moves on after a replacement, either order may be the one that fills: what the
    old one held is held still, if that was more.
    """
    if not order.is_open:
        return ZERO
    if order.legs:
        return order.reserved_for_legs
    least = order.replaced_reserve if state.now <= order.created_at else ZERO
    if is_option(order.symbol):
        opens = order.position_intent == "buy_to_open"
        return max(least, order.reserved_cash) if opens else ZERO
    position = state.positions.get(order.symbol)
    held = position.qty if position is not None else ZERO
    if order.is_buy:
        return max(least, order.reserved_cash) if held >= 0 else ZERO
    if held > 0:
        return ZERO
    return cents_up(order.held_shares * max(order.limit_price or ZERO, order.reserve_price))


def last_equity(state: State, opening_cash: Decimal) -> Decimal:
    """Equity at the close of the last session before today's date, or the opening cash."""
    today = new_york_date(state.now)
    for close in (state.last_close, state.close_before):
        if close is not None and close.session < today:
            return close.equity
    return opening_cash


def close_of_day(state: State, market: Market, session: date) -> DailyClose:
    """The record of the account at the close of `session`, which is now."""
    values = (p.units * market_price(market, p, state.now) for p in state.positions.values())
    positive, negative = ZERO, ZERO
    for value in values:
        positive, negative = positive + max(value, ZERO), negative + min(value, ZERO)
    return DailyClose(session, state.cash + cents(positive) + cents(negative), state.cash)


def balance_date(state: State) -> date:
    """The session whose close the account's `last_` figures are from."""
    today = new_york_date(state.now)
    for close in (state.last_close, state.close_before):
        if close is not None and close.session < today:
            return close.session
    return last_opened_session(state.now)
