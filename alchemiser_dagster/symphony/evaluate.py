"""Evaluating symphonies in all sessions at once.

Every distinct node is computed once, however many symphonies it stands in; then each symphony's
whole is handed down from its root to the symbols. No step runs per session or per bar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from alchemiser_dagster.symphony.allocation import allocate
from alchemiser_dagster.symphony.columns import Columns
from alchemiser_dagster.symphony.evaluation import Evaluation
from alchemiser_dagster.symphony.graph import Asset, Filter, If, InverseVolatility, Node
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.plan import Plan
from alchemiser_dagster.symphony.prices import ClosingPrices
from alchemiser_dagster.symphony.symphony import Symphony


def evaluate(symphonies: Sequence[Symphony], closes: ClosingPrices) -> dict[str, Evaluation]:
    """Evaluate symphonies in every session of `closes`; by the symphony's name.

    A symbol without a column has no bars. Raises ValueError when two symphonies share a name.
    """
    names = Counter(symphony.name for symphony in symphonies)
    twice = sorted(name for name, count in names.items() if count > 1)
    if twice:
        raise ValueError(f"expected a name of its own for each symphony, was twice {twice}")
    with np.errstate(all="ignore"):  # what is not finite is undefined, and handled as such
        return _evaluate(symphonies, closes)


def _evaluate(symphonies: Sequence[Symphony], closes: ClosingPrices) -> dict[str, Evaluation]:
    plan = Plan([symphony.root for symphony in symphonies])
    columns = Columns(History(closes), plan)
    evaluations: dict[str, Evaluation] = {}
    for symphony, order in zip(symphonies, plan.orders, strict=True):
        for node in order:
            if node not in columns.computed:
                columns.compute(node)
        evaluations[symphony.name] = _weights(symphony, order, columns, closes)
        _release(order, columns)
    return evaluations


def _weights(
    symphony: Symphony, order: Sequence[Node], columns: Columns, closes: ClosingPrices
) -> Evaluation:
    symbols = tuple(sorted({node.symbol for node in order if isinstance(node, Asset)}))
    weights = allocate(order, columns, symbols)
    fine = columns.fine[symphony.root]
    available = np.ones(columns.length, dtype=np.bool_) if fine is None else fine.copy()
    total = np.zeros(columns.length)
    for row in weights:  # one by one, so that a session's sum does not depend on how many there are
        total += row
    weights /= np.where(available, total, 1.0)
    weights[:, ~available] = 0.0
    return Evaluation(
        symphony, closes, symbols, weights.T, available, _warnings(symphony, columns.history)
    )


def _release(order: Sequence[Node], columns: Columns) -> None:
    root = order[-1]
    columns.plan.readers[root] -= 1
    if not columns.plan.readers[root]:
        columns.drop(root)
    for node in order:
        columns.plan.reached[node] -= 1
        if columns.plan.reached[node]:
            continue
        if isinstance(node, If):
            del columns.branches[node]
        elif isinstance(node, Filter):
            del columns.picks[node]
        elif isinstance(node, InverseVolatility):
            del columns.shares[node]


def _warnings(symphony: Symphony, history: History) -> tuple[str, ...]:
    """Symbols that are named but cannot be priced now: without bars, or no longer listed."""
    found = []
    for symbol in symphony.symbols:
        rows = history.symbol(symbol).rows
        if not len(rows):
            found.append(f"{symbol} has no bars")
        elif rows[-1] < history.length - 1:
            last = history.prices.sessions[int(rows[-1])]
            found.append(f"the last bar of {symbol} is of {last}")
    return tuple(found)
