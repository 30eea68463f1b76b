"""Explaining one session: the walk from the root along what was taken."""

from __future__ import annotations

from datetime import date

import numpy as np

from alchemiser_dagster.symphony.evaluate import evaluate
from alchemiser_dagster.symphony.explanation import (
    Candidate,
    ConditionStep,
    Explanation,
    FragileDecision,
    Ranking,
    Step,
    Tolerance,
)
from alchemiser_dagster.symphony.flips import move_to_flip
from alchemiser_dagster.symphony.graph import (
    All,
    Any,
    Asset,
    Comparison,
    Equal,
    Filter,
    If,
    Indicator,
    InverseVolatility,
    Number,
    Operand,
    Specified,
)
from alchemiser_dagster.symphony.plan import VOLATILITY
from alchemiser_dagster.symphony.prices import ClosingPrices
from alchemiser_dagster.symphony.reasons import Diagnosis
from alchemiser_dagster.symphony.symphony import Symphony
from alchemiser_dagster.symphony.terms import Occurrence
from alchemiser_dagster.symphony.vocabulary import INDICATORS


def explain(
    symphony: Symphony,
    closes: ClosingPrices,
    session: date,
    tolerance: Tolerance | None = None,
) -> Explanation:
    """Explain the weights of `session`. Raises ValueError when it is not one of `closes`."""
    if session not in closes.sessions:
        raise ValueError(f"expected a session of the prices, was {session}")
    through = closes.sessions.index(session) + 1
    past = ClosingPrices(closes.sessions[:through], closes.symbols, closes.closes[:through])
    evaluation = evaluate([symphony], past)[symphony.name]
    reason = evaluation.reason(session)
    if reason is not None:
        return Explanation(symphony.name, symphony.title, session, {}, reason, None, ())
    with np.errstate(all="ignore"):
        walk = _Walk(Diagnosis(symphony, past), tolerance or Tolerance())
        path = walk.step(symphony.tree, 1.0)
    weights = dict(sorted(evaluation.at(session).items(), key=lambda held: (-held[1], held[0])))
    return Explanation(
        symphony.name, symphony.title, session, weights, None, path, tuple(walk.fragile)
    )


class _Walk:
    """Follows the last session; `fragile` collects the close calls on the way."""

    def __init__(self, diagnosis: Diagnosis, tolerance: Tolerance) -> None:
        self.columns = diagnosis.columns
        self.source = diagnosis.symphony.source
        self.tolerance = tolerance
        self.fragile: list[FragileDecision] = []

    def step(self, at: Occurrence, share: float) -> Step:
        """One portfolio and, below it, what it took; one Python frame for each nested node."""
        place = self.source.place(at.offset)
        match at.node:
            case Asset(symbol):
                return Step("asset", symbol, place, share, at.label)
            case Equal(children):
                each = share / len(children)
                below = tuple([self.step(part, each) for part in at.parts])
                return Step("weight-equal", "weight-equal", place, share, at.label, children=below)
            case Specified(shares, _):
                below = tuple(
                    [
                        self.step(part, share * float(own))
                        for own, part in zip(shares, at.parts, strict=True)
                    ]
                )
                text = "weight-specified"
                return Step(text, text, place, share, at.label, children=below)
            case If():
                condition = self._condition(at.parts[0])
                taken = at.parts[1] if condition.holds else at.parts[2]
                below = (self.step(taken, share),)
                text = f"if {condition.text}"
                return Step("if", text, place, share, at.label, condition=condition, children=below)
            case Filter():
                ranking, chosen = self._ranking(at, at.node)
                below = tuple([self.step(part, share / len(chosen)) for part in chosen])
                return Step(
                    "filter", ranking.text, place, share, at.label, ranking=ranking, children=below
                )
            case InverseVolatility(window, _):
                own = self.columns.shares[at.node][:, -1]
                text = f"weight-inverse-volatility {window}"
                below = tuple(
                    [
                        self.step(part, share * float(part_share))
                        for part, part_share in zip(at.parts, own, strict=True)
                        if part_share > 0
                    ]
                )
                measured = self._candidates(at.parts, VOLATILITY, (window,), list(own > 0))
                return Step(
                    "weight-inverse-volatility",
                    text,
                    place,
                    share,
                    at.label,
                    volatilities=tuple(measured),
                    children=below,
                )
        raise TypeError(f"expected a portfolio, was {type(at.node).__name__}")

    def _candidates(
        self,
        parts: tuple[Occurrence, ...],
        name: str,
        windows: tuple[int, ...],
        taken: list[bool],
    ) -> list[Candidate]:
        found = []
        for part, is_taken in zip(parts, taken, strict=True):
            score = float(self.columns.score(name, windows, part.node).scores[-1])  # type: ignore[arg-type]
            known = None if np.isnan(score) else score
            found.append(
                Candidate(_name(part), self.source.place(part.offset), known, bool(is_taken))
            )
        return found

    def _ranking(self, at: Occurrence, node: Filter) -> tuple[Ranking, list[Occurrence]]:
        picks = self.columns.picks[node]
        winners = [int(w) for w in picks.winners[: picks.counts[-1], -1]]
        parts = at.parts[1:]
        taken = [i in winners for i in range(len(parts))]
        found = self._candidates(parts, node.metric.name, node.metric.windows, taken)
        direction = -1.0 if node.top else 1.0
        ranked = sorted(
            found,
            key=lambda c: (c.score is None, not c.taken, direction * (c.score or 0.0)),
        )
        scored = [c for c in ranked if c.score is not None]
        gap, fragile = None, False
        place = self.source.place(at.offset)
        text = f"{'top' if node.top else 'bottom'} {node.count} by {node.metric}"
        unit = INDICATORS[node.metric.name].unit
        if len(scored) > len(winners):
            last, following = scored[len(winners) - 1].score, scored[len(winners)].score
            assert last is not None
            assert following is not None
            gap = abs(last - following)
            fragile = self.tolerance.of_cut(last, following)
            if fragile:
                self.fragile.append(FragileDecision(text, place, gap, unit))
        ranking = Ranking(text, place, unit, tuple(ranked), gap, fragile)
        return ranking, [parts[winner] for winner in winners]

    def _condition(self, at: Occurrence) -> ConditionStep:
        place = self.source.place(at.offset)
        match at.node:
            case Comparison():
                return self._comparison(at.node, place)
            case All() | Any():
                wanted = isinstance(at.node, All)
                parts: list[ConditionStep] = []
                for part in at.parts:
                    if parts and parts[-1].holds is not wanted:
                        text = condition_text(part.node)
                        parts.append(ConditionStep(text, self.source.place(part.offset), None))
                        continue
                    parts.append(self._condition(part))
                looked_at = [part.holds for part in parts if part.holds is not None]
                holds = all(looked_at) if wanted else any(looked_at)
                return ConditionStep(
                    condition_text(at.node), place, bool(holds), parts=tuple(parts)
                )
        raise TypeError(f"expected a condition, was {type(at.node).__name__}")

    def _comparison(self, node: Comparison, place: str) -> ConditionStep:
        holds = bool(self.columns.truth(node)[0][-1])
        left, right = self._value(node.left), self._value(node.right)
        asked = node.left if isinstance(node.left, Indicator) else node.right
        unit = INDICATORS[asked.name].unit if isinstance(asked, Indicator) else "number"
        symbol, percent = move_to_flip(node, self.columns.history, holds)
        fragile = isinstance(asked, Indicator) and self.tolerance.of_comparison(left, right)
        text = condition_text(node)
        if fragile:
            self.fragile.append(FragileDecision(text, place, left - right, unit, percent))
        return ConditionStep(
            text, place, holds, left, right, left - right, unit, percent, symbol, fragile
        )

    def _value(self, operand: Operand) -> float:
        if isinstance(operand, Number):
            return float(operand.value)
        return float(self.columns.indicator(operand)[-1])


def _name(at: Occurrence) -> str:
    if at.label is not None:
        return at.label
    match at.node:
        case Asset(symbol):
            return symbol
        case Filter(metric, top, count, _):
            return f"{'top' if top else 'bottom'} {count} by {metric}"
        case If():
            return "if"
        case _:
            return "weights"


def condition_text(node: object) -> str:
    """A condition in a few words, such as `rsi(SPY, 10) > 70`."""
    match node:
        case Comparison(comparator, left, right):
            return f"{_operand_text(left)} {comparator} {_operand_text(right)}"
        case All(parts) | Any(parts):
            return f"{'all' if isinstance(node, All) else 'any'} of {len(parts)}"
    raise TypeError(f"expected a condition, was {type(node).__name__}")


def _operand_text(operand: Operand) -> str:
    return f"{operand.value:f}" if isinstance(operand, Number) else str(operand)
