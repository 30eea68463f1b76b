"""How much history a graph needs."""

from __future__ import annotations

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


def lookback(root: Node) -> int:
    """Sessions of closes that `root` wants, the history of portfolios inside filters included."""
    wanted: dict[Node, int] = {}
    for node in nodes_of(root):
        own = 1
        below = [wanted[child] for child in children_of(node)]
        if isinstance(node, If):
            found = indicators_of(node.condition)
            own = max((history_wanted(i.name, i.windows) for i in found), default=1)
        elif isinstance(node, Filter | InverseVolatility):
            own = history_wanted(*scored_by(node))
            # The oldest return in a portfolio's window comes from weights decided before it.
            below = [
                depth if isinstance(child, Asset) else depth + own - 1
                for child, depth in zip(children_of(node), below, strict=True)
            ]
        wanted[node] = max([own, *below])
    return wanted[root]
