"""Rounding rules of the account, in one place.

Quantities are rounded towards zero, so that nothing is ever sold that is not owned and nothing
bought that is not paid for. Cash moves in whole cents.
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
ZERO = Decimal(0)
ORDER_QUANTITY = Decimal("0.000001")
"""Orders are placed in millionths of a share; the broker keeps billionths."""
WEIGHT = Decimal("0.000000001")


def to_cents(amount: Decimal) -> Decimal:
    """`amount` in dollars, rounded half up to the cent."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def floor_cents(amount: Decimal) -> Decimal:
    """`amount` in dollars, rounded towards zero to the cent."""
    return amount.quantize(CENT, rounding=ROUND_DOWN)


def floor_quantity(shares: Decimal, *, whole: bool = False) -> Decimal:
    """`shares` rounded towards zero to what an order may carry (whole shares if `whole`)."""
    return shares.quantize(Decimal(1) if whole else ORDER_QUANTITY, rounding=ROUND_DOWN)


def fill_cash(quantity: Decimal, price: Decimal) -> Decimal:
    """Dollars that one execution moves: quantity x price, half up to the cent.

    The broker rounds each execution in this way, so the books do too: sums of book cash equal the
    account's cash to the cent, with nothing left to explain.
    """
    return to_cents(quantity * price)


def weight_from_float(weight: float) -> Decimal:
    """The one crossing from the float64 world of signals to the Decimal world of the account."""
    return Decimal(repr(float(weight))).quantize(WEIGHT, rounding=ROUND_HALF_EVEN)


def split_to_cents(total: Decimal, shares: Sequence[Decimal]) -> list[Decimal]:
    """Split `total` (whole cents) in proportion to `shares`, so that the parts sum to it exactly.

    Largest remainder: every part is floored to the cent and the cents left over go to the parts
    with the largest fractions, first come first served among equals.
    """
    if total != to_cents(total):
        raise ValueError(f"expected a total in whole cents, was {total}")
    whole = sum(shares, ZERO)
    if whole <= 0:
        raise ValueError(f"expected shares with a positive sum, was {whole}")
    exact = [total * share / whole for share in shares]
    parts = [floor_cents(part) for part in exact]
    left = int((total - sum(parts, ZERO)) / CENT)
    step = CENT if left >= 0 else -CENT
    by_remainder = sorted(range(len(parts)), key=lambda i: abs(exact[i] - parts[i]), reverse=True)
    for i in by_remainder[: abs(left)]:
        parts[i] += step
    return parts


def round_to_total(amounts: Sequence[Decimal]) -> list[Decimal]:
    """Round each amount to the cent so that the rounded column sums to the rounded exact sum."""
    rounded = [to_cents(amount) for amount in amounts]
    residue = int((to_cents(sum(amounts, ZERO)) - sum(rounded, ZERO)) / CENT)
    step = CENT if residue >= 0 else -CENT
    order = sorted(
        range(len(amounts)), key=lambda i: (amounts[i] - rounded[i]) * step, reverse=True
    )
    for i in order[: abs(residue)]:
        rounded[i] += step
    return rounded
