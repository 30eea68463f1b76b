"""Reading the broker's account activities and posting those that are new.

    asked from   the opening of the account, or five days before the last day that is posted
    left out     executions of our own orders: the walk posts those

Asking for days that are posted already costs a page and is harmless, as every activity is posted
once by its id; it catches what the broker lists late, such as yesterday's fees.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, select

from alchemiser_dagster.books.money import to_cents
from alchemiser_dagster.execution.broker import Activity
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.ledger.account_activity import FILL, AccountActivity
from alchemiser_dagster.ledger.activity_posting import (
    PostedActivity,
    post_activities,
    posted_until,
)
from alchemiser_dagster.ledger.schema import account, activities, executions, orders
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.sessions import NEW_YORK

OVERLAP = timedelta(days=5)
LONGEST_ORDER = timedelta(days=1)
"""Our orders are for the day, so each was submitted less than this before any execution of it."""
QUANTITY = Decimal("0.000000001")
PRICE = Decimal("0.000001")


def post_new_activities(gateway: Gateway, ledger: Ledger, session: date) -> list[PostedActivity]:
    """Post what the broker did to the account since last time; returns what was done, for the log.

    All of it counts to `session`, which should be the one that is being opened, with its account
    opened and the executions of earlier sessions posted. An execution taken back that is not in the
    books yet is left for the next time.
    """
    ready, waiting = _reported(gateway, ledger)
    done = post_activities(ledger, ready, session=session, at=gateway.clock().now)
    postponed = [
        PostedActivity(
            activity,
            f"postponed: expected the execution {activity.undoes} in the books, was none",
            warns=True,
        )
        for activity in waiting
    ]
    return done + postponed


def unposted_activities(gateway: Gateway, ledger: Ledger) -> list[AccountActivity]:
    """What the broker did to the account that is not posted yet; nothing is recorded."""
    ready, waiting = _reported(gateway, ledger)
    with ledger.read() as connection:
        posted = _among(connection, activities.c.activity_id, [a.activity_id for a in ready])
    return [*(a for a in ready if a.activity_id not in posted), *waiting]


def _reported(
    gateway: Gateway, ledger: Ledger
) -> tuple[list[AccountActivity], list[AccountActivity]]:
    """The activities that may be posted, posted ones among them, and those for which it is early.

    Left out are the executions of our own orders.
    """
    with ledger.read() as connection:
        since = asked_since(connection)
    reported = gateway.activities(since)
    own = _own_executions(gateway, ledger, reported)
    with ledger.read() as connection:
        posted = _among(connection, executions.c.execution_id, own)
    waiting: list[AccountActivity] = []
    ready: list[AccountActivity] = []
    for activity in reported:
        if activity.activity_id in own:
            continue
        too_early = activity.previous_id in own and activity.previous_id not in posted
        (waiting if too_early else ready).append(account_activity(activity))
    return ready, waiting


def asked_since(connection: Connection) -> datetime:
    """The moment after which the broker is asked for activities.

    Never before the account was opened: what happened then is in its opening cash.
    """
    opened: datetime = connection.execute(select(account.c.opened_at)).scalar_one()
    last = posted_until(connection)
    if last is None:
        return opened
    return max(opened, datetime.combine(last - OVERLAP, time(), NEW_YORK))


def account_activity(activity: Activity) -> AccountActivity:
    """What the broker says, in the ledger's numbers."""
    traded = activity.kind == FILL
    day_began = datetime.combine(activity.dated, time(), NEW_YORK)
    return AccountActivity(
        activity_id=activity.activity_id,
        kind=activity.kind,
        dated=activity.dated,
        at=activity.at if traded and activity.at is not None else day_began,
        symbol=activity.symbol,
        quantity=None if activity.quantity is None else activity.quantity.quantize(QUANTITY),
        price=None if activity.price is None else activity.price.quantize(PRICE),
        amount=None if activity.amount is None else to_cents(activity.amount),
        description=activity.description,
        side=("buy" if activity.description == "buy" else "sell") if traded else None,
        undoes=activity.previous_id,
    )


def _own_executions(
    gateway: Gateway, ledger: Ledger, reported: Sequence[Activity]
) -> Collection[str]:
    """The ids of the executions of our orders among the activities.

    An order whose acceptance we have not seen yet is known by its client id alone, which the
    activity does not say; the order does.
    """
    traded = [activity for activity in reported if activity.kind == FILL]
    with ledger.read() as connection:
        ours = _among(connection, orders.c.broker_order_id, [fill.order_id for fill in traded])
        by_hand = _among(connection, activities.c.activity_id, [f.activity_id for f in traded])
    unknown = [f for f in traded if f.order_id not in ours and f.activity_id not in by_hand]
    if unknown:
        first = min(account_activity(fill).at for fill in unknown)
        submitted = gateway.orders_since(first - LONGEST_ORDER)
        with ledger.read() as connection:
            intended = _among(connection, orders.c.client_order_id, submitted)
        ours |= {submitted[client_id].order_id for client_id in intended}
    return {fill.activity_id for fill in traded if fill.order_id in ours}


def _among(
    connection: Connection, column: ColumnElement[str], wanted: Iterable[str | None]
) -> set[str]:
    """Those of `wanted` that are in a column of the ledger."""
    return set(connection.execute(select(column).where(column.in_(list(wanted)))).scalars())
