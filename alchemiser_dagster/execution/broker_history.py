"""What the broker's history says happened to the account since it was opened, in its order.

    splits              before the day's trading
    executions          by their time, then by order id; trades by hand are among them
    what has only a day fees, dividends, busts: after the day's trading

So the history is in one order however the broker lists it, and the same each time it is read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from sqlalchemy import Connection, select

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.execution.activities import account_activity
from alchemiser_dagster.execution.broker import Activity
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.order_history import PastOrder, order_history
from alchemiser_dagster.execution.order_owners import Owned, owner_of
from alchemiser_dagster.ledger.account_activity import FILL, AccountActivity
from alchemiser_dagster.ledger.activity_posting import SPLIT
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.posting import Execution
from alchemiser_dagster.ledger.schema import account
from alchemiser_dagster.ledger.schema import orders as ledger_orders
from alchemiser_dagster.market.sessions import NEW_YORK

BEFORE_TRADING, TRADING, AFTER_TRADING = range(3)

Place = tuple[date, int, datetime, str]
"""Where an event stands in the history: its day in New York, the part of it, its time, its id."""


def trading_place(at: datetime, name: str) -> Place:
    """The place of something that happened at a moment of a trading day."""
    return at.astimezone(NEW_YORK).date(), TRADING, at, name


@dataclass(frozen=True)
class Filled:
    """An execution of an order of ours."""

    order: PastOrder
    owned: Owned
    execution: Execution

    @property
    def place(self) -> Place:
        """Where it stands."""
        execution = self.execution
        return trading_place(
            execution.executed_at, f"{self.order.order_id}.{execution.cumulative_quantity:030f}"
        )


@dataclass(frozen=True)
class Happened:
    """Lines of the account's activities that are one event: all but executions of ours."""

    lines: tuple[AccountActivity, ...]

    @property
    def place(self) -> Place:
        """Where it stands."""
        first = self.lines[0]
        if first.kind == FILL:
            return trading_place(first.at, first.activity_id)
        part = BEFORE_TRADING if first.kind == SPLIT else AFTER_TRADING
        return first.dated, part, first.at, first.activity_id


@dataclass(frozen=True)
class BrokerHistory:
    """The events, and `orders` that moved shares, those whose shares a bust took back among them.

    `incomplete` names orders of which the list of executions does not have all that was filled, and
    executions of orders of ours that the list of orders does not have.
    """

    orders: tuple[PastOrder, ...]
    events: tuple[Filled | Happened, ...]
    owners: Mapping[str, Owned]
    incomplete: tuple[str, ...]


def read_history(desk: Desk) -> BrokerHistory:
    """Read everything since the account was opened.

    Raises BrokerError when a page cannot be read, LedgerError for a ledger without an account.
    """
    with desk.ledger.read() as connection:
        opened = connection.execute(select(account.c.opened_at)).scalar()
    if opened is None:
        raise LedgerError("expected a ledger with an account, was none opened in it")
    executions = desk.gateway.executions(opened)
    # A bust of all that an order filled leaves an order with executions that has not filled.
    orders = tuple(
        order
        for order in order_history(desk.gateway)
        if order.has_filled or order.order_id in executions
    )
    reported = desk.gateway.activities(opened)
    with desk.ledger.read() as connection:
        owners = _owners(connection, orders, desk.environment)
        disowned = list(_disowned(connection, reported, owners))
    filled = [
        Filled(order, owners[order.order_id], execution)
        for order in orders
        if order.order_id in owners
        for execution in {e.execution_id: e for e in executions.get(order.order_id, [])}.values()
    ]
    others = [
        account_activity(activity)
        for activity in {activity.activity_id: activity for activity in reported}.values()
        if activity.kind != FILL or activity.order_id not in owners
    ]
    return BrokerHistory(
        orders,
        (*filled, *(Happened(lines) for lines in _events(others))),
        owners,
        (*_incomplete(orders, executions, opened), *disowned),
    )


def _owners(
    connection: Connection, orders: Iterable[PastOrder], environment: str
) -> dict[str, Owned]:
    """Whose the orders are that are somebody's, by the broker's order id."""
    found = {order.order_id: owner_of(connection, order, environment) for order in orders}
    return {order_id: owned for order_id, owned in found.items() if owned is not None}


def _disowned(
    connection: Connection, reported: Iterable[Activity], owners: Mapping[str, Owned]
) -> Iterable[str]:
    """Executions that would be taken for trades by hand though the ledger has sent their order."""
    sent = {
        row.broker_order_id: row.client_order_id
        for row in connection.execute(
            select(ledger_orders.c.broker_order_id, ledger_orders.c.client_order_id)
        )
    }
    for activity in reported:
        order_id = activity.order_id
        if activity.kind == FILL and order_id in sent and order_id not in owners:
            yield (
                f"{sent[order_id]}: expected the order among the broker's, was only its execution "
                f"{activity.activity_id}"
            )


def _events(lines: Iterable[AccountActivity]) -> Iterable[tuple[AccountActivity, ...]]:
    """The lines that are one event together: those of a symbol's split."""

    def event(line: AccountActivity) -> tuple[str, ...]:
        if line.kind == SPLIT:
            return SPLIT, str(line.dated), line.symbol or ""
        return (line.activity_id,)

    for _, together in groupby(sorted(lines, key=event), key=event):
        yield tuple(sorted(together, key=lambda line: line.activity_id))


def _incomplete(
    orders: Iterable[PastOrder], executions: Mapping[str, list[Execution]], opened: datetime
) -> Iterable[str]:
    """Orders whose executions do not come to what the order says it has filled.

    A bust takes shares off the order and leaves its executions, so there may be more of them. An
    order from before the account was opened may have filled then.
    """
    for order in orders:
        listed = executions.get(order.order_id, [])
        most = max((execution.cumulative_quantity for execution in listed), default=ZERO)
        if most < order.filled_quantity and (listed or order.submitted_at >= opened):
            yield (
                f"{order.client_order_id}: expected executions of {order.filled_quantity:f} "
                f"{order.symbol}, was {most:f}"
            )
