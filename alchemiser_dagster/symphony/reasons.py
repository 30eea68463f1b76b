"""Why a symphony has no weights in a session, in words that name symbol, indicator and place.

The evaluation itself only marks where nothing can be decided. Reasons are found afterwards, by
walking from the root to the first part that is missing in the columns of that one symphony.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from alchemiser_dagster.symphony.columns import Columns
from alchemiser_dagster.symphony.graph import (
    All,
    Asset,
    Comparison,
    Condition,
    Equal,
    Filter,
    If,
    Indicator,
    Interned,
    InverseVolatility,
    Node,
    Specified,
    children_of,
    indicators_of,
)
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.plan import Plan, scored_by
from alchemiser_dagster.symphony.prices import ClosingPrices
from alchemiser_dagster.symphony.series import returns_needed
from alchemiser_dagster.symphony.symphony import Symphony


class Reason(NamedTuple):
    """What is missing: `detail` for one session, `summary` the same for every session like it."""

    summary: str
    detail: str


class Diagnosis:
    """The columns of one symphony, kept to be asked why."""

    def __init__(self, symphony: Symphony, closes: ClosingPrices) -> None:
        self.symphony = symphony
        self.columns = Columns(History(closes), Plan([symphony.root]), keep=True)
        with np.errstate(all="ignore"):
            for node in self.columns.plan.orders[0]:
                self.columns.compute(node)

    def reason(self, row: int) -> Reason:
        """Why there are no weights in the session of `row`; it must be one without."""
        return self._missing(self.symphony.root, row)

    def _missing(self, node: Node, row: int) -> Reason:
        while True:
            match node:
                case Equal() | Specified():
                    node = next(c for c in node.children if not self._fine(c, row))
                case If():
                    holds, known = self.columns.truth(node.condition)
                    if known is not None and not known[row]:
                        return self._undecided(node.condition, row)
                    if not holds[row] and node.otherwise is None:
                        return self._at(node, "the condition is false and there is no else branch")
                    node = node.then if holds[row] or node.otherwise is None else node.otherwise
                case Filter() | InverseVolatility():
                    return self._unscored(node, row)
                case Asset():
                    raise AssertionError("expected a node that can be undecided, was an asset")

    def _unscored(self, node: Filter | InverseVolatility, row: int) -> Reason:
        name, windows = scored_by(node)
        children = children_of(node)
        found = [self.columns.score(name, windows, child) for child in children]
        for child, scores in zip(children, found, strict=True):
            if scores.broken is not None and scores.broken[row]:
                return self._hole(child, row, returns_needed(name, windows[0]))
        for child in children:
            if self._held(node, child, row) and not self._fine(child, row):
                return self._missing(child, row)
        first = children[0]
        if isinstance(first, Asset):
            asked = Indicator(name, first.symbol, windows)
            why = self.columns.history.why_undefined(asked, row)
        else:
            why = f"the returns of {self._place(first)} are fewer than {name} needs"
        what = "candidate has a score" if isinstance(node, Filter) else "child has a volatility"
        if isinstance(node, InverseVolatility) and not np.isnan(found[0].scores[row]):
            why = "prices have not moved"
        return self._at(node, f"no {what} by {name}{_listed(windows)}", f"the first: {why}")

    def _hole(self, child: Node, row: int, needed: int) -> Reason:
        growth = self.columns.growth[child]
        day = next(day for day in range(row - 1, row - needed - 1, -1) if np.isnan(growth[day]))
        session = self.columns.history.prices.sessions[day]
        if self._fine(child, day):
            inner = Reason(*["a symbol that it held had no bars yet"] * 2)
        else:
            inner = self._missing(child, day)
        text = "a day is missing in the history of this part"
        return self._at(child, f"{text}: {inner.summary}", f"{session}: {inner.detail}")

    def _undecided(self, condition: Condition, row: int) -> Reason:
        while not isinstance(condition, Comparison):
            decider = not isinstance(condition, All)
            for part in condition.parts:
                holds, known = self.columns.truth(part)
                if known is not None and not known[row]:
                    condition = part
                    break
                if bool(holds[row]) == decider:
                    raise AssertionError("expected an undecided part, was a deciding one")
        for indicator in indicators_of(condition):
            if np.isnan(self.columns.indicator(indicator)[row]):
                detail = self.columns.history.why_undefined(indicator, row)
                place = f"{self._place(indicator)}: "
                return Reason(f"{place}{indicator} has no value", place + detail)
        raise AssertionError("expected an indicator without a value, was none")

    def _held(self, node: Filter | InverseVolatility, child: Node, row: int) -> bool:
        if isinstance(node, InverseVolatility):
            return bool(self.columns.shares[node][node.children.index(child), row] > 0)
        picks = self.columns.picks[node]
        taken = picks.winners[: picks.counts[row], row]
        return any(node.candidates[winner] is child for winner in taken)

    def _fine(self, node: Node, row: int) -> bool:
        fine = self.columns.fine[node]
        return fine is None or bool(fine[row])

    def _at(self, node: Interned, summary: str, more: str = "") -> Reason:
        text = f"{self._place(node)}: {summary}"
        return Reason(text, f"{text}; {more}" if more else text)

    def _place(self, node: Interned) -> str:
        return self.symphony.place(node)


def _listed(windows: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, windows))})" if windows else ""
