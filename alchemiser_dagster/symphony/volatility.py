"""Shares by inverse volatility: the calmer a child, the more of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.symphony.faults import FaultBook
from alchemiser_dagster.symphony.graph import Asset, Indicator, InverseVolatility
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.units import Weights, score_unit

DEVIATION = "stdev-return"


def inverse_volatility_shares(
    node: InverseVolatility, units: Sequence[Weights], history: History, book: FaultBook
) -> tuple[list[NDArray[np.float64]], NDArray[np.int32]]:
    """Each child's share in every session: (1 / vol) / sum of (1 / vol).

    vol is the sample standard deviation of daily returns, of an asset's own or of a portfolio's
    return series. A child whose volatility is undefined or zero is left out.
    """
    faults = np.zeros(history.length, dtype=np.int32)
    inverses = []
    for child, unit in zip(node.children, units, strict=True):
        if isinstance(child, Asset):
            volatility = history.indicator(Indicator(DEVIATION, child.symbol, (node.window,)))
        else:
            scored = score_unit(Indicator(DEVIATION, "", (node.window,)), unit, history)
            volatility = scored.scores
            faults = np.where(faults != 0, faults, scored.faults)
        usable = np.isfinite(volatility) & (volatility > 0)
        inverses.append(np.divide(1.0, volatility, out=np.zeros(history.length), where=usable))
    total = np.sum(inverses, axis=0)
    faults = np.where((total == 0) & (faults == 0), book.no_volatility(node), faults)
    safe = np.where(total > 0, total, 1.0)
    return [inverse / safe for inverse in inverses], faults.astype(np.int32)
