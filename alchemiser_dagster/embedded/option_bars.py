"""Daily bars of options, made from the contract's mark through each session.

An option has no bars of its own in the market: its price is a function of the underlying's path and
of time. A bar samples the mark every quarter of an hour from the open to the close; its volume is
the contracts shown on both sides at those moments. Only sessions that have closed are shown, and of
them those in which the contract was listed.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from alchemiser_dagster.embedded.clock import hours, last_closed_session, new_york_date
from alchemiser_dagster.embedded.market import midnight
from alchemiser_dagster.embedded.option_market import OptionMarket, OptionState
from alchemiser_dagster.embedded.wire import utc_seconds
from alchemiser_dagster.market.sessions import sessions_between

SAMPLE = timedelta(minutes=15)
FURTHEST = timedelta(days=366)
"""Contracts are listed for less than a year before they expire."""

Json = dict[str, object]


def option_bars(
    options: OptionMarket, symbol: str, now: datetime, start: datetime | None, end: datetime | None
) -> list[Json]:
    """The bars of a contract whose day lies between `start` and `end`, oldest first."""
    last = last_closed_session(now)
    if end is not None:
        last = min(last, new_york_date(end))
    first = last - FURTHEST if start is None else max(new_york_date(start), last - FURTHEST)
    if first > last:
        return []
    found = (_bar(options, symbol, day) for day in sessions_between(first, last))
    return [bar for bar in found if bar is not None]


def _bar(options: OptionMarket, symbol: str, session: date) -> Json | None:
    states = list(_states(options, symbol, session))
    if not states:
        return None
    marks = [state.mark for state in states]
    volume = sum(state.quote.bid_size + state.quote.ask_size for state in states)
    return {
        "t": utc_seconds(midnight(session)),
        "o": float(marks[0]),
        "h": float(max(marks)),
        "l": float(min(marks)),
        "c": float(marks[-1]),
        "v": float(volume),
        "n": None,
        "vw": None,
    }


def _states(options: OptionMarket, symbol: str, session: date) -> Iterator[OptionState]:
    day = hours(session)
    moment = day.open
    while moment <= day.close:
        state = options.state(symbol, moment)
        if state is not None:
            yield state
        moment += SAMPLE
