"""Indicators beside TA-Lib, an independent library, on synthetic and on real closes.

Where the definitions agree the values do, to rounding. Where they do not, the test says how:

- RSI: TA-Lib starts Wilder's averages with the plain mean of the first w moves, the language with
  zero. Both forget their start at the same rate, so they agree once some 20 windows have passed.
- EMA and PPO: TA-Lib starts with the mean of the first w closes, the language with the first close;
  the same holds.
- stdev-price and stdev-return: TA-Lib divides by w, the language by w - 1.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import talib
from numpy.typing import NDArray

from alchemiser_dagster.market.bars import read_bars
from alchemiser_dagster.market.synthetic import synthetic_bars
from alchemiser_dagster.symphony.indicators import evaluate_indicator

REAL = Path(__file__).resolve().parents[3] / "shared" / "market" / "bars.parquet"
SYMBOLS = ["SPY", "TQQQ", "TLT", "GLD", "UVXY"]
WINDOWS = [2, 5, 10, 14, 50, 200]
Closes = NDArray[np.float64]


def closes_of(bars: pl.DataFrame, symbol: str) -> Closes:
    return bars.filter(pl.col("symbol") == symbol)["adj_close"].to_numpy().astype(np.float64)


@pytest.fixture(scope="module", params=["synthetic", "real"])
def bars(request: pytest.FixtureRequest) -> pl.DataFrame:
    first, last = date(2015, 1, 2), date(2025, 6, 30)
    if request.param == "synthetic":
        return synthetic_bars(272, SYMBOLS, first, last)
    if not REAL.exists():
        pytest.skip("no real bars here")
    return read_bars(REAL, SYMBOLS, first, last)


def agree(ours: Closes, theirs: Closes, *, after: int = 0, tolerance: float = 1e-9) -> None:
    """Both are defined from `after` on and there the same, relative to the size of the values."""
    ours, theirs = ours[after:], theirs[after:]
    assert len(ours) > 100
    known = np.isfinite(theirs)
    assert known.any()
    scale = np.maximum(np.abs(theirs[known]), np.median(np.abs(theirs[known])) + 1e-12)
    assert (np.abs(ours[known] - theirs[known]) / scale).max() < tolerance


EXACT: dict[str, Callable[[Closes, int], Closes]] = {
    "moving-average-price": lambda p, w: talib.SMA(p, w),
    "cumulative-return": lambda p, w: talib.ROC(p, w),
    "stdev-price": lambda p, w: talib.STDDEV(p, w) * np.sqrt(w / (w - 1)),
    "moving-average-return": lambda p, w: talib.SMA(talib.ROCP(p, 1)[1:], w) * 100,
    "stdev-return": lambda p, w: talib.STDDEV(talib.ROCP(p, 1)[1:], w) * np.sqrt(w / (w - 1)) * 100,
}


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", EXACT)
def test_plain_windows_agree(bars: pl.DataFrame, name: str, window: int, symbol: str) -> None:
    closes = closes_of(bars, symbol)
    theirs = EXACT[name](closes, window)
    ours = evaluate_indicator(name, (window,), closes)[len(closes) - len(theirs) :]
    # TA-Lib's running sums of squares lose digits where prices are large and steady.
    agree(ours, theirs, after=window, tolerance=1e-4 if "stdev" in name else 1e-8)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("window", [2, 5, 10, 14, 50])
def test_rsi_agrees_when_the_start_is_forgotten(
    bars: pl.DataFrame, window: int, symbol: str
) -> None:
    closes = closes_of(bars, symbol)
    ours = evaluate_indicator("rsi", (window,), closes)
    agree(ours, talib.RSI(closes, window), after=20 * window + 250, tolerance=1e-6)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("window", [5, 20, 50, 100])
def test_exponential_average_agrees_when_the_start_is_forgotten(
    bars: pl.DataFrame, window: int, symbol: str
) -> None:
    closes = closes_of(bars, symbol)
    ours = evaluate_indicator("exponential-moving-average-price", (window,), closes)
    agree(ours, talib.EMA(closes, window), after=15 * window + 250, tolerance=1e-6)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_price_oscillator_agrees_when_the_start_is_forgotten(
    bars: pl.DataFrame, symbol: str
) -> None:
    closes = closes_of(bars, symbol)
    ours = evaluate_indicator("percentage-price-oscillator", (12, 26), closes)
    agree(ours, talib.PPO(closes, 12, 26, matype=talib.MA_Type.EMA), after=700, tolerance=1e-6)
