"""One session more at a time gives the bits of the full evaluation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alchemiser_dagster.symphony import ClosingPrices, evaluate, read_symphony
from alchemiser_dagster.symphony.incremental import Incremental
from tests.symphony.market import MARKET, choose
from tests.symphony.programs import bodies, market, text_of


def check(texts: list[str], closes: ClosingPrices, start: int) -> None:
    """Start after `start` sessions, go on to the end, and compare every session."""
    symphonies = [read_symphony(text, name=str(i)) for i, text in enumerate(texts)]
    full = evaluate(symphonies, closes)
    past = ClosingPrices(closes.sessions[:start], closes.symbols, closes.closes[:start])
    evening = Incremental(symphonies, past)
    for row in range(start, len(closes.sessions)):
        session = closes.sessions[row]
        bars = dict(zip(closes.symbols, closes.closes[row].tolist(), strict=True))
        found = evening.advance(session, bars)
        for symphony in symphonies:
            expected = full[symphony.name]
            weights = found[symphony.name]
            if weights is None:
                assert not expected.available[row]
            else:
                assert {s: w for s, w in weights.items() if w > 0} == expected.at(session)


@given(
    several=st.lists(bodies, min_size=1, max_size=3),
    seed=st.integers(0, 50),
    start=st.sampled_from((1, 9, 20, 45)),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_same_bits(several: list[str], seed: int, start: int) -> None:
    check([text_of(body) for body in several], market(seed), start)


INDICATORS = [
    '(rsi "{}" 10)',
    '(exponential-moving-average-price "{}" 10)',
    '(percentage-price-oscillator "{}" 5 9)',
    '(percentage-price-oscillator-signal "{}" 3 5 4)',
    '(moving-average-price "{}" 7)',
    '(stdev-return "{}" 6)',
    '(max-drawdown "{}" 5)',
]


@pytest.mark.parametrize("indicator", INDICATORS)
def test_new_and_interrupted_listings(indicator: str) -> None:
    rng = np.random.default_rng(7)
    closes = MARKET.closes * np.exp(rng.normal(0, 0.01, MARKET.closes.shape))
    closes[rng.random(closes.shape) < 0.03] = np.nan
    rough = ClosingPrices(MARKET.sessions, MARKET.symbols, closes)
    texts = [
        choose(f"(> {indicator.format(symbol)} {indicator.format('UP')})")
        for symbol in ("NEW11", "GAP", "DOWN")
    ]
    check(texts, rough, 360)


def test_only_forward() -> None:
    evening = Incremental([read_symphony(choose("(> 2 1)"), name="t")], MARKET)
    with pytest.raises(ValueError, match="after 2024-06-28"):
        evening.advance(MARKET.sessions[-1], {})
