"""Filters: ranking candidates and taking the best.

An asset is scored by its indicator, any other candidate by the same metric of its own return
series. Candidates without a score are dropped; ties go to the ticker first in the alphabet, for a
portfolio the first of those it holds that day, whether the best or the worst are wanted.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.symphony.faults import FaultBook
from alchemiser_dagster.symphony.graph import Asset, Filter, Indicator
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.units import Weights, score_unit

LAST = 1_000_000


def select(
    node: Filter, units: Sequence[Weights], history: History, book: FaultBook
) -> tuple[list[NDArray[np.float64]], NDArray[np.int32]]:
    """Each candidate's share in every session, and the faults of the selection itself."""
    alphabet = {s: i for i, s in enumerate(sorted({s for u in units for s in u.columns}))}
    scores = np.empty((history.length, len(units)))
    ties = np.empty((history.length, len(units)), dtype=np.int64)
    faults = np.zeros(history.length, dtype=np.int32)
    for i, (candidate, unit) in enumerate(zip(node.candidates, units, strict=True)):
        if isinstance(candidate, Asset):
            own = Indicator(node.metric.name, candidate.symbol, node.metric.windows)
            scores[:, i] = history.indicator(own)
        else:
            scored = score_unit(node.metric, unit, history)
            scores[:, i] = scored.scores
            faults = np.where(faults != 0, faults, scored.faults)
        ties[:, i] = _first_held(unit, alphabet, history.length)
    chosen = best(scores, ties, node.count, top=node.top)
    taken = chosen.sum(axis=1)
    faults = np.where((taken == 0) & (faults == 0), book.nothing_ranked(node), faults)
    shares = chosen / np.maximum(taken, 1)[:, None]
    return list(shares.T), faults.astype(np.int32)


def best(
    scores: NDArray[np.float64], ties: NDArray[np.int64], count: int, *, top: bool
) -> NDArray[np.bool_]:
    """Which `count` candidates (columns) are taken in each session (row); never one without score.

    Sorted by score, then by `ties`, the smaller first.
    """
    unscored = np.isnan(scores)
    keys = np.where(unscored, np.inf, -scores if top else scores)
    order = np.lexsort((ties, keys), axis=-1)[:, :count]
    chosen = np.zeros(scores.shape, dtype=np.bool_)
    np.put_along_axis(chosen, order, True, axis=1)
    return chosen & ~unscored


def _first_held(unit: Weights, alphabet: dict[str, int], length: int) -> NDArray[np.int64]:
    first = np.full(length, LAST, dtype=np.int64)
    for symbol, column in unit.columns.items():
        first = np.where(column > 0, np.minimum(first, alphabet[symbol]), first)
    return first
