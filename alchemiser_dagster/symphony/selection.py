"""Picking the best of several scored candidates, in all sessions at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.symphony.rolling import Column

Winners = NDArray[np.intp]
T = TypeVar("T", np.float64, np.int64)
NOBODY: Final = 1 << 62
"""The preference of a candidate that holds nothing; still before one that does not take part."""


@dataclass(frozen=True, eq=False)
class Picks:
    """The candidates taken in each session.

    `winners[k, t]` is the k-th best candidate (its position in the filter) of session t, valid
    while k < `counts[t]`; fewer are taken where fewer have a score.
    """

    winners: Winners
    counts: NDArray[np.int64]

    @property
    def portions(self) -> Column:
        """The equal share of each candidate taken; 0 where there is none."""
        return np.divide(1.0, self.counts, out=np.zeros(len(self.counts)), where=self.counts > 0)

    def taken(self, slot: int) -> NDArray[np.bool_]:
        """The sessions in which the k-th best is taken."""
        return np.asarray(self.counts > slot)

    def takes(self, candidate: int) -> NDArray[np.bool_]:
        """The sessions in which a candidate is taken."""
        among = [
            (winner == candidate) & self.taken(slot) for slot, winner in enumerate(self.winners)
        ]
        return np.asarray(np.logical_or.reduce(among))

    def gather(self, columns: NDArray[T], nothing: float) -> list[NDArray[T]]:
        """For each k the k-th best's own value of `columns` (candidates x sessions)."""
        sessions = np.arange(len(self.counts))
        return [
            np.where(self.taken(slot), columns[winner, sessions], nothing)
            for slot, winner in enumerate(self.winners)
        ]


def pick(
    scores: list[Column], count: int, *, top: bool, preference: NDArray[np.int64] | None
) -> Picks:
    """Take the `count` largest (`top`) or smallest scores of each session; NaN is never taken.

    Equal scores go to the candidate first in the list, or with `preference` (candidates x
    sessions) to the one with the smallest entry, then to the first in the list.
    """
    keys = np.stack(scores)
    unscored = np.isnan(keys)
    counts = np.minimum(len(scores) - unscored.sum(axis=0), count)
    if not top:
        np.negative(keys, out=keys)
    keys[unscored] = -np.inf
    slots = min(count, len(scores))
    winners = np.empty((slots, keys.shape[1]), dtype=np.intp)
    sessions = np.arange(keys.shape[1])
    for slot in range(slots):
        winners[slot] = _best(keys, preference)
        if slot + 1 < slots:
            keys[winners[slot], sessions] = -np.inf
    return Picks(winners, counts)


def _best(keys: NDArray[np.float64], preference: NDArray[np.int64] | None) -> Winners:
    if preference is None:
        return np.asarray(keys.argmax(axis=0))
    tied = keys == keys.max(axis=0)
    return np.asarray(np.where(tied, preference, np.iinfo(np.int64).max).argmin(axis=0))
