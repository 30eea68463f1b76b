"""The indicators of the language: their names, parameters, and how many bars each needs."""

from collections.abc import Callable
from dataclasses import dataclass

SETTLING_SESSIONS = 250
"""A smoothed average has forgotten where it started after this many sessions and some windows."""
WILDER_WINDOWS = 20
EXPONENTIAL_WINDOWS = 10
"""Wilder's factor is 1/w, that of an exponential average 2/(w+1): it forgets twice as fast."""


@dataclass(frozen=True)
class Signature:
    """An indicator: its parameters in order, and the bars it needs for a first value.

    `settles` marks the recursive ones, which want a longer history than they need.
    `of_prices` marks those that only an asset can have, being about its price. `unit` is that of
    the values; percent means that 5.5 is 5.5 %.
    """

    parameters: tuple[str, ...]
    bars: Callable[..., int]
    settles: bool = False
    of_prices: bool = False
    smallest_window: int = 1
    unit: str = "percent"


def _window(window: int) -> int:
    return window


def _window_and_one(window: int) -> int:
    return window + 1


_WINDOW = ("window",)

INDICATORS: dict[str, Signature] = {
    "current-price": Signature((), lambda: 1, of_prices=True, unit="price"),
    "moving-average-price": Signature(_WINDOW, _window, of_prices=True, unit="price"),
    "exponential-moving-average-price": Signature(
        _WINDOW, _window, settles=True, of_prices=True, unit="price"
    ),
    "rsi": Signature(_WINDOW, _window_and_one, settles=True, unit="points"),
    "cumulative-return": Signature(_WINDOW, _window_and_one),
    "moving-average-return": Signature(_WINDOW, _window_and_one),
    "stdev-return": Signature(_WINDOW, _window_and_one, smallest_window=2),
    "stdev-price": Signature(_WINDOW, _window, of_prices=True, smallest_window=2, unit="price"),
    "max-drawdown": Signature(_WINDOW, _window),
    "percentage-price-oscillator": Signature(
        ("short-window", "long-window"), lambda _short, long: long, settles=True, of_prices=True
    ),
    "percentage-price-oscillator-signal": Signature(
        ("short-window", "long-window", "smooth-window"),
        lambda _short, long, smooth: long + smooth - 1,
        settles=True,
        of_prices=True,
    ),
}


def bars_needed(name: str, windows: tuple[int, ...]) -> int:
    """Bars without which the indicator has no value."""
    return INDICATORS[name].bars(*windows)


def history_wanted(name: str, windows: tuple[int, ...]) -> int:
    """Bars that make the indicator independent of where its history starts."""
    needed = bars_needed(name, windows)
    if not INDICATORS[name].settles:
        return needed
    forgets = WILDER_WINDOWS if name == "rsi" else EXPONENTIAL_WINDOWS
    return max(needed, SETTLING_SESSIONS + forgets * max(windows))
