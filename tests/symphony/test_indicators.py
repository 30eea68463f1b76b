"""Indicators, as conditions see them: values on the last session of MARKET, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from alchemiser_dagster.symphony.graph import Indicator
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.indicators import relative_strength
from tests.symphony.market import MARKET

RSI, SMA = "rsi", "moving-average-price"
EMA, CUMULATIVE = "exponential-moving-average-price", "cumulative-return"
MEAN, FALL = "moving-average-return", "max-drawdown"
PPO, SIGNAL = "percentage-price-oscillator", "percentage-price-oscillator-signal"

VALUES = [
    (RSI, "UP", (10,), 100),
    (RSI, "DOWN", (10,), 0),
    (RSI, "FLAT", (10,), 50),
    (RSI, "ALT", (2,), 66.6666666667),
    (RSI, "ALT", (14,), 51.8518518519),
    (SMA, "UP", (10,), 468.5),
    (EMA, "UP", (10,), 468.5),  # the lag of a ramp is (w - 1) / 2
    (EMA, "NEW10", (10,), 15.2393684801),
    (CUMULATIVE, "UP", (10,), 2.1598272138),
    (MEAN, "UP", (10,), 0.2139118183),
    ("stdev-price", "UP", (10,), 3.0276503541),
    (FALL, "V", (5,), 20),
    (FALL, "V", (3,), 15.7894736842),
    (FALL, "V", (2,), 0),
    (FALL, "W", (5,), 15),
    ("stdev-return", "V", (5,), 15.8163567982),
    ("stdev-return", "MID", (10,), 0.2108187215),
    (PPO, "UP", (12, 26), 1.5200868620),
    (SIGNAL, "UP", (12, 26, 9), 1.5335565538),
    ("current-price", "BRK/B", (), 673),
]
FIRST_BARS = [
    ("current-price", (), 1),
    (SMA, (10,), 10),
    (EMA, (10,), 10),
    (RSI, (10,), 11),
    (CUMULATIVE, (10,), 11),
    (MEAN, (10,), 11),
    ("stdev-return", (10,), 11),
    ("stdev-price", (10,), 10),
    (FALL, (10,), 10),
    (PPO, (12, 26), 26),
    (SIGNAL, (12, 26, 9), 34),
]


@pytest.mark.parametrize(("name", "symbol", "windows", "value"), VALUES)
def test_values(name: str, symbol: str, windows: tuple[int, ...], value: float) -> None:
    column = History(MARKET).indicator(Indicator(name, symbol, windows))
    assert column[-1] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(("name", "windows", "bars"), FIRST_BARS)
def test_the_first_value(name: str, windows: tuple[int, ...], bars: int) -> None:
    column = History(MARKET).indicator(Indicator(name, "UP", windows))
    assert np.isnan(column[: bars - 1]).all()
    assert np.isfinite(column[bars - 1 :]).all()


def test_a_session_without_a_bar_has_no_value() -> None:
    column = History(MARKET).indicator(Indicator(SMA, "GAP", (10,)))
    assert np.isnan(column[-3:]).all()
    assert np.isfinite(column[9:-3]).all()


def test_unequal_moves_are_smoothed_as_wilder_did() -> None:
    # Gains 1, 0, 2 and losses 0, 1, 0 with w = 2: g = 0.5, 0.25, 1.125; l = 0, 0.5, 0.25.
    column = relative_strength(np.array([10.0, 11.0, 10.0, 12.0]), 2)
    assert np.isnan(column[:2]).all()
    assert column[2:] == pytest.approx([100 / 3, 100 - 100 / 5.5])
