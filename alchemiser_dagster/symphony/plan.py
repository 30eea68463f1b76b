"""What an evaluation will compute, in which order, and who reads each result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from alchemiser_dagster.symphony.graph import (
    Asset,
    Comparison,
    Condition,
    Filter,
    If,
    Indicator,
    InverseVolatility,
    Node,
    children_of,
    indicators_of,
)

VOLATILITY = "stdev-return"
Score = tuple[str, int, Node]


def nodes_of(root: Node) -> list[Node]:
    """Every distinct portfolio below `root`, children before their parents."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(children_of(node)))
    return order


def scored_by(node: Filter | InverseVolatility) -> tuple[str, tuple[int, ...]]:
    """The indicator that ranks or weighs the children of a node: its name and windows."""
    if isinstance(node, Filter):
        return node.metric.name, node.metric.windows
    return VOLATILITY, (node.window,)


class Plan:
    """The distinct nodes of several symphonies, and how often each column will be read.

    `orders` has each root's nodes, children first. `scored` are the portfolios whose own returns
    are needed, with all that they are made of. `readers` counts the parents of a node plus the
    symphonies of which it is the root; `reached` the symphonies that allocate through it;
    `condition_readers`, `indicator_readers` and `score_readers` the nodes that look at a column.
    """

    def __init__(self, roots: Sequence[Node]) -> None:
        self.orders = [nodes_of(root) for root in roots]
        distinct = list(dict.fromkeys(node for order in self.orders for node in order))
        self.reached = Counter(node for order in self.orders for node in order)
        self.readers: Counter[Node] = Counter(roots)
        self.condition_readers: Counter[Condition] = Counter()
        self.indicator_readers: Counter[tuple[str, str, tuple[int, ...]]] = Counter()
        self.score_readers: Counter[Score] = Counter()
        self.scored: set[Node] = set()
        for node in reversed(distinct):
            children = children_of(node)
            self.readers.update(children)
            if node in self.scored:
                self.scored.update(children)
            if isinstance(node, If):
                self._read_condition(node.condition)
            elif isinstance(node, Filter | InverseVolatility):
                self._read_scores(node)
        self._spread()

    def _read_condition(self, condition: Condition) -> None:
        stack = [condition]
        while stack:
            part = stack.pop()
            self.condition_readers[part] += 1
            if self.condition_readers[part] > 1:
                continue
            if isinstance(part, Comparison):
                for indicator in indicators_of(part):
                    self.indicator_readers[key_of(indicator)] += 1
            else:
                stack.extend(part.parts)

    def _read_scores(self, node: Filter | InverseVolatility) -> None:
        name, windows = scored_by(node)
        for child in children_of(node):
            if isinstance(child, Asset):
                self.indicator_readers[name, child.symbol, windows] += 1
            else:
                self.score_readers[name, windows[0], child] += 1
                self.scored.add(child)

    def _spread(self) -> None:
        stack = list(self.scored)
        while stack:
            for child in children_of(stack.pop()):
                if child not in self.scored:
                    self.scored.add(child)
                    stack.append(child)


def key_of(indicator: Indicator) -> tuple[str, str, tuple[int, ...]]:
    """What makes an indicator column the one it is."""
    return (indicator.name, indicator.symbol, indicator.windows)
