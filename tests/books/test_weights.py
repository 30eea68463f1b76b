from decimal import Decimal

import pytest

from alchemiser_dagster.books.weights import WeightError, accept_weights


def test_noise_above_one_is_divided_away() -> None:
    weights = accept_weights({"A": 0.50001, "B": 0.5})
    assert sum(weights.values()) == pytest.approx(Decimal(1), abs=Decimal("1e-20"))
    assert round(weights["A"] * 10_000, 2) == Decimal("5000.05")


def test_a_shortfall_stays_in_cash() -> None:
    assert sum(accept_weights({"A": 0.5, "B": 0.48}).values()) == Decimal("0.98")


def test_zero_weights_are_dropped() -> None:
    assert set(accept_weights({"A": 1.0, "B": 0.0})) == {"A"}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"A": 0.52, "B": 0.5}, "at most 1.01, was 1.02"),
        ({"A": 1.5, "B": -0.5}, "between 0 and 1 for A"),
        ({"A": 0.7, "B": -0.1}, "between 0 and 1 for B, was -0.1"),
        ({"A": float("nan")}, "between 0 and 1 for A, was nan"),
        ({}, "at least one positive weight"),
        ({"A": 0.0}, "at least one positive weight"),
    ],
)
def test_weights_that_cannot_be_meant_are_refused(weights: dict[str, float], said: str) -> None:
    with pytest.raises(WeightError, match=said):
        accept_weights(weights)
