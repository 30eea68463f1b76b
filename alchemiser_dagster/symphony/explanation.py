"""What an explanation says: the path taken, every decision on it, and how close each one was.

Plain data: `Explanation.as_dict` gives what json.dumps takes.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class Tolerance:
    """When a decision is called fragile.

    A comparison is, when its sides differ by less than `points`, or, where a side exceeds 100, by
    less than `fraction` of it. A filter is, when the scores on both sides of the cut differ by
    less than `gap` of the larger one.
    """

    points: float = 2.0
    fraction: float = 0.005
    gap: float = 0.02

    def of_comparison(self, left: float, right: float) -> bool:
        """Whether a comparison of these values is fragile."""
        size = max(abs(left), abs(right))
        return abs(left - right) < (self.fraction * size if size > 100 else self.points)

    def of_cut(self, last: float, next_best: float) -> bool:
        """Whether a cut between these scores is fragile."""
        return abs(last - next_best) < self.gap * max(abs(last), abs(next_best))


@dataclass(frozen=True)
class ConditionStep:
    """A condition. Comparisons have two values; `and` and `or` have parts.

    `margin` is left - right in `unit`. `flip_percent` is the smallest move of the last close of
    `flip_symbol`, in percent, that would decide otherwise: None where several closes decide, or
    where no move of up to 50 % does. A part that was not looked at holds None.
    """

    text: str
    place: str
    holds: bool | None
    left: float | None = None
    right: float | None = None
    margin: float | None = None
    unit: str | None = None
    flip_percent: float | None = None
    flip_symbol: str | None = None
    fragile: bool = False
    parts: tuple[ConditionStep, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """One candidate of a filter or weight; `score` is None for one that was left out."""

    name: str
    place: str
    score: float | None
    taken: bool


@dataclass(frozen=True)
class Ranking:
    """How a filter chose, best first. `gap` lies between the last taken and the next one."""

    text: str
    place: str
    unit: str
    candidates: tuple[Candidate, ...]
    gap: float | None
    fragile: bool


@dataclass(frozen=True)
class Step:
    """A part of the symphony that was taken, with its share of the whole."""

    kind: str
    text: str
    place: str
    share: float
    label: str | None = None
    condition: ConditionStep | None = None
    ranking: Ranking | None = None
    volatilities: tuple[Candidate, ...] = ()
    children: tuple[Step, ...] = ()


@dataclass(frozen=True)
class FragileDecision:
    """A decision within tolerance; `margin` in `unit`."""

    text: str
    place: str
    margin: float
    unit: str
    flip_percent: float | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a symphony holds what it holds in one session; without a signal, only `reason`."""

    symphony: str
    title: str
    session: date
    weights: dict[str, float]
    reason: str | None
    path: Step | None
    fragile: tuple[FragileDecision, ...]

    def as_dict(self) -> dict[str, Any]:
        """Dictionaries, lists, text, finite numbers and None."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_plain(entry) for entry in value]
        case float() if not math.isfinite(value):
            return None
        case date():
            return value.isoformat()
        case _:
            return value
