"""What the account may do with options: the form of an order, and what stands behind it.

An option sold short must be backed: a call by 100 shares of the underlying, a put by its strike in
cash, either by a bought option of the same kind that runs at least as long, which leaves the
difference of the strikes to back in cash. Shorts are paired with bought options greedily, the
costliest first.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.embedded.clock import Phase, new_york_date, phase_at
from alchemiser_dagster.embedded.market import Market
from alchemiser_dagster.embedded.money import ZERO, cents_up, is_whole, plain, rounded
from alchemiser_dagster.embedded.option_contracts import CONTRACT_SIZE, Contract, read_contract
from alchemiser_dagster.embedded.orders import OrderRequest
from alchemiser_dagster.embedded.refusals import forbidden, unprocessable
from alchemiser_dagster.embedded.state import State


@dataclass(frozen=True, slots=True)
class Backing:
    """What short options need: dollars, and shares by root."""

    cash: Decimal
    shares: Mapping[str, Decimal]


def option_holdings(state: State) -> dict[Contract, Decimal]:
    """Contracts held, with those that open orders would sell short, and legs bought with them."""
    held: dict[Contract, Decimal] = defaultdict(Decimal)
    for symbol, position in state.positions.items():
        contract = read_contract(symbol)
        if contract is not None:
            held[contract] += position.qty
    for order in state.orders.values():
        contract = read_contract(order.symbol)
        if contract is None:
            continue
        if order.position_intent == "sell_to_open":
            held[contract] -= order.remaining
        elif order.position_intent == "buy_to_open" and order.parent_id is not None:
            held[contract] += order.remaining
    return held


def backing(holdings: Mapping[Contract, Decimal]) -> Backing:
    """What the short contracts among `holdings` need."""
    cash = ZERO
    shares: dict[str, Decimal] = defaultdict(Decimal)
    bought = {contract: qty for contract, qty in holdings.items() if qty > 0}
    shorts = [(contract, -qty) for contract, qty in holdings.items() if qty < 0]
    for contract, qty in sorted(shorts, key=lambda item: _costliest_first(item[0])):
        left = qty
        for cover in sorted(bought, key=_costliest_first):
            if left > 0 and bought[cover] > 0 and _covers(cover, contract):
                pairs = min(left, bought[cover])
                gap = cover.strike - contract.strike
                gap = gap if contract.is_call else -gap
                cash += pairs * max(ZERO, gap) * CONTRACT_SIZE
                bought[cover] -= pairs
                left -= pairs
        if contract.is_call:
            shares[contract.root] += left * CONTRACT_SIZE
        else:
            cash += left * contract.strike * CONTRACT_SIZE
    return Backing(cash, shares)


def shares_behind_calls(state: State, symbol: str) -> Decimal:
    """Shares of `symbol` that back calls sold."""
    holdings = option_holdings(state)
    if not holdings:
        return ZERO
    return backing(holdings).shares.get(symbol.replace(".", ""), ZERO)


def cash_behind_options(state: State) -> Decimal:
    """Dollars that back options sold."""
    holdings = option_holdings(state)
    return backing(holdings).cash if holdings else ZERO


def check_form(request: OrderRequest, market: Market, state: State) -> Contract:
    """Raises RefusalError unless this option may be ordered in this way now."""
    contract = read_contract(request.symbol)
    assert contract is not None
    now = state.now
    if not market.options.listed(contract, now):
        raise unprocessable(f'contract "{request.symbol}" not found')
    if market.options.is_expired(contract, now):
        raise unprocessable(f'contract "{request.symbol}" is expired')
    if request.notional is not None:
        raise unprocessable("notional orders are not supported for options trading")
    if request.qty is None or not is_whole(request.qty):
        raise unprocessable("qty must be integer for options trading")
    if request.extended_hours:
        raise unprocessable("extended hours is not supported for options trading")
    if request.time_in_force != "day":
        raise unprocessable("invalid option time_in_force")
    if request.type not in ("market", "limit"):
        raise unprocessable(f"{request.type} orders are not supported for options trading")
    if request.type == "market" and phase_at(now) is not Phase.REGULAR:
        raise unprocessable("options market orders are only allowed during market hours")
    return contract


def check_not_expiring(contract: Contract, intent: str, state: State) -> None:
    """No new positions on the day a contract expires."""
    if intent.endswith("to_open") and contract.expiration == new_york_date(state.now):
        raise unprocessable(
            f'contract "{contract.symbol}" expires soon, unable to open new positions'
        )


def check_backing(
    state: State,
    free_cash: Decimal,
    debit: Decimal,
    changes: Iterable[tuple[Contract, Decimal]],
    free_shares: Mapping[str, Decimal],
) -> None:
    """Raises RefusalError unless the account can pay `debit` and back the contracts it would hold.

    `changes` are contracts bought (plus) and sold (minus); `free_shares` is by root.
    """
    before = option_holdings(state)
    after = defaultdict(Decimal, before)
    for contract, qty in changes:
        after[contract] += qty
    now, then = backing(before), backing(after)
    for root, needed in then.shares.items():
        extra = needed - now.shares.get(root, ZERO)
        available = free_shares.get(root, ZERO)
        if extra > max(ZERO, available):
            raise forbidden(
                "insufficient underlying qty available for covered call "
                f"(required: {plain(extra)}, available: {plain(available)})",
                available_qty=plain(available),
                required_qty=plain(extra),
                symbol=root,
            )
    backed = max(ZERO, then.cash - now.cash)
    required = cents_up(max(ZERO, debit) + backed)
    if required > free_cash and required > 0:
        kind = " for cash-secured put" if backed > 0 else ""
        figures = f"(required: {rounded(required, 2)}, available: {rounded(free_cash, 2)})"
        raise forbidden(f"insufficient options buying power{kind} {figures}")


def _covers(bought: Contract, sold: Contract) -> bool:
    return (
        bought.root == sold.root
        and bought.is_call == sold.is_call
        and bought.expiration >= sold.expiration
    )


def _costliest_first(contract: Contract) -> tuple[Decimal, str]:
    cost = contract.strike if contract.is_call else -contract.strike
    return cost, contract.symbol
