"""Multi-leg option orders: two to four contracts bought and sold together, or not at all.

The whole is an order without symbol and side, each leg an order of its own within it. Prices of
the whole are net per unit, a credit negative; it fills when the legs' touches together are within
its limit, every leg at its touch.
"""

import dataclasses
from decimal import Decimal

from alchemiser_dagster.embedded import option_rules, rules
from alchemiser_dagster.embedded.account import figures
from alchemiser_dagster.embedded.bookkeeping import Bookkeeper, asset_id
from alchemiser_dagster.embedded.market import Market
from alchemiser_dagster.embedded.money import ZERO
from alchemiser_dagster.embedded.option_contracts import CONTRACT_SIZE, Contract, read_contract
from alchemiser_dagster.embedded.orders import Execution, LegRequest, Order, OrderRequest
from alchemiser_dagster.embedded.refusals import unprocessable
from alchemiser_dagster.embedded.state import State


def check_legs(
    request: OrderRequest, state: State, market: Market, opening_cash: Decimal
) -> Decimal:
    """The net price held back per unit; raises RefusalError unless the account may send it."""
    rules.check_account(state)
    assert request.qty is not None
    contracts = [_check_leg(request, leg, market, state) for leg in request.legs]
    for contract in contracts[1:]:
        if contract.root != contracts[0].root:
            raise unprocessable(
                f"underlying asset mismatch: {contracts[0].root} != {contract.root}"
            )
    net = request.limit_price
    if net is None:
        net = net_touch(request.legs, market, state)
        if net is None:
            raise unprocessable("options market orders need a quote of every leg")
    signed = (leg.ratio if leg.side == "buy" else -leg.ratio for leg in request.legs)
    changes = [(c, n * request.qty) for c, n in zip(contracts, signed, strict=True)]
    free = figures(state, market, opening_cash).non_marginable_buying_power
    debit = net * request.qty * CONTRACT_SIZE
    option_rules.check_backing(state, free, debit, changes, rules.free_shares_by_root(state))
    return net


def _check_leg(request: OrderRequest, leg: LegRequest, market: Market, state: State) -> Contract:
    single = dataclasses.replace(
        request, symbol=leg.symbol, side=leg.side, legs=(), order_class="", limit_price=None
    )
    if read_contract(leg.symbol) is None:
        raise unprocessable(f'contract "{leg.symbol}" not found')
    contract = option_rules.check_form(single, market, state)
    option_rules.check_not_expiring(contract, leg.position_intent, state)
    held = state.positions.get(leg.symbol)
    holds = ZERO if held is None else held.qty
    closing = holds < 0 if leg.side == "buy" else holds > 0
    inferred = f"{leg.side}_to_{'close' if closing else 'open'}"
    if leg.position_intent != inferred:
        raise unprocessable(
            f"position intent mismatch, inferred: {inferred}, specified: {leg.position_intent}"
        )
    if closing:
        assert request.qty is not None
        rules.check_free_shares(state, leg.symbol, request.qty * leg.ratio)
    return contract


def net_touch(
    legs: tuple[LegRequest, ...] | tuple[Order, ...], market: Market, state: State
) -> Decimal | None:
    """What a unit costs at the touches; None if a leg has no quote on its side."""
    net = ZERO
    for leg in legs:
        quote = market.quote(leg.symbol, state.now)
        if quote is None or (leg.side == "sell" and quote.bid <= 0):
            return None
        net += leg.ratio * (quote.ask if leg.side == "buy" else -quote.bid)
    return net


def legs_of(request: OrderRequest, whole: Order, books: Bookkeeper) -> list[Order]:
    """The orders of the legs of `whole`."""
    assert whole.qty is not None
    return [
        dataclasses.replace(
            whole,
            sequence=books.next_sequence(),
            id=leg_id,
            client_order_id=books.next_id("client order"),
            symbol=leg.symbol,
            asset_id=asset_id(leg.symbol),
            side=leg.side,
            qty=whole.qty * leg.ratio,
            limit_price=None,
            position_intent=leg.position_intent,
            reserve_price=ZERO,
            legs=(),
            parent_id=whole.id,
            ratio=leg.ratio,
        )
        for leg, leg_id in zip(request.legs, whole.legs, strict=True)
    ]


def try_to_fill_whole(whole: Order, books: Bookkeeper, market: Market) -> None:
    """Fill every leg at its touch if the net is within the limit."""
    legs = tuple(books.state.orders[leg_id] for leg_id in whole.legs)
    net = net_touch(legs, market, books.state)
    if net is None or (whole.limit_price is not None and net > whole.limit_price):
        return
    for leg in legs:
        quote = market.quote(leg.symbol, books.state.now)
        assert quote is not None
        books.fill(leg, Execution(leg.remaining, quote.ask if leg.is_buy else quote.bid))
    books.fill_whole(whole, Execution(whole.remaining, net))
