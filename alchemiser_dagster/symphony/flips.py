"""How far the last close would have had to move for a comparison to come out otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from alchemiser_dagster.symphony.graph import Comparison, Indicator, Number, Operand
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.indicators import evaluate_indicator

SMALLEST_MOVE: Final = 0.0001
LARGEST_MOVE: Final = 0.5
BISECTIONS: Final = 40


def move_to_flip(
    node: Comparison, history: History, holds: bool
) -> tuple[str | None, float | None]:
    """The symbol whose last close decides a comparison alone, and the move that flips it.

    The move is the smallest one in percent, found by doubling it from 0.01 % and halving the last
    step; None when no move up to 50 % either way does. (None, None) when two symbols decide, or
    none.
    """
    symbols = {side.symbol for side in (node.left, node.right) if isinstance(side, Indicator)}
    if len(symbols) != 1:
        return None, None
    (symbol,) = symbols

    def flipped(move: float) -> bool:
        sides = [_after(side, history, move) for side in (node.left, node.right)]
        return node.comparator.holds(*sides) is not holds

    before, move = 0.0, SMALLEST_MOVE
    while True:
        for sign in (1.0, -1.0):
            if flipped(sign * move):
                return symbol, 100 * _bisect(flipped, sign * before, sign * move)
        if move == LARGEST_MOVE:
            return symbol, None
        before, move = move, min(2 * move, LARGEST_MOVE)


def _bisect(flipped: Callable[[float], bool], same: float, other: float) -> float:
    for _ in range(BISECTIONS):
        middle = (same + other) / 2
        if flipped(middle):
            other = middle
        else:
            same = middle
    return other


def _after(operand: Operand, history: History, move: float) -> float:
    """The operand's value if the last close had been higher by the fraction `move`."""
    if isinstance(operand, Number):
        return float(operand.value)
    closes = history.symbol(operand.symbol).closes.copy()
    closes[-1] *= 1 + move
    return float(evaluate_indicator(operand.name, operand.windows, closes)[-1])
