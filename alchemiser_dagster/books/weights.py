"""From a signal's weights to the weights a book is traded to.

A signal is a set of weights that should sum to 1. Floating-point noise and small overshoots are
scaled away, a shortfall stays in cash, and anything that cannot be meant is refused.
"""

from collections.abc import Mapping
from decimal import Decimal

from alchemiser_dagster.books.money import ZERO, weight_from_float

HIGHEST_SUM = Decimal("1.01")
LOWEST_SUM = Decimal("0.99")
"""Below it the shortfall is no rounding any more, and somebody should be told."""


class WeightError(Exception):
    """Weights that no book may be traded to."""


def accept_weights(weights: Mapping[str, float]) -> dict[str, Decimal]:
    """Decimal target weights of the positive entries of `weights`, taken at 9 places.

    A sum above 1 and up to 1.01 is divided by the sum; below 1 the rest stays in cash. Raises
    WeightError for a negative weight, one that is not finite, a sum above 1.01, or no positive
    weight at all: a strategy that means to hold nothing says so, and has no weights to accept.
    """
    for symbol, weight in weights.items():
        if not 0 <= weight <= float(HIGHEST_SUM):  # also refuses NaN
            raise WeightError(f"expected a weight between 0 and 1 for {symbol}, was {weight}")
    exact = {symbol: weight_from_float(weight) for symbol, weight in weights.items() if weight > 0}
    total = sum(exact.values(), ZERO)
    if total == 0:
        raise WeightError("expected at least one positive weight, was none")
    if total > HIGHEST_SUM:
        raise WeightError(f"expected weights that sum to at most {HIGHEST_SUM}, was {total}")
    if total > 1:
        exact = {symbol: weight / total for symbol, weight in exact.items()}
    return {symbol: weight for symbol, weight in exact.items() if weight > 0}


def shortfall(weights: Mapping[str, Decimal]) -> str | None:
    """A warning for accepted weights that sum to less than 0.99; None where they do not.

    Such a book is traded; what is missing stays in cash. All cash (no weights) is no shortfall.
    """
    total = sum(weights.values(), ZERO)
    if not weights or total >= LOWEST_SUM:
        return None
    return f"expected weights that sum to 1, was {total}: the rest of the book stays in cash"
