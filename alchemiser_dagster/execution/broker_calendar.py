"""Whether the broker's calendar and ours have the same sessions, opens and closes.

Orders go by the broker's: its early close moves the trading window, its closure takes it away. What
differs is told, because bars, signals and plans go by ours.
"""

from datetime import date, timedelta

from alchemiser_dagster.execution.broker import TradingDay
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.market.sessions import (
    NEW_YORK,
    session_close,
    session_open,
    sessions_between,
)

COMPARED = timedelta(days=30)
"""How far ahead calendars are compared."""


def calendar_disagreements(desk: Desk) -> list[str]:
    """A line for each of the next 30 days on which they differ. Raises BrokerError."""
    today = desk.gateway.clock().now.astimezone(NEW_YORK).date()
    days = desk.gateway.calendar(today, today + COMPARED)
    return disagreements_between(days, today, today + COMPARED)


def disagreements_between(broker: list[TradingDay], first: date, last: date) -> list[str]:
    """A line for each day of [first, last] on which the broker's calendar is not ours."""
    theirs = {day.session: day for day in broker if first <= day.session <= last}
    ours = set(sessions_between(first, last))
    lines = []
    for day in sorted(ours | set(theirs)):
        if day not in theirs:
            lines.append(f"{day}: a session, but the broker says the exchange is closed")
        elif day not in ours:
            lines.append(f"{day}: no session, but the broker says the exchange trades")
        else:
            for what, own, told in (
                ("opens", session_open(day), theirs[day].opens_at),
                ("closes", session_close(day), theirs[day].closes_at),
            ):
                if own != told:
                    said = told.astimezone(NEW_YORK)
                    lines.append(f"{day}: {what} at {own:%H:%M}, the broker says {said:%H:%M}")
    return lines
