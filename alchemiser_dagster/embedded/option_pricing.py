"""The value and the greeks of an option, by Black and Scholes (1973), without dividends.

American exercise is met only by never pricing below the intrinsic value. Theta is per day, vega
per point of volatility, rho per point of interest.
"""

import math
from dataclasses import dataclass

RATE = 0.04
DAYS_PER_YEAR = 365
POINT = 0.01
SHORTEST_YEARS = 1 / (DAYS_PER_YEAR * 24 * 60)


@dataclass(frozen=True, slots=True)
class Valuation:
    """An option's price in dollars per share, and how it moves."""

    price: float
    delta: float
    gamma: float
    theta: float
    vega: float
    rho: float


def value_option(
    is_call: bool, spot: float, strike: float, years: float, volatility: float
) -> Valuation:
    """The option with `years` to run, `volatility` annual (0.2 = 20 %)."""
    years = max(years, SHORTEST_YEARS)
    spread = volatility * math.sqrt(years)
    d1 = (math.log(spot / strike) + (RATE + volatility**2 / 2) * years) / spread
    d2 = d1 - spread
    discounted = strike * math.exp(-RATE * years)
    density = math.exp(-(d1**2) / 2) / math.sqrt(2 * math.pi)
    sign = 1 if is_call else -1
    price = sign * (spot * _normal(sign * d1) - discounted * _normal(sign * d2))
    decay = -spot * density * volatility / (2 * math.sqrt(years))
    carry = sign * RATE * discounted * _normal(sign * d2)
    return Valuation(
        price=max(price, sign * (spot - strike), 0.0),
        delta=sign * _normal(sign * d1),
        gamma=density / (spot * spread),
        theta=(decay - carry) / DAYS_PER_YEAR,
        vega=spot * density * math.sqrt(years) * POINT,
        rho=sign * discounted * years * _normal(sign * d2) * POINT,
    )


def smile(at_the_money: float, spot: float, strike: float, years: float) -> float:
    """Volatility at a strike: dearer below the money than above, dearer far from it.

    With m = ln(strike / spot) / (at_the_money x sqrt(years)), clipped to +-3, it is
    at_the_money x (1 - 0.08 m + 0.02 m^2): an assumed shape, not a calibrated one.
    """
    width = at_the_money * math.sqrt(max(years, SHORTEST_YEARS))
    moneyness = min(3.0, max(-3.0, math.log(strike / spot) / width))
    return at_the_money * (1 - 0.08 * moneyness + 0.02 * moneyness**2)


def _normal(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2
