"""The syntax graph: immutable nodes, equal sub-trees being one object.

Names of groups and places in the text are not part of a node, so a group that is renamed, moved or
copied is still the same node and is evaluated once, in however many symphonies it stands.
"""

import operator
import typing
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar


@dataclass(frozen=True, slots=True, eq=False)
class Indicator:
    """An indicator of one symbol: `symbol` is empty in the metric of a filter.

    `windows` are sessions: one, none for current-price, two or three for the price oscillator.
    """

    name: str
    symbol: str
    windows: tuple[int, ...]

    def __str__(self) -> str:
        parts = [self.symbol] if self.symbol else []
        return f"{self.name}({', '.join([*parts, *map(str, self.windows)])})"


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A constant of a comparison."""

    value: Decimal


Operand = Indicator | Number


class Comparator(StrEnum):
    """How two operands are compared; exactly, without tolerance."""

    GREATER = ">"
    LESS = "<"
    AT_LEAST = ">="
    AT_MOST = "<="
    EQUAL = "="

    def holds(self, left: typing.Any, right: typing.Any) -> typing.Any:
        """Compare two numbers, or two columns element by element."""
        return _COMPARE[self](left, right)


_COMPARE: Final = {
    Comparator.GREATER: operator.gt,
    Comparator.LESS: operator.lt,
    Comparator.AT_LEAST: operator.ge,
    Comparator.AT_MOST: operator.le,
    Comparator.EQUAL: operator.eq,
}


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """`(> left right)` and its kin."""

    comparator: Comparator
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True, eq=False)
class All:
    """`(and ...)`."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True, eq=False)
class Any:
    """`(or ...)`."""

    parts: tuple["Condition", ...]


Condition = Comparison | All | Any


@dataclass(frozen=True, slots=True, eq=False)
class Asset:
    """A holding of one symbol."""

    symbol: str


@dataclass(frozen=True, slots=True, eq=False)
class Equal:
    """Each child has the same share."""

    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True, eq=False)
class Specified:
    """Each child has its own share; the shares sum to 1."""

    shares: tuple[Decimal, ...]
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True, eq=False)
class InverseVolatility:
    """Each child's share is in proportion to 1 / its volatility over `window` sessions."""

    window: int
    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True, eq=False)
class If:
    """One branch or the other; without `otherwise` a false condition is an error."""

    condition: Condition
    then: "Node"
    otherwise: "Node | None"


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """The `count` best candidates by `metric`, in equal shares."""

    metric: Indicator
    top: bool
    count: int
    candidates: tuple["Node", ...]


Node = Asset | Equal | Specified | InverseVolatility | If | Filter
Interned = Node | Condition | Operand

T = TypeVar("T", bound=Interned)


class Interner:
    """Makes equal nodes one object, so that equality is identity and costs nothing."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Interned] = {}

    def __call__(self, kind: Callable[..., T], *parts: object) -> T:
        """The node of this kind with these fields, in their order; parts must be interned."""
        key = (kind, *parts)
        node = self._known.get(key)
        if node is None:
            node = self._known[key] = kind(*parts)
        return node  # type: ignore[return-value]


def children_of(node: Node) -> tuple[Node, ...]:
    """The portfolios a portfolio is made of."""
    match node:
        case Asset():
            return ()
        case If(_, then, otherwise):
            return (then,) if otherwise is None else (then, otherwise)
        case Filter():
            return node.candidates
        case _:
            return node.children


def indicators_of(condition: Condition) -> list[Indicator]:
    """The indicators a condition looks at, from the left."""
    found: list[Indicator] = []
    stack: list[Condition] = [condition]
    while stack:
        part = stack.pop()
        if isinstance(part, Comparison):
            found += [side for side in (part.left, part.right) if isinstance(side, Indicator)]
        else:
            stack.extend(reversed(part.parts))
    return found
