"""Deliberate mistakes, to see that the simulation finds them.

A check that has never failed proves nothing. Each mistake here breaks the trading program in one
place, as a tired programmer might; its `seed` is one whose simulation then shows a violation, while
the same seed without the mistake shows none. `python -m tests.simulation --mistakes 200` looks for
the first such seed of every mistake.
"""

from tests.simulation.mistakes.books import MISTAKES_WITH_BOOKS
from tests.simulation.mistakes.mistake import Mistake
from tests.simulation.mistakes.orders import MISTAKES_WITH_ORDERS

MISTAKES = (*MISTAKES_WITH_ORDERS, *MISTAKES_WITH_BOOKS)

__all__ = ["MISTAKES", "Mistake"]
