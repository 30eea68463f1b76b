"""When a symphony trades: its schedule or corridor, from the header.

A schedule is due on the first session of each period (ISO week, month, quarter, year). A corridor
looks at what a book holds, which is the planner's business: `books.planning`.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Frequency(StrEnum):
    """How often a scheduled symphony trades; `NONE` trades once and then holds."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"
    NONE = "none"


@dataclass(frozen=True)
class Rebalancing:
    """A frequency, or a corridor: exactly one of the two is set.

    `threshold` is the corridor's half width in absolute portfolio weight: with 0.10 a target of
    50 % is left alone between 40 % and 60 %.
    """

    frequency: Frequency | None = Frequency.DAILY
    threshold: Decimal | None = None

    def __post_init__(self) -> None:
        if (self.frequency is None) == (self.threshold is None):
            raise ValueError("expected either a frequency or a threshold, not both and not none")
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise ValueError(f"expected a threshold between 0 and 1, was {self.threshold}")

    def due_on(self, session: datetime.date, last_rebalance: datetime.date | None) -> bool:
        """Whether the calendar makes `session` due: the first ever, or the first of its period."""
        if last_rebalance is None:
            return True
        if self.frequency is None:
            return False
        return _period(self.frequency, session) != _period(self.frequency, last_rebalance)


def _period(frequency: Frequency, session: datetime.date) -> tuple[int, ...]:
    match frequency:
        case Frequency.DAILY:
            return (session.toordinal(),)
        case Frequency.WEEKLY:
            return session.isocalendar()[:2]
        case Frequency.MONTHLY:
            return (session.year, session.month)
        case Frequency.QUARTERLY:
            return (session.year, (session.month - 1) // 3)
        case Frequency.YEARLY:
            return (session.year,)
        case Frequency.NONE:
            return ()
