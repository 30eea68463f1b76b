"""How moments are written on the wire, and read from it.

Orders carry UTC nanoseconds, activities UTC microseconds, the clock New York's offset; the id of
an activity starts with New York's local time, which is why no time may be read back from it.
"""

from datetime import UTC, date, datetime, time, timedelta

from alchemiser_dagster.embedded.refusals import RefusalError, invalid
from alchemiser_dagster.market.sessions import NEW_YORK

FIRST_YEAR, LAST_YEAR = 1900, 2200


def utc_nanos(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


def utc_micros(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


def utc_seconds(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def new_york(moment: datetime) -> str:
    return moment.astimezone(NEW_YORK).isoformat()


def activity_prefix(moment: datetime) -> str:
    local = moment.astimezone(NEW_YORK)
    return f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03d}"


def read_moment(text: str, name: str, end_of_day: bool = False) -> datetime:
    """The aware UTC datetime in `text`: RFC 3339, or a date, which is a day in New York.

    A moment without a zone is UTC. Raises RefusalError for anything else, and for years before
    1900 or after 2200.
    """
    try:
        if not FIRST_YEAR <= int(text[:4]) <= LAST_YEAR:
            raise ValueError(text)
        if len(text) == len("2024-01-02"):
            day = date.fromisoformat(text)
            moment = datetime.combine(day, time(), NEW_YORK)
            if end_of_day:
                moment = datetime.combine(day + timedelta(days=1), time(), NEW_YORK)
                moment -= timedelta(microseconds=1)
            return moment.astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise bad_moment(name, text) from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)


def read_date(text: str, name: str) -> date:
    """The date in `text`; raises RefusalError if it is none."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise bad_moment(name, text) from None


def bad_moment(name: str, text: str) -> RefusalError:
    return invalid(f'invalid {name}: expected a date or an RFC 3339 time, was "{text}"')
