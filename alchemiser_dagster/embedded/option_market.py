"""Option prices at a moment, derived from the underlying's price and its past volatility.

At-the-money volatility is that of the underlying's twenty sessions before, annual, between 8 % and
200 %; `option_pricing` makes a price of it. The spread is 4 % of the price, at least 5 cents, out
to the tick (a cent below $3, five cents above); 1 to 10 contracts are shown on each side. Options
trade in regular hours only.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Protocol

from alchemiser_dagster.embedded.clock import hours, last_opened_session, new_york_date
from alchemiser_dagster.embedded.option_contracts import (
    Contract,
    expirations,
    is_listed,
    read_contract,
    strikes_around,
)
from alchemiser_dagster.embedded.option_pricing import (
    DAYS_PER_YEAR,
    Valuation,
    smile,
    value_option,
)
from alchemiser_dagster.embedded.paths import uniform
from alchemiser_dagster.embedded.prices import Quote, Trade
from alchemiser_dagster.market.sessions import is_session, next_session

LEAST_SPREAD = Decimal("0.05")
SPREAD_SHARE = Decimal("0.04")
LEAST_VOLATILITY, MOST_VOLATILITY = 0.08, 2.0
SESSIONS_PER_YEAR = 252
SIZES = 10
PENNY, NICKEL = Decimal("0.01"), Decimal("0.05")
NICKEL_FROM = Decimal(3)


class Underlyings(Protocol):
    """What options need to know of the shares."""

    seed: int

    def listed(self, symbol: str, moment: datetime) -> bool: ...
    def trade(
        self, symbol: str, moment: datetime, terms: datetime | None = None
    ) -> Trade | None: ...
    def close_before(self, symbol: str, moment: datetime) -> Decimal | None: ...
    def past_split_ratios(self, symbol: str, moment: datetime) -> tuple[int, ...]: ...
    def daily_volatility(self, symbol: str, session: date) -> float: ...


@dataclass(frozen=True, slots=True)
class OptionState:
    """A contract's quote with the volatility and greeks behind it."""

    quote: Quote
    mark: Decimal
    volatility: float
    value: Valuation


class OptionMarket:
    """Quotes of every listed option on the symbols of `shares`; `symbol_of_root` undots them."""

    def __init__(self, shares: Underlyings, symbol_of_root: Callable[[str], str | None]) -> None:
        self._shares = shares
        self._symbol_of_root = symbol_of_root

    def underlying(self, contract: Contract) -> str | None:
        return self._symbol_of_root(contract.root)

    def listed(self, contract: Contract, moment: datetime) -> bool:
        symbol = self.underlying(contract)
        if symbol is None or not self._shares.listed(symbol, moment):
            return False
        ratios = (1, *self._shares.past_split_ratios(symbol, moment))
        today = new_york_date(moment)
        return any(is_listed(contract.before_split(ratio), today) for ratio in ratios)

    def is_expired(self, contract: Contract, moment: datetime) -> bool:
        return moment >= hours(contract.expiration).close

    def state(
        self, symbol: str, moment: datetime, terms: datetime | None = None
    ) -> OptionState | None:
        """The contract at the last regular moment up to `moment`; None once it has expired.

        The shares are as they are at `terms`, by default at `moment`: a split may lie between.
        """
        terms = terms or moment
        contract = read_contract(symbol)
        if contract is None or not self.listed(contract, terms):
            return None
        session = last_opened_session(moment)
        at = min(moment, hours(session).close)
        underlying = self.underlying(contract)
        assert underlying is not None
        spot = self._shares.trade(underlying, at, terms)
        if spot is None or at > hours(contract.expiration).close:
            return None
        return self._valued(contract, underlying, spot.price, session, at)

    def _valued(
        self, contract: Contract, underlying: str, spot: Decimal, session: date, at: datetime
    ) -> OptionState:
        seconds = (hours(contract.expiration).close - at).total_seconds()
        years = max(0.0, seconds) / (DAYS_PER_YEAR * 24 * 3600)
        daily = self._shares.daily_volatility(underlying, session)
        base = min(MOST_VOLATILITY, max(LEAST_VOLATILITY, daily * math.sqrt(SESSIONS_PER_YEAR)))
        volatility = smile(base, float(spot), float(contract.strike), years)
        value = value_option(
            contract.is_call, float(spot), float(contract.strike), years, volatility
        )
        fair = contract.intrinsic(spot) if years == 0 else Decimal(repr(round(value.price, 6)))
        half = max(LEAST_SPREAD, fair * SPREAD_SHARE) / 2
        step = NICKEL if fair >= NICKEL_FROM else PENNY
        bid = max(Decimal(0), _to_step(fair - half, step, ROUND_FLOOR))
        ask = _to_step(fair + half, step, ROUND_CEILING)
        sizes = [
            1 + int(SIZES * uniform(self._shares.seed, contract.symbol, at.isoformat(), side))
            for side in ("bid", "ask")
        ]
        quote = Quote(at, bid, ask, sizes[0] if bid else 0, sizes[1])
        mark = fair.quantize(PENNY)
        return OptionState(quote, mark, volatility, value)

    def chain(self, underlying: str, moment: datetime) -> Iterator[Contract]:
        """The contracts shown at `moment`, by expiration, kind and strike."""
        today = new_york_date(moment)
        close = self._shares.close_before(underlying, moment)
        if close is None or not self._shares.listed(underlying, moment):
            return
        first = today if is_session(today) and moment < hours(today).close else None
        start = first or next_session(today)
        root = underlying.replace(".", "")
        for expiration in expirations(start):
            for is_call in (True, False):
                for strike in strikes_around(close):
                    yield Contract(root, expiration, is_call, strike)


def _to_step(price: Decimal, step: Decimal, rounding: str) -> Decimal:
    return (price / step).quantize(Decimal(1), rounding) * step
