"""The indicators of the language: their names, parameters, and how many bars each needs."""

from collections.abc import Callable
from dataclasses import dataclass

SETTLING_SESSIONS = 250
"""A smoothed average has forgotten where it started after this many sessions and 20 windows."""


@dataclass(frozen=True)
class Signature:
    """An indicator: its parameters in order, and the bars it needs for a first value.

    `settles` marks the recursive ones, which want a longer history than they need.
    `of_prices` marks those that are about a price level, which only an asset has.
    """

    parameters: tuple[str, ...]
    bars: Callable[..., int]
    settles: bool = False
    of_prices: bool = False


def _window(window: int) -> int:
    return window


def _window_and_one(window: int) -> int:
    return window + 1


_WINDOW = ("window",)

INDICATORS: dict[str, Signature] = {
    "current-price": Signature((), lambda: 1, of_prices=True),
    "moving-average-price": Signature(_WINDOW, _window, of_prices=True),
    "exponential-moving-average-price": Signature(_WINDOW, _window, settles=True, of_prices=True),
    "rsi": Signature(_WINDOW, _window_and_one, settles=True),
    "cumulative-return": Signature(_WINDOW, _window_and_one),
    "moving-average-return": Signature(_WINDOW, _window_and_one),
    "stdev-return": Signature(_WINDOW, _window_and_one),
    "stdev-price": Signature(_WINDOW, _window, of_prices=True),
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
    return max(needed, SETTLING_SESSIONS + 20 * max(windows))
