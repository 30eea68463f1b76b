"""What holds for every program: no look-ahead, and no meaning in order, wrappers or names."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alchemiser_dagster.symphony import ClosingPrices, Evaluation, evaluate, read_symphony
from alchemiser_dagster.symphony.graph import Interner
from tests.symphony.programs import bodies, market, text_of

MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def result(body: str, closes: ClosingPrices) -> Evaluation:
    return evaluate([read_symphony(text_of(body), name="t")], closes)["t"]


def same(a: Evaluation, b: Evaluation, rows: int | None = None) -> bool:
    """Equal availability, and equal weights but for rounding."""
    assert a.symbols == b.symbols
    return bool(
        (a.available[:rows] == b.available[:rows]).all()
        and np.allclose(a.weights[:rows], b.weights[:rows], rtol=0, atol=1e-12)
    )


@given(body=bodies, seed=st.integers(0, 20))
@MANY
def test_weights_are_a_portfolio(body: str, seed: int) -> None:
    found = result(body, market(seed))
    assert (found.weights >= 0).all()
    assert np.allclose(found.weights.sum(axis=1), found.available, rtol=0, atol=1e-12)


@given(body=bodies, seed=st.integers(0, 20), row=st.integers(5, 58))
@MANY
def test_later_bars_change_nothing(body: str, seed: int, row: int) -> None:
    closes = market(seed)
    other = closes.closes.copy()
    other[row + 1 :] *= np.random.default_rng(seed).uniform(0.5, 2, other[row + 1 :].shape)
    whole = result(body, closes)
    changed = result(body, ClosingPrices(closes.sessions, closes.symbols, other))
    assert (whole.weights[: row + 1] == changed.weights[: row + 1]).all()
    cut = ClosingPrices(closes.sessions[: row + 1], closes.symbols, closes.closes[: row + 1])
    assert (result(body, cut).weights == whole.weights[: row + 1]).all()


@given(parts=st.lists(bodies, min_size=2, max_size=4), seed=st.integers(0, 20), data=st.data())
@MANY
def test_siblings_of_weight_equal_have_no_order(
    parts: list[str], seed: int, data: st.DataObject
) -> None:
    closes = market(seed)
    shuffled = data.draw(st.permutations(parts))
    one = result(f"(weight-equal [{' '.join(parts)}])", closes)
    assert same(one, result(f"(weight-equal [{' '.join(shuffled)}])", closes))


@given(body=bodies, seed=st.integers(0, 20))
@MANY
def test_wrapping_changes_nothing(body: str, seed: int) -> None:
    closes = market(seed)
    assert same(result(body, closes), result(f"(weight-equal [{body}])", closes))


@given(body=bodies, seed=st.integers(0, 20))
@MANY
def test_names_of_groups_change_nothing(body: str, seed: int) -> None:
    closes = market(seed)
    renamed = body.replace('(group "g"', '(group "another"')
    assert (result(body, closes).weights == result(renamed, closes).weights).all()


@given(several=st.lists(bodies, min_size=1, max_size=4), seed=st.integers(0, 20))
@MANY
def test_sharing_changes_nothing(several: list[str], seed: int) -> None:
    closes = market(seed)
    together = evaluate(
        [read_symphony(text_of(body), name=str(i)) for i, body in enumerate(several)], closes
    )
    for i, body in enumerate(several):
        alone = read_symphony(text_of(body), name="alone", intern=Interner())
        found = evaluate([alone], closes)["alone"]
        assert (found.weights == together[str(i)].weights).all()
        assert (found.available == together[str(i)].available).all()


@given(body=bodies, seed=st.integers(0, 20))
@MANY
def test_order_of_the_columns_of_prices_has_no_meaning(body: str, seed: int) -> None:
    closes = market(seed)
    turned = ClosingPrices(closes.sessions, closes.symbols[::-1], closes.closes[:, ::-1])
    assert (result(body, closes).weights == result(body, turned).weights).all()
