"""What a book should sell and buy to reach its target weights.

With K the book's capital (its net asset value), p the deployed fraction, w the weights, q the
quantities held and P the prices, for each symbol held or wanted:

    target T = w K p      current C = q P      difference D = T - C
    m = max(1.00, min(5.00, 1 % of K))         the smallest trade worth making

    frozen                 HOLD, and its target weight stays in cash
    not wanted, C >= 1.00  EXIT of exactly q         not wanted, C < 1.00   DUST, left alone
    |D| < m                HOLD
    D < 0                  SELL floor(-D / P)        an EXIT if less than 1.00 would be left
    D > 0                  BUY for D dollars; the quantity is fixed when the cash is there

A book of 30,000 with 200 TQQQ at 75, 10 SPY at 500 and 10,000 of cash, to be held at 60 % TQQQ and
40 % TLT with all of it deployed: EXIT 10 SPY, BUY 3,000 of TQQQ and 12,000 of TLT.

Nothing is traded unless something opens the gate: a schedule that is due, capital moved into or out
of the book, or, for a symphony with a threshold, holdings that changed or drifted further than it
allows. Then every symbol is traded to its target.

Sales come before purchases, which are sized a second time from confirmed cash: `books.sizing`. All
prices are dollars a share, all values dollars.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from alchemiser_dagster.books.money import CENT, ZERO, floor_quantity, to_cents

DUST = Decimal("1.00")
"""Dollars below which a holding is not worth an order; also the broker's smallest order."""
FROZEN = "frozen"
"""Why a symbol is left alone whose shares do not agree with the broker's."""
TOO_DEAR = "whole shares only, and one costs more than its slice"
"""Why a symbol that cannot be held in fractions is not bought."""


class Action(StrEnum):
    """What happens to one symbol of a book."""

    EXIT = "exit"
    SELL = "sell"
    BUY = "buy"
    HOLD = "hold"
    DUST = "dust"
    SKIP = "skip"


class PlanError(Exception):
    """A book that cannot be planned this session; the message names what is missing."""


class EmptySignal(PlanError):
    """A signal without weights that does not say that it means to hold nothing."""


@dataclass(frozen=True)
class PlanItem:
    """One symbol of a plan; `quantity` is what to sell (0 for a BUY until it is sized)."""

    symbol: str
    action: Action
    weight: Decimal
    held: Decimal
    price: Decimal
    target: Decimal
    current: Decimal
    quantity: Decimal
    reason: str

    @property
    def difference(self) -> Decimal:
        """Dollars to buy (positive) or sell (negative) to reach the target."""
        return self.target - self.current


@dataclass(frozen=True)
class Plan:
    """A book's plan: its capital and what to do with each symbol held or wanted."""

    capital: Decimal
    cash: Decimal
    deployment: Decimal
    trigger: str
    items: tuple[PlanItem, ...]

    @property
    def sells(self) -> tuple[PlanItem, ...]:
        """Exits first, then the largest sales."""
        chosen = [item for item in self.items if item.action in (Action.EXIT, Action.SELL)]
        return tuple(
            sorted(chosen, key=lambda i: (i.action is not Action.EXIT, i.difference, i.symbol))
        )

    @property
    def buys(self) -> tuple[PlanItem, ...]:
        """The largest purchases first."""
        chosen = [item for item in self.items if item.action is Action.BUY]
        return tuple(sorted(chosen, key=lambda i: (-i.difference, i.symbol)))


def smallest_trade(capital: Decimal) -> Decimal:
    """Dollars below which a change of weight is not traded: 1 % of capital within 1.00 .. 5.00."""
    return max(DUST, min(Decimal("5.00"), to_cents(capital * CENT)))


def plan_book(
    *,
    weights: Mapping[str, Decimal],
    holdings: Mapping[str, Decimal],
    cash: Decimal,
    prices: Mapping[str, Decimal],
    deployment: Decimal,
    scheduled: bool = True,
    threshold: Decimal | None = None,
    whole_shares: Set[str] = frozenset(),
    frozen: Set[str] = frozenset(),
    all_cash: bool = False,
    force: bool = False,
) -> Plan:
    """Plan one book.

    `weights` are target weights by symbol, `holdings` shares by symbol, `cash` the book's dollars,
    `whole_shares` the symbols that cannot be held in fractions, `frozen` those that may not be
    traded. `threshold` is the symphony's rebalance threshold in weight points (0.05 = five points),
    None where the symphony rebalances on a schedule; `scheduled` then says whether this session is
    due. `force` trades whatever the schedule or the threshold say: capital was moved. `all_cash`
    says that a signal without weights means to hold nothing.

    Raises EmptySignal for no weights without `all_cash`, and PlanError when `all_cash` comes with
    weights, a held or wanted symbol has no positive price, or the book no capital.
    """
    weights = {symbol: weight for symbol, weight in weights.items() if weight != 0}
    if not weights and not all_cash:
        raise EmptySignal("expected weights, or a signal that says all cash, was neither")
    if weights and all_cash:
        raise PlanError(f"expected no weights of an all-cash signal, was {', '.join(weights)}")
    symbols = sorted({*weights, *(s for s, quantity in holdings.items() if quantity != 0)})
    for symbol in symbols:
        if prices.get(symbol, ZERO) <= 0:
            raise PlanError(f"expected a price for {symbol}, was {prices.get(symbol, 'none')}")
    values = (holdings.get(symbol, ZERO) * prices[symbol] for symbol in symbols)
    capital = cash + sum(values, ZERO)
    if capital <= 0:
        raise PlanError(f"expected a book with capital, was {to_cents(capital)} dollars")

    deployed = capital * deployment
    minimum = smallest_trade(capital)
    items = [
        _item(
            symbol,
            weight=weights.get(symbol, ZERO),
            held=holdings.get(symbol, ZERO),
            price=prices[symbol],
            deployed=deployed,
            minimum=minimum,
            whole=symbol in whole_shares,
            frozen=symbol in frozen,
        )
        for symbol in symbols
    ]
    if force:
        trigger = "capital moved"
    elif threshold is None:
        trigger = "schedule" if scheduled else ""
    else:
        trigger = _departure([i for i in items if i.symbol not in frozen], threshold * deployed)
    if not trigger:
        items = [_not_due(item) for item in items]
    return Plan(capital, cash, deployment, trigger, tuple(items))


def _item(
    symbol: str,
    *,
    weight: Decimal,
    held: Decimal,
    price: Decimal,
    deployed: Decimal,
    minimum: Decimal,
    whole: bool,
    frozen: bool,
) -> PlanItem:
    target, current = weight * deployed, held * price
    if frozen:
        action, quantity, reason = Action.HOLD, ZERO, FROZEN
    else:
        action, quantity, reason = _action(
            held=held, price=price, target=target, minimum=minimum, whole=whole
        )
    return PlanItem(
        symbol=symbol,
        action=action,
        weight=weight,
        held=held,
        price=price,
        target=target,
        current=current,
        quantity=quantity,
        reason=reason,
    )


def _action(
    *, held: Decimal, price: Decimal, target: Decimal, minimum: Decimal, whole: bool
) -> tuple[Action, Decimal, str]:
    current = held * price
    difference = target - current
    if target == 0:
        if current >= DUST:
            return Action.EXIT, held, "not wanted"
        return Action.DUST, ZERO, f"worth less than {DUST}"
    if abs(difference) < minimum:
        return Action.HOLD, ZERO, f"within {minimum} of its target"
    if difference > 0:
        if whole and difference < price:
            return Action.SKIP, ZERO, TOO_DEAR
        return Action.BUY, ZERO, "below its target"
    quantity = min(floor_quantity(-difference / price, whole=whole), held)
    if 0 < (held - quantity) * price < DUST:
        return Action.EXIT, held, f"would leave less than {DUST}"
    if quantity == 0:
        return Action.HOLD, ZERO, "less than one whole share above its target"
    return Action.SELL, quantity, "above its target"


def _departure(items: Sequence[PlanItem], tolerance: Decimal) -> str:
    """How what is held departs from what is wanted; empty when a threshold lets it be.

    `items` are as they would be traded, without frozen symbols; `tolerance` is the threshold in
    dollars. A wanted symbol that is not held and would not be bought either (a share costs more
    than its slice, or the slice is below the smallest trade) is no departure: it would open the
    gate every day for ever.
    """
    for item in items:
        held = item.current >= DUST
        if (held and item.weight == 0) or (not held and item.action is Action.BUY):
            return "holdings changed"
    drifted = [i.symbol for i in items if i.current >= DUST and abs(i.difference) > tolerance]
    return f"drift: {', '.join(drifted)}" if drifted else ""


def _not_due(item: PlanItem) -> PlanItem:
    reason = item.reason if item.reason == FROZEN else "not due"
    return replace(item, action=Action.HOLD, quantity=ZERO, reason=reason)
