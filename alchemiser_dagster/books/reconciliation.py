"""What a difference between the books and the broker is.

All books together hold 14.75 XYZ, at 75.00 dollars a share. The broker says:

    14.75       match              nothing to do
    14.749999   match              a millionth of a share, the grain of an order
    14.755      dust               0.38 dollars: not worth stopping for
    29.50       corporate action   twice as many: a split that has not been booked
    15.00       orphan, long       0.25 that no book bought
    10.00       shortfall          4.75 that the books own and the account does not have
    -1          short              a long-only account cannot be there by itself

Of a symbol that no book holds, any shares are unexpected. Cash has rules of its own: a difference
of a few dollars is a rounding somewhere, a larger one is a payment that nobody has booked.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from alchemiser_dagster.books.money import ZERO

SAME_SHARES = Decimal("0.000001")
"""Shares of difference that are none: orders are placed in millionths."""
DUST_VALUE = Decimal("1.00")
"""Dollars below which a difference in shares is only recorded."""
USUAL_SPLITS = tuple(map(Decimal, ("2", "3", "4", "0.5", "0.1", "0.05")))
"""New shares for an old one, suspected while no split has been reported."""

BASIS_POINT = Decimal("0.0001")
RESIDUAL_CASH = Decimal("1.00")
RESIDUAL_CASH_SHARE = BASIS_POINT
"""Cash may differ by RESIDUAL_CASH dollars, or this share of equity where that is more."""
NO_PURCHASES_SHARE = Decimal("0.005")
"""Beyond this share of equity the cash is too unsure to be spent."""
PRICE_PAID_SHARE = Decimal("0.01")
"""How far what was paid for shares may lie from what they are worth now."""
PNL_GAP = Decimal("5.00")
PNL_GAP_SHARE = 5 * BASIS_POINT
"""The books' P&L may miss the account's by PNL_GAP dollars, or this share of equity if more."""


class Classification(StrEnum):
    """What a difference in the shares of a symbol is."""

    MATCH = "match"
    DUST = "dust"
    CORPORATE_ACTION = "corporate_action"
    UNEXPECTED = "unexpected"
    ORPHAN_LONG = "orphan_long"
    SHORTFALL = "shortfall"
    SHORT = "short"


class CashClassification(StrEnum):
    """What a difference in cash is."""

    MATCH = "match"
    PAID = "paid"
    RESIDUAL = "residual"
    UNEXPLAINED = "unexplained"
    NO_PURCHASES = "no_purchases"


def classify(
    books: Decimal,
    broker: Decimal,
    price: Decimal | None,
    *,
    reported_ratios: Collection[Decimal] = (),
) -> Classification:
    """What it is that all books together hold `books` shares of a symbol and the broker `broker`.

    `price` is dollars a share; without one no difference passes for dust. `reported_ratios` are the
    new shares for an old one of the splits that the broker reported for this symbol and that are
    not booked yet; while it has reported none, a difference that looks like one of USUAL_SPLITS is
    taken for a split too.

    A short position comes first: it is an alarm, however little it is worth.
    """
    difference = broker - books
    if broker < 0:
        return Classification.SHORT
    if abs(difference) <= SAME_SHARES:
        return Classification.MATCH
    if books > 0 and price is not None and abs(difference) * price < DUST_VALUE:
        return Classification.DUST
    if books > 0 and any(
        abs(books * ratio - broker) <= SAME_SHARES for ratio in reported_ratios or USUAL_SPLITS
    ):
        return Classification.CORPORATE_ACTION
    if books == 0:
        return Classification.UNEXPECTED
    return Classification.ORPHAN_LONG if difference > 0 else Classification.SHORTFALL


def classify_cash(
    books: Decimal, broker: Decimal, equity: Decimal, *, found: Decimal = ZERO
) -> CashClassification:
    """What it is that all books together have `books` dollars of cash and the broker `broker`.

    `equity` is the account's, dollars. `found` is the value, dollars, of shares that were found in
    the same look and that no book bought. Cash that is short by about as much was paid for them:
    the market may have moved PRICE_PAID_SHARE since.
    """
    difference = broker - books
    if difference == 0:
        return CashClassification.MATCH
    if found > 0 and abs(difference + found) <= PRICE_PAID_SHARE * found:
        return CashClassification.PAID
    if abs(difference) <= max(RESIDUAL_CASH, RESIDUAL_CASH_SHARE * equity):
        return CashClassification.RESIDUAL
    if abs(difference) > NO_PURCHASES_SHARE * equity:
        return CashClassification.NO_PURCHASES
    return CashClassification.UNEXPLAINED


@dataclass(frozen=True)
class Growth:
    """What somebody was worth at two moments, and the money put in between them; dollars.

    `flows` are deposits less withdrawals; for a book, also what other books handed to it.
    """

    then: Decimal
    now: Decimal
    flows: Decimal

    @property
    def pnl(self) -> Decimal:
        """What was earned: the change that was not put in."""
        return self.now - self.then - self.flows


def pnl_gap(account: Growth, books: Iterable[Growth]) -> Decimal:
    """Dollars that the account earned and no book did.

    What the account earned must be what its books earned, the unallocated and the unattributed one
    included. A gap beyond `pnl_tolerance` means that one of the two is not told the truth.
    """
    return account.pnl - sum((book.pnl for book in books), ZERO)


def pnl_tolerance(equity: Decimal) -> Decimal:
    """Dollars of gap that are let pass, by the account's `equity`."""
    return max(PNL_GAP, PNL_GAP_SHARE * equity)
