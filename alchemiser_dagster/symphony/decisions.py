"""What one node decides on one session."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from alchemiser_dagster.symphony.columns import Columns
from alchemiser_dagster.symphony.graph import (
    All,
    Asset,
    Comparison,
    Condition,
    Filter,
    If,
    InverseVolatility,
    Node,
    Number,
    Operand,
    children_of,
)
from alchemiser_dagster.symphony.plan import Score, key_of, scored_by
from alchemiser_dagster.symphony.selection import NOBODY

Values = Mapping[tuple[str, str, tuple[int, ...]], float]
Scores = Mapping[Score, tuple[float, bool]]
Truths = dict[object, tuple[bool, bool]]


class Decision(NamedTuple):
    """Whether a node is decided, and how: the branch, the candidates, best first, or the shares.

    `first` is the alphabetical rank of the first symbol it holds.
    """

    fine: bool
    first: int
    holds: bool = False
    winners: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()


def last_decision(node: Node, columns: Columns) -> Decision:
    """What a node decided on the last session of a full evaluation that kept its columns."""
    fine = columns.fine[node]
    decided = True if fine is None else bool(fine[-1])
    first = int(columns.first[node][-1]) if node in columns.first else NOBODY
    match node:
        case If():
            return Decision(decided, first, holds=bool(columns.branches[node][-1]))
        case Filter():
            picks = columns.picks[node]
            winners = picks.winners[: picks.counts[-1], -1].tolist()
            return Decision(decided, first, winners=tuple(winners))
        case InverseVolatility():
            return Decision(decided, first, shares=tuple(columns.shares[node][:, -1].tolist()))
        case _:
            return Decision(decided, first)


def decide(
    node: Node,
    before: Mapping[Node, Decision],
    values: Values,
    scores: Scores,
    truths: Truths,
    ranks: Mapping[str, int],
) -> Decision:
    """What a node decides, from its children's decisions `before` it and today's values."""
    match node:
        case Asset(symbol):
            return Decision(True, ranks[symbol])
        case If(condition, then, otherwise):
            holds, known = _truth(condition, values, truths)
            if not holds and otherwise is None:
                return Decision(False, before[then].first, holds)
            taken = before[then] if holds or otherwise is None else before[otherwise]
            return Decision(known and taken.fine, taken.first, holds)
        case Filter():
            return _pick(node, before, values, scores)
        case InverseVolatility():
            return _weigh(node, before, values, scores)
        case _:
            found = [before[child] for child in node.children]
            return Decision(all(d.fine for d in found), min([d.first for d in found]))


def _truth(condition: Condition, values: Values, truths: Truths) -> tuple[bool, bool]:
    known = truths.get(condition)
    if known is None:
        known = truths[condition] = _find_truth(condition, values, truths)
    return known


def _find_truth(condition: Condition, values: Values, truths: Truths) -> tuple[bool, bool]:
    if isinstance(condition, Comparison):
        left, right = _value(condition.left, values), _value(condition.right, values)
        decided = not (math.isnan(left) or math.isnan(right))
        return bool(condition.comparator.holds(left, right)), decided
    deciding = not isinstance(condition, All)
    for part in condition.parts:
        holds, known = _truth(part, values, truths)
        if not known:
            return False, False
        if holds is deciding:
            return deciding, True
    return not deciding, True


def _value(operand: Operand, values: Values) -> float:
    if isinstance(operand, Number):
        return float(operand.value)
    return values[key_of(operand)]


def _score(
    node: Filter | InverseVolatility, values: Values, scores: Scores
) -> list[tuple[float, bool]]:
    name, windows = scored_by(node)
    return [
        (values[name, child.symbol, windows], False)
        if isinstance(child, Asset)
        else scores[name, windows[0], child]
        for child in children_of(node)
    ]


def _pick(
    node: Filter, before: Mapping[Node, Decision], values: Values, scores: Scores
) -> Decision:
    found = _score(node, values, scores)
    sign = -1.0 if node.top else 1.0
    ranked = sorted(
        [
            (sign * score, before[candidate].first, i)
            for i, ((score, _), candidate) in enumerate(zip(found, node.candidates, strict=True))
            if not math.isnan(score)
        ]
    )
    winners = tuple([i for _, _, i in ranked[: node.count]])
    taken = [before[node.candidates[i]] for i in winners]
    broken = any(is_broken for _, is_broken in found)
    fine = bool(winners) and not broken and all(d.fine for d in taken)
    return Decision(fine, min([d.first for d in taken], default=NOBODY), winners=winners)


def _weigh(
    node: InverseVolatility, before: Mapping[Node, Decision], values: Values, scores: Scores
) -> Decision:
    found = _score(node, values, scores)
    inverse = [1.0 / v if math.isfinite(v) and v > 0 else 0.0 for v, _ in found]
    total = 0.0
    for one in inverse:
        total += one
    shares = tuple([one / total if total > 0 else 0.0 for one in inverse])
    held = [before[c] for c, share in zip(node.children, shares, strict=True) if share > 0]
    broken = any(is_broken for _, is_broken in found)
    fine = total > 0 and not broken and all(d.fine for d in held)
    return Decision(fine, min([d.first for d in held], default=NOBODY), shares=shares)
