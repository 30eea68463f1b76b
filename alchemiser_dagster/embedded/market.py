"""What the market shows at a moment: last prices, quotes with size, and bars.

Look-ahead is the danger of a market made from daily bars. The rule here: an answer at time t uses
the path of t's own session up to t, and otherwise only sessions completed before it. Spread and
size come from the twenty sessions *before* the one quoted:

    half spread in bp = clip(0.02 x daily volatility in bp x (dollar volume / 1e7)^-0.35, 0.3, 300)

three times that in the first five minutes, half as much again in the last five, five times outside
regular hours; never less than half a tick, and rounded outward to the tick. The constant is an
assumption, not a calibration. The size shown is lognormal around 0.02 % of the average daily
volume, anew each minute, in round lots.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

import numpy as np

from alchemiser_dagster.embedded.bars import BarTable, SymbolBars
from alchemiser_dagster.embedded.clock import (
    Phase,
    hours,
    last_closed_session,
    last_opened_session,
    new_york_date,
    phase_at,
)
from alchemiser_dagster.embedded.money import tick, tick_down, tick_up
from alchemiser_dagster.embedded.option_contracts import is_option, read_contract
from alchemiser_dagster.embedded.option_market import OptionMarket
from alchemiser_dagster.embedded.paths import MINUTE, PRICE_DECIMALS, Path, draw_path, uniform
from alchemiser_dagster.embedded.prices import Quote, Trade
from alchemiser_dagster.market.sessions import NEW_YORK, previous_session

LOOKBACK_SESSIONS = 20
SPREAD_FACTOR = 0.02
SPREAD_EXPONENT = -0.35
SPREAD_REFERENCE_DOLLARS = 1e7
LEAST_HALF_SPREAD_BP, MOST_HALF_SPREAD_BP = 0.3, 300.0
OPENING_FACTOR, CLOSING_FACTOR, EXTENDED_FACTOR = 3.0, 1.5, 5.0
EDGE = timedelta(minutes=5)
DEFAULT_VOLATILITY_BP = 150.0
DEFAULT_VOLUME_SHARES = 200_000.0
SIZE_SHARE = 0.0002
ROUND_LOT = 100
BASIS_POINT = 1e-4


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar starting at `at`; volume in shares."""

    at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class _Liquidity:
    volatility: float
    half_spread_bp: float
    volume_shares: float


class Market:
    """Prices of every symbol of `bars` at any moment, drawn with `seed`."""

    def __init__(self, bars: BarTable, seed: int) -> None:
        self.bars = bars
        self.seed = seed
        roots = {symbol.replace(".", ""): symbol for symbol in bars.symbols}
        self.options = OptionMarket(self, roots.get)
        self._path = lru_cache(maxsize=4096)(self._draw_path)
        self._liquidity = lru_cache(maxsize=4096)(self._measure_liquidity)

    def listed(self, symbol: str, moment: datetime) -> bool:
        """Whether `symbol` has had a bar by the session of `moment`, or is an option on one."""
        contract = read_contract(symbol)
        if contract is not None:
            return self.options.listed(contract, moment)
        return symbol in self.bars and self.bars[symbol].first <= new_york_date(moment)

    def listed_symbols(self, moment: datetime) -> Iterator[str]:
        return (symbol for symbol in self.bars.symbols if self.listed(symbol, moment))

    def path(self, symbol: str, session: date) -> Path | None:
        """The path of `symbol` through `session`, or None if it did not trade."""
        return self._path(symbol, session)

    def trade(self, symbol: str, moment: datetime, terms: datetime | None = None) -> Trade | None:
        """The last trade at or before `moment`; None before the symbol's first.

        The price is that of a share as it is at `terms`, by default at `moment` itself: a split
        may lie between. An option's price is the middle of its quote.
        """
        terms = terms or moment
        if is_option(symbol):
            option = self.options.state(symbol, moment, terms)
            return Trade(option.quote.at, option.mark) if option is not None else None
        if symbol not in self.bars:
            return None
        session = last_opened_session(moment)
        path = self.path(symbol, session)
        bars = self.bars[symbol]
        count = bars.rows_until(session)
        if path is not None:
            price = path.price(moment) / _growth(bars, count - 1, terms)
            return Trade(min(moment, hours(session).close), _decimal(price))
        if count == 0:
            return None
        price = float(bars.close[count - 1]) / _growth(bars, count - 1, terms)
        return Trade(hours(bars.date_of(count - 1)).close, _decimal(price))

    def close_before(self, symbol: str, moment: datetime) -> Decimal | None:
        """The last close before the day of `moment`, in shares as they are at `moment`."""
        session = new_york_date(moment)
        if is_option(symbol):
            trade = self.trade(symbol, hours(previous_session(session)).close, moment)
            return trade.price if trade is not None else None
        bars = self.bars[symbol]
        count = bars.rows_until(session - timedelta(days=1))
        if count == 0:
            return None
        return _decimal(float(bars.close[count - 1]) / _growth(bars, count - 1, moment))

    def past_split_ratios(self, symbol: str, moment: datetime) -> tuple[int, ...]:
        """What a share has been multiplied by since each whole forward split up to `moment`."""
        bars = self.bars[symbol]
        rows = np.flatnonzero(bars.split[: rows_split(bars, moment)] > 1)
        grown = {float(bars.split[rows[n:]].prod()) for n in range(len(rows))}
        return tuple(sorted(int(ratio) for ratio in grown if ratio.is_integer()))

    def quote(self, symbol: str, moment: datetime) -> Quote | None:
        """The best bid and ask at `moment`; outside trading hours the last ones made.

        None if the symbol has not traded yet, or has no bar for the session it would be quoted in.
        """
        if is_option(symbol):
            option = self.options.state(symbol, moment)
            return option.quote if option is not None else None
        if symbol not in self.bars:
            return None
        phase = phase_at(moment)
        day = new_york_date(moment)
        if phase is Phase.CLOSED:
            session = last_closed_session(moment)
            moment = hours(session).post_market
            day, phase = session, Phase.POST_MARKET
        last = self.trade(symbol, moment)
        if last is None or self.bars[symbol].row(day) is None:
            return None
        return self._quote_around(symbol, day, moment, phase, last.price)

    def _quote_around(
        self, symbol: str, session: date, moment: datetime, phase: Phase, price: Decimal
    ) -> Quote:
        liquidity = self._liquidity(symbol, session)
        factor = EXTENDED_FACTOR
        if phase is Phase.REGULAR:
            opened, closes = hours(session).open, hours(session).close
            factor = 1.0
            if moment < opened + EDGE:
                factor = OPENING_FACTOR
            elif moment >= closes - EDGE:
                factor = CLOSING_FACTOR
        half = price * _decimal(liquidity.half_spread_bp * factor * BASIS_POINT, places=10)
        half = max(half, tick(price) / 2)
        bid = max(tick_down(price - half), tick(price))
        ask = max(tick_up(price + half), bid + tick(bid))
        bid_size, ask_size = (
            self._size(symbol, moment, side, liquidity.volume_shares) for side in ("bid", "ask")
        )
        return Quote(moment, bid, ask, bid_size, ask_size)

    def _size(self, symbol: str, moment: datetime, side: str, volume_shares: float) -> int:
        minute = moment.replace(second=0, microsecond=0).isoformat()
        draws = (uniform(self.seed, symbol, minute, side, n) for n in (1, 2, 3))
        shares = volume_shares * SIZE_SHARE * math.exp(sum(draws) * 2 - 3)
        return max(ROUND_LOT, round(shares / ROUND_LOT) * ROUND_LOT)

    def daily_volatility(self, symbol: str, session: date) -> float:
        """Standard deviation of daily log returns over the sessions before `session`."""
        return self._liquidity(symbol, session).volatility

    def usual_volume(self, symbol: str, session: date) -> float:
        """Shares a day over the sessions before `session`."""
        return self._liquidity(symbol, session).volume_shares

    def session_bar(self, symbol: str, session: date, moment: datetime) -> Bar | None:
        """The daily bar of `session` as far as `moment`: whole from the close on."""
        row = self.bars[symbol].row(session)
        if row is None or moment < hours(session).open:
            return None
        if moment >= hours(session).close:
            return whole_bar(self.bars[symbol], row)
        path = self.path(symbol, session)
        assert path is not None
        part = path.so_far(moment)
        volume = float(self.bars[symbol].volume[row])
        volume = 0.0 if math.isnan(volume) else float(round(volume * path.elapsed(moment)))
        return Bar(midnight(session), part.open, part.high, part.low, part.last, volume)

    def minute_bar(self, symbol: str, session: date, moment: datetime) -> Bar | None:
        """The last whole minute of `session` at or before `moment`; volume is not modelled."""
        path = self.path(symbol, session)
        opened = hours(session).open
        end = min(moment, hours(session).close).replace(second=0, microsecond=0)
        if path is None or end <= opened:
            return None
        first, last = path.price(end - MINUTE), path.price(end)
        return Bar(end - MINUTE, first, max(first, last), min(first, last), last, 0.0)

    def _draw_path(self, symbol: str, session: date) -> Path | None:
        bars = self.bars[symbol]
        row = bars.row(session)
        if row is None:
            return None
        today = hours(session)
        minutes = int((today.close - today.open).total_seconds() // 60)
        bar = (
            float(bars.open[row]),
            float(bars.high[row]),
            float(bars.low[row]),
            float(bars.close[row]),
        )
        return draw_path(self.seed, symbol, session, bar, today.open, minutes)

    def _measure_liquidity(self, symbol: str, session: date) -> _Liquidity:
        bars = self.bars[symbol]
        stop = bars.rows_until(session - timedelta(days=1))
        start = max(0, stop - LOOKBACK_SESSIONS)
        today = bars.shares[max(0, bars.rows_until(session) - 1)]
        growth = today / bars.shares[start:stop]
        closes, volumes = bars.close[start:stop] / growth, bars.volume[start:stop] * growth
        volatility_bp = DEFAULT_VOLATILITY_BP
        if len(closes) > 2:
            volatility_bp = float(np.std(np.diff(np.log(closes)), ddof=1)) / BASIS_POINT
        volume = DEFAULT_VOLUME_SHARES
        dollars = SPREAD_REFERENCE_DOLLARS
        known = np.isfinite(volumes)
        if known.any():
            volume = max(1.0, float(volumes[known].mean()))
            dollars = max(1.0, float((volumes[known] * closes[known]).mean()))
        half = (
            SPREAD_FACTOR
            * volatility_bp
            * (dollars / SPREAD_REFERENCE_DOLLARS) ** (SPREAD_EXPONENT)
        )
        return _Liquidity(
            volatility_bp * BASIS_POINT,
            min(max(half, LEAST_HALF_SPREAD_BP), MOST_HALF_SPREAD_BP),
            volume,
        )


def rows_split(bars: SymbolBars, moment: datetime) -> int:
    """How many bars have had their splits, if any, take effect by `moment`."""
    day = new_york_date(moment)
    row = bars.row(day)
    if row is not None and moment < hours(day).pre_market:
        return row
    return bars.rows_until(day)


def _growth(bars: SymbolBars, row: int, moment: datetime) -> float:
    """Shares at `moment` for one share of the session in `row`, by the splits in between."""
    return float(bars.shares[max(row, rows_split(bars, moment) - 1)] / bars.shares[row])


def whole_bar(bars: SymbolBars, row: int) -> Bar:
    """The completed bar in `row`."""
    volume = float(bars.volume[row])
    return Bar(
        at=midnight(bars.date_of(row)),
        open=float(bars.open[row]),
        high=float(bars.high[row]),
        low=float(bars.low[row]),
        close=float(bars.close[row]),
        volume=0.0 if math.isnan(volume) else volume,
    )


@lru_cache(maxsize=16384)
def midnight(session: date) -> datetime:
    """Midnight in New York at the start of `session`: the time stamp of a daily bar."""
    return datetime.combine(session, time(), NEW_YORK).astimezone(UTC)


def _decimal(price: float, places: int = PRICE_DECIMALS) -> Decimal:
    return Decimal(repr(max(10.0**-places, round(price, places))))
