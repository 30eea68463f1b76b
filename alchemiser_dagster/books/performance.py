"""What a book is worth and what it has earned, at the end of a session.

NAV = cash + market value            unrealised = market value - cost of the open lots
P&L = realised + unrealised + income = NAV - net flows into the book, to the cent
income = dividends and interest less fees
daily return r = NAV(t) / (NAV(t-1) + flow(t)) - 1, flows counted at the start of the session
return since opening = (NAV - net flows) / net flows

Wins and losses are counted twice. A lot exit is what a tax return lists, but how many of them a
sale makes depends on the lots and the fills it happens to meet; a trade is what was decided:

    SELL 12, out of two lots    +50.00 and +6.00    two exits won     one trade won, +56.00
    SELL 3                      -3.00               one exit lost     one trade lost
                                                    66.67 % of exits  50.00 % of trades
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from alchemiser_dagster.books.lots import Lot
from alchemiser_dagster.books.money import CENT, ZERO, to_cents


class PriceMissing(Exception):
    """A held symbol without a price: the book cannot be valued."""


@dataclass(frozen=True)
class Tally:
    """Results counted by their sign; `pnl` is their sum in dollars."""

    winning: int
    losing: int
    breakeven: int
    pnl: Decimal

    @property
    def completed(self) -> int:
        """How many results there are."""
        return self.winning + self.losing + self.breakeven

    @property
    def win_rate(self) -> Decimal:
        """Winning of completed in per cent, to two places; 0 when there are none."""
        if self.completed == 0:
            return ZERO
        return (100 * Decimal(self.winning) / self.completed).quantize(CENT, ROUND_HALF_UP)

    @property
    def average(self) -> Decimal:
        """P&L of one result in dollars, to the cent; 0 when there are none."""
        return to_cents(self.pnl / self.completed) if self.completed else ZERO


def tally(pnls: Iterable[Decimal]) -> Tally:
    """Count results, each the dollars of profit or loss of one exit or of one trade."""
    results = list(pnls)
    return Tally(
        winning=sum(1 for pnl in results if pnl > 0),
        losing=sum(1 for pnl in results if pnl < 0),
        breakeven=sum(1 for pnl in results if pnl == 0),
        pnl=sum(results, ZERO),
    )


def pnl_by_trade(exits: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Dollars of profit or loss of each trade, from (trade id, pnl) pairs, one a lot exit."""
    total: dict[str, Decimal] = {}
    for trade_id, pnl in exits:
        total[trade_id] = total.get(trade_id, ZERO) + pnl
    return total


@dataclass(frozen=True)
class Performance:
    """A book at the end of a session. Money in dollars; returns are fractions.

    `net_flows` is what came into the book other than by trading since it was opened, `flow` the
    part of it in this session. `by_exit` and `by_trade` count what was sold since opening, by lot
    exit and by trade. `daily_return` is None where there was nothing to earn a return on.
    """

    cash: Decimal
    market_value: Decimal
    cost: Decimal
    flow: Decimal
    net_flows: Decimal
    holdings: int
    by_exit: Tally
    by_trade: Tally
    income: Decimal
    daily_return: Decimal | None

    @property
    def nav(self) -> Decimal:
        """Net asset value."""
        return self.cash + self.market_value

    @property
    def realised(self) -> Decimal:
        """Proceeds of what was sold less its cost."""
        return self.by_exit.pnl

    @property
    def unrealised(self) -> Decimal:
        """Market value of the open lots less what was paid for them."""
        return self.market_value - self.cost

    @property
    def total_return(self) -> Decimal | None:
        """Return on the money put in since opening; None when there is none."""
        return (self.nav - self.net_flows) / self.net_flows if self.net_flows > 0 else None

    @property
    def exits(self) -> int:
        """Lot exits: a sale that closes two lots is two."""
        return self.by_exit.completed

    @property
    def winning(self) -> int:
        """Lot exits at a profit."""
        return self.by_exit.winning

    @property
    def losing(self) -> int:
        """Lot exits at a loss."""
        return self.by_exit.losing

    @property
    def breakeven(self) -> int:
        """Lot exits at neither."""
        return self.by_exit.breakeven


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
    trade_pnls: Iterable[Decimal],
    income: Decimal,
    prices: Mapping[str, Decimal],
    flow: Decimal,
    net_flows: Decimal,
    previous_nav: Decimal | None,
) -> Performance:
    """A book's performance; `previous_nav` is None in the session the book was opened.

    `exit_pnls` are the profits and losses of its lot exits, `trade_pnls` the same summed by trade
    (`pnl_by_trade`); `income` is its dividends and interest less fees since opening. A sale that a
    bust undid counts in neither: leave out its exits and those that compensate them.
    """
    value = market_value(lots, prices)
    base = (previous_nav or ZERO) + flow
    return Performance(
        cash=cash,
        market_value=value,
        cost=sum((lot.cost for lot in lots), ZERO),
        flow=flow,
        net_flows=net_flows,
        holdings=len(lots),
        by_exit=tally(exit_pnls),
        by_trade=tally(trade_pnls),
        income=income,
        daily_return=(cash + value) / base - 1 if base > 0 else None,
    )
