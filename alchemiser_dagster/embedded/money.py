"""Exact numbers: cents, ticks, and how a Decimal is written on the wire.

Alpaca sends money and quantities as strings without exponent or trailing zeros; prices move in
ticks of a cent from $1 up and of a hundredth of a cent below (Reg NMS rule 612).
"""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal

ZERO = Decimal(0)
ONE = Decimal(1)
CENT = Decimal("0.01")
SUB_PENNY = Decimal("0.0001")
QUANTITY_STEP = Decimal("0.000000001")
QUANTITY_DECIMALS = 9


def cents(amount: Decimal) -> Decimal:
    """`amount` in whole cents, a half cent rounded away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def cents_up(amount: Decimal) -> Decimal:
    """`amount` in whole cents, rounded up: what an open order holds back."""
    return amount.quantize(CENT, ROUND_CEILING)


def tick(price: Decimal) -> Decimal:
    """The price step at `price`, in dollars."""
    return CENT if price >= 1 else SUB_PENNY


def tick_down(price: Decimal) -> Decimal:
    return price.quantize(tick(price), ROUND_FLOOR)


def tick_up(price: Decimal) -> Decimal:
    return price.quantize(tick(price), ROUND_CEILING)


def decimals(number: Decimal) -> int:
    """How many decimals `number` needs: 1.50 needs one, 3e-05 needs five."""
    exponent = number.normalize().as_tuple().exponent
    assert isinstance(exponent, int), f"expected a finite number, was {number}"
    return max(0, -exponent)


def is_whole(quantity: Decimal) -> bool:
    return quantity == quantity.to_integral_value()


def quantity_down(quantity: Decimal, whole: bool = False) -> Decimal:
    """`quantity` cut to nine decimals, or to whole shares."""
    return quantity.quantize(ONE if whole else QUANTITY_STEP, ROUND_DOWN)


def plain(number: Decimal) -> str:
    """`number` as Alpaca writes it: no exponent, no trailing zeros."""
    return "0" if number == 0 else format(number.normalize(), "f")


def rounded(number: Decimal, places: int) -> str:
    """`number` at most `places` decimals long, half up, as Alpaca writes it."""
    return plain(number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))
