"""What the compiler makes of each form: nodes with their places, and the small parts of calls."""

from __future__ import annotations

from typing import NamedTuple

from alchemiser_dagster.symphony.graph import Interned
from alchemiser_dagster.symphony.reader import Form


class Occurrence(NamedTuple):
    """A node where it stands in one text: the place, the group's name around it, its parts.

    One node may occur many times, under different names. `parts` are the children of a
    portfolio (the condition before the branches of an `if`, the metric before the candidates of
    a filter), the parts of a condition, the indicators of a comparison.
    """

    node: Interned
    offset: int
    label: str | None = None
    parts: tuple[Occurrence, ...] = ()


class Selection(NamedTuple):
    """`(select-top 3)`."""

    top: bool
    limit: int
    offset: int


class WeightedAsset(NamedTuple):
    """`(asset "SPY" 0.6)`, which only weight-specified understands."""

    asset: Occurrence
    share: Form
    offset: int


class Vector(NamedTuple):
    """`[...]`: data, never a call."""

    items: tuple[Term, ...]
    offset: int


Term = Occurrence | Selection | WeightedAsset | Vector | Form


def describe(term: Term) -> str:
    """A term as messages name it."""
    match term:
        case Occurrence(node):
            return f"the {type(node).__name__.lower()}" if node else ""
        case Selection():
            return "a selection"
        case WeightedAsset():
            return "an asset with a weight"
        case Vector():
            return "a vector"
        case Form(kind, _, text):
            return f"the {kind} {text!r}" if text else f"a {kind}"
