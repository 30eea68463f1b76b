"""The path of a price through one session, made from its daily bar.

The path is a polyline on the minutes of the session. It starts at the bar's open, ends at its
close, touches its high and its low exactly, and never leaves the range between them:

1. the high and the low each get a minute (the first or the last when the open or the close is
   already that extreme; otherwise a minute drawn uniformly);
2. between the four pinned points, in the order of time, run random-walk bridges whose step is
   `ROUGHNESS` x (high - low) / sqrt(minutes), clipped to the range.

Draws come from PCG64 seeded by (seed, symbol, session), as uniform numbers only, so that the path
of a session depends on that session's bar alone. Prices are rounded to four decimals.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np

from alchemiser_dagster.embedded.bars import Floats

ROUGHNESS = 0.6
PRICE_DECIMALS = 4
SMALLEST_PRICE = 10.0**-PRICE_DECIMALS
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PathSoFar:
    """Open, high, low and last price of a session up to a moment."""

    open: float
    high: float
    low: float
    last: float


class Path:
    """The minute polyline of one symbol in one session."""

    def __init__(self, opens_at: datetime, prices: Floats) -> None:
        self._opens_at = opens_at
        self.prices = prices
        self._high = np.maximum.accumulate(prices)
        self._low = np.minimum.accumulate(prices)

    def price(self, moment: datetime) -> float:
        """The price at `moment`, which is at or after the open; the close from the close on."""
        whole, fraction = self._position(moment)
        if fraction == 0.0:
            return float(self.prices[whole])
        left, right = float(self.prices[whole]), float(self.prices[whole + 1])
        return max(SMALLEST_PRICE, round(left + (right - left) * fraction, PRICE_DECIMALS))

    def so_far(self, moment: datetime) -> PathSoFar:
        whole, _ = self._position(moment)
        last = self.price(moment)
        return PathSoFar(
            open=float(self.prices[0]),
            high=max(last, float(self._high[whole])),
            low=min(last, float(self._low[whole])),
            last=last,
        )

    def elapsed(self, moment: datetime) -> float:
        """The share of the session's time gone by `moment`, from 0 to 1."""
        whole, fraction = self._position(moment)
        return (whole + fraction) / (len(self.prices) - 1)

    def _position(self, moment: datetime) -> tuple[int, float]:
        minutes = (moment - self._opens_at) / MINUTE
        assert minutes >= 0, f"expected a moment from {self._opens_at} on, was {moment}"
        if minutes >= len(self.prices) - 1:
            return len(self.prices) - 1, 0.0
        whole = int(minutes)
        return whole, minutes - whole


def draw_path(
    seed: int,
    symbol: str,
    session: date,
    bar: tuple[float, float, float, float],
    opens_at: datetime,
    minutes: int,
) -> Path:
    """The path of `symbol` in `session`, whose bar is (open, high, low, close)."""
    first, high, low, last = (max(SMALLEST_PRICE, round(price, PRICE_DECIMALS)) for price in bar)
    random = np.random.Generator(np.random.PCG64(seed_of(seed, symbol, session.isoformat())))
    pins = {0: first, minutes: last}
    for extreme in (high, low):
        if extreme not in (first, last):
            minute = int(random.random() * (minutes - 2)) + 1
            while minute in pins:
                minute = minute % (minutes - 1) + 1
            pins[minute] = extreme
    step = ROUGHNESS * (high - low) / minutes**0.5 * 3**0.5
    walk = np.cumsum((random.random(minutes + 1) * 2 - 1) * step)
    prices = np.empty(minutes + 1)
    at = sorted(pins)
    for left, right in pairwise(at):
        ramp = np.linspace(0.0, 1.0, right - left + 1)
        line = pins[left] + (pins[right] - pins[left]) * ramp
        noise = walk[left : right + 1] - walk[left]
        prices[left : right + 1] = line + noise - noise[-1] * ramp
    prices = np.clip(np.round(prices, PRICE_DECIMALS), low, high)
    for minute, price in pins.items():
        prices[minute] = price
    return Path(opens_at, prices)


def seed_of(*parts: object) -> int:
    """A 128-bit seed from the parts, the same on every machine."""
    text = "\x1f".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")


def uniform(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    return (seed_of(*parts) >> 75) / 2**53
