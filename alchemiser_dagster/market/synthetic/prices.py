"""From factors to bars: the moves of an instrument in each session, then its prices.

A *move* is a price relative to the close before, minus 1. For a fund or a stock i:

    close_i,t = cash_t / 252 + sum_k beta_ik factor_k,t + own_i,t,    within +-30 %
    own_i,t   = v_i^2 / 2 / 252 + v_i / sqrt(252) (0.7 + 0.3 m_t) x_i,t
    open_i,t  = 0.35 (close_i,t + sd_i,t n1)
    high_i,t  = max(open, close) + 0.4 sd_i,t |n2|,   low_i,t = min(open, close) - 0.4 sd_i,t |n3|

with v the own volatility, x a fat-tailed shock of the instrument's own stream, n1 to n3 normals
and sd the instrument's usual volatility of a session times (0.6 + 0.4 m_t). A stock reports
earnings every 63 sessions: its own shock is three times as large that day.

For a leveraged or inverse fund each move is the multiple of its index's move, high and low
changing places for an inverse one: no fee, no cost of borrowing, no tracking error.

Prices: the close of the anchor session is the table's price, and the moves lead from there to the
past and to the future. Rounded to a millionth of a dollar, below one dollar to a trillionth, so
that the rounding stays below a millionth of the price.
"""

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alchemiser_dagster.market.bars import BARS_SCHEMA, empty_bars
from alchemiser_dagster.market.sessions import sessions_between
from alchemiser_dagster.market.synthetic.factors import (
    LARGEST_MOVE,
    SESSION,
    VOLATILITIES,
    YEAR,
    FactorPaths,
    factor_paths,
)
from alchemiser_dagster.market.synthetic.instruments import Instrument, instruments
from alchemiser_dagster.market.synthetic.streams import Path, normals, phase, shocks

FIRST_SESSION = date(2005, 1, 3)
ANCHOR_SESSION = date(2026, 1, 2)
DECIMALS, DECIMALS_BELOW_A_DOLLAR = 6, 12
EARNINGS_EVERY = 63
EARNINGS_SHOCK = 3.0

OPEN, HIGH, LOW, CLOSE = range(4)
Moves = NDArray[np.float64]
"""Shape (4, sessions): open, high, low, close relative to the close before, minus 1."""


def synthetic_bars(seed: int, symbols: list[str], first: date, last: date) -> pl.DataFrame:
    """The bars of `symbols` (broker's spelling) for the sessions from `first` to `last`.

    Symbols that `instruments` does not list are absent, as are sessions before FIRST_SESSION.
    """
    known = instruments()
    wanted = sorted({symbol for symbol in symbols if symbol in known})
    sessions = sessions_between(FIRST_SESSION, max(last, ANCHOR_SESSION))
    asked = [t for t, session in enumerate(sessions) if first <= session <= last]
    if not wanted or not asked:
        return empty_bars()
    span = slice(asked[0], asked[-1] + 1)
    market = _Market(seed, sessions)
    columns: dict[str, list[Path]] = {name: [] for name in BARS_SCHEMA if name not in _KEYS}
    for symbol in wanted:
        for name, path in market.bars(known[symbol]).items():
            columns[name].append(path[span])
    days = sessions[span]
    symbol_of_row = np.repeat(np.arange(len(wanted)), len(days))
    day_of_row = np.tile(np.arange(len(days)), len(wanted))
    keys = {
        "symbol": pl.Series(wanted, dtype=pl.String).gather(symbol_of_row),
        "date": pl.Series(days, dtype=pl.Date).gather(day_of_row),
    }
    return pl.DataFrame(
        keys | {name: np.concatenate(paths) for name, paths in columns.items()},
        schema=BARS_SCHEMA,
    )


_KEYS = ("symbol", "date")


class _Market:
    """All sessions of one seed; the moves of an index are worked out once."""

    def __init__(self, seed: int, sessions: list[date]) -> None:
        self.seed = seed
        self.anchor = sessions.index(ANCHOR_SESSION)
        self.factors: FactorPaths = factor_paths(seed, len(sessions))
        self._moves: dict[str, Moves] = {}

    def bars(self, instrument: Instrument) -> dict[str, Path]:
        moves = self.moves(instrument)
        growth = np.cumprod(1 + moves[CLOSE])
        close = instrument.price * (growth / growth[self.anchor])
        before = close / (1 + moves[CLOSE])
        price = _rounded(before * (1 + moves))
        return {
            "open": price[OPEN],
            "high": price[HIGH],
            "low": price[LOW],
            "close": price[CLOSE],
            "volume": self._volume(instrument, moves),
            "adj_close": price[CLOSE],
        }

    def moves(self, instrument: Instrument) -> Moves:
        if instrument.symbol not in self._moves:
            if instrument.kind == "multiple":
                moves = _multiplied(
                    self.moves(instruments()[instrument.index]), instrument.multiple
                )
            else:
                moves = self._factor_moves(instrument)
            self._moves[instrument.symbol] = moves
        return self._moves[instrument.symbol]

    def _factor_moves(self, instrument: Instrument) -> Moves:
        agitation = self.factors.agitation
        close = self.factors.cash + self._own_returns(instrument)
        variance = (instrument.own_volatility / 100) ** 2
        for factor, beta in instrument.loadings:
            close = close + beta * self.factors.returns[factor]
            variance += (beta * VOLATILITIES[factor]) ** 2
        deviation = variance**0.5 * SESSION * (0.6 + 0.4 * agitation)
        n1, n2, n3 = normals(self.seed, f"intraday {instrument.symbol}", len(close), 3).T
        opened = 0.35 * (close + deviation * n1)
        high = np.maximum(opened, close) + 0.4 * deviation * np.abs(n2)
        low = np.minimum(opened, close) - 0.4 * deviation * np.abs(n3)
        moves: Moves = np.stack((opened, high, low, close))
        return np.clip(moves, -LARGEST_MOVE, LARGEST_MOVE)

    def _own_returns(self, instrument: Instrument) -> Path:
        agitation = self.factors.agitation
        shock = shocks(self.seed, f"own {instrument.symbol}", len(agitation), tail=0.7)
        if instrument.kind == "stock":
            shock[phase(instrument.symbol, EARNINGS_EVERY) :: EARNINGS_EVERY] *= EARNINGS_SHOCK
        volatility = instrument.own_volatility / 100
        scale = volatility * SESSION * (0.7 + 0.3 * agitation)
        returns: Path = volatility * volatility / 2 / YEAR + scale * shock
        return returns

    def _volume(self, instrument: Instrument, moves: Moves) -> Path:
        """Whole shares, more in agitated sessions and on large moves."""
        usual = instrument.turnover * 1e6 / instrument.price
        n = normals(self.seed, f"volume {instrument.symbol}", moves.shape[1], 1)[:, 0]
        range_width = moves[HIGH] - moves[LOW]
        activity = (0.55 + 0.3 * n * n) * (0.6 + 0.4 * self.factors.agitation)
        shares: Path = np.round(usual * (activity + 3 * range_width))
        return np.maximum(shares, 1.0)


def _rounded(prices: Moves) -> Moves:
    fine = np.round(prices, DECIMALS_BELOW_A_DOLLAR)
    return np.where(prices < 1, fine, np.round(prices, DECIMALS))


def _multiplied(index: Moves, multiple: float) -> Moves:
    moves = multiple * index
    return moves if multiple > 0 else moves[[OPEN, LOW, HIGH, CLOSE]]
