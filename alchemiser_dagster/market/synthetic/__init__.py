"""A made-up market that behaves like the real one: the embedded default, with nothing to download.

Real NYSE sessions from 2005-01-03 on, about 560 real tickers with the real mandates, made-up
prices. The model, in full:

- `factors`: a market with regimes, clustered volatility and fat tails; styles, sectors, regions;
  interest rates that fall with the market in a crisis; credit, gold, oil, crops, the dollar,
  crypto; futures on implied volatility with their decay; trend following.
- `prices`: funds and stocks load on the factors and have a noise of their own; leveraged and
  inverse funds multiply the daily return of their index exactly; open, high, low and volume.
- `instruments` (and `instruments.csv`): who loads on what.
- `streams`: where the random numbers come from.

**Same seed, same bytes.** Every path draws from its own stream in the order of the sessions, so a
longer span begins with the shorter one and asking for fewer symbols changes nothing. Paths are
made of additions, multiplications, divisions and square roots only, which IEEE 754 fixes to the
last bit: no matrix products and no exponentials, whose last bit differs between processors.

**Total return is price.** No instrument pays a dividend (income is reinvested inside it), hence
adj_close = close; there are no splits. Leveraged funds are k times their index by either price,
to rounding (a millionth).

**Price levels are anchored** at 2026-01-02, where each instrument closes at the price of its
table, and follow the moves both ways. As in a split-adjusted history of the real ones, a fund that
decays (UVXY) has enormous prices in the distant past, and years after the anchor small ones.

What it is not: a forecast, a fit to data, or a place to judge a strategy. Every listed instrument
exists from the first session on; expected returns are round numbers; there are no mergers, halts
or delistings; regimes are the same kind of weather for ever.
"""

from alchemiser_dagster.market.synthetic.instruments import Instrument, instruments
from alchemiser_dagster.market.synthetic.prices import (
    ANCHOR_SESSION,
    FIRST_SESSION,
    synthetic_bars,
)

DEFAULT_SEED = 272
"""Picked for an ordinary history: SPY gains 10 % a year at a volatility of 16 %, loses at most 47 %
and is in no extreme in 2026."""

__all__ = [
    "ANCHOR_SESSION",
    "DEFAULT_SEED",
    "FIRST_SESSION",
    "Instrument",
    "instruments",
    "synthetic_bars",
]
