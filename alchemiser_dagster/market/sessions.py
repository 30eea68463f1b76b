"""NYSE sessions: the days on which US stocks trade, with their opening and closing times.

`exchange_calendars` (calendar XNYS) is the source. Its import and the calendar cost about half a
second, so both happen on the first question and the answer is kept for the process. What the
exchange decides at short notice, a day of mourning, an early close for a storm, it learns with its
next release; until then a person writes it down (`calendar_file`), and `amend` takes it over.

Dates are session dates (New York). Moments are aware datetimes; a naive one is refused, because
it cannot be placed in a session.
"""

import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")

FIRST_YEAR = 1990
YEARS_AHEAD = 3
REGULAR_CLOSE = time(16)


class SessionError(ValueError):
    """A date or a moment that the NYSE calendar cannot answer for."""


@dataclass(frozen=True, slots=True)
class _Calendar:
    first_day: date
    last_day: date
    sessions: tuple[date, ...]
    opens: tuple[datetime, ...]
    closes: tuple[datetime, ...]


_closed: frozenset[date] = frozenset()
_early: Mapping[date, time] = {}


def amend(closed: Iterable[date], early: Mapping[date, time]) -> None:
    """Take days as closed, and others as closing early (New York time), whatever the source says.

    Replaces earlier amendments. Raises SessionError for an early close outside its session.
    """
    global _closed, _early
    for day, closes in early.items():
        opens = session_open(day)
        if not opens.time() < closes <= REGULAR_CLOSE:
            raise SessionError(
                f"expected an early close of {day} between {opens:%H:%M} and "
                f"{REGULAR_CLOSE:%H:%M}, was {closes:%H:%M}"
            )
    _closed, _early = frozenset(closed), dict(early)
    _calendar.cache_clear()


@cache
def _calendar() -> _Calendar:
    import exchange_calendars

    last_day = date(datetime.now(NEW_YORK).year + YEARS_AHEAD, 12, 31)
    first_day = date(FIRST_YEAR, 1, 1)
    with warnings.catch_warnings():
        # The library's own use of a pandas call that is going to change.
        warnings.simplefilter("ignore", DeprecationWarning)
        nyse = exchange_calendars.get_calendar("XNYS", start=str(first_day), end=str(last_day))

    def in_new_york(moments: object) -> tuple[datetime, ...]:
        index = moments.dt.tz_convert(NEW_YORK)  # type: ignore[attr-defined]
        return tuple(moment.to_pydatetime(warn=False) for moment in index)

    days = [
        (day, opens, _closing(day, closes))
        for day, opens, closes in zip(
            (session.date() for session in nyse.sessions),
            in_new_york(nyse.opens),
            in_new_york(nyse.closes),
            strict=True,
        )
        if day not in _closed
    ]
    return _Calendar(
        first_day=first_day,
        last_day=last_day,
        sessions=tuple(day for day, _, _ in days),
        opens=tuple(opens for _, opens, _ in days),
        closes=tuple(closes for _, _, closes in days),
    )


def _closing(day: date, usual: datetime) -> datetime:
    early = _early.get(day)
    return usual if early is None else datetime.combine(day, early, NEW_YORK)


def calendar_span() -> tuple[date, date]:
    """The first and the last day for which this module knows whether the NYSE trades."""
    calendar = _calendar()
    return calendar.first_day, calendar.last_day


def is_session(day: date) -> bool:
    """Whether the NYSE trades on `day`."""
    calendar = _covering(day)
    position = bisect_left(calendar.sessions, day)
    return position < len(calendar.sessions) and calendar.sessions[position] == day


def sessions_between(first: date, last: date) -> list[date]:
    """All sessions from `first` to `last`, both included, ascending; empty if first > last."""
    calendar = _covering(first, last)
    start, stop = bisect_left(calendar.sessions, first), bisect_right(calendar.sessions, last)
    return list(calendar.sessions[start:stop])


def previous_session(day: date) -> date:
    """The last session before `day`, which need not be a session."""
    calendar = _covering(day)
    position = bisect_left(calendar.sessions, day)
    if position == 0:
        raise SessionError(f"expected a date after {calendar.sessions[0]}, was {day}")
    return calendar.sessions[position - 1]


def next_session(day: date) -> date:
    """The first session after `day`, which need not be a session."""
    calendar = _covering(day)
    position = bisect_right(calendar.sessions, day)
    if position == len(calendar.sessions):
        raise SessionError(f"expected a date before {calendar.sessions[-1]}, was {day}")
    return calendar.sessions[position]


def session_open(session: date) -> datetime:
    """When the session opens, New York time."""
    return _calendar().opens[_position(session)]


def session_close(session: date) -> datetime:
    """When the session closes, New York time: 16:00, or 13:00 on an early close."""
    return _calendar().closes[_position(session)]


def is_early_close(session: date) -> bool:
    """Whether the session closes before 16:00 New York time."""
    return session_close(session).time() < REGULAR_CLOSE


def last_completed_session(now: datetime, settle: timedelta = timedelta(0)) -> date:
    """The latest session whose close + `settle` is at or before `now`.

    `settle` is how long after the close a vendor's bar is still provisional.
    """
    moment = aware(now)
    day = moment.astimezone(NEW_YORK).date()
    if is_session(day) and session_close(day) + settle <= moment:
        return day
    session = previous_session(day)
    while session_close(session) + settle > moment:
        session = previous_session(session)
    return session


def closed_weekdays(first: date, last: date) -> list[date]:
    """Mondays to Fridays from `first` to `last` on which the NYSE does not trade."""
    sessions = set(sessions_between(first, last))
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in days if day.weekday() < 5 and day not in sessions]


def aware(moment: datetime) -> datetime:
    """`moment` itself; raises SessionError if it carries no time zone."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise SessionError(f"expected a datetime with a time zone, was the naive {moment}")
    return moment


def _covering(*days: date) -> _Calendar:
    calendar = _calendar()
    for day in days:
        if isinstance(day, datetime):
            raise SessionError(f"expected a session date, was the datetime {day!r}")
        if not calendar.first_day <= day <= calendar.last_day:
            raise SessionError(
                f"expected a date from {calendar.first_day} to {calendar.last_day}, was {day}"
            )
    return calendar


def _position(session: date) -> int:
    if not is_session(session):
        raise SessionError(
            f"expected an NYSE session, was {session} ({session:%A}); "
            f"the sessions around it are {previous_session(session)} and {next_session(session)}"
        )
    return bisect_left(_calendar().sessions, session)
