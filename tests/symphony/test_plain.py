"""The columnar evaluation against the plain one, on random programs and markets."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alchemiser_dagster.symphony import evaluate, read_symphony
from tests.symphony.plain import Plain, Undecided
from tests.symphony.programs import bodies, market, text_of

ROWS = (12, 19, 20, 33, 47, 51, 59)


@given(body=bodies, seed=st.integers(0, 50))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_agrees_with_the_plain_evaluation(body: str, seed: int) -> None:
    symphony = read_symphony(text_of(body), name="random")
    closes = market(seed)
    evaluation = evaluate([symphony], closes)["random"]
    plain = Plain(closes)
    for row in ROWS:
        try:
            expected = plain.weights(symphony.root, row)
        except Undecided:
            expected = None
        if plain.close_call:
            return
        session = closes.sessions[row]
        if expected is None:
            assert not evaluation.available[row]
            assert evaluation.reason(session)
        else:
            assert evaluation.at(session) == pytest.approx(expected, abs=1e-12, rel=1e-12)
