"""How much history a graph needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from alchemiser_dagster.symphony.graph import (
    Asset,
    Filter,
    If,
    InverseVolatility,
    Node,
    children_of,
    indicators_of,
)
from alchemiser_dagster.symphony.plan import nodes_of, scored_by
from alchemiser_dagster.symphony.vocabulary import history_wanted


def lookbacks(root: Node) -> dict[str, int]:
    """Sessions of closes that `root` wants of each symbol, in the language's spelling.

    The history of portfolios inside filters is included.
    """
    wanted: dict[Node, dict[str, int]] = {}
    for node in nodes_of(root):
        if isinstance(node, Asset):
            wanted[node] = {node.symbol: 1}
            continue
        below = [wanted[child] for child in children_of(node)]
        own: dict[str, int] = {}
        if isinstance(node, If):
            for found in indicators_of(node.condition):
                depth = history_wanted(found.name, found.windows)
                own[found.symbol] = max(depth, own.get(found.symbol, 0))
        elif isinstance(node, Filter | InverseVolatility):
            scored = history_wanted(*scored_by(node))
            # The oldest return in a portfolio's window comes from weights decided before it.
            below = [
                {symbol: depth + scored - 1 for symbol, depth in part.items()} for part in below
            ]
        wanted[node] = _deepest([own, *below])
    return wanted[root]


def _deepest(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    deepest: dict[str, int] = {}
    for part in parts:
        for symbol, depth in part.items():
            deepest[symbol] = max(depth, deepest.get(symbol, 0))
    return deepest
