"""The forces that move the synthetic market, one return per session each.

Notation: t a session, z_t, w_t shocks of variance 1, 252 sessions a year.

Regimes. A Markov chain over calm, nervous, crisis (`TRANSITIONS`); a session is calm 58 %,
nervous 34 % and in crisis 8 % of the time.

Market (excess return of large US stocks). With s the regime and h_t the variance of the session,
an NGARCH(1,1) (Engle and Ng 1993) that is drawn towards the variance of the regime:

    market_t = drift_s / 252 + sqrt(h_t) z_t,   within +-12 %
    h_t+1    = (1 - p) var_s + BETA h_t + ALPHA h_t (z_t - SKEW)^2,   p = BETA + ALPHA (1 + SKEW^2)

SKEW > 0 makes falls raise the variance and rises lower it.
m_t = sqrt(h_t) / (16 % / sqrt(252)) is the *agitation*, about 1 on average.

Cash. cash_t+1 = cash_t + 0.25 (2.5 % - cash_t) / 252 + 0.6 % / sqrt(252) z_t, at least 0.05 % a
year; every fund and stock earns cash_t / 252 besides its factors.

Other factors (`FACTORS`): (growth + volatility^2 / 2) / 252
+ volatility / sqrt(252) (1 - a + a m_t) z_t, where growth is that of the compounded factor and a
the share of the volatility that follows the agitation. They are independent of each other and of
the market, but for one: `rates` (the return of a bond per year of duration) is correlated with the
market by `RATES_CORRELATION`, slightly positive in calm and clearly negative in a crisis.

Implied volatility. iv_t is the square root of a mix of h_t+1 (three quarters) and of its long-run
mean, times a premium of 10 % and a mean-reverting noise. A futures of n sessions is worth
F(n, iv) = LEVEL + (iv - LEVEL) RHO^n; `vix_short` and `vix_mid` hold one of constant maturity
(21 and 105 sessions): vix_t = F(n - 1, iv_t) / F(n, iv_t-1) - 1, within -30 % .. +30 %. While iv
is below LEVEL the curve rises and the holder loses day by day; in a panic the curve falls.

Trend. Managed futures: the sum over `TREND_MARKETS` of the factor's return, scaled to 5 %
a year each, times its trend of the 120 sessions before (from -1 to 1).
"""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np

from alchemiser_dagster.market.synthetic.streams import Path, shocks, uniforms

YEAR = 252
SESSION = 1 / sqrt(YEAR)
"""Volatility of one session for a volatility of 1 a year."""

CALM, NERVOUS, CRISIS = range(3)
MARKET_DRIFT = (0.17, 0.01, -0.30)
MARKET_VOLATILITY = (0.11, 0.18, 0.38)
TRANSITIONS = (
    (1 - 1 / 90 - 1 / 1500, 1 / 90, 1 / 1500),
    (1 / 50, 1 - 1 / 50 - 1 / 180, 1 / 180),
    (0.0, 1 / 35, 1 - 1 / 35),
)
ALPHA, BETA, SKEW = 0.06, 0.83, 1.0
LARGEST_MARKET_MOVE = 0.12
USUAL_VOLATILITY = 0.16
RATES_CORRELATION = (0.05, -0.30, -0.50)

PREMIUM, LEVEL, RHO = 1.1, 0.215, 0.987
MATURITIES = {"vix_short": 21, "vix_mid": 105}
LARGEST_MOVE = 0.30

TREND_MARKETS = ("market", "rates", "oil", "gold", "dollar", "metals", "crops", "gas")
TREND_SESSIONS = 120
TREND_RISK = 0.05


@dataclass(frozen=True, slots=True)
class Factor:
    """Volatility and growth a year; `agitated` is the share of volatility that follows m_t."""

    volatility: float
    growth: float = 0.0
    agitated: float = 0.5


FACTORS = {
    "growth": Factor(0.07, 0.01),
    "size": Factor(0.08),
    "tech": Factor(0.07, 0.02),
    "semis": Factor(0.14, 0.02),
    "software": Factor(0.09),
    "internet": Factor(0.09, 0.01),
    "financials": Factor(0.08, 0.0, 0.7),
    "banks": Factor(0.10, -0.01, 0.7),
    "energy": Factor(0.13),
    "health": Factor(0.065, 0.01),
    "biotech": Factor(0.14),
    "staples": Factor(0.08, 0.02),
    "utilities": Factor(0.11, 0.02),
    "discretionary": Factor(0.055, 0.01),
    "industrials": Factor(0.045, 0.01),
    "materials": Factor(0.06),
    "communications": Factor(0.06),
    "realestate": Factor(0.09),
    "homebuilders": Factor(0.13),
    "defence": Factor(0.09, 0.02),
    "transport": Factor(0.12),
    "clean": Factor(0.22, -0.02),
    "uranium": Factor(0.24),
    "developed": Factor(0.06, -0.01),
    "emerging": Factor(0.09, -0.01),
    "china": Factor(0.14, -0.02),
    "brazil": Factor(0.18, -0.02),
    "india": Factor(0.12, 0.01),
    "rates": Factor(0.0085, 0.001, 0.25),
    "credit": Factor(0.03, 0.008, 0.8),
    "gold": Factor(0.14, 0.035, 0.3),
    "silver": Factor(0.18, 0.0, 0.3),
    "miners": Factor(0.18, -0.03, 0.3),
    "oil": Factor(0.30, 0.01, 0.4),
    "gas": Factor(0.48, -0.12, 0.1),
    "metals": Factor(0.15, 0.01, 0.3),
    "crops": Factor(0.14, -0.01, 0.1),
    "dollar": Factor(0.065, 0.0, 0.3),
    "crypto": Factor(0.50, 0.12, 0.3),
}
FACTOR_NAMES = frozenset({"market", "trend", *FACTORS, *MATURITIES})

VOLATILITIES = {name: factor.volatility for name, factor in FACTORS.items()} | {
    "market": 0.17,
    "trend": 0.11,
    "vix_short": 0.65,
    "vix_mid": 0.30,
}
"""Rough volatility a year of every factor, for the width of a day's range."""


@dataclass(frozen=True, slots=True)
class FactorPaths:
    """Returns per session of cash and of every factor, and the agitation m_t."""

    cash: Path
    agitation: Path
    regime: Path
    returns: dict[str, Path]


@lru_cache(maxsize=4)
def factor_paths(seed: int, sessions: int) -> FactorPaths:
    """The first `sessions` sessions of every factor; a longer path begins with the shorter one."""
    regime, market_shocks, variance, market_returns = _market(seed, sessions)
    agitation = np.sqrt(variance[:-1]) / (USUAL_VOLATILITY * SESSION)
    returns = {"market": market_returns}
    for name, factor in FACTORS.items():
        shock = shocks(seed, f"factor {name}", sessions, tail=0.5)
        if name == "rates":
            rho = np.asarray(RATES_CORRELATION)[regime.astype(np.intp)]
            shock = rho * market_shocks + np.sqrt(1 - rho * rho) * shock
        scale = factor.volatility * SESSION * (1 - factor.agitated + factor.agitated * agitation)
        drift = factor.growth + factor.volatility * factor.volatility / 2
        returns[name] = drift / YEAR + scale * shock
    returns |= _implied_volatility_futures(seed, variance)
    returns["trend"] = _trend(returns)
    return FactorPaths(_cash(seed, sessions), agitation, regime, returns)


def _market(seed: int, sessions: int) -> tuple[Path, Path, Path, Path]:
    """Regime, shock, variance (one session longer) and return of the market."""
    shock = np.clip(shocks(seed, "market", sessions, tail=0.45), -6, 6)
    chance = uniforms(seed, "regime", sessions)
    regime, variance = np.empty(sessions), np.empty(sessions + 1)
    returns = np.empty(sessions)
    persistence = BETA + ALPHA * (1 + SKEW * SKEW)
    state, h = CALM, (MARKET_VOLATILITY[CALM] * SESSION) ** 2
    for t, (z, u) in enumerate(zip(shock.tolist(), chance.tolist(), strict=True)):
        regime[t], variance[t] = state, h
        move = MARKET_DRIFT[state] / YEAR + sqrt(h) * z
        returns[t] = min(max(move, -LARGEST_MARKET_MOVE), LARGEST_MARKET_MOVE)
        target = MARKET_VOLATILITY[state] * MARKET_VOLATILITY[state] / YEAR
        surprise = (z - SKEW) * (z - SKEW)
        h = (1 - persistence) * target + BETA * h + ALPHA * h * surprise
        to_calm, to_nervous, _ = TRANSITIONS[state]
        state = CALM if u < to_calm else NERVOUS if u < to_calm + to_nervous else CRISIS
    variance[sessions] = h
    return regime, shock, variance, returns


def _cash(seed: int, sessions: int) -> Path:
    rates = np.empty(sessions)
    rate = 0.025
    for t, z in enumerate(shocks(seed, "cash", sessions, tail=0.3).tolist()):
        rates[t] = rate
        rate = max(rate + 0.25 * (0.025 - rate) / YEAR + 0.006 * SESSION * z, 0.0005)
    return rates / YEAR


def _implied_volatility_futures(seed: int, variance: Path) -> dict[str, Path]:
    noise = np.empty(len(variance))
    level = 0.0
    for t, z in enumerate(shocks(seed, "implied volatility", len(variance), tail=0.5).tolist()):
        noise[t] = level
        level = min(max(0.93 * level + 0.025 * z, -0.2), 0.2)
    usual = 0.17 * 0.17
    implied = PREMIUM * np.sqrt(0.75 * variance * YEAR + 0.25 * usual) * (1 + noise)
    returns = {}
    for name, maturity in MATURITIES.items():
        near, far = RHO ** (maturity - 1), RHO**maturity
        bought = LEVEL + (implied[:-1] - LEVEL) * far
        sold = LEVEL + (implied[1:] - LEVEL) * near
        returns[name] = np.clip(sold / bought - 1, -LARGEST_MOVE, LARGEST_MOVE)
    return returns


def _trend(returns: dict[str, Path]) -> Path:
    total = np.zeros_like(returns["market"])
    for name in TREND_MARKETS:
        volatility = VOLATILITIES[name] * SESSION
        level = np.concatenate(([0.0], np.cumsum(returns[name])))
        start = np.maximum(np.arange(len(total)) - TREND_SESSIONS, 0)
        strength = (level[:-1] - level[start]) / (volatility * sqrt(TREND_SESSIONS))
        total += np.clip(strength, -1, 1) * returns[name] * (TREND_RISK * SESSION / volatility)
    return total
