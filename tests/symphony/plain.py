"""The language once more, as plainly as it can be said: one session, one node, one bar at a time.

Slow and obviously right. It shares the graph with the evaluation proper and nothing else: weights
are dictionaries, prices lists, every window a slice, every smoothing a loop from the first bar.
"""

from __future__ import annotations

import math
from decimal import Decimal
from itertools import pairwise

from alchemiser_dagster.symphony import ClosingPrices
from alchemiser_dagster.symphony.graph import (
    All,
    Any,
    Asset,
    Comparison,
    Condition,
    Equal,
    Filter,
    If,
    Indicator,
    InverseVolatility,
    Node,
    Number,
    Specified,
)

NEAR = 1e-9
Weights = dict[str, float]


class Undecided(Exception):
    """A portfolio cannot be decided on that session."""


class Plain:
    """Evaluates nodes on `closes`. `close_call` is set once a decision hung on rounding."""

    def __init__(self, closes: ClosingPrices) -> None:
        self.bars = {
            symbol: [
                (row, float(close))
                for row, close in enumerate(closes.closes[:, column])
                if not math.isnan(close)
            ]
            for column, symbol in enumerate(closes.symbols)
        }
        self.close_call = False
        self._weights: dict[tuple[Node, int], Weights | None] = {}

    def weights(self, node: Node, row: int) -> Weights:
        """Weights that sum to 1. Raises Undecided."""
        if (node, row) not in self._weights:
            try:
                self._weights[node, row] = self._evaluate(node, row)
            except Undecided:
                self._weights[node, row] = None
        found = self._weights[node, row]
        if found is None:
            raise Undecided
        return found

    def _evaluate(self, node: Node, row: int) -> Weights:
        match node:
            case Asset(symbol):
                return {symbol: 1.0}
            case Equal(children):
                return self._mix([(1 / len(children), child) for child in children], row)
            case Specified(shares, children):
                return self._mix(list(zip(map(float, shares), children, strict=True)), row)
            case If(condition, then, otherwise):
                if self._holds(condition, row):
                    return self.weights(then, row)
                if otherwise is None:
                    raise Undecided
                return self.weights(otherwise, row)
            case Filter(metric, top, count, candidates):
                scored = []
                for place, candidate in enumerate(candidates):
                    score = self._score(metric.name, metric.windows, candidate, row)
                    if score is not None:
                        scored.append((-score if top else score, candidate, place))
                if not scored:
                    raise Undecided
                self._notice_ties(scored, count)
                scored.sort(key=lambda s: (s[0], self._first_held(s[1], row), s[2]))
                taken = scored[:count]
                return self._mix([(1 / len(taken), candidate) for _, candidate, _ in taken], row)
            case InverseVolatility(window, children):
                inverse = []
                for child in children:
                    volatility = self._score("stdev-return", (window,), child, row)
                    if volatility is not None and volatility > 0:
                        self.close_call |= volatility < NEAR
                        inverse.append((1 / volatility, child))
                if not inverse:
                    raise Undecided
                total = math.fsum(share for share, _ in inverse)
                return self._mix([(share / total, child) for share, child in inverse], row)
        raise TypeError(node)

    def _mix(self, parts: list[tuple[float, Node]], row: int) -> Weights:
        mixed: Weights = {}
        for share, child in parts:
            for symbol, weight in self.weights(child, row).items():
                mixed[symbol] = mixed.get(symbol, 0.0) + share * weight
        return mixed

    def _first_held(self, node: Node, row: int) -> str:
        try:
            return min(self.weights(node, row))
        except Undecided:
            self.close_call = True  # its place among equals is nobody's business
            return ""

    def _notice_ties(self, scored: list[tuple[float, Node, int]], count: int) -> None:
        ranked = sorted(scored, key=lambda s: s[0])
        for (a, first, _), (b, second, _) in pairwise(ranked):
            both_assets = isinstance(first, Asset) and isinstance(second, Asset)
            if b - a < NEAR * max(1.0, abs(a)) and not (a == b and both_assets):
                self.close_call = True

    def _holds(self, condition: Condition, row: int) -> bool:
        match condition:
            case All(parts):
                return all(self._holds(part, row) for part in parts)
            case Any(parts):
                return any(self._holds(part, row) for part in parts)
            case Comparison(comparator, left, right):
                a, b = self._operand(left, row), self._operand(right, row)
                if a != b and abs(a - b) < NEAR * max(1.0, abs(a)):
                    self.close_call = True
                return {">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b, "=": a == b}[comparator]
        raise TypeError(condition)

    def _operand(self, operand: Indicator | Number, row: int) -> float:
        if isinstance(operand, Number):
            return float(Decimal(operand.value))
        value = self._indicator(operand.name, operand.windows, operand.symbol, row)
        if value is None:
            raise Undecided
        return value

    def _score(self, name: str, windows: tuple[int, ...], node: Node, row: int) -> float | None:
        """A candidate's score; None when it is left out. Raises Undecided for a broken history."""
        if isinstance(node, Asset):
            return self._indicator(name, windows, node.symbol, row)
        returns = [self._return_of(node, day) for day in range(1, row + 1)]
        start = next((i for i, r in enumerate(returns) if r is not None), None)
        window = windows[0]
        needed = window - 1 if name == "max-drawdown" else window
        if start is None or len(returns) - start < needed:
            return None
        last = returns[len(returns) - needed :]
        if any(r is None for r in last):
            raise Undecided
        known = [r for r in last if r is not None]
        if name == "moving-average-return":
            return math.fsum(known) / window * 100
        if name == "cumulative-return":
            return (math.prod(1 + r for r in known) - 1) * 100
        if name == "stdev-return":
            return deviation(known) * 100
        if name == "max-drawdown":
            return drawdown(index_of(known))
        if name == "rsi":
            return wilder(index_of([r or 0.0 for r in returns[start:]]), window)
        raise ValueError(name)

    def _return_of(self, node: Node, day: int) -> float | None:
        """What the weights of the session before earned on `day`."""
        try:
            held = self.weights(node, day - 1)
        except Undecided:
            return None
        total = 0.0
        for symbol, weight in held.items():
            bars = self.bars.get(symbol, [])
            before = [close for row, close in bars if row < day]
            today = [close for row, close in bars if row == day]
            if not before:
                return None
            if today:
                total += weight * (today[0] / before[-1] - 1)
        return total

    def _indicator(
        self, name: str, windows: tuple[int, ...], symbol: str, row: int
    ) -> float | None:
        bars = [(r, close) for r, close in self.bars.get(symbol, []) if r <= row]
        if not bars or bars[-1][0] != row:
            return None
        return indicator([close for _, close in bars], name, windows)


def indicator(p: list[float], name: str, windows: tuple[int, ...]) -> float | None:
    """An indicator of the last bar of `p`, oldest first; None without enough bars."""
    n = len(p)
    w = windows[0] if windows else 1
    daily = [p[i] / p[i - 1] - 1 for i in range(1, n)]
    if name == "current-price":
        return p[-1]
    if name == "moving-average-price":
        return math.fsum(p[-w:]) / w if n >= w else None
    if name == "exponential-moving-average-price":
        return ema(p, w) if n >= w else None
    if name == "rsi":
        return wilder(p, w) if n > w else None
    if name == "cumulative-return":
        return (p[-1] / p[-1 - w] - 1) * 100 if n > w else None
    if name == "moving-average-return":
        return math.fsum(daily[-w:]) / w * 100 if n > w else None
    if name == "stdev-return":
        return deviation(daily[-w:]) * 100 if n > w else None
    if name == "stdev-price":
        return deviation(p[-w:]) if n >= w else None
    if name == "max-drawdown":
        return drawdown(p[-w:]) if n >= w else None
    if name == "percentage-price-oscillator":
        return ppo(p, *windows) if n >= windows[1] else None
    if name == "percentage-price-oscillator-signal":
        short, long, smooth = windows
        if n < long + smooth - 1:
            return None
        return ema([ppo(p[:i], short, long) for i in range(long, n + 1)], smooth)
    raise ValueError(name)


def ema(values: list[float], window: int) -> float:
    """e = e + 2 / (w + 1) (v - e), from the first value."""
    e = values[0]
    for v in values[1:]:
        e += 2 / (window + 1) * (v - e)
    return e


def ppo(p: list[float], short: int, long: int) -> float:
    """Percentage price oscillator."""
    return (ema(p, short) - ema(p, long)) / ema(p, long) * 100


def wilder(p: list[float], window: int) -> float | None:
    """RSI from the first bar on."""
    if len(p) <= window:
        return None
    gain = loss = 0.0
    for i in range(1, len(p)):
        change = p[i] - p[i - 1]
        gain += (max(change, 0.0) - gain) / window
        loss += (max(-change, 0.0) - loss) / window
    if loss == 0:
        return 100.0 if gain > 0 else 50.0
    return 100 - 100 / (1 + gain / loss)


def deviation(values: list[float]) -> float:
    """Sample standard deviation; exactly 0 for equal values."""
    if len(set(values)) == 1:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def drawdown(p: list[float]) -> float:
    """Largest fall from the highest price so far, percent."""
    return max((1 - p[i] / max(p[: i + 1])) * 100 for i in range(len(p)))


def index_of(returns: list[float]) -> list[float]:
    """Prices that start at 1 and have these returns."""
    index = [1.0]
    for r in returns:
        index.append(index[-1] * (1 + r))
    return index
