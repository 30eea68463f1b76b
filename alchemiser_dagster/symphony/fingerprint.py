"""A hash of what a symphony does."""

from __future__ import annotations

import hashlib

from alchemiser_dagster.symphony.graph import (
    All,
    Any,
    Asset,
    Comparison,
    Condition,
    Filter,
    If,
    InverseVolatility,
    Node,
    Number,
    Specified,
    children_of,
)
from alchemiser_dagster.symphony.plan import nodes_of
from alchemiser_dagster.symphony.rebalancing import Rebalancing


def fingerprint(root: Node, rebalancing: Rebalancing) -> str:
    """SHA-256 (hex) of the graph and the header; names, places and spelling have no part in it."""
    digests: dict[Node, str] = {}
    for node in nodes_of(root):
        words = [*_words(node), *(digests[child] for child in children_of(node))]
        digests[node] = _digest(words)
    return _digest([digests[root], str(rebalancing.frequency), str(rebalancing.threshold)])


def _words(node: Node) -> list[str]:
    match node:
        case Asset(symbol):
            return ["asset", symbol]
        case If(condition, _, otherwise):
            return ["if", *_condition_words(condition), str(otherwise is None)]
        case Filter(metric, top, count, _):
            return ["filter", str(metric), str(top), str(count)]
        case Specified(shares, _):
            return ["specified", *map(str, shares)]
        case InverseVolatility(window, _):
            return ["inverse volatility", str(window)]
        case _:
            return ["equal"]


def _condition_words(condition: Condition) -> list[str]:
    words: list[str] = []
    stack: list[Condition | str] = [condition]
    while stack:
        part = stack.pop()
        match part:
            case Comparison(comparator, left, right):
                sides = [
                    str(side.value) if isinstance(side, Number) else str(side)
                    for side in (left, right)
                ]
                words += [comparator, *sides]
            case All(parts) | Any(parts):
                words += [type(part).__name__, str(len(parts))]
                stack.extend(reversed(parts))
    return words


def _digest(words: list[str]) -> str:
    return hashlib.sha256("\x1f".join(words).encode()).hexdigest()
