"""What a book is worth and what it has earned, at the end of a session.

NAV = cash + market value            unrealised = market value - cost of the open lots
P&L = realised + unrealised          = NAV - net flows into the book, to the cent
daily return r = NAV(t) / (NAV(t-1) + flow(t)) - 1, flows counted at the start of the session
return since opening = (NAV - net flows) / net flows
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.books.lots import Lot
from alchemiser_dagster.books.money import ZERO


class PriceMissing(Exception):
    """A held symbol without a price: the book cannot be valued."""


@dataclass(frozen=True)
class Performance:
    """A book at the end of a session. Money in dollars; returns are fractions.

    `net_flows` is what came into the book other than by trading since it was opened, `flow` the
    part of it in this session. Counts are of lot exits since opening: a sale that closes two lots
    is two exits. `daily_return` is None where there was nothing to earn a return on.
    """

    cash: Decimal
    market_value: Decimal
    cost: Decimal
    realised: Decimal
    flow: Decimal
    net_flows: Decimal
    holdings: int
    exits: int
    winning: int
    losing: int
    breakeven: int
    daily_return: Decimal | None

    @property
    def nav(self) -> Decimal:
        """Net asset value."""
        return self.cash + self.market_value

    @property
    def unrealised(self) -> Decimal:
        """Market value of the open lots less what was paid for them."""
        return self.market_value - self.cost

    @property
    def total_return(self) -> Decimal | None:
        """Return on the money put in since opening; None when there is none."""
        return (self.nav - self.net_flows) / self.net_flows if self.net_flows > 0 else None


def market_value(lots: Iterable[Lot], prices: Mapping[str, Decimal]) -> Decimal:
    """Value of open lots at `prices`, dollars, unrounded. Raises PriceMissing."""
    total = ZERO
    for lot in lots:
        if lot.symbol not in prices:
            raise PriceMissing(f"expected a price for {lot.symbol}, which the book holds, was none")
        total += lot.quantity * prices[lot.symbol]
    return total


def measure(
    *,
    cash: Decimal,
    lots: list[Lot],
    exit_pnls: list[Decimal],
    prices: Mapping[str, Decimal],
    flow: Decimal,
    net_flows: Decimal,
    previous_nav: Decimal | None,
) -> Performance:
    """A book's performance; `previous_nav` is None in the session the book was opened."""
    value = market_value(lots, prices)
    base = (previous_nav or ZERO) + flow
    return Performance(
        cash=cash,
        market_value=value,
        cost=sum((lot.cost for lot in lots), ZERO),
        realised=sum(exit_pnls, ZERO),
        flow=flow,
        net_flows=net_flows,
        holdings=len(lots),
        exits=len(exit_pnls),
        winning=sum(1 for pnl in exit_pnls if pnl > 0),
        losing=sum(1 for pnl in exit_pnls if pnl < 0),
        breakeven=sum(1 for pnl in exit_pnls if pnl == 0),
        daily_return=(cash + value) / base - 1 if base > 0 else None,
    )
