"""Reading the broker's account activities and posting those that are new.

    asked from   the opening of the account, or five days before the last day that is posted
    left out     executions of our own orders: the walk posts those

Asking for days that are posted already costs a page and is harmless, as every activity is posted
once by its id; it catches what the broker lists late, such as yesterday's fees.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
from alchemiser_dagster.ledger.posting import post_executions
from alchemiser_dagster.ledger.schema import account, activities, executions, orders
from alchemiser_dagster.ledger.store import Ledger, LedgerError
from alchemiser_dagster.market.sessions import NEW_YORK

OVERLAP = timedelta(days=5)
LONGEST_ORDER = timedelta(days=1)
"""Our orders are for the day, so each was submitted less than this before any execution of it."""
QUANTITY = Decimal("0.000000001")
PRICE = Decimal("0.000001")


def post_new_activities(gateway: Gateway, ledger: Ledger, session: date) -> list[PostedActivity]:
    """Post what the broker did to the account since last time; returns what was done, for the log.

    All of it counts to `session`, which should be the one that is being opened, with its account
    opened. An execution taken back that is not in the books yet is left for the next time.

    Executions of our own orders are the walk's to post. Those that it has not posted came after it
    took their order for ended (an order may be accepted long after its sending was given up), and
    are posted here; else their shares would be taken for nobody's.
    """
    found = _reported(gateway, ledger)
    done = _post_late_executions(gateway, ledger, found, session)
    done += post_activities(ledger, found.ready, session=session, at=gateway.clock().now)
    postponed = [
        PostedActivity(
            activity,
            f"postponed: expected the execution {activity.undoes} in the books, was none",
            warns=True,
        )
        for activity in found.waiting
    ]
    return done + postponed


def unposted_activities(gateway: Gateway, ledger: Ledger) -> list[AccountActivity]:
    """What the broker did to the account that is not posted yet; nothing is recorded."""
    found = _reported(gateway, ledger)
    with ledger.read() as connection:
        posted = _among(connection, activities.c.activity_id, [a.activity_id for a in found.ready])
    late = [account_activity(execution) for execution, _ in found.late]
    return [*late, *(a for a in found.ready if a.activity_id not in posted), *found.waiting]


@dataclass(frozen=True)
class _Reported:
    """The broker's activities: those that may be posted, posted ones among them; those for which
    it is early; and executions of our own orders, with the order's client id, that nobody posted.
    """

    since: datetime
    ready: list[AccountActivity]
    waiting: list[AccountActivity]
    late: list[tuple[Activity, str]]


def _reported(gateway: Gateway, ledger: Ledger) -> _Reported:
    with ledger.read() as connection:
        since = asked_since(connection)
    reported = gateway.activities(since)
    own = _own_executions(gateway, ledger, reported)
    with ledger.read() as connection:
        posted = _among(connection, executions.c.execution_id, own)
    found = _Reported(since, [], [], [])
    for activity in reported:
        name = own.get(activity.activity_id)
        if name is not None:
            if activity.activity_id not in posted:
                found.late.append((activity, name))
            continue
        too_early = activity.previous_id in own and activity.previous_id not in posted
        (found.waiting if too_early else found.ready).append(account_activity(activity))
    return found


def _post_late_executions(
    gateway: Gateway, ledger: Ledger, found: _Reported, session: date
) -> list[PostedActivity]:
    if not found.late:
        return []
    listed = gateway.executions(found.since)
    orders_of_late = {name: activity.order_id for activity, name in found.late}
    refused: dict[str, str] = {}
    for name, order_id in sorted(orders_of_late.items()):
        try:
            post_executions(ledger, name, listed.get(order_id or "", []), counts_to=session)
        except LedgerError as error:
            refused[name] = f"postponed: {error}"  # the reconciliation finds what is missing
    return [
        PostedActivity(
            account_activity(activity), refused.get(name, f"posted late, of {name}"), warns=True
        )
        for activity, name in found.late
    ]


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
) -> dict[str, str]:
    """The executions of our orders among the activities: the order's client id by activity id.

    An order whose acceptance we have not seen yet is known by its client id alone, which the
    activity does not say; the order does.
    """
    traded = [activity for activity in reported if activity.kind == FILL]
    with ledger.read() as connection:
        rows = connection.execute(
            select(orders.c.broker_order_id, orders.c.client_order_id).where(
                orders.c.broker_order_id.in_([fill.order_id for fill in traded])
            )
        )
        ours = {row.broker_order_id: row.client_order_id for row in rows}
        by_hand = _among(connection, activities.c.activity_id, [f.activity_id for f in traded])
    unknown = [f for f in traded if f.order_id not in ours and f.activity_id not in by_hand]
    if unknown:
        first = min(account_activity(fill).at for fill in unknown)
        submitted = gateway.orders_since(first - LONGEST_ORDER)
        with ledger.read() as connection:
            intended = _among(connection, orders.c.client_order_id, submitted)
        ours |= {submitted[client_id].order_id: client_id for client_id in intended}
    return {f.activity_id: ours[f.order_id] for f in traded if f.order_id in ours}


def _among(
    connection: Connection, column: ColumnElement[str], wanted: Iterable[str | None]
) -> set[str]:
    """Those of `wanted` that are in a column of the ledger."""
    return set(connection.execute(select(column).where(column.in_(list(wanted)))).scalars())
