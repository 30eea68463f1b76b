"""Conditions: where they hold, and where they cannot be decided."""

import operator

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.symphony.faults import FaultBook
from alchemiser_dagster.symphony.graph import (
    All,
    Comparator,
    Comparison,
    Condition,
    Indicator,
    Operand,
)
from alchemiser_dagster.symphony.history import History

_COMPARE = {
    Comparator.GREATER: operator.gt,
    Comparator.LESS: operator.lt,
    Comparator.AT_LEAST: operator.ge,
    Comparator.AT_MOST: operator.le,
    Comparator.EQUAL: operator.eq,
}


def truth(
    condition: Condition, history: History, book: FaultBook
) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """Where a condition holds, and the faults where an indicator it looks at has no value."""
    if isinstance(condition, Comparison):
        left, left_faults = _operand(condition.left, history, book)
        right, right_faults = _operand(condition.right, history, book)
        faults = np.where(left_faults != 0, left_faults, right_faults)
        return _COMPARE[condition.comparator](left, right), faults
    parts = [truth(part, history, book) for part in condition.parts]
    joined = np.logical_and if isinstance(condition, All) else np.logical_or
    faults = np.zeros(history.length, dtype=np.int32)
    for _, own in parts:
        faults = np.where(faults != 0, faults, own)
    return joined.reduce([holds for holds, _ in parts]), faults


def _operand(
    operand: Operand, history: History, book: FaultBook
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    if isinstance(operand, Indicator):
        column = history.indicator(operand)
        return column, np.where(np.isnan(column), book.undefined(operand), 0).astype(np.int32)
    constant = np.full(history.length, float(operand.value))
    return constant, np.zeros(history.length, dtype=np.int32)
