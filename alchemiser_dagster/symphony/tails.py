"""The last few values of every series, and the state of every smoothing, between two sessions.

A windowed indicator of a new session needs the last closes only; a smoothed one its last value.
Both are computed here for many symbols (or portfolios) at once, by the very operations that the
full evaluation applies to whole columns, so the results have the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.indicators import relative_strength_state, smoothed, strength
from alchemiser_dagster.symphony.rolling import (
    Column,
    rolling_deviation,
    rolling_fall,
    rolling_product,
    rolling_sum,
)
from alchemiser_dagster.symphony.series import UnitTail, returns_needed
from alchemiser_dagster.symphony.vocabulary import bars_needed

Key = tuple[str, str, tuple[int, ...]]
Places = NDArray[np.intp]


class Smoothing:
    """Many values smoothed at once: s = s + factor x (v - s), each starting at its first value."""

    def __init__(self, values: Column, factors: Column) -> None:
        self.values = values
        self.factors = factors

    def take(self, new: Column, *, started: NDArray[np.bool_], present: NDArray[np.bool_]) -> None:
        """Take in a value each where `present`; it is the first one where not `started`."""
        later = self.values + (new - self.values) * self.factors
        self.values = np.where(present, np.where(started, later, new), self.values)


class PriceTails:
    """The indicators `keys` (name, symbol, windows), session by session."""

    def __init__(self, history: History, keys: Iterable[Key]) -> None:
        groups: dict[tuple[str, tuple[int, ...]], list[str]] = {}
        for name, symbol, windows in keys:
            groups.setdefault((name, windows), []).append(symbol)
        self.symbols = sorted({symbol for found in groups.values() for symbol in found})
        self._place = {symbol: i for i, symbol in enumerate(self.symbols)}
        longest = max((max(windows, default=1) for _, windows in groups), default=1)
        self.closes = np.full((longest + 2, len(self.symbols)), np.nan)
        self.bars = np.zeros(len(self.symbols), dtype=np.int64)
        for i, symbol in enumerate(self.symbols):
            known = history.symbol(symbol).closes
            kept = known[-len(self.closes) :]
            self.closes[len(self.closes) - len(kept) :, i] = kept
            self.bars[i] = len(known)
        self._groups = [
            _Group(name, windows, symbols, np.array([self._place[s] for s in symbols]), history)
            for (name, windows), symbols in groups.items()
        ]

    def advance(self, new: Column) -> dict[Key, float]:
        """Take in the closes of a new session (NaN: no bar) and give every indicator's value."""
        present = ~np.isnan(new)
        started = self.bars > 0
        self.bars = self.bars + present
        moved = np.vstack([self.closes[1:], new])
        self.closes = np.where(present, moved, self.closes)
        found: dict[Key, float] = {}
        for group in self._groups:
            values = group.advance(self, started, present)
            found.update(zip(group.keys, values.tolist(), strict=True))
        return found


class _Group:
    """One indicator with the same windows, of many symbols."""

    def __init__(
        self,
        name: str,
        windows: tuple[int, ...],
        symbols: Sequence[str],
        places: Places,
        history: History,
    ) -> None:
        self.name = name
        self.windows = windows
        self.keys: list[Key] = [(name, symbol, windows) for symbol in symbols]
        self.places = places
        self.smoothings: list[Smoothing] = []
        closes = [history.symbol(symbol).closes for symbol in symbols]
        if name == "rsi":
            states = [relative_strength_state(known, windows[0]) for known in closes]
            self._smooth([gain for gain, _ in states], 1 / windows[0])
            self._smooth([loss for _, loss in states], 1 / windows[0])
        elif name == "exponential-moving-average-price":
            self._smooth([_last(known, windows[0]) for known in closes], 2 / (windows[0] + 1))
        elif name.startswith("percentage-price-oscillator"):
            for window in windows[:2]:
                self._smooth([_last(known, window) for known in closes], 2 / (window + 1))
            if len(windows) == 3:
                signals = [_last_signal(known, *windows) for known in closes]
                self._smooth(signals, 2 / (windows[2] + 1))

    def _smooth(self, values: Sequence[float], factor: float) -> None:
        self.smoothings.append(Smoothing(np.array(values), np.array(factor)))

    def advance(
        self, tails: PriceTails, started: NDArray[np.bool_], present: NDArray[np.bool_]
    ) -> Column:
        closes, bars = tails.closes[:, self.places], tails.bars[self.places]
        started, present = started[self.places], present[self.places]
        if self.smoothings:
            values = self._smoothed(closes, bars, started, present)
        else:
            values = windowed(self.name, self.windows, closes)
        enough = present & (bars >= bars_needed(self.name, self.windows))
        return np.where(enough, values, np.nan)

    def _smoothed(
        self,
        closes: Column,
        bars: NDArray[np.int64],
        started: NDArray[np.bool_],
        present: NDArray[np.bool_],
    ) -> Column:
        if self.name == "rsi":
            change = np.where(started, closes[-1] - closes[-2], 0.0)
            gain, loss = self.smoothings
            gain.take(np.maximum(change, 0.0), started=started, present=present)
            loss.take(np.maximum(-change, 0.0), started=started, present=present)
            return strength(gain.values, loss.values)
        for smoothing in self.smoothings[:2]:
            smoothing.take(closes[-1], started=started, present=present)
        if len(self.windows) == 1:
            return self.smoothings[0].values
        short, long = (smoothing.values for smoothing in self.smoothings[:2])
        oscillator = (short - long) / long * 100
        if len(self.windows) == 2:
            return oscillator
        begun = bars > self.windows[1]
        signal = self.smoothings[2]
        signal.take(oscillator, started=begun, present=present & (bars >= self.windows[1]))
        return signal.values


class UnitTails:
    """The scores of portfolios (metric, window, portfolio), session by session."""

    def __init__(self, tails: Sequence[UnitTail], scores: Sequence[tuple[str, int, int]]) -> None:
        """`scores` name a metric, its window, and the portfolio by its place in `tails`."""
        longest = max((window for _, window, _ in scores), default=1)
        self.returns = np.full((longest + 1, len(tails)), np.nan)
        self.index = np.full((longest + 1, len(tails)), np.nan)
        self.count = np.array([tail.count for tail in tails], dtype=np.int64)
        for i, tail in enumerate(tails):
            _fill(self.returns, i, tail.returns)
            _fill(self.index, i, tail.index)
        groups: dict[tuple[str, int], list[int]] = {}
        for name, window, unit in scores:
            groups.setdefault((name, window), []).append(unit)
        self._groups = {key: np.array(units) for key, units in groups.items()}
        self._smoothings: dict[int, tuple[Smoothing, Smoothing]] = {}
        for (name, window), units in self._groups.items():
            if name == "rsi":
                states = [relative_strength_state(tails[i].index, window) for i in units]
                gains, losses = np.array(states).T
                factor = np.array(1 / window)
                self._smoothings[window] = Smoothing(gains, factor), Smoothing(losses, factor)

    def advance(self, growth: Column) -> dict[tuple[str, int, int], tuple[float, bool]]:
        """Take in the return each portfolio earned until the new session.

        Gives each score (NaN: none) and whether it is missing because a day is.
        """
        started = self.count >= 0
        begins = ~started & ~np.isnan(growth)
        self.index[-1, begins] = 1.0
        running = started | begins
        self.count = np.where(running, np.maximum(self.count, 0) + 1, self.count)
        factor = 1.0 + np.where(np.isnan(growth), 0.0, growth)
        new_index = np.where(running, self.index[-1] * factor, np.nan)
        self.returns = np.vstack([self.returns[1:], np.where(running, growth, np.nan)])
        self.index = np.vstack([self.index[1:], new_index])
        found: dict[tuple[str, int, int], tuple[float, bool]] = {}
        for (name, window), units in self._groups.items():
            needed = returns_needed(name, window)
            enough = self.count[units] >= needed
            recent = self.returns[len(self.returns) - needed :, units]
            broken = enough & np.isnan(recent).any(axis=0)
            values = self._metric(name, window, units, running[units])
            scores = np.where(enough & ~broken, values, np.nan)
            for unit, score, is_broken in zip(
                units.tolist(), scores.tolist(), broken.tolist(), strict=True
            ):
                found[name, window, unit] = (score, is_broken)
        return found

    def _metric(self, name: str, window: int, units: Places, running: NDArray[np.bool_]) -> Column:
        returns, index = self.returns[:, units], self.index[:, units]
        match name:
            case "moving-average-return":
                return np.asarray(rolling_sum(returns[-window:], window)[0] / window * 100)
            case "stdev-return":
                return np.asarray(rolling_deviation(returns[-window:], window)[0] * 100)
            case "cumulative-return":
                return np.asarray((rolling_product(returns[-window:] + 1.0, window)[0] - 1.0) * 100)
            case "max-drawdown":
                return np.asarray(rolling_fall(index[-window:], window)[0] * 100)
            case "rsi":
                gain, loss = self._smoothings[window]
                change = np.where(running, index[-1] - index[-2], 0.0)
                always = np.ones(len(units), dtype=np.bool_)
                gain.take(np.maximum(change, 0.0), started=always, present=running)
                loss.take(np.maximum(-change, 0.0), started=always, present=running)
                return strength(gain.values, loss.values)
        raise ValueError(f"expected a metric of returns, was {name!r}")


def windowed(name: str, windows: tuple[int, ...], closes: Column) -> Column:
    """A windowed indicator of the last row of `closes` (bars x symbols)."""
    if name == "current-price":
        return np.asarray(closes[-1])
    (window,) = windows
    match name:
        case "moving-average-price":
            return np.asarray(rolling_sum(closes[-window:], window)[0] / window)
        case "stdev-price":
            return np.asarray(rolling_deviation(closes[-window:], window)[0])
        case "max-drawdown":
            return np.asarray(rolling_fall(closes[-window:], window)[0] * 100)
        case "cumulative-return":
            return np.asarray((closes[-1] / closes[-1 - window] - 1) * 100)
    daily = closes[-window:] / closes[-window - 1 : -1] - 1
    match name:
        case "moving-average-return":
            return np.asarray(rolling_sum(daily, window)[0] / window * 100)
        case "stdev-return":
            return np.asarray(rolling_deviation(daily, window)[0] * 100)
    raise ValueError(f"expected a windowed indicator, was {name!r}")


def _last(closes: Column, window: int) -> float:
    return float(smoothed(closes, 2 / (window + 1))[-1]) if len(closes) else np.nan


def _last_signal(closes: Column, short: int, long: int, smooth: int) -> float:
    if len(closes) < long:
        return np.nan
    slow = smoothed(closes, 2 / (long + 1))
    oscillator = (smoothed(closes, 2 / (short + 1)) - slow) / slow * 100
    return float(smoothed(oscillator[long - 1 :], 2 / (smooth + 1))[-1])


def _fill(rows: Column, column: int, values: Column) -> None:
    kept = values[-len(rows) :]
    rows[len(rows) - len(kept) :, column] = kept
