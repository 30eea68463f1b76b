"""Rewrites: smaller graphs with the same weights.

Each is a function from one node, its children being rewritten already, to a node; the pattern and
its replacement stand in the docstring. None changes a weight in any session that has one. A graph
is rewritten for reading (what is left when the redundant is gone?), not for speed: the evaluation
computes equal nodes once and hands down nothing along branches that are never taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from alchemiser_dagster.symphony.graph import (
    All,
    Any,
    Asset,
    Comparison,
    Condition,
    Equal,
    Filter,
    If,
    Interner,
    InverseVolatility,
    Node,
    Number,
    Specified,
)
from alchemiser_dagster.symphony.plan import nodes_of

Rewrite = Callable[[Node, Interner], Node]


def flatten_single_child(node: Node, _intern: Interner) -> Node:
    """(weight-equal [x]) -> x, and (weight-specified 1 x) -> x."""
    if isinstance(node, Equal | Specified) and len(node.children) == 1:
        return node.children[0]
    return node


def drop_constant_branch(node: Node, _intern: Interner) -> Node:
    """(if (> 2 1) [a] [b]) -> a, and (if (> 1 2) [a] [b]) -> b."""
    if isinstance(node, If):
        holds = constant_truth(node.condition)
        if holds is True:
            return node.then
        if holds is False and node.otherwise is not None:
            return node.otherwise
    return node


def share_condition(node: Node, intern: Interner) -> Node:
    """(if c [(if c [a] [b])] [d]) -> (if c [a] [d]), and likewise below the else branch."""
    if not isinstance(node, If):
        return node
    then, otherwise = node.then, node.otherwise
    if isinstance(then, If) and then.condition is node.condition:
        then = then.then
    if (
        isinstance(otherwise, If)
        and otherwise.condition is node.condition
        and otherwise.otherwise is not None
    ):
        otherwise = otherwise.otherwise
    return intern(If, node.condition, then, otherwise)


def merge_equal_shares(node: Node, intern: Interner) -> Node:
    """(weight-specified 0.5 x 0.3 y 0.2 x) -> (weight-specified 0.7 x 0.3 y)."""
    if not isinstance(node, Specified) or len(set(node.children)) == len(node.children):
        return node
    merged = dict.fromkeys(node.children, 0 * node.shares[0])
    for share, child in zip(node.shares, node.children, strict=True):
        merged[child] += share
    return intern(Specified, tuple(merged.values()), tuple(merged))


REWRITES: Final[tuple[Rewrite, ...]] = (
    drop_constant_branch,
    share_condition,
    merge_equal_shares,
    flatten_single_child,
)


def rewrite(root: Node, intern: Interner, rewrites: Sequence[Rewrite] = REWRITES) -> Node:
    """The graph after all rewrites, from the leaves up, until nothing changes any more."""
    while True:
        made: dict[Node, Node] = {}
        for node in nodes_of(root):
            found = _with_children(node, made, intern)
            for apply in rewrites:
                found = apply(found, intern)
            made[node] = found
        if made[root] is root:
            return root
        root = made[root]


def constant_truth(condition: Condition) -> bool | None:
    """Whether a condition holds in every session or in none, without any price; else None."""
    match condition:
        case Comparison(comparator, Number(left), Number(right)):
            return bool(comparator.holds(left, right))
        case Comparison():
            return None
        case All(parts) | Any(parts):
            deciding = isinstance(condition, Any)
            # Only leading parts count: a later one may decide where an earlier has no value.
            for part in parts:
                truth = constant_truth(part)
                if truth is None:
                    return None
                if truth is deciding:
                    return deciding
            return not deciding


def _with_children(node: Node, made: dict[Node, Node], intern: Interner) -> Node:
    match node:
        case Asset():
            return node
        case If(condition, then, otherwise):
            other = None if otherwise is None else made[otherwise]
            return intern(If, condition, made[then], other)
        case Filter(metric, top, count, candidates):
            ranked = tuple(_candidate(c, made, intern) for c in candidates)
            return intern(Filter, metric, top, count, ranked)
        case Specified(shares, children):
            return intern(Specified, shares, tuple(made[c] for c in children))
        case InverseVolatility(window, children):
            weighed = tuple(_candidate(c, made, intern) for c in children)
            return intern(InverseVolatility, window, weighed)
        case Equal(children):
            return intern(Equal, tuple(made[c] for c in children))


def _candidate(node: Node, made: dict[Node, Node], intern: Interner) -> Node:
    """A portfolio stays one: it stands still where an asset without a bar has no score."""
    found = made[node]
    if isinstance(found, Asset) and not isinstance(node, Asset):
        return intern(Equal, (found,))
    return found
