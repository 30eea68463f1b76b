"""What the account may do: assets, short sales, wash trades, shares and buying power.

Checked in the order of the functions of `check_order`; the first rule broken is the answer.
"""

from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.embedded import option_rules
from alchemiser_dagster.embedded.account import (
    SHORT_SALE_ALLOWANCE,
    figures,
    held_for_orders,
    reservation,
)
from alchemiser_dagster.embedded.market import Market
from alchemiser_dagster.embedded.money import ZERO, cents_up, is_whole, plain, rounded
from alchemiser_dagster.embedded.option_contracts import CONTRACT_SIZE, is_option, read_contract
from alchemiser_dagster.embedded.option_rules import shares_behind_calls
from alchemiser_dagster.embedded.order_fields import check_least_value
from alchemiser_dagster.embedded.orders import GROUP_CLASSES, Order, OrderRequest
from alchemiser_dagster.embedded.refusals import forbidden, unprocessable
from alchemiser_dagster.embedded.state import AssetFlags, State

PRICED_BY_LIMIT = frozenset({"limit", "stop_limit"})


@dataclass(frozen=True, slots=True)
class Admission:
    """What an accepted order carries on: its intent, and the price one share is held at."""

    position_intent: str
    reserve_price: Decimal


def check_order(
    request: OrderRequest, state: State, market: Market, opening_cash: Decimal
) -> Admission:
    """Raises RefusalError unless the account may send `request` now."""
    check_account(state)
    if is_option(request.symbol):
        return check_option_order(request, state, market, opening_cash)
    _check_asset(request, state, market)
    price = reserve_price(request, state, market)
    _check_stop(request, price)
    cost = request.notional or cents_up((request.qty or ZERO) * (request.limit_price or price))
    check_least_value(request, cost)
    intent = _check_intent(request, state)
    _check_shares(request, state, price)
    check_wash_trade(request, state)
    check_buying_power(request, intent, price, state, market, opening_cash)
    return Admission(intent, price)


def check_option_order(
    request: OrderRequest, state: State, market: Market, opening_cash: Decimal
) -> Admission:
    """The rules for an order in one option, likewise."""
    contract = option_rules.check_form(request, market, state)
    price = reserve_price(request, state, market)
    intent = _check_intent(request, state)
    option_rules.check_not_expiring(contract, intent, state)
    if intent.endswith("to_close"):
        assert request.qty is not None
        check_free_shares(state, request.symbol, request.qty)
    check_wash_trade(request, state)
    check_option_funds(request, intent, price, state, market, opening_cash)
    return Admission(intent, price)


def check_option_funds(
    request: OrderRequest,
    intent: str,
    price: Decimal,
    state: State,
    market: Market,
    opening_cash: Decimal,
    replaced: Order | None = None,
) -> None:
    """Raises RefusalError unless the account can pay for the option, or back it."""
    contract = read_contract(request.symbol)
    assert contract is not None
    assert request.qty is not None
    signed = request.qty if request.side == "buy" else -request.qty
    debit = signed * (request.limit_price or price) * CONTRACT_SIZE
    if replaced is not None:
        signed -= replaced.remaining if replaced.is_buy else -replaced.remaining
    free = figures(state, market, opening_cash).non_marginable_buying_power
    if replaced is not None and intent == "buy_to_open":
        free += reservation(state, replaced)
    option_rules.check_backing(state, free, debit, [(contract, signed)], free_shares_by_root(state))


def free_shares_by_root(state: State) -> dict[str, Decimal]:
    """Shares held that neither orders nor calls sold lay claim to."""
    return {
        symbol.replace(".", ""): position.qty
        - held_for_orders(state, symbol)
        - option_rules.shares_behind_calls(state, symbol)
        for symbol, position in state.positions.items()
        if not is_option(symbol)
    }


def check_account(state: State) -> None:
    if state.account_flags.trading_blocked or state.account_flags.account_blocked:
        raise forbidden("account is not authorized to trade")
    if state.configuration.suspend_trade:
        raise forbidden("new orders are rejected by user request")


def reserve_price(request: OrderRequest, state: State, market: Market) -> Decimal:
    """What a share is valued at until it fills: the far side of the quote, or the last trade."""
    quote = market.quote(request.symbol, state.now)
    if quote is not None:
        touch = quote.ask if request.side == "buy" else quote.bid
        return max(touch, request.stop_price or ZERO) if request.side == "buy" else touch
    trade = market.trade(request.symbol, state.now)
    if trade is None:
        raise unprocessable(f'asset "{request.symbol}" has not traded yet')
    return trade.price


def _check_asset(request: OrderRequest, state: State, market: Market) -> None:
    symbol = request.symbol
    if not market.listed(symbol, state.now):
        raise unprocessable(f'asset "{symbol}" not found')
    flags = state.asset_flags.get(symbol, AssetFlags())
    if not flags.active:
        raise unprocessable(f"asset {symbol} is not active")
    if not flags.tradable:
        raise unprocessable(f'asset "{symbol}" is not tradable')
    fractional = request.qty is None or not is_whole(request.qty)
    if fractional and not (flags.fractionable and state.configuration.fractional_trading):
        raise forbidden(f'asset "{symbol}" is not fractionable')


def _check_stop(request: OrderRequest, price: Decimal) -> None:
    """A sale's stop is below the market, a buy's above."""
    stop = request.stop_price
    if stop is None:
        return
    if request.side == "sell" and stop >= price:
        raise unprocessable(
            "stop price must be less than current price",
            market_price=plain(price),
            stop_price=plain(stop),
        )


def _check_intent(request: OrderRequest, state: State) -> str:
    """The position intent, inferred from what is held."""
    position = state.positions.get(request.symbol)
    held = position.qty if position is not None else ZERO
    if request.side == "buy":
        inferred = "buy_to_close" if held < 0 else "buy_to_open"
    else:
        inferred = "sell_to_close" if held > 0 else "sell_to_open"
    if request.position_intent not in (None, inferred):
        raise unprocessable(
            f"position intent mismatch, inferred: {inferred}, specified: {request.position_intent}"
        )
    return inferred


def _check_shares(request: OrderRequest, state: State, price: Decimal) -> None:
    """An order against a position may ask for no more than is free of it."""
    position = state.positions.get(request.symbol)
    held = position.qty if position is not None else ZERO
    if request.side == "sell" and held <= 0:
        _check_short_sale(request, state)
        return
    if request.side == "buy" and held >= 0:
        for order in state.orders.values():
            if order.symbol == request.symbol and order.position_intent == "sell_to_open":
                raise forbidden("cannot open a long buy while a short sell order is open")
        return
    wanted = request.qty
    if wanted is None:
        assert request.notional is not None
        wanted = request.notional / price
    check_free_shares(state, request.symbol, wanted)


def check_free_shares(state: State, symbol: str, wanted: Decimal, own: Decimal = ZERO) -> None:
    """Raises RefusalError if `wanted` exceeds what open orders leave free, but for `own`."""
    held = abs(state.positions[symbol].qty)
    in_orders = held_for_orders(state, symbol) + shares_behind_calls(state, symbol) - own
    available = max(ZERO, held - in_orders)
    if wanted > available:
        raise forbidden(
            "insufficient qty available for order "
            f"(requested: {rounded(wanted, 9)}, available: {rounded(available, 9)})",
            available=rounded(available, 9),
            existing_qty=plain(held),
            held_for_orders=rounded(in_orders, 9),
            symbol=symbol,
        )


def _check_short_sale(request: OrderRequest, state: State) -> None:
    if request.qty is None or not is_whole(request.qty):
        raise unprocessable("fractional orders cannot be sold short")
    multiplier = Decimal(state.configuration.max_margin_multiplier)
    if state.configuration.no_shorting or multiplier <= 1:
        raise forbidden("account is not allowed to short")
    if not state.asset_flags.get(request.symbol, AssetFlags()).shortable:
        raise unprocessable(f'asset "{request.symbol}" cannot be sold short')
    for order in state.orders.values():
        if order.symbol == request.symbol and order.is_buy:
            raise forbidden("cannot open a short sell while a long buy order is open")


def check_wash_trade(request: OrderRequest, state: State) -> None:
    """Opposite orders in one symbol must not be able to trade with each other.

    Two orders with limits may stand together as long as the buy's limit is below the sale's;
    beside a market or stop order no opposite order is taken.
    """
    for order in state.orders.values():
        if order.symbol != request.symbol or order.side == request.side:
            continue
        if is_exempt_from_wash_rule(order.type, order.order_class) or is_exempt_from_wash_rule(
            request.type, request.order_class
        ):
            continue
        both_priced = order.type in PRICED_BY_LIMIT and request.type in PRICED_BY_LIMIT
        if both_priced:
            assert order.limit_price is not None
            assert request.limit_price is not None
            buy, sell = request.limit_price, order.limit_price
            if order.is_buy:
                buy, sell = sell, buy
            if buy < sell:
                continue
        kind = "limit" if order.type in PRICED_BY_LIMIT else "market/stop"
        raise forbidden(
            "potential wash trade detected. use complex orders",
            reject_reason=f"opposite side {kind} order exists",
            existing_order_id=order.id,
        )


def is_exempt_from_wash_rule(kind: str, order_class: str) -> bool:
    return kind == "trailing_stop" or order_class in GROUP_CLASSES


def check_buying_power(
    request: OrderRequest,
    intent: str,
    price: Decimal,
    state: State,
    market: Market,
    opening_cash: Decimal,
    replaced: Order | None = None,
) -> None:
    """Raises RefusalError if an opening order costs more than the account has free.

    What the order it replaces holds back counts as free.
    """
    if is_option(request.symbol):
        check_option_funds(request, intent, price, state, market, opening_cash, replaced)
        return
    if not intent.endswith("to_open"):
        return
    if request.side == "buy":
        per_share = request.limit_price or price
    else:
        per_share = max(request.limit_price or ZERO, price * SHORT_SALE_ALLOWANCE)
    cost = request.notional or cents_up((request.qty or ZERO) * per_share)
    free = figures(state, market, opening_cash).buying_power
    if replaced is not None and replaced.is_buy:
        free += reservation(state, replaced)
    if cost > free:
        raise forbidden(
            "insufficient buying power", buying_power=rounded(free, 2), cost_basis=rounded(cost, 2)
        )


def request_of(order: Order) -> OrderRequest:
    """The request that would make `order`."""
    return OrderRequest(
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        qty=order.qty,
        notional=order.notional,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        extended_hours=order.extended_hours,
        order_class=order.order_class,
    )
