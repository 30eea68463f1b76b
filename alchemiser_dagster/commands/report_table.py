"""The tables of the commands that report: text to the left, figures to the right."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from alchemiser_dagster.books.money import to_cents

NOTHING = "\N{EN DASH}"
"""A figure that does not exist: too few sessions, nothing to divide by, a price nobody knows."""


def report_table(title: str, text: Sequence[str], figures: Sequence[str] = ()) -> Table:
    """A table with columns of text, then columns of figures; text gives way where it is narrow."""
    table = Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for name in text:
        table.add_column(name, overflow="fold")
    for name in figures:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def fitting(tables: Iterable[Table], console: Console) -> Table:
    """The first of `tables` that shows every figure whole, or the last; the fullest comes first."""
    for table in tables:
        for column in table.columns:
            if column.no_wrap:
                cells = (column.header, *column.cells)
                column.min_width = max(console.measure(cell).maximum for cell in cells)
        unbounded = console.options.update(max_width=10 * console.width)
        if console.measure(table, options=unbounded).minimum <= console.width:
            break
    return table


def dollars(amount: Decimal | None, *, signed: bool = False, cents: bool = True) -> str:
    """Dollars, rounded half up to the cent, or to whole dollars."""
    if amount is None:
        return NOTHING
    rounded = to_cents(amount) if cents else amount.quantize(Decimal(1), rounding=ROUND_HALF_UP)
    rounded += 0  # nothing has no sign
    return f"{rounded:+,}" if signed else f"{rounded:,}"


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
