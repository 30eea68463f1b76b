"""The reference workload: 19 symphonies shaped like real ones, and ten years of closes, by seed.

Real ones run from a dozen to tens of thousands of forms, repeat the same few sub-trees under many
names, and are mostly blanks: the texts are printed with one form a line, deeply indented, as
Composer exports them. Three have hundreds of filters over groups, nested two deep.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

import numpy as np

from alchemiser_dagster.symphony import ClosingPrices

SEED = 20_260_213
SYMBOLS = tuple(f"S{number:03d}" for number in range(290))
SESSIONS = 2_520
RSI_WINDOWS = (2, 5, 7, 10, 10, 10, 10, 14, 15, 20, 21, 60)
RETURN_WINDOWS = (1, 2, 5, 10, 20, 21, 60, 126)
AVERAGE_WINDOWS = (10, 20, 25, 50, 100, 200)
DRAWDOWN_WINDOWS = (6, 10, 20)
GROUP_WINDOWS = (5, 10, 12, 15, 20, 30)


@dataclass(frozen=True)
class Shape:
    """How one strategy is built: distinct bodies, their copies, symbols, filters over groups."""

    name: str
    bodies: int
    copies: int
    symbols: int
    group_filters: int = 0


SHAPES = (
    Shape("one_pair", 1, 0, 3),
    Shape("defence", 1, 1, 12),
    Shape("grail", 2, 1, 6),
    Shape("metal", 3, 1, 5),
    Shape("leveraged", 3, 2, 8),
    Shape("miners", 4, 2, 10),
    Shape("chips", 5, 2, 9),
    Shape("switcher", 5, 4, 23),
    Shape("leveraged_1", 8, 6, 45),
    Shape("leveraged_2", 8, 8, 37),
    Shape("switcher_full", 9, 8, 21),
    Shape("sectors", 16, 24, 40, 2),
    Shape("spells", 18, 26, 58, 3),
    Shape("dancer", 12, 220, 28),
    Shape("concise", 14, 260, 28),
    Shape("low_volatility", 40, 110, 80),
    Shape("ensemble", 20, 20, 71, 100),
    Shape("blend", 30, 60, 78, 110),
    Shape("starburst", 36, 90, 91, 130),
)


def closing_prices(seed: int = SEED, sessions: int = SESSIONS) -> ClosingPrices:
    """Random walks with a common factor; a fifth of the symbols is listed within the first year."""
    rng = np.random.default_rng(seed)
    market = rng.normal(0.0003, 0.01, (sessions, 1))
    own = rng.normal(0.0, 0.015, (sessions, len(SYMBOLS)))
    slopes = rng.uniform(-2, 3, (1, len(SYMBOLS)))
    closes = 100 * np.exp(np.cumsum(slopes * market + own, axis=0))
    for column in rng.choice(len(SYMBOLS), len(SYMBOLS) // 5, replace=False):
        closes[: rng.integers(20, 250), column] = np.nan
    first = dt.date(2016, 1, 4)
    days = [first + dt.timedelta(days=n) for n in range(sessions * 2)]
    weekdays = [day for day in days if day.weekday() < 5][:sessions]
    return ClosingPrices(tuple(weekdays), SYMBOLS, closes)


def texts(seed: int = SEED, count: int | None = None) -> dict[str, str]:
    """Symphony texts by name. With a `count` beyond 19 the shapes repeat with other content."""
    count = len(SHAPES) if count is None else count
    made = {}
    for number in range(count):
        shape = SHAPES[number % len(SHAPES)]
        turn = number // len(SHAPES)
        name = f"{shape.name}_{turn}" if turn else shape.name
        made[name] = _Writer(shape, random.Random(f"{seed} {name}")).text()
    return made


class _Writer:
    def __init__(self, shape: Shape, rng: random.Random) -> None:
        self.shape = shape
        self.rng = rng
        self.symbols = rng.sample(SYMBOLS, shape.symbols)

    def text(self) -> str:
        shape, rng = self.shape, self.rng
        bodies = [self._body(rng.choice((1, 2, 2, 3))) for _ in range(shape.bodies)]
        inner = [
            self._group_filter(rng.sample(bodies, min(len(bodies), rng.randint(2, 4))))
            for _ in range(shape.group_filters // 2)
        ]
        outer = [
            self._group_filter([rng.choice(inner), *rng.sample(bodies, 2)])
            for _ in range(shape.group_filters - len(inner))
            if len(inner) > 1
        ]
        parts = bodies + inner + outer
        used = [rng.choice(bodies) for _ in range(shape.copies)]
        tree: object = self._ladder(parts + used)
        header = '{:asset-class "EQUITIES", :rebalance-frequency :daily}'
        lines = [f'(defsymphony\n "{shape.name}"\n {header}']
        _print(tree, 1, lines)
        return "\n".join(lines) + ")\n"

    def _ladder(self, parts: list[object]) -> object:
        """Parts hung on a ladder of conditions and weights, as strategies grow over time."""
        while len(parts) > 1:
            rungs = []
            for start in range(0, len(parts), 6):
                some = parts[start : start + 6]
                kind = self.rng.random()
                if kind < 0.4 and len(some) > 1:
                    half = len(some) // 2
                    rungs.append(
                        [
                            "if",
                            self._condition(),
                            self._vector(some[:half]),
                            self._vector(some[half:]),
                        ]
                    )
                elif kind < 0.45 and len(some) == 2:
                    rungs.append(["weight-specified", "0.6", some[0], "0.4", some[1]])
                else:
                    rungs.append(["weight-equal", ["[", *some]])
            parts = rungs
        return parts[0] if isinstance(parts[0], list) else ["weight-equal", ["[", parts[0]]]

    def _vector(self, some: list[object]) -> object:
        return ["[", some[0] if len(some) == 1 else ["weight-equal", ["[", *some]]]

    def _body(self, depth: int) -> object:
        rng = self.rng
        if depth == 0 or rng.random() < 0.12:
            return self._leaf()
        kind = rng.random()
        if kind < 0.62:
            node: object = [
                "if",
                self._condition(),
                ["[", self._body(depth - 1)],
                ["[", self._body(depth - 1)],
            ]
        elif kind < 0.72:
            node = ["weight-inverse-volatility", "10", ["[", *map(_asset, self._some(3))]]
        else:
            node = ["weight-equal", ["[", self._body(depth - 1), self._leaf()]]
        return ["group", f'"part {rng.randint(1, 99)}"', ["[", ["weight-equal", ["[", node]]]]

    def _leaf(self) -> object:
        rng = self.rng
        if rng.random() < 0.45 or len(self.symbols) < 4:
            return _asset(rng.choice(self.symbols))
        name, windows = rng.choice(
            (
                ("rsi", RSI_WINDOWS),
                ("rsi", RSI_WINDOWS),
                ("moving-average-return", RETURN_WINDOWS),
                ("cumulative-return", RETURN_WINDOWS),
                ("max-drawdown", DRAWDOWN_WINDOWS),
            )
        )
        candidates = map(_asset, self._some(rng.randint(2, 12)))
        return [
            "filter",
            [name, f"{{:window {rng.choice(windows)}}}"],
            [rng.choice(("select-top", "select-bottom")), rng.choice(("1", "1", "1", "2", "3"))],
            ["[", *candidates],
        ]

    def _group_filter(self, units: list[object]) -> object:
        rng = self.rng
        name = rng.choice(("moving-average-return", "cumulative-return", "stdev-return", "rsi"))
        chosen = [
            "filter",
            [name, f"{{:window {rng.choice(GROUP_WINDOWS)}}}"],
            [rng.choice(("select-top", "select-bottom")), rng.choice(("1", "1", "2"))],
            [
                "[",
                *(
                    ["group", f'"unit {i}"', ["[", ["weight-equal", ["[", u]]]]
                    for i, u in enumerate(units)
                ),
            ],
        ]
        return ["group", '"best"', ["[", ["weight-equal", ["[", chosen]]]]

    def _condition(self) -> object:
        rng, symbol = self.rng, self._symbol
        kind = rng.random()
        if kind < 0.5:
            left = _call("rsi", symbol(), rng.choice(RSI_WINDOWS))
            if rng.random() < 0.5:
                right: object = _call("rsi", symbol(), rng.choice(RSI_WINDOWS))
            else:
                right = str(rng.choice((30, 31, 50, 70, 75, 79, 80)))
        elif kind < 0.75:
            symbol_name = symbol()
            left = ["current-price", symbol_name]
            right = _call("moving-average-price", symbol_name, rng.choice(AVERAGE_WINDOWS))
        elif kind < 0.9:
            left = _call("cumulative-return", symbol(), rng.choice(RETURN_WINDOWS))
            right = str(rng.choice((-12, -6, 0, 1, 5.5)))
        elif kind < 0.95:
            left = _call("stdev-return", symbol(), rng.choice((5, 10, 30)))
            right = _call("stdev-return", symbol(), rng.choice((10, 100)))
        else:
            left = _call("max-drawdown", symbol(), rng.choice(DRAWDOWN_WINDOWS))
            right = str(rng.choice((5, 10)))
        return [rng.choice((">", ">", "<")), left, right]

    def _symbol(self) -> str:
        return f'"{self.rng.choice(self.symbols)}"'

    def _some(self, count: int) -> list[str]:
        return self.rng.sample(self.symbols, min(count, len(self.symbols)))


def _asset(symbol: str) -> object:
    return ["asset", f'"{symbol}"', "nil"]


def _call(name: str, symbol: str, window: int) -> list[object]:
    return [name, symbol, f"{{:window {window}}}"]


def _print(form: object, depth: int, lines: list[str]) -> None:
    """One form a line, indented by its depth; calls without inner calls stay on one line."""
    indent = " " * (4 * depth)
    if not isinstance(form, list):
        lines.append(f"{indent}{form}")
        return
    opener, closer = ("[", "]") if form[0] == "[" else (f"({form[0]}", ")")
    if not any(isinstance(part, list) for part in form):
        lines.append(f"{indent}({' '.join(form)})")
        return
    lines.append(f"{indent}{opener}")
    for part in form[1:]:
        _print(part, depth + 1, lines)
    lines[-1] += closer
