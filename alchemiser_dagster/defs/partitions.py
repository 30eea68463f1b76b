"""Sessions as partitions: NYSE trading days from the account's inception on, New York time.

Weekdays by cron, exchange holidays by exclusion. A session's key is there from its midnight on, so
the running session can be traded. Holidays are listed years ahead: the list is part of the
definition, and Dagster rebuilds its caches whenever the definition changes.
"""

from datetime import date, datetime, time

import dagster as dg

from alchemiser_dagster.market.sessions import NEW_YORK, calendar_span, closed_weekdays


def session_partitions(first: date) -> dg.TimeWindowPartitionsDefinition:
    """The sessions from `first` on: the account's inception for what is made in the evening, the
    session after it for what is traded.
    """
    _, known_to = calendar_span()
    return dg.TimeWindowPartitionsDefinition(
        start=first.isoformat(),
        fmt="%Y-%m-%d",
        cron_schedule="0 0 * * 1-5",
        timezone="America/New_York",
        end_offset=1,
        exclusions=[
            datetime.combine(day, time(), NEW_YORK) for day in closed_weekdays(first, known_to)
        ],
    )


previous_session = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)
"""The session before: a plan is made from the signal of the session before the one it trades."""
