"""When a symphony trades: its schedule or corridor, from the header, and whether it is due."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
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
        """Whether the calendar alone makes `session` due; a corridor only knows the first one."""
        if last_rebalance is None:
            return True
        if self.frequency is None:
            return False
        return _period(self.frequency, session) != _period(self.frequency, last_rebalance)


def due(
    rebalancing: Rebalancing,
    session: datetime.date,
    last_rebalance: datetime.date | None,
    targets: Mapping[str, Decimal | float],
    last_targets: Mapping[str, Decimal | float],
    drifted: Mapping[str, Decimal | float],
) -> bool:
    """Whether the book trades to `targets` on `session`.

    A schedule is due on the first session of each period (ISO week, month, quarter, year) after
    `last_rebalance`. A corridor is due when the set of holdings in `targets` differs from the one
    in `last_targets`, or when a weight in `drifted` (the actual weights, as fractions of the
    book) lies further than the threshold from its target. The first session is always due.
    """
    if rebalancing.due_on(session, last_rebalance):
        return True
    return rebalancing.threshold is not None and (
        _holdings(targets) != _holdings(last_targets)
        or any(
            abs(_weight(drifted, symbol) - _weight(targets, symbol)) > rebalancing.threshold
            for symbol in targets.keys() | drifted.keys()
        )
    )


def _holdings(targets: Mapping[str, Decimal | float]) -> set[str]:
    return {symbol for symbol, weight in targets.items() if weight > 0}


def _weight(weights: Mapping[str, Decimal | float], symbol: str) -> Decimal:
    # Through text, so that 0.6 means six tenths and not the nearest binary fraction.
    return Decimal(str(weights.get(symbol, 0)))


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
