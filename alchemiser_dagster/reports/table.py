"""Tables of a page, as the template writes them."""

from collections.abc import Sequence
from dataclasses import dataclass

from alchemiser_dagster.reports.numbers import (
    Number,
    dollars,
    number,
    percent,
    tone,
)


@dataclass(frozen=True)
class Cell:
    """A text; its `tone` is gain, loss or nothing, its `link` the page that it leads to."""

    text: str
    tone: str = ""
    link: str | None = None


@dataclass(frozen=True)
class Column:
    """A heading; numbers stand to the right."""

    name: str
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    """Rows below a heading; `empty` is said where there are none.

    The first cell of a row is its heading.
    """

    heading: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    empty: str = "There is nothing to show yet."
    note: str = ""


def text_columns(*names: str) -> list[Column]:
    """Columns of text."""
    return [Column(name, numeric=False) for name in names]


def number_columns(*names: str) -> list[Column]:
    """Columns of numbers."""
    return [Column(name) for name in names]


def gained(amount: Number | None) -> Cell:
    """Dollars of profit or loss."""
    text = dollars(amount, sign=True)
    return Cell(text, tone(text))


def returned(fraction: Number | None) -> Cell:
    """A return in per cent."""
    text = percent(fraction, sign=True)
    return Cell(text, tone(text))


def share(fraction: Number | None, places: int = 2) -> Cell:
    """A fraction in per cent, without a sign."""
    return Cell(percent(fraction, places))


def ratio(figure: Number | None) -> Cell:
    """A plain number."""
    return Cell(number(figure))
