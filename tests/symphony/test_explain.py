"""Explanations: what was decided on the way, by how much, and where it stands in the text."""

from __future__ import annotations

import json

import pytest

from alchemiser_dagster.symphony import Explanation, Tolerance, explain, read_symphony
from alchemiser_dagster.symphony.explanation import Step
from tests.symphony.market import LAST, MARKET, choose, program


def explained(text: str, tolerance: Tolerance | None = None) -> Explanation:
    symphony = read_symphony(text, name="t", source="t.clj")
    return explain(symphony, MARKET, LAST, tolerance)


def first(step: Step | None, kind: str) -> Step:
    """The first step of a kind on the path."""
    assert step is not None
    stack = [step]
    while stack:
        found = stack.pop()
        if found.kind == kind:
            return found
        stack.extend(reversed(found.children))
    raise AssertionError(f"expected a step of kind {kind}, was none")


def test_a_comparison() -> None:
    # UP closes at 473; its mean of 10 is 468.5. A last close of c gives the mean (4212 + c) / 10,
    # so the sides meet at c = 468, which is 5 / 473 = 1.057 % lower.
    found = first(
        explained(choose('(> (current-price "UP") (moving-average-price "UP" {:window 10}))')).path,
        "if",
    ).condition
    assert found is not None
    assert (found.left, found.right, found.holds) == (473.0, 468.5, True)
    assert found.margin == 4.5
    assert found.unit == "price"
    assert found.flip_symbol == "UP"
    assert found.flip_percent == pytest.approx(-100 * 5 / 473, abs=1e-6)
    assert found.place == "t.clj:1:92"


def test_two_symbols_decide_together() -> None:
    found = first(explained(choose('(> (rsi "UP" 10) (rsi "DOWN" 10))')).path, "if").condition
    assert found is not None
    assert (found.flip_symbol, found.flip_percent, found.margin) == (None, None, 100.0)


def test_a_part_that_was_not_looked_at() -> None:
    text = choose('(or (> 2 1) (> (rsi "UP" 10) 50))')
    found = first(explained(text).path, "if").condition
    assert found is not None
    assert [part.holds for part in found.parts] == [True, None]


def test_a_ranking() -> None:
    body = '(filter (current-price) (select-top 2) [UP DOWN FLAT (asset "NOPE")])'
    found = first(explained(program(body)).path, "filter").ranking
    assert found is not None
    assert [(c.name, c.score, c.taken) for c in found.candidates] == [
        ("DOWN", 627.0, True),
        ("UP", 473.0, True),
        ("FLAT", 50.0, False),
        ("NOPE", None, False),
    ]
    assert found.gap == 423.0
    assert not found.fragile


def test_shares_on_the_path_and_names_of_groups() -> None:
    text = program('(weight-specified 0.75 (group "Calm" [(weight-equal [UP DOWN])]) 0.25 FLAT)')
    found = explained(text)
    calm = first(found.path, "weight-equal")
    assert (calm.label, calm.share) == ("Calm", 0.75)
    assert [child.share for child in calm.children] == [0.375, 0.375]
    assert found.weights == {"DOWN": 0.375, "UP": 0.375, "FLAT": 0.25}


def test_volatilities() -> None:
    found = first(
        explained(program("(weight-inverse-volatility 10 [FLAT MID HI])")).path,
        "weight-inverse-volatility",
    )
    assert [(c.name, c.taken) for c in found.volatilities] == [
        ("FLAT", False),
        ("MID", True),
        ("HI", True),
    ]
    assert [child.share for child in found.children] == pytest.approx(
        [0.909099, 0.090901], abs=1e-6
    )


@pytest.mark.parametrize(
    ("predicate", "fragile"),
    [
        ('(> (rsi "ALT" 14) 50)', True),  # 51.85: closer than 2 points
        ('(> (rsi "ALT" 14) 49)', False),
        ('(> (current-price "UP") 471)', True),  # 473: closer than 0.5 %
        ('(> (current-price "UP") 470)', False),
        ("(> 2 1)", False),  # a constant cannot flip
    ],
)
def test_fragile_comparisons(predicate: str, fragile: bool) -> None:
    assert bool(explained(choose(predicate)).fragile) is fragile


def test_fragile_cuts() -> None:
    text = program("(filter (current-price) (select-top 1) [UP DOWN])")
    assert explained(text).fragile == ()
    (decision,) = explained(text, Tolerance(gap=0.5)).fragile
    assert (decision.margin, decision.unit, decision.place) == (154.0, "price", "t.clj:1:73")


def test_no_signal() -> None:
    found = explained(choose('(> (rsi "NOPE" 10) 50)'))
    assert found.path is None
    assert found.reason is not None
    assert "NOPE has no bars" in found.reason


def test_it_is_json() -> None:
    found = explained(program(f"(filter (rsi 10) (select-top 1) [UP {'(weight-equal [ALT])'}])"))
    read = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert read["weights"] == {"UP": 1.0}
    assert read["session"] == "2024-06-28"
    assert read["path"]["ranking"]["candidates"][1]["score"] == pytest.approx(52.63, abs=0.01)
