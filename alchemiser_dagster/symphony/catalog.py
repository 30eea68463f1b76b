"""The indicators of the language: names, parameters, and how much history each needs.

Formulas are in `indicators`; this page is what the compiler, look-back and messages share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_SETTLING_BARS: Final = 250
_SETTLING_WINDOWS: Final = 20


@dataclass(frozen=True)
class IndicatorKind:
    """One indicator of the language.

    `parameters` names its windows in the order the positional spelling gives them. `bars` gives
    the closes needed for the first value. A `recursive` indicator depends on all history and is
    settled only after more. `on_units` indicators depend on returns alone and can therefore score
    a sub-portfolio.
    """

    name: str
    parameters: tuple[str, ...]
    bars: Callable[[tuple[int, ...]], int]
    unit: str
    recursive: bool = False
    on_units: bool = False
    smallest_window: int = 1

    def lookback(self, windows: tuple[int, ...]) -> int:
        """Closes after which the value no longer depends on where history began."""
        if not self.recursive:
            return self.bars(windows)
        return _SETTLING_BARS + _SETTLING_WINDOWS * max(windows)


def _window(windows: tuple[int, ...]) -> int:
    return windows[0]


def _window_and_one(windows: tuple[int, ...]) -> int:
    return windows[0] + 1


_ONE = ("window",)
INDICATORS: Final[dict[str, IndicatorKind]] = {
    kind.name: kind
    for kind in (
        IndicatorKind("current-price", (), lambda _: 1, "price"),
        IndicatorKind("moving-average-price", _ONE, _window, "price"),
        IndicatorKind("exponential-moving-average-price", _ONE, _window, "price", recursive=True),
        IndicatorKind("rsi", _ONE, _window_and_one, "points", recursive=True, on_units=True),
        IndicatorKind("cumulative-return", _ONE, _window_and_one, "percent", on_units=True),
        IndicatorKind(
            "moving-average-return", _ONE, _window_and_one, "percent per day", on_units=True
        ),
        IndicatorKind(
            "stdev-return", _ONE, _window_and_one, "percent", on_units=True, smallest_window=2
        ),
        IndicatorKind("stdev-price", _ONE, _window, "price", smallest_window=2),
        IndicatorKind("max-drawdown", _ONE, _window, "percent", on_units=True),
        IndicatorKind(
            "percentage-price-oscillator",
            ("short-window", "long-window"),
            lambda windows: windows[1],
            "percent",
            recursive=True,
        ),
        IndicatorKind(
            "percentage-price-oscillator-signal",
            ("short-window", "long-window", "smooth-window"),
            lambda windows: windows[1] + windows[2] - 1,
            "percent",
            recursive=True,
        ),
    )
}


def describe(name: str, windows: tuple[int, ...]) -> str:
    """The indicator as messages name it, such as `rsi(10)`."""
    return f"{name}({', '.join(map(str, windows))})" if windows else name
