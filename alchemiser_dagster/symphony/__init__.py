"""The symphony language: reading strategies and evaluating them in all sessions at once.

    symphony = read_symphony(text, name="nuclear")
    weights = evaluate([symphony], closes)["nuclear"].at(session)

No file is opened here and no clock is read: an evaluation is a function of text and closes.
"""

from alchemiser_dagster.symphony.errors import (
    Position,
    SignalUnavailable,
    SymphonyError,
    SymphonySyntaxError,
    SymphonyValidationError,
    UnknownOperatorError,
)
from alchemiser_dagster.symphony.evaluate import evaluate
from alchemiser_dagster.symphony.evaluation import Evaluation
from alchemiser_dagster.symphony.explain import explain
from alchemiser_dagster.symphony.explanation import Explanation, Tolerance
from alchemiser_dagster.symphony.incremental import Incremental
from alchemiser_dagster.symphony.inspection import Inspection, inspect
from alchemiser_dagster.symphony.prices import ClosingPrices
from alchemiser_dagster.symphony.printer import print_symphony
from alchemiser_dagster.symphony.rebalancing import Frequency, Rebalancing
from alchemiser_dagster.symphony.symbols import canonical_symbol
from alchemiser_dagster.symphony.symphony import Symphony, read_symphony

__all__ = [
    "ClosingPrices",
    "Evaluation",
    "Explanation",
    "Frequency",
    "Incremental",
    "Inspection",
    "Position",
    "Rebalancing",
    "SignalUnavailable",
    "Symphony",
    "SymphonyError",
    "SymphonySyntaxError",
    "SymphonyValidationError",
    "Tolerance",
    "UnknownOperatorError",
    "canonical_symbol",
    "evaluate",
    "explain",
    "inspect",
    "print_symphony",
    "read_symphony",
]
