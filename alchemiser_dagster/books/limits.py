"""How much may be traded: limits in dollars that no order and no book passes.

With K a book's capital, p the deployed fraction and E the account's equity:

    one order            min(1,000,000, 1.01 K max(1, p))    a mistake in one number goes no further
    a book's purchases   1.02 K p                            a book buys for its own capital
    the account          1.02 E p                            deployed, with what is ordered
    a day's trading      min(10,000,000, 4 E)                bought and sold together
    failed sales         min(500, 5 % of K)                  above it, a book's purchases wait
    a day's loss         8 % is a warning, 15 % ends buying

All are checked where the order is recorded, before it is sent.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from alchemiser_dagster.books.money import ZERO, floor_cents

_ROUNDING_ROOM = Decimal("1.01")
_PRICE_ROOM = Decimal("1.02")
"""A price may move between the plan and the order."""
LARGEST_ORDER = Decimal(1_000_000)
LARGEST_DAY = Decimal(10_000_000)
DAY_TURNOVER = Decimal(4)
FAILED_SALES = Decimal(500)
FAILED_SALES_SHARE = Decimal("0.05")
LOSS_TO_WARN = Decimal("0.08")
LOSS_TO_HALT = Decimal("0.15")


@dataclass(frozen=True)
class Limit:
    """The most that `what` may come to, dollars in cents."""

    what: str
    dollars: Decimal

    def refusal(self, amount: Decimal, *, used: Decimal = ZERO) -> str | None:
        """Why `amount` more dollars after `used` are too many; None where they are not."""
        if used + amount <= self.dollars:
            return None
        before = f" after {used}" if used else ""
        return f"expected {self.what} of at most {self.dollars} dollars, was {amount}{before}"


def order_limit(capital: Decimal, deployment: Decimal) -> Limit:
    """A single order of a book with `capital` dollars."""
    most = min(LARGEST_ORDER, _ROUNDING_ROOM * capital * max(Decimal(1), deployment))
    return Limit("an order", floor_cents(most))


def purchases_limit(capital: Decimal, deployment: Decimal) -> Limit:
    """All purchases of one book in a session."""
    return Limit("a book's purchases", floor_cents(capital * deployment * _PRICE_ROOM))


def deployed_limit(equity: Decimal, deployment: Decimal) -> Limit:
    """The account's long market value with the purchases on order; `deployment` the largest."""
    return Limit("a deployed account", floor_cents(equity * deployment * _PRICE_ROOM))


def day_limit(equity: Decimal) -> Limit:
    """What the account buys and sells in a day."""
    return Limit("a day's trading", floor_cents(min(LARGEST_DAY, DAY_TURNOVER * equity)))


def failed_sales_limit(capital: Decimal) -> Limit:
    """A book's sales that did not fill; above it the book's purchases are blocked."""
    return Limit("failed sales", floor_cents(min(FAILED_SALES, FAILED_SALES_SHARE * capital)))


class DayLoss(StrEnum):
    """What the account's loss since the last close means for the rest of the day."""

    NONE = "none"
    WARN = "warn"
    HALT = "halt"


def day_loss(equity: Decimal, last_equity: Decimal) -> DayLoss:
    """Judge `equity` now against `last_equity`, that of the last close, both in dollars.

    HALT ends the purchases; sales go on. Raises ValueError without an equity to compare with.
    """
    if last_equity <= 0:
        raise ValueError(f"expected an equity at the last close, was {last_equity}")
    loss = last_equity - equity
    if loss >= LOSS_TO_HALT * last_equity:
        return DayLoss.HALT
    return DayLoss.WARN if loss >= LOSS_TO_WARN * last_equity else DayLoss.NONE
