"""Numbers as the pages write them: a true minus, thousands apart, a dash where there is none."""

import math
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
Number = Decimal | float | int


def percent(fraction: Number | None, places: int = 2, *, sign: bool = False) -> str:
    """A fraction as per cent: 0.1234 is 12.34%."""
    if is_missing(fraction):
        return MISSING
    return _signed(f"{fraction:{'+' if sign else ''},.{places}%}")


def dollars(amount: Number | None, places: int = 2, *, sign: bool = False) -> str:
    """Dollars: the sign comes first, as in -$1,234.50."""
    if is_missing(amount):
        return MISSING
    if isinstance(amount, Decimal):  # as everywhere in the account; a format rounds half to even
        amount = amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    text = _signed(f"{amount:{'+' if sign else ''},.{places}f}")
    return f"{text[0]}${text[1:]}" if text[0] in f"+{MINUS}" else f"${text}"


def number(figure: Number | None, places: int = 2, *, sign: bool = False) -> str:
    """A plain number to so many places."""
    return MISSING if is_missing(figure) else _signed(f"{figure:{'+' if sign else ''},.{places}f}")


def shares(quantity: Number | None) -> str:
    """A quantity with the places it has, up to nine."""
    if is_missing(quantity):
        return MISSING
    text = f"{quantity:,.9f}"
    return _signed(text.rstrip("0").rstrip("."))


def day(moment: date | datetime | None) -> str:
    """A day as the ISO has it."""
    return MISSING if moment is None else f"{moment:%Y-%m-%d}"


def is_missing(figure: Number | None) -> bool:
    """Whether there is no number, or none that can be written."""
    return figure is None or not math.isfinite(figure)


def tone(text: str) -> str:
    """The tone of a number written with its sign: gain, loss, or nothing where it has none."""
    return {"+": "gain", MINUS: "loss"}.get(text[:1], "")


def _signed(text: str) -> str:
    """With a true minus, and without a sign before what rounds to nothing."""
    if text[0] in "+-" and not text.strip("+-0.,%"):
        text = text[1:]
    return text.replace("-", MINUS)
