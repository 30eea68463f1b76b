"""What should hold between the ledger and the broker, as the broker answers now.

What the broker did and nobody has posted yet (tonight's fee, a dividend) is no difference: it is
taken off the broker's figures before they are compared with the books.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, select

from alchemiser_dagster.books.money import ZERO, fill_cash
from alchemiser_dagster.execution.activities import LONGEST_ORDER, unposted_activities
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.findings import Finding, finding
from alchemiser_dagster.execution.identifiers import parse_order_id
from alchemiser_dagster.execution.opening import read_account
from alchemiser_dagster.execution.reconciliation import (
    CASH,
    NotTraded,
    judge,
    reconciliation_of,
    unexplained,
)
from alchemiser_dagster.ledger.account_activity import FILL, AccountActivity
from alchemiser_dagster.ledger.activity_posting import SPLIT
from alchemiser_dagster.ledger.queries import Snapshot
from alchemiser_dagster.ledger.schema import account, orders, sessions

RECENT_SESSIONS = 2
"""Of so many sessions the broker is asked what their orders have filled."""


@dataclass(frozen=True)
class BrokerReading:
    """What the broker says.

    `number` is its account, `obstacle` why that may not trade. `prices` are dollars a share of what
    it holds, `unposted` the activities that the ledger does not have, `filled` the shares that the
    orders of the last sessions have filled, by client id. `order_ids` are the client ids of the
    orders that unposted executions are of, by activity, and `opened` when the market opened on the
    last session that the ledger has.
    """

    snapshot: Snapshot
    prices: Mapping[str, Decimal]
    number: str
    obstacle: str | None
    unposted: tuple[AccountActivity, ...]
    filled: Mapping[str, Decimal]
    order_ids: Mapping[str, str] = field(default_factory=dict)
    opened: datetime | None = None

    @property
    def now(self) -> datetime:
        """The broker's time when it was read."""
        return self.snapshot.taken_at

    @property
    def posted(self) -> Snapshot:
        """The account as it would be without what is not posted yet."""
        cash, held = self.snapshot.cash, dict(self.snapshot.positions)
        for activity in self.unposted:
            shares, dollars = _movement(activity)
            cash -= dollars
            if shares:
                symbol = activity.symbol or ""
                held[symbol] = held.get(symbol, ZERO) - shares
        return replace(
            self.snapshot,
            cash=cash,
            positions={symbol: quantity for symbol, quantity in held.items() if quantity != 0},
        )


def read_broker(desk: Desk) -> BrokerReading:
    """Ask the broker. Raises what the gateway raises when it does not answer."""
    with desk.ledger.read() as connection:
        is_opened = connection.execute(select(account)).first() is not None
        opens = list(
            connection.execute(
                select(sessions.c.opens_at)
                .order_by(sessions.c.session.desc())
                .limit(RECENT_SESSIONS)
            ).scalars()
        )
    since, opened = min(opens, default=None), max(opens, default=None)
    own = desk.gateway.account()
    snapshot, prices = read_account(desk)
    unposted = unposted_activities(desk.gateway, desk.ledger) if is_opened else []
    recent = {} if since is None else desk.gateway.orders_since(since)
    return BrokerReading(
        snapshot=snapshot,
        prices=prices,
        number=own.number,
        obstacle=own.obstacle,
        unposted=tuple(unposted),
        filled={name: order.filled_quantity for name, order in recent.items()},
        order_ids=_order_ids(desk, [one for one in unposted if one.kind == FILL]),
        opened=opened,
    )


def _order_ids(desk: Desk, executed: Sequence[AccountActivity]) -> dict[str, str]:
    """The client ids of the orders of executions, by the executions' ids."""
    if not executed:
        return {}
    since = min(activity.at for activity in executed) - LONGEST_ORDER
    names = {order.order_id: name for name, order in desk.gateway.orders_since(since).items()}
    return {
        execution.execution_id: names[order_id]
        for order_id, executions in desk.gateway.executions(since).items()
        for execution in executions
        if order_id in names
    }


def _movement(activity: AccountActivity) -> tuple[Decimal, Decimal]:
    """Shares and dollars that an activity moved into the account."""
    quantity = activity.quantity or ZERO
    if activity.kind == FILL:
        shares = quantity if activity.side == "buy" else -quantity
        return shares, -fill_cash(shares, activity.price or ZERO)
    # Of a dividend the quantity is what it was paid on: no shares move by it.
    moves = activity.kind == SPLIT or activity.undoes is not None
    return quantity if moves else ZERO, activity.amount or ZERO


def broker_answers(reading: BrokerReading | None, silence: str | None) -> Finding:
    """The broker could be asked; `silence` says why not."""
    return finding(
        "broker_answers",
        "an answer of the broker",
        "check keys, network and the broker's status page; the ledger was looked at alone",
        warning=[] if reading is not None else [silence or "the broker was not asked"],
    )


def broker_account(connection: Connection, reading: BrokerReading) -> Finding:
    """The broker's account is the ledger's, and may trade."""
    number = connection.execute(select(account.c.account_number)).scalar()
    failing = []
    if number is not None and number != reading.number:
        failing.append(f"the ledger keeps account {number}, the broker's is {reading.number}")
    if reading.obstacle is not None:
        failing.append(f"the broker lets it not trade: {reading.obstacle}")
    return finding(
        "broker_account",
        "the broker's account to be the ledger's, and free to trade",
        "check ALCHEMISER_HOME and the keys; ask the broker why it is blocked",
        failing=failing,
    )


def activities_posted(connection: Connection, reading: BrokerReading) -> Finding:
    """What the broker did to the account is posted; until the next session opens it need not be.

    But no session posts an execution of an order of ours whose row is lost, or not to its book, and
    one from before the last session should have been posted when that opened.
    """
    sent = set(connection.execute(select(orders.c.client_order_id)).scalars())
    failing, warning = [], []
    for activity in reading.unposted:
        name = reading.order_ids.get(activity.activity_id)
        of = "" if name is None else f"{name}: "
        is_lost = name is not None and name not in sent and parse_order_id(name) is not None
        is_late = reading.opened is not None and activity.at < reading.opened
        if is_lost:
            failing.append(f"{of}{activity}, of an order of ours that the ledger has lost")
        elif activity.kind == FILL and is_late:
            failing.append(f"{of}{activity}, from before the last session")
        else:
            warning.append(str(activity))
    return finding(
        "activities_posted",
        "every activity of the broker in the books",
        "halt; `alchemiser backfill-ledger` shows the books with it"
        if failing
        else "nothing: the next session posts them when it opens",
        failing=failing,
        warning=warning,
    )


def reconciliation(
    connection: Connection, reading: BrokerReading | None, session: date | None
) -> Finding:
    """The books hold what the broker holds: now, or without an answer, after `session`."""
    if reading is not None:
        items = judge(connection, reading.posted, prices=reading.prices)
        failing = [str(item) for item in items if item.breaks]
        warning = [str(item) for item in items if item.books != item.broker and not item.breaks]
    else:
        failing, warning = _recorded(connection, session), []
    return finding(
        "reconciliation",
        "books that sum to the broker's account, to the share and the cent",
        "`alchemiser reconcile` shows both sides; the next session freezes what it cannot explain, "
        "`alchemiser backfill-ledger` finds what the books have missed",
        failing=failing,
        warning=warning,
    )


def _recorded(connection: Connection, session: date | None) -> list[str]:
    if session is None:
        return []
    breaks = [
        f"{row.what}: {row.classification} ({row.kind} of {session})"
        for row in _last_items(connection, session).values()
        if row.breaks
    ]
    try:
        differing = unexplained(connection, session)
    except NotTraded as error:
        return [*breaks, str(error)]
    # The cash has an identity of its own.
    return breaks + [f"{line} after {session}" for line in differing if line.what != CASH]


def recorded_prices(connection: Connection, session: date | None) -> dict[str, Decimal]:
    """The broker's prices of the last comparison of `session`, dollars a share."""
    items = {} if session is None else _last_items(connection, session)
    return {what: row.price for what, row in items.items() if row.price is not None}


def _last_items(connection: Connection, session: date) -> dict[str, Row[Any]]:
    """The last of a session's items of each symbol, and of cash."""
    return {row.what: row for row in reconciliation_of(connection, session)}
