"""The evening run: one more session, at the cost of that session.

A full evaluation of the past leaves behind the last values of every series, the state of every
smoothing, and what every node decided on the last session. A new row of closes then takes three
short passes over the nodes:

1. what each scored portfolio earned, from the decisions of the session before,
2. what each node decides now, children first,
3. each symphony's shares, from its root down.

Every operation is the one the full evaluation applies to whole columns, in the same order, so the
weights have the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from alchemiser_dagster.symphony.columns import Columns
from alchemiser_dagster.symphony.decisions import Decision, decide, last_decision
from alchemiser_dagster.symphony.graph import (
    Asset,
    Equal,
    Filter,
    If,
    InverseVolatility,
    Node,
    Specified,
)
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.plan import Plan
from alchemiser_dagster.symphony.prices import ClosingPrices
from alchemiser_dagster.symphony.series import unit_tail
from alchemiser_dagster.symphony.symbols import canonical_symbol
from alchemiser_dagster.symphony.symphony import Symphony
from alchemiser_dagster.symphony.tails import PriceTails, UnitTails


class Incremental:
    """Symphonies evaluated through the last session of `closes`, ready for the next ones.

    Valid as long as the past stays what it was: when adjusted closes are restated, start anew.
    """

    def __init__(self, symphonies: Sequence[Symphony], closes: ClosingPrices) -> None:
        self.symphonies = tuple(symphonies)
        self.session = closes.sessions[-1]
        self._plan = Plan([symphony.root for symphony in symphonies])
        self._nodes = list(dict.fromkeys(n for order in self._plan.orders for n in order))
        keys = list(self._plan.indicator_readers)
        scores = list(self._plan.score_readers)
        with np.errstate(all="ignore"):
            columns = Columns(History(closes), self._plan, keep=True)
            for node in self._nodes:
                columns.compute(node)
            history = columns.history
            self._prices = PriceTails(history, keys)
            self._units = list(dict.fromkeys(unit for _, _, unit in scores))
            place = {unit: i for i, unit in enumerate(self._units)}
            self._scores = {
                (name, window, place[u]): (name, window, u) for name, window, u in scores
            }
            self._unit_tails = UnitTails(
                [unit_tail(columns.growth[unit]) for unit in self._units], list(self._scores)
            )
        self.ranks = columns.ranks
        self._decisions = {node: last_decision(node, columns) for node in self._nodes}
        assets = {node.symbol for node in self._nodes if isinstance(node, Asset)}
        self._last_closes: dict[str, float] = {}
        for symbol in sorted(assets | set(self._prices.symbols)):
            known = history.symbol(symbol).closes
            if len(known):
                self._last_closes[symbol] = float(known[-1])

    def advance(
        self, session: date, closes: Mapping[str, float]
    ) -> dict[str, dict[str, float] | None]:
        """Weights by symphony for the next session; None where there is no signal.

        `closes` has the session's bars by symbol; one that is missing or NaN has no bar. Raises
        ValueError when `session` is not after the last one.
        """
        if session <= self.session:
            raise ValueError(f"expected a session after {self.session}, was {session}")
        today = {
            canonical_symbol(symbol): float(close)
            for symbol, close in closes.items()
            if not math.isnan(close)
        }
        growth = self._growth(today)
        with np.errstate(all="ignore"):
            row = np.array([today.get(symbol, np.nan) for symbol in self._prices.symbols])
            indicators = self._prices.advance(row)
            earned = np.array([growth[unit] for unit in self._units])
            found = self._unit_tails.advance(earned)
        scores = {self._scores[key]: score for key, score in found.items()}
        decisions: dict[Node, Decision] = {}
        truths: dict[object, tuple[bool, bool]] = {}
        for node in self._nodes:
            decisions[node] = decide(node, decisions, indicators, scores, truths, self.ranks)
        self._decisions = decisions
        self._last_closes.update(today)
        self.session = session
        return {
            symphony.name: self._allocate(order, decisions)
            for symphony, order in zip(self.symphonies, self._plan.orders, strict=True)
        }

    def _growth(self, today: Mapping[str, float]) -> dict[Node, float]:
        """What each scored node returned since the last session, by its decisions of then."""
        growth: dict[Node, float] = {}
        for node in self._nodes:
            if node not in self._plan.scored:
                continue
            decision = self._decisions[node]
            match node:
                case Asset(symbol):
                    before, now = self._last_closes.get(symbol), today.get(symbol)
                    if before is None:
                        growth[node] = math.nan
                    else:
                        growth[node] = 0.0 if now is None else now / before - 1
                case Equal(children):
                    share = 1 / len(children)
                    growth[node] = _sum([share * growth[child] for child in children])
                case Specified(fractions, children):
                    growth[node] = _sum(
                        [
                            float(fraction) * growth[child]
                            for fraction, child in zip(fractions, children, strict=True)
                        ]
                    )
                case If() | Filter() | InverseVolatility() if not decision.fine:
                    growth[node] = math.nan
                case If(_, then, otherwise):
                    growth[node] = growth[
                        then if decision.holds or otherwise is None else otherwise
                    ]
                case Filter(_, _, _, candidates):
                    taken = _sum([growth[candidates[i]] for i in decision.winners])
                    growth[node] = taken * (1.0 / len(decision.winners))
                case InverseVolatility(_, children):
                    growth[node] = _sum(
                        [
                            own * growth[child]
                            for own, child in zip(decision.shares, children, strict=True)
                            if own > 0
                        ]
                    )
        return growth

    def _allocate(
        self, order: Sequence[Node], decisions: Mapping[Node, Decision]
    ) -> dict[str, float] | None:
        if not decisions[order[-1]].fine:
            return None
        weights: dict[str, float] = {}
        shares: dict[Node, float] = {order[-1]: 1.0}
        for node in reversed(order):
            share = shares.pop(node, None)
            if share is None:
                continue
            decision = decisions[node]
            match node:
                case Asset(symbol):
                    weights[symbol] = weights.get(symbol, 0.0) + share
                    continue
                case Equal(children):
                    part = share * (1 / len(children))
                    given = [(child, part) for child in children]
                case Specified(parts, children):
                    given = [
                        (child, share * float(part))
                        for part, child in zip(parts, children, strict=True)
                    ]
                case If(_, then, otherwise):
                    branch = then if decision.holds or otherwise is None else otherwise
                    given = [(branch, share)]
                case Filter(_, _, _, candidates):
                    portion = share * (1.0 / len(decision.winners))
                    if all(isinstance(candidate, Asset) for candidate in candidates):
                        for winner in decision.winners:
                            symbol = candidates[winner].symbol  # type: ignore[union-attr]
                            weights[symbol] = weights.get(symbol, 0.0) + portion
                        continue
                    given = [(candidates[i], portion) for i in sorted(decision.winners)]
                case InverseVolatility(_, children):
                    given = [
                        (child, share * own)
                        for own, child in zip(decision.shares, children, strict=True)
                        if own > 0
                    ]
            for child, part in given:
                before = shares.get(child)
                shares[child] = part if before is None else before + part
        total = _sum([weights[symbol] for symbol in sorted(weights)])
        return {symbol: weights[symbol] / total for symbol in sorted(weights)}


def _sum(values: list[float]) -> float:
    """From the left, as columns are added; the built-in sum compensates for rounding."""
    total = 0.0
    for value in values:
        total += value
    return total
