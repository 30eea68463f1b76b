"""What was bought and sold of each symbol, at which average prices.

    BUY 100 @ 10.00, 300 @ 12.00       VWAP 11.50: each price weighs the shares traded at it
    SELL 200 @ 13.00                   gain at the average 200 x (13.00 - 11.50) = 300.00

The gain at the average takes every share sold as bought at the VWAP of the purchases. It is a
figure of trading in the range of sessions given, and not what a book has realised: a book sells
lots, and what those cost depends on its policy (FIFO here: 400.00).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.execution.quality import FilledOrder


@dataclass(frozen=True)
class SymbolTrades:
    """The orders in one symbol that filled: shares, and dollars unrounded."""

    orders: int = 0
    bought: Decimal = ZERO
    paid: Decimal = ZERO
    sold: Decimal = ZERO
    received: Decimal = ZERO

    @property
    def buy_vwap(self) -> Decimal | None:
        """Dollars a share of all purchases; None without any."""
        return self.paid / self.bought if self.bought else None

    @property
    def sell_vwap(self) -> Decimal | None:
        """Dollars a share of all sales; None without any."""
        return self.received / self.sold if self.sold else None

    @property
    def gain_at_average(self) -> Decimal | None:
        """Proceeds less shares sold x VWAP of the purchases.

        None where nothing was sold, or more than was bought: the rest was bought at other prices.
        """
        if not 0 < self.sold <= self.bought:
            return None
        return self.received - self.sold * self.paid / self.bought


def symbol_trades(orders: Iterable[FilledOrder]) -> dict[str, SymbolTrades]:
    """What orders traded, by symbol; an order of several books is one."""
    found: dict[str, SymbolTrades] = {}
    for order in orders:
        was = found.get(order.symbol, SymbolTrades())
        buys, sells = (order.side == side for side in ("buy", "sell"))
        found[order.symbol] = SymbolTrades(
            orders=was.orders + 1,
            bought=was.bought + buys * order.filled,
            paid=was.paid + buys * order.value,
            sold=was.sold + sells * order.filled,
            received=was.received + sells * order.value,
        )
    return dict(sorted(found.items()))
