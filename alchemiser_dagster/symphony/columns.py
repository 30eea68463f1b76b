"""The evaluation proper: every distinct node once, as whole columns over the sessions.

A portfolio node yields up to three columns, never its weights:

- fine: where it can be decided (None: everywhere). An undecided branch only matters where taken.
- growth: what following it from each session to the next returns; only where a filter or a
  weight above scores it as an instrument.
- first: the alphabetical rank of the first symbol it holds, which breaks ties between portfolios.

What the weights need beyond that (the branch taken, the candidates picked, the shares) stays until
the last symphony has been allocated; everything else goes when its last reader is done.
"""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.symphony.graph import (
    All,
    Asset,
    Comparison,
    Condition,
    Equal,
    Filter,
    If,
    Indicator,
    InverseVolatility,
    Node,
    Operand,
    Specified,
    children_of,
)
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.plan import Plan, Score, key_of, scored_by
from alchemiser_dagster.symphony.rolling import Column
from alchemiser_dagster.symphony.selection import NOBODY, Picks, pick
from alchemiser_dagster.symphony.series import UnitScores, score_unit

Mask = NDArray[np.bool_]
K = TypeVar("K")
V = TypeVar("V")


class Columns:
    """The columns of one evaluation. With `keep` nothing is dropped, for explanations."""

    def __init__(self, history: History, plan: Plan, *, keep: bool = False) -> None:
        self.history = history
        self.plan = plan
        self.keep = keep
        self.length = history.length
        symbols = sorted(
            {node.symbol for order in plan.orders for node in order if isinstance(node, Asset)}
        )
        self.ranks = {symbol: rank for rank, symbol in enumerate(symbols)}
        self.computed: set[Node] = set()
        self.fine: dict[Node, Mask | None] = {}
        self.growth: dict[Node, Column] = {}
        self.first: dict[Node, NDArray[np.int64]] = {}
        self.branches: dict[If, Mask] = {}
        self.picks: dict[Filter, Picks] = {}
        self.shares: dict[InverseVolatility, NDArray[np.float64]] = {}
        self.truths: dict[Condition, tuple[Mask, Mask | None]] = {}
        self.indicators: dict[tuple[str, str, tuple[int, ...]], Column] = {}
        self.scores: dict[Score, UnitScores] = {}

    def compute(self, node: Node) -> None:
        """Compute the columns of a node; those of its children must be there."""
        scored = node in self.plan.scored
        match node:
            case Asset(symbol):
                self.fine[node] = None
                if scored:
                    self.growth[node] = self.history.growth(symbol)
                    self.first[node] = self._first_held(node)
            case Equal(children):
                self._mix(node, [1 / len(children)] * len(children), scored)
            case Specified(shares, _):
                self._mix(node, [float(share) for share in shares], scored)
            case If():
                self._choose_branch(node, scored)
            case Filter():
                self._filter(node, scored)
            case InverseVolatility():
                self._weigh(node, scored)
        self.computed.add(node)
        for child in children_of(node):
            if self._last_reader(self.plan.readers, child):
                self.drop(child)

    def drop(self, node: Node) -> None:
        """Forget what only parents read."""
        del self.fine[node]
        self.growth.pop(node, None)
        self.first.pop(node, None)

    def truth(self, condition: Condition) -> tuple[Mask, Mask | None]:
        """Where a condition holds, and where it can be decided (None: everywhere).

        `and` and `or` look at their parts from the left and stop at the one that decides.
        """
        if condition not in self.truths:
            self.truths[condition] = self._truth(condition)
        result = self.truths[condition]
        if self._last_reader(self.plan.condition_readers, condition):
            del self.truths[condition]
        return result

    def indicator(self, indicator: Indicator) -> Column:
        """An indicator in every session, NaN where it has no value."""
        key = key_of(indicator)
        if key not in self.indicators:
            self.indicators[key] = self.history.indicator(indicator)
        column = self.indicators[key]
        if self._last_reader(self.plan.indicator_readers, key):
            del self.indicators[key]
        return column

    def score(self, name: str, windows: tuple[int, ...], child: Node) -> UnitScores:
        """The score of a child: an asset's indicator, or the metric of a portfolio's returns."""
        if isinstance(child, Asset):
            return UnitScores(self.indicator(Indicator(name, child.symbol, windows)), None)
        key = (name, windows[0], child)
        if key not in self.scores:
            self.scores[key] = score_unit(name, windows[0], self.growth[child])
        scored = self.scores[key]
        if self._last_reader(self.plan.score_readers, key):
            del self.scores[key]
        return scored

    def _last_reader(self, readers: Counter[K], key: K) -> bool:
        if self.keep:
            return False
        readers[key] -= 1
        return readers[key] == 0

    def _truth(self, condition: Condition) -> tuple[Mask, Mask | None]:
        if isinstance(condition, Comparison):
            left, right = self._operand(condition.left), self._operand(condition.right)
            holds = np.broadcast_to(condition.comparator.holds(left, right), self.length)
            unknown = np.isnan(left) | np.isnan(right)
            return holds, ~np.broadcast_to(unknown, self.length) if unknown.any() else None
        wanted = isinstance(condition, All)
        holds, known = self.truth(condition.parts[0])
        for part in condition.parts[1:]:
            part_holds, part_known = self.truth(part)
            # Only where the parts so far have not decided does the next one need a value.
            open_still = holds if wanted else ~holds
            if part_known is not None:
                decided = ~open_still | part_known
                known = decided if known is None else known & decided
            holds = holds & part_holds if wanted else holds | part_holds
        return holds, known

    def _operand(self, operand: Operand) -> Column:
        if isinstance(operand, Indicator):
            return self.indicator(operand)
        return np.array([float(operand.value)])

    def _mix(self, node: Equal | Specified, shares: list[float], scored: bool) -> None:
        self.fine[node] = _all_fine([self.fine[child] for child in node.children])
        if scored:
            growth = shares[0] * self.growth[node.children[0]]
            first = self.first[node.children[0]]
            for share, child in zip(shares[1:], node.children[1:], strict=True):
                growth = growth + share * self.growth[child]
                first = np.minimum(first, self.first[child])
            self.growth[node], self.first[node] = growth, first

    def _choose_branch(self, node: If, scored: bool) -> None:
        holds, known = self.truth(node.condition)
        self.branches[node] = holds
        fine_then = self.fine[node.then]
        if node.otherwise is None:
            fine: Mask | None = holds if fine_then is None else holds & fine_then
        else:
            fine = _where(holds, fine_then, self.fine[node.otherwise])
        self.fine[node] = _all_fine([fine, known])
        if scored:
            growth, first = self.growth[node.then], self.first[node.then]
            if node.otherwise is not None:
                growth = np.where(holds, growth, self.growth[node.otherwise])
                first = np.where(holds, first, self.first[node.otherwise])
            self._keep_series(node, growth, first)

    def _filter(self, node: Filter, scored: bool) -> None:
        name, windows = scored_by(node)
        candidates = node.candidates
        found = [self.score(name, windows, candidate) for candidate in candidates]
        assets = [c.symbol for c in candidates if isinstance(c, Asset)]
        if len(assets) == len(candidates):
            by_name = sorted(range(len(assets)), key=assets.__getitem__)
            picks = pick(
                [found[i].scores for i in by_name], node.count, top=node.top, preference=None
            )
            picks = Picks(np.array(by_name)[picks.winners], picks.counts)
        else:
            first = np.stack([self._first_held(candidate) for candidate in candidates])
            picks = pick([f.scores for f in found], node.count, top=node.top, preference=first)
        self.picks[node] = picks
        self.fine[node] = _all_fine([_nowhere(picks.counts == 0), *map(_unbroken, found)])
        if len(assets) < len(candidates):
            for i, candidate in enumerate(candidates):
                fine = self.fine[candidate]
                if fine is not None:
                    self.fine[node] = _all_fine([self.fine[node], fine | ~picks.takes(i)])
        if scored:
            growth = np.stack([self.growth[candidate] for candidate in candidates])
            first = np.stack([self._first_held(candidate) for candidate in candidates])
            earned = picks.gather(growth, 0.0)
            self._keep_series(
                node,
                _sum_in_order(earned) * picks.portions,
                np.minimum.reduce(picks.gather(first, NOBODY)),
            )

    def _first_held(self, node: Node) -> NDArray[np.int64]:
        if isinstance(node, Asset):
            return np.full(self.length, self.ranks[node.symbol])
        return self.first[node]

    def _weigh(self, node: InverseVolatility, scored: bool) -> None:
        name, windows = scored_by(node)
        found = [self.score(name, windows, child) for child in node.children]
        volatility = np.stack([f.scores for f in found])
        usable = np.isfinite(volatility) & (volatility > 0)
        inverse = np.divide(1.0, volatility, out=np.zeros_like(volatility), where=usable)
        total = _sum_in_order(list(inverse))
        shares = np.divide(inverse, total, out=np.zeros_like(inverse), where=total > 0)
        self.shares[node] = shares
        fines = [_nowhere(total == 0), *map(_unbroken, found)]
        for share, child in zip(shares, node.children, strict=True):
            fine = self.fine[child]
            if fine is not None:
                fines.append(fine | (share == 0))
        self.fine[node] = _all_fine(fines)
        if scored:
            first = np.full(self.length, NOBODY)
            parts = []
            for share, child in zip(shares, node.children, strict=True):
                held = share > 0
                parts.append(np.where(held, share * self.growth[child], 0.0))
                first = np.where(held, np.minimum(first, self.first[child]), first)
            self._keep_series(node, _sum_in_order(parts), first)

    def _keep_series(self, node: Node, growth: Column, first: NDArray[np.int64]) -> None:
        fine = self.fine[node]
        self.growth[node] = growth if fine is None else np.where(fine, growth, np.nan)
        self.first[node] = first


def _all_fine(masks: list[Mask | None]) -> Mask | None:
    result: Mask | None = None
    for mask in masks:
        if mask is not None:
            result = mask if result is None else result & mask
    return result


def _where(holds: Mask, then: Mask | None, otherwise: Mask | None) -> Mask | None:
    if then is None:
        return None if otherwise is None else holds | otherwise
    if otherwise is None:
        return ~holds | then
    return np.asarray(np.where(holds, then, otherwise))


def _nowhere(mask: Mask) -> Mask | None:
    return ~mask if mask.any() else None


def _unbroken(found: UnitScores) -> Mask | None:
    return None if found.broken is None else ~found.broken


def _sum_in_order(columns: list[Column]) -> Column:
    total = columns[0]
    for column in columns[1:]:
        total = total + column
    return total
