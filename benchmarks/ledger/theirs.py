"""The same fills in beancount: a transaction each, booked first in, first out.

Every book holds every symbol in an account of its own, the form that beancount books fastest: a
sale then looks at the lots of its own book and symbol only.

    2010-01-04 *                                    2010-01-06 *
      Assets:Book01:S001   10 S001 {12.34 USD}        Assets:Book01:S001  -4 S001 {} @ 13.00 USD
      Assets:Book01:Cash  -123.40 USD                 Assets:Book01:Cash   52.00 USD
                                                      Income:Book01
"""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from beancount.core import realization
from beancount.parser import booking, parser

from alchemiser_dagster.books.money import ZERO

FIFO = 'option "booking_method" "FIFO"\n'


def write(fills: Iterable[Any]) -> str:
    """Fills (rows of the table `fills`), oldest first, as the text of a beancount file."""
    return FIFO + "\n".join(_purchase(f) if f.side == "buy" else _sale(f) for f in fills)


def parse(text: str) -> tuple[list[Any], dict[str, Any]]:
    """The entries of a text, not booked yet, and its options."""
    entries, errors, options = parser.parse_string(text)
    if errors:
        raise ValueError(f"expected a text without errors, was {errors[0]}")
    return entries, options


def book(entries: list[Any], options: dict[str, Any]) -> realization.RealAccount:
    """Book the entries and realize them: the accounts with their balances."""
    booked, errors = booking.book(entries, options)
    if errors:
        raise ValueError(f"expected entries without errors, was {errors[0]}")
    return realization.realize(booked)


def results(
    root: realization.RealAccount,
) -> tuple[dict[str, dict[str, Decimal]], dict[str, Decimal]]:
    """Shares by book and symbol, and realised P&L in dollars by book."""
    positions: dict[str, dict[str, Decimal]] = defaultdict(dict)
    realised: dict[str, Decimal] = {}
    for account in realization.iter_children(root, leaf_only=True):
        kind, name, *symbol = account.account.split(":")
        if kind == "Income":
            realised[name.lower()] = -account.balance.get_currency_units("USD").number
        elif symbol != ["Cash"]:
            held = sum((lot.units.number for lot in account.balance), ZERO)
            if held:
                positions[name.lower()][symbol[0]] = held
    return dict(positions), realised


def _purchase(fill: Any) -> str:
    holder, shares = fill.book.capitalize(), f"{fill.quantity:.0f} {fill.symbol}"
    return (
        f"{fill.session} *\n"
        f"  Assets:{holder}:{fill.symbol}  {shares} {{{fill.price:.2f} USD}}\n"
        f"  Assets:{holder}:Cash  -{fill.cash} USD\n"
    )


def _sale(fill: Any) -> str:
    holder, shares = fill.book.capitalize(), f"{fill.quantity:.0f} {fill.symbol}"
    return (
        f"{fill.session} *\n"
        f"  Assets:{holder}:{fill.symbol}  -{shares} {{}} @ {fill.price:.2f} USD\n"
        f"  Assets:{holder}:Cash  {fill.cash} USD\n"
        f"  Income:{holder}\n"
    )
