"""What a book should sell and buy to reach its target weights.

With K the book's capital (its net asset value), p the deployed fraction, w the weights, q the
quantities held and P the prices, for each symbol held or wanted:

    target T = w K p      current C = q P      difference D = T - C
    m = max(1.00, min(5.00, 1 % of K))         the smallest trade worth making

    not wanted, C >= 1.00      EXIT of exactly q         not wanted, C < 1.00   DUST, left alone
    |D| < m                    HOLD
    D < 0                      SELL floor(-D / P)        an EXIT if less than 1.00 would be left
    D > 0                      BUY for D dollars; the quantity is fixed when the cash is there

Sales come before purchases, so purchases are sized a second time, from confirmed cash
(`size_buys`). All prices are dollars a share, all values dollars.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from alchemiser_dagster.books.money import CENT, ZERO, floor_cents, floor_quantity, to_cents

DUST = Decimal("1.00")
"""Dollars below which a holding is not worth an order; also the broker's smallest order."""


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
) -> Plan:
    """Plan one book.

    `weights` are target weights by symbol, `holdings` shares by symbol, `cash` the book's dollars,
    `whole_shares` the symbols that cannot be held in fractions. `threshold` is the symphony's
    rebalance threshold in weight points (0.05 = five points), None where the symphony rebalances on
    a schedule; `scheduled` then says whether this session is due.

    Raises PlanError when a held or wanted symbol has no positive price, or the book no capital.
    """
    symbols = sorted({*weights, *(s for s, quantity in holdings.items() if quantity != 0)})
    for symbol in symbols:
        if prices.get(symbol, ZERO) <= 0:
            raise PlanError(f"expected a price for {symbol}, was {prices.get(symbol, 'none')}")
    current = {symbol: holdings.get(symbol, ZERO) * prices[symbol] for symbol in symbols}
    capital = cash + sum(current.values(), ZERO)
    if capital <= 0:
        raise PlanError(f"expected a book with capital, was {to_cents(capital)} dollars")

    deployed = capital * deployment
    target = {symbol: weights.get(symbol, ZERO) * deployed for symbol in symbols}
    trigger = _trigger(
        weights=weights,
        current=current,
        target=target,
        deployed=deployed,
        prices=prices,
        scheduled=scheduled,
        threshold=threshold,
        whole_shares=whole_shares,
    )
    minimum = smallest_trade(capital)
    items = []
    for symbol in symbols:
        held = holdings.get(symbol, ZERO)
        action, quantity, reason = (
            _action(
                held=held,
                price=prices[symbol],
                target=target[symbol],
                minimum=minimum,
                whole=symbol in whole_shares,
            )
            if trigger
            else (Action.HOLD, ZERO, "not due")
        )
        items.append(
            PlanItem(
                symbol=symbol,
                action=action,
                weight=weights.get(symbol, ZERO),
                held=held,
                price=prices[symbol],
                target=target[symbol],
                current=current[symbol],
                quantity=quantity,
                reason=reason,
            )
        )
    return Plan(capital, cash, deployment, trigger, tuple(items))


def _trigger(
    *,
    weights: Mapping[str, Decimal],
    current: Mapping[str, Decimal],
    target: Mapping[str, Decimal],
    deployed: Decimal,
    prices: Mapping[str, Decimal],
    scheduled: bool,
    threshold: Decimal | None,
    whole_shares: Set[str],
) -> str:
    """Why the book is rebalanced this session; empty when it is not."""
    if threshold is None:
        return "schedule" if scheduled else ""
    held = {symbol for symbol, value in current.items() if value >= DUST}
    # A symbol too dear for its slice can never be held; counting it would trade every day.
    wanted = {
        symbol
        for symbol in weights
        if not (symbol in whole_shares and target[symbol] < prices[symbol])
    }
    if held != wanted:
        return "holdings changed"
    drifted = [s for s in held if abs(current[s] / deployed - weights[s]) > threshold]
    return f"drift: {', '.join(sorted(drifted))}" if drifted else ""


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
            return Action.SKIP, ZERO, "whole shares only, and one costs more than its slice"
        return Action.BUY, ZERO, "below its target"
    quantity = min(floor_quantity(-difference / price, whole=whole), held)
    if 0 < (held - quantity) * price < DUST:
        return Action.EXIT, held, f"would leave less than {DUST}"
    if quantity == 0:
        return Action.HOLD, ZERO, "less than one whole share above its target"
    return Action.SELL, quantity, "above its target"


@dataclass(frozen=True)
class SizedBuy:
    """A purchase with its quantity fixed; `budget` is the most it may cost, dollars in cents."""

    symbol: str
    quantity: Decimal
    budget: Decimal


def size_buys(
    wants: Mapping[str, Decimal],
    *,
    available: Decimal,
    asks: Mapping[str, Decimal],
    minimum: Decimal,
    whole_shares: Set[str] = frozenset(),
) -> tuple[list[SizedBuy], dict[str, str]]:
    """Fix the quantities of a book's purchases from the cash it really has.

    `wants` are dollars by symbol, `available` the book's cash after its sales, `asks` dollars a
    share. When the wants exceed the cash all are scaled by the same factor. Returns the purchases
    and, by symbol, why a want was dropped.
    """
    total = sum(wants.values(), ZERO)
    budget = min(total, max(available, ZERO))
    buys: list[SizedBuy] = []
    dropped: dict[str, str] = {}
    for symbol, want in wants.items():
        dollars = floor_cents(want * budget / total)
        quantity = floor_quantity(dollars / asks[symbol], whole=symbol in whole_shares)
        if quantity == 0 and symbol in whole_shares:
            dropped[symbol] = "whole shares only, and one costs more than its slice"
        elif quantity * asks[symbol] < minimum:
            dropped[symbol] = f"below the smallest trade of {minimum}"
        else:
            buys.append(SizedBuy(symbol, quantity, dollars))
    return buys, dropped


def scale_to_cash(budgets: Mapping[str, Decimal], available: Decimal) -> dict[str, Decimal]:
    """Scale the books' budgets (dollars by book) by one factor to the account's real cash."""
    total = sum(budgets.values(), ZERO)
    if total <= available:
        return dict(budgets)
    return {
        book: floor_cents(budget * max(available, ZERO) / total) for book, budget in budgets.items()
    }
