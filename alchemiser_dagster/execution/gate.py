"""The gate: whether a session may be traded, by the broker's own clock and calendar."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from alchemiser_dagster.execution.broker import Clock, TradingDay
from alchemiser_dagster.execution.desk import WINDOW, Desk
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.walk import NO_ORDERS
from alchemiser_dagster.ledger.queries import the_session
from alchemiser_dagster.market.sessions import NEW_YORK

LARGEST_SKEW = timedelta(seconds=5)


class SessionRefused(Exception):
    """A session that may not be traded now; the message says why and nothing was sent."""


@dataclass(frozen=True)
class OpenWindow:
    """A session whose trading window is open, by the broker's clock."""

    session: date
    opens_at: datetime
    closes_at: datetime
    now: datetime


@dataclass(frozen=True)
class Phase:
    """Where the broker's clock stands in its day. `window` is set while trading may go on."""

    clock: Clock
    day: TradingDay | None
    says: str
    window: OpenWindow | None


def phase_of_day(desk: Desk) -> Phase:
    """Read the broker's clock and calendar and say where in its day we are."""
    clock = desk.gateway.clock()
    today = clock.now.astimezone(NEW_YORK).date()
    days = desk.gateway.calendar(today, today)
    day = next((day for day in days if day.session == today), None)
    at = f"the broker's clock says {clock.now.astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S} New York"
    if day is None:
        return Phase(clock, None, f"{today} is no session; {at}", None)
    begins = day.closes_at - WINDOW
    if clock.now < begins:
        says = f"the window of {today} opens at {begins:%H:%M}; {at}"
    elif day.closes_at - clock.now <= NO_ORDERS:
        says = f"the window of {today} has closed (the session ends at {day.closes_at:%H:%M}); {at}"
    elif not clock.is_open:
        says = f"the market is closed although {today} is a session; {at}"
    else:
        window = OpenWindow(today, day.opens_at, day.closes_at, clock.now)
        return Phase(clock, day, f"the window of {today} is open; {at}", window)
    return Phase(clock, day, says, None)


def check_gate(desk: Desk, session: date) -> OpenWindow | None:
    """The open window of `session`; None when the session has been traded to its end already.

    A session that was begun and interrupted is let in again at any time, to be brought to its end:
    the walk sends nothing once the session's own window is over. Raises SessionRefused for any
    other session than the one the broker says is open now, outside its window, or when the account
    may not trade.
    """
    with desk.ledger.read() as connection:
        row = the_session(connection, session)
    if row is not None and row.state == "complete":
        return None
    try:
        phase = phase_of_day(desk)
        account = desk.gateway.account()
    except BrokerError as error:
        raise SessionRefused(f"{session}: the broker cannot be asked: {error}") from error
    _check_clock(desk, phase.clock.now)
    if row is not None:
        return OpenWindow(session, row.opens_at, row.closes_at, phase.clock.now)
    if phase.window is None:
        raise SessionRefused(f"{session}: {phase.says}")
    if phase.window.session != session:
        raise SessionRefused(
            f"expected the session that is open now, {phase.window.session}, was {session}"
        )
    if account.obstacle is not None:
        raise SessionRefused(f"{session}: the account may not trade: {account.obstacle}")
    return phase.window


def _check_clock(desk: Desk, broker_says: datetime) -> None:
    """Raise SessionRefused when this machine's clock and a real broker's are far apart."""
    if desk.environment == "embedded":
        return  # its time is simulated
    skew = abs(datetime.now(UTC) - broker_says)
    if skew > LARGEST_SKEW:
        raise SessionRefused(
            f"expected this machine's clock within {LARGEST_SKEW.seconds} s of the broker's, was "
            f"{skew.total_seconds():.0f} s apart ({broker_says}): set the machine's clock"
        )
