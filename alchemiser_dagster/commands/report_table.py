"""The tables of the commands that report: text to the left, figures to the right."""

from collections.abc import Sequence
from decimal import Decimal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

NOTHING = "\N{EN DASH}"
"""A figure that does not exist: too few sessions, nothing to divide by, a price nobody knows."""


def report_table(title: str, text: Sequence[str], figures: Sequence[str] = ()) -> Table:
    """A table with columns of text, the first of them names, then columns of figures."""
    table = Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for i, name in enumerate(text):
        table.add_column(name, overflow="fold", no_wrap=i == 0)
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def dollars(amount: Decimal | None, *, signed: bool = False) -> str:
    """Dollars to the cent."""
    if amount is None:
        return NOTHING
    return f"{amount:+,.2f}" if signed else f"{amount:,.2f}"


def shares(quantity: Decimal) -> str:
    """Shares without zeros at the end."""
    return f"{quantity.normalize():,f}"


def percent(fraction: float | Decimal | None, *, signed: bool = False) -> str:
    """A fraction in per cent, to two places."""
    if fraction is None:
        return NOTHING
    return f"{fraction:+.2%}" if signed else f"{fraction:.2%}"


def basis_points(bps: Decimal | None) -> str:
    """Basis points to two places, with their sign: positive is a cost."""
    return NOTHING if bps is None else f"{round(bps, 2) + 0:+.2f}"
