"""When the market has closed: what was left undone, and one more look at the account.

    close + 10 min   a session that was begun and is not complete has to be brought to its end
    close + 30 min   the books of a complete one are compared with the broker once more

Nothing here sends an order. What the evening finds (a fee, a dividend, an execution that came late,
shares that nobody bought) counts to the next session: what was published of the one that is over
stays true.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from alchemiser_dagster.execution.activities import post_new_activities
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.gate import SessionRefused
from alchemiser_dagster.execution.opening import compare_with_broker
from alchemiser_dagster.execution.reconciliation import Item, reconciliation_of
from alchemiser_dagster.execution.settlement import post_late_executions
from alchemiser_dagster.ledger.activity_posting import PostedActivity
from alchemiser_dagster.ledger.posting import Execution
from alchemiser_dagster.ledger.queries import incomplete_sessions, last_session, the_session
from alchemiser_dagster.market.sessions import NEW_YORK, next_session

AFTER_CLOSE = "after_close"
"""The kind of this comparison among those of a session."""
OVERDUE = timedelta(minutes=10)
"""After the close; the walk of a run that is still alive has given up by then."""
EVENING = timedelta(minutes=30)
"""After the close; the broker's positions and activities have come to rest by then."""


@dataclass(frozen=True)
class AfterClose:
    """What was found: activities and executions posted, and every item that was compared."""

    activities: tuple[PostedActivity, ...]
    executions: tuple[Execution, ...]
    items: tuple[Item, ...]

    @property
    def breaks(self) -> tuple[Item, ...]:
        """The items that somebody must look at."""
        return tuple(item for item in self.items if item.breaks)


def overdue_session(connection: Connection, now: datetime) -> date | None:
    """The oldest session that was begun and should have come to its end by `now`."""
    tomorrow = now.astimezone(NEW_YORK).date() + timedelta(days=1)
    for session in incomplete_sessions(connection, before=tomorrow):
        row = the_session(connection, session)
        if row is not None and now >= row.closes_at + OVERDUE:
            return session
    return None


def session_to_reconcile(connection: Connection, now: datetime) -> date | None:
    """The last session, when it is complete, its evening has come, and nobody compared it yet."""
    last = last_session(connection)
    if last is None or last.state != "complete" or now < last.closes_at + EVENING:
        return None
    session: date = last.session
    done = any(row.kind == AFTER_CLOSE for row in reconciliation_of(connection, session))
    return None if done else session


def reconcile_after_close(desk: Desk, session: date) -> AfterClose:
    """Post what the broker has listed since the trading, and compare books and broker once more.

    Raises SessionRefused unless `session` is the last one that was traded, complete and closed.
    """
    with desk.ledger.read() as connection:
        last = last_session(connection)
    if last is None or last.session != session or last.state != "complete":
        found = "none" if last is None else f"{last.session}, which is {last.state}"
        raise SessionRefused(f"expected {session} to be the last session, complete, was {found}")
    now = desk.gateway.clock().now
    if now < last.closes_at:
        raise SessionRefused(
            f"expected the market closed after {session}, was {now.astimezone(NEW_YORK):%H:%M} "
            "New York by the broker's clock"
        )
    following = next_session(session)
    executions = post_late_executions(desk, session, counts_to=following)
    activities = post_new_activities(desk.gateway, desk.ledger, following)
    _, items = compare_with_broker(desk, session, AFTER_CLOSE, counts_to=following)
    return AfterClose(tuple(activities), tuple(executions), tuple(items))
