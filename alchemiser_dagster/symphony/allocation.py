"""From the root down: how much of a symphony reaches each symbol in each session.

The whole starts at the root; every node passes its share on to its children, in proportions that
are known by then; what arrives at an asset is its weight. A node that stands in several places is
visited once, with the sum of its shares. So no node ever needs a table of weights of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.symphony.columns import Columns
from alchemiser_dagster.symphony.graph import (
    Asset,
    Equal,
    Filter,
    If,
    InverseVolatility,
    Node,
    Specified,
)
from alchemiser_dagster.symphony.rolling import Column


def allocate(
    order: Sequence[Node], columns: Columns, symbols: Sequence[str]
) -> NDArray[np.float64]:
    """Weights of shape (n_symbols, n_sessions), before rows are normalised.

    `order` has the nodes of one symphony, children first. Sessions in which the root cannot be
    decided hold nothing meaningful.
    """
    rows = {symbol: row for row, symbol in enumerate(symbols)}
    weights = np.zeros((len(symbols), columns.length))
    shares: dict[Node, Column] = {order[-1]: np.ones(columns.length)}

    def give(node: Node, share: Column) -> None:
        before = shares.get(node)
        shares[node] = share if before is None else before + share

    for node in reversed(order):
        share = shares.pop(node, None)
        if share is None:
            continue
        match node:
            case Asset(symbol):
                weights[rows[symbol]] += share
            case Equal(children):
                part = share * (1 / len(children))
                for child in children:
                    give(child, part)
            case Specified(parts, children):
                for fraction, child in zip(parts, children, strict=True):
                    give(child, share * float(fraction))
            case If(_, then, otherwise):
                holds = columns.branches[node]
                give(then, share * holds)
                if otherwise is not None:
                    give(otherwise, share * ~holds)
            case Filter():
                _give_picked(node, share, columns, weights, rows, give)
            case InverseVolatility(_, children):
                for part, child in zip(columns.shares[node], children, strict=True):
                    give(child, share * part)
    return weights


def _give_picked(
    node: Filter,
    share: Column,
    columns: Columns,
    weights: NDArray[np.float64],
    rows: dict[str, int],
    give: Callable[[Node, Column], None],
) -> None:
    picks = columns.picks[node]
    portion = share * picks.portions
    sessions = np.arange(columns.length)
    symbols = [c.symbol for c in node.candidates if isinstance(c, Asset)]
    if len(symbols) == len(node.candidates):
        # Within a slot every session has one winner, so no cell is written twice.
        row_of = np.array([rows[symbol] for symbol in symbols])
        for slot, winner in enumerate(picks.winners):
            weights[row_of[winner], sessions] += np.where(picks.taken(slot), portion, 0.0)
        return
    for i, candidate in enumerate(node.candidates):
        give(candidate, portion * picks.takes(i))
