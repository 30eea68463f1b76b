"""The simulated clock: how time passes, and which part of a session a moment falls in.

Three ways for time to pass:

- `manual`: only the control API moves the clock;
- `per_request`: each reading of an order or of the clock moves it, so that an unmodified polling
  loop ends;
- `scaled`: it follows the wall clock at `speed` times its pace.

Moments are aware datetimes in UTC; sessions and their hours come from `market.sessions`. Extended
hours are 04:00 to the open and the close to 20:00 New York, or 17:00 on an early close.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from alchemiser_dagster.market.sessions import (
    NEW_YORK,
    is_early_close,
    is_session,
    next_session,
    previous_session,
    session_close,
    session_open,
)

PRE_MARKET_OPEN = time(4)
POST_MARKET_CLOSE = time(20)
EARLY_POST_MARKET_CLOSE = time(17)


@dataclass(frozen=True, slots=True)
class ClockMode:
    """How the clock moves.

    `step` is the time one reading takes in `per_request`; `speed` is simulated seconds per wall
    second in `scaled`. Each is ignored in the other modes.
    """

    kind: Literal["manual", "per_request", "scaled"] = "manual"
    step: timedelta = timedelta(seconds=1)
    speed: float = 1.0


MANUAL = ClockMode()


class Phase(StrEnum):
    CLOSED = "closed"
    PRE_MARKET = "pre_market"
    REGULAR = "regular"
    POST_MARKET = "post_market"


@dataclass(frozen=True, slots=True)
class Hours:
    """The moments of one session, in UTC."""

    session: date
    pre_market: datetime
    open: datetime
    close: datetime
    post_market: datetime

    def boundaries(self) -> tuple[datetime, datetime, datetime, datetime]:
        return self.pre_market, self.open, self.close, self.post_market


@lru_cache(maxsize=4096)
def hours(session: date) -> Hours:
    """The moments of `session`; raises SessionError if the NYSE does not trade that day."""
    last = EARLY_POST_MARKET_CLOSE if is_early_close(session) else POST_MARKET_CLOSE
    return Hours(
        session=session,
        pre_market=session_start(session),
        open=session_open(session).astimezone(UTC),
        close=session_close(session).astimezone(UTC),
        post_market=datetime.combine(session, last, NEW_YORK).astimezone(UTC),
    )


def session_start(day: date) -> datetime:
    """04:00 in New York, when a session begins and its splits take effect."""
    return datetime.combine(day, PRE_MARKET_OPEN, NEW_YORK).astimezone(UTC)


def new_york_date(moment: datetime) -> date:
    return moment.astimezone(NEW_YORK).date()


def phase_at(moment: datetime) -> Phase:
    """The part of the session at `moment`; the close itself is no longer regular."""
    day = new_york_date(moment)
    if not is_session(day):
        return Phase.CLOSED
    today = hours(day)
    if not today.pre_market <= moment < today.post_market:
        return Phase.CLOSED
    if moment < today.open:
        return Phase.PRE_MARKET
    return Phase.REGULAR if moment < today.close else Phase.POST_MARKET


def next_boundary(moment: datetime) -> datetime:
    """The first start or end of a phase strictly after `moment`."""
    day = new_york_date(moment)
    if is_session(day):
        for boundary in hours(day).boundaries():
            if boundary > moment:
                return boundary
    return hours(next_session(day)).pre_market


def next_open(moment: datetime) -> datetime:
    """The first opening strictly after `moment`."""
    day = new_york_date(moment)
    if is_session(day) and hours(day).open > moment:
        return hours(day).open
    return hours(next_session(day)).open


def next_close(moment: datetime) -> datetime:
    """The first close strictly after `moment`."""
    day = new_york_date(moment)
    if is_session(day) and hours(day).close > moment:
        return hours(day).close
    return hours(next_session(day)).close


def last_opened_session(moment: datetime) -> date:
    """The latest session that had opened by `moment`."""
    day = new_york_date(moment)
    if is_session(day) and hours(day).open <= moment:
        return day
    return previous_session(day)


def last_closed_session(moment: datetime) -> date:
    """The latest session whose close was at or before `moment`."""
    day = new_york_date(moment)
    if is_session(day) and hours(day).close <= moment:
        return day
    return previous_session(day)
