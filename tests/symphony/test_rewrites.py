"""Rewrites: what each does to its pattern, and that no weight changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alchemiser_dagster.symphony import evaluate, read_symphony
from alchemiser_dagster.symphony.graph import Interner, Node
from alchemiser_dagster.symphony.rewrites import (
    REWRITES,
    Rewrite,
    drop_constant_branch,
    flatten_single_child,
    merge_equal_shares,
    rewrite,
    share_condition,
)
from tests.symphony.market import program
from tests.symphony.programs import bodies, market, text_of

INTERN = Interner()
OVER = '(> (rsi "UP" 10) 50)'


def root(body: str) -> Node:
    return read_symphony(program(body), name="t", intern=INTERN).root


@pytest.mark.parametrize(
    ("apply", "before", "after"),
    [
        (flatten_single_child, "(weight-equal [(weight-equal [UP])])", "UP"),
        (flatten_single_child, "(weight-specified 1 UP)", "UP"),
        (
            flatten_single_child,
            "(filter (rsi 5) (select-top 1) [(weight-equal [(weight-equal [UP])]) DOWN])",
            "(filter (rsi 5) (select-top 1) [(weight-equal [UP]) DOWN])",
        ),
        (flatten_single_child, "(weight-equal [UP DOWN])", "(weight-equal [UP DOWN])"),
        (drop_constant_branch, "(if (> 2 1) [UP] [DOWN])", "UP"),
        (drop_constant_branch, "(if (and (> 2 1) (< 2 1)) [UP] [DOWN])", "DOWN"),
        (drop_constant_branch, f"(if (or (> 2 1) {OVER}) [UP] [DOWN])", "UP"),
        (
            drop_constant_branch,
            f"(if (or {OVER} (> 2 1)) [UP] [DOWN])",
            f"(if (or {OVER} (> 2 1)) [UP] [DOWN])",
        ),
        (drop_constant_branch, "(if (> 1 2) [UP])", "(if (> 1 2) [UP])"),
        (
            share_condition,
            f"(if {OVER} [(if {OVER} [UP] [DOWN])] [(if {OVER} [ALT] [FLAT])])",
            f"(if {OVER} [UP] [FLAT])",
        ),
        (
            merge_equal_shares,
            "(weight-specified 0.5 UP 0.3 DOWN 0.2 UP)",
            "(weight-specified 0.7 UP 0.3 DOWN)",
        ),
    ],
)
def test_patterns(apply: Rewrite, before: str, after: str) -> None:
    assert rewrite(root(before), INTERN, [apply]) is root(after)


@pytest.mark.parametrize("rewrites", [*[[one] for one in REWRITES], list(REWRITES)])
@given(body=bodies, seed=st.integers(0, 20))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_weight_changes(rewrites: list[Rewrite], body: str, seed: int) -> None:
    symphony = read_symphony(text_of(body), name="t", intern=INTERN)
    smaller = replace(symphony, root=rewrite(symphony.root, INTERN, rewrites))
    closes = market(seed)
    before, after = (evaluate([s], closes)["t"] for s in (symphony, smaller))
    assert (before.available <= after.available).all()
    for row in np.flatnonzero(before.available):
        session = closes.sessions[row]
        assert after.at(session) == pytest.approx(before.at(session), abs=1e-12)
