"""Option contracts: their names, and which ones are listed.

A contract is named as the OCC does: root, expiration (yymmdd), C or P, strike in thousandths, as in
SPY240419C00500000. Every symbol with bars has options of American style on 100 shares:

- expirations: each Friday (the session before, when the NYSE is closed) of the next `WEEKS` weeks,
  and the third Friday of each of the next `MONTHS` months;
- strikes: a grid that is fixed for each price level (`strike_step`); those within
  `STRIKE_RANGE` of the last close are shown in listings, any on the grid can be traded.
"""

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from alchemiser_dagster.market.sessions import is_session, previous_session

CONTRACT_SIZE = 100
WEEKS = 8
MONTHS = 12
STRIKE_RANGE = (Decimal("0.7"), Decimal("1.3"))
FRIDAY = 4
THOUSANDTHS = 1000
PATTERN = re.compile(r"([A-Z]{1,6})(\d{6})([CP])(\d{8})")
SHORTEST_NAME = 16


@dataclass(frozen=True, slots=True)
class Contract:
    """An option on 100 shares of the symbol whose `root` it bears (dots left out)."""

    root: str
    expiration: date
    is_call: bool
    strike: Decimal

    @property
    def symbol(self) -> str:
        kind = "C" if self.is_call else "P"
        return f"{self.root}{self.expiration:%y%m%d}{kind}{int(self.strike * THOUSANDTHS):08d}"

    def before_split(self, ratio: int) -> "Contract":
        """The contract this one was, at a listed strike, before `ratio` for one splits."""
        if ratio == 1:
            return self
        nearest = (self.strike * ratio * 2).to_integral_value() / 2
        close = abs(nearest - self.strike * ratio) * THOUSANDTHS <= ratio
        return replace(self, strike=nearest if close else Decimal(0))

    def intrinsic(self, price: Decimal) -> Decimal:
        """What exercising is worth per share when the underlying is at `price`."""
        gain = price - self.strike if self.is_call else self.strike - price
        return max(Decimal(0), gain)


@lru_cache(maxsize=65536)
def read_contract(symbol: str) -> Contract | None:
    """The contract named `symbol`, or None if it is no option's name."""
    if len(symbol) < SHORTEST_NAME:
        return None
    match = PATTERN.fullmatch(symbol)
    if match is None:
        return None
    root, day, kind, strike = match.groups()
    try:
        expiration = date(2000 + int(day[:2]), int(day[2:4]), int(day[4:]))
    except ValueError:
        return None
    return Contract(root, expiration, kind == "C", Decimal(int(strike)) / THOUSANDTHS)


def is_option(symbol: str) -> bool:
    return read_contract(symbol) is not None


def multiplier(symbol: str) -> int:
    """Shares that one unit of `symbol` stands for: 100 for an option."""
    return CONTRACT_SIZE if is_option(symbol) else 1


def strike_step(strike: Decimal) -> Decimal:
    if strike < 25:
        return Decimal("0.5")
    return Decimal(1) if strike < 250 else Decimal(5)


def strikes_around(price: Decimal) -> list[Decimal]:
    """The strikes shown while the underlying's last close is `price`, ascending."""
    strike = (price * STRIKE_RANGE[0]) // Decimal("0.5") * Decimal("0.5")
    found = []
    while strike <= price * STRIKE_RANGE[1]:
        if strike > 0 and strike % strike_step(strike) == 0:
            found.append(strike)
        strike += Decimal("0.5")
    return found


@lru_cache(maxsize=1024)
def expirations(today: date) -> tuple[date, ...]:
    """The expirations listed on `today`, ascending; today's own among them."""
    friday = today + timedelta(days=(FRIDAY - today.weekday()) % 7)
    days = {friday + timedelta(weeks=n) for n in range(WEEKS)}
    year, month = today.year, today.month
    for _ in range(MONTHS + 1):
        days.add(third_friday(year, month))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    sessions = (day if is_session(day) else previous_session(day) for day in days)
    return tuple(sorted(day for day in sessions if day >= today))


def third_friday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(FRIDAY - first.weekday()) % 7 + 14)


def is_listed(contract: Contract, today: date) -> bool:
    """Whether `contract` is on the grid of strikes and expires on a listed day or has expired."""
    if contract.strike <= 0 or contract.strike % strike_step(contract.strike) != 0:
        return False
    return contract.expiration < today or contract.expiration in expirations(today)
