"""A small market drawn from a seed: four to eight symbols on a few sessions.

    level        0.40 to 600 dollars, evenly on a logarithmic scale, so that ticks of a cent and of
                 a hundredth of a cent both occur
    volatility   0.5 % to 5 % a day;  volume  20,000 to 5,000,000 shares a day
    weeks        ordinary ones, and those with an early close, a holiday or a change of the clocks
    events       now and then a split, forward or reverse, or a dividend

Twenty-five sessions of history stand before the first that is traded, because spreads are drawn
from them.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

import polars as pl

from alchemiser_dagster.market.sessions import next_session, previous_session, sessions_between

HISTORY = timedelta(days=36)
LOWEST_LEVEL, HIGHEST_LEVEL = 0.40, 600.0
NAMES = ("XYZ", "ABC", "THIN", "BRK.B", "LEAP", "MOON", "DUSK", "OAK")
ORDINARY = (date(2026, 5, 11), date(2026, 6, 8), date(2026, 9, 21), date(2026, 10, 12))
SPECIAL = (
    date(2026, 3, 5),  # the clocks go forward on Sunday the 8th
    date(2026, 10, 29),  # and back on Sunday 1 November
    date(2026, 11, 24),  # Thanksgiving on the 26th, early close on the 27th
    date(2026, 12, 22),  # early close on the 24th, Christmas
    date(2026, 7, 1),  # 3 July: Independence Day observed
)
SPLITS = (2.0, 3.0, 4.0, 10.0, 0.1, 0.05)
COLUMNS = ("symbol", "date", "open", "high", "low", "close", "volume", "adj_close", "split")


@dataclass(frozen=True)
class CorporateEvent:
    """A split of `ratio` new shares for an old one, or a dividend of `ratio` of the close before.

    `kind` is split or dividend; `session` is the ex-date.
    """

    kind: str
    symbol: str
    session: date
    ratio: float


@dataclass(frozen=True)
class Market:
    """Daily bars of some symbols, the sessions to be traded, and what happens on them."""

    symbols: tuple[str, ...]
    sessions: tuple[date, ...]
    events: tuple[CorporateEvent, ...]
    bars: pl.DataFrame

    @property
    def inception(self) -> date:
        """The session on whose evening the account is opened."""
        return previous_session(self.sessions[0])


def draw_market(chance: Random) -> Market:
    """A market of `chance`."""
    first = chance.choice(ORDINARY if chance.random() < 0.6 else SPECIAL)
    sessions = [first]
    for _ in range(chance.choice((0, 0, 0, 0, 1, 1, 2))):
        sessions.append(next_session(sessions[-1]))
    symbols = NAMES[: chance.randint(4, len(NAMES))]
    events = _draw_events(chance, symbols, sessions)
    days = sessions_between(first - HISTORY, next_session(sessions[-1]))
    rows = [row for symbol in symbols for row in _draw_bars(chance, symbol, days, events)]
    bars = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    return Market(symbols, tuple(sessions), tuple(events), bars)


def _draw_events(
    chance: Random, symbols: tuple[str, ...], sessions: list[date]
) -> list[CorporateEvent]:
    events: list[CorporateEvent] = []
    if len(sessions) == 1:
        return events
    if chance.random() < 0.3:
        ratio = chance.choice(SPLITS)
        event = ("split", chance.choice(symbols), chance.choice(sessions[1:]), ratio)
        events.append(CorporateEvent(*event))
    if chance.random() < 0.5:
        ratio = round(chance.uniform(0.001, 0.03), 4)
        event = ("dividend", chance.choice(symbols), chance.choice(sessions[1:]), ratio)
        if all(other.symbol != event[1] for other in events):
            events.append(CorporateEvent(*event))
    return events


def _draw_bars(
    chance: Random, symbol: str, days: list[date], events: list[CorporateEvent]
) -> list[tuple[object, ...]]:
    """Bars as they were traded, and closes adjusted for what happened after them."""
    level = math.exp(chance.uniform(math.log(LOWEST_LEVEL), math.log(HIGHEST_LEVEL)))
    volatility = chance.uniform(0.005, 0.05)
    volume = math.exp(chance.uniform(math.log(2e4), math.log(5e6)))
    own = {event.session: event for event in events if event.symbol == symbol}
    rows: list[list[object]] = []
    adjustments: list[float] = []  # what each earlier adjusted close is multiplied by
    for day in days:
        event = own.get(day)
        split = event.ratio if event is not None and event.kind == "split" else 1.0
        paid = event.ratio if event is not None and event.kind == "dividend" else 0.0
        opened = _price(level / split * (1 - paid) * math.exp(chance.gauss(0, volatility / 3)))
        level = opened * math.exp(chance.gauss(0, volatility))
        close = _price(level)
        high = _price(max(opened, close) * (1 + abs(chance.gauss(0, volatility / 2))))
        low = _price(min(opened, close) * (1 - min(0.5, abs(chance.gauss(0, volatility / 2)))))
        traded = float(round(volume * math.exp(chance.gauss(0, 0.4))))
        rows.append([symbol, day, opened, max(high, opened, close), min(low, opened, close), close])
        rows[-1] += [traded, close, split]
        adjustments = [each / split * (1 - paid) for each in adjustments] + [1.0]
    for row, adjustment in zip(rows, adjustments, strict=True):
        row[COLUMNS.index("adj_close")] = row[COLUMNS.index("close")] * adjustment  # type: ignore[operator]
    return [tuple(row) for row in rows]


def _price(raw: float) -> float:
    """A traded price: whole cents from a dollar up, hundredths of a cent below."""
    return max(0.05, round(raw, 2 if raw >= 1 else 4))
