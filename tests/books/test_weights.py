from decimal import Decimal

import pytest

from alchemiser_dagster.books.weights import WeightError, accept_weights, shortfall


def test_p06_noise_above_one_is_divided_away() -> None:
    weights = accept_weights({"A": 0.50001, "B": 0.5})
    assert sum(weights.values()) == pytest.approx(Decimal(1), abs=Decimal("1e-20"))
    assert round(weights["A"] * 10_000, 2) == Decimal("5000.05")
    assert round(weights["B"] * 10_000, 2) == Decimal("4999.95")


def test_p08_a_shortfall_stays_in_cash() -> None:
    assert sum(accept_weights({"A": 0.5, "B": 0.48}).values()) == Decimal("0.98")


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        pytest.param({"A": "0.5", "B": "0.48"}, "sum to 1, was 0.98", id="P08"),
        pytest.param({"A": "0.989999999"}, "was 0.989999999", id="just below the bound"),
        pytest.param({"A": "0.5", "B": "0.49"}, None, id="the bound"),
        pytest.param({"A": "1"}, None, id="all of it"),
        pytest.param({}, None, id="all cash"),
    ],
)
def test_a_shortfall_is_told(weights: dict[str, str], said: str | None) -> None:
    warning = shortfall({symbol: Decimal(weight) for symbol, weight in weights.items()})
    assert warning is None if said is None else said in str(warning)


def test_zero_weights_are_dropped() -> None:
    assert set(accept_weights({"A": 1.0, "B": 0.0})) == {"A"}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        pytest.param({"A": 0.52, "B": 0.5}, "at most 1.01, was 1.02", id="P07"),
        pytest.param({"A": 1.5, "B": -0.5}, "between 0 and 1 for A", id="above one"),
        pytest.param({"A": 0.7, "B": -0.1}, "between 0 and 1 for B, was -0.1", id="negative"),
        pytest.param({"A": float("nan")}, "between 0 and 1 for A, was nan", id="not a number"),
        pytest.param({}, "at least one positive weight", id="P10"),
        pytest.param({"A": 0.0}, "at least one positive weight", id="P10: only zeros"),
    ],
)
def test_weights_that_cannot_be_meant_are_refused(weights: dict[str, float], said: str) -> None:
    with pytest.raises(WeightError, match=said):
        accept_weights(weights)
