"""The books made again from the broker's own history, in a ledger beside the ledger.

    broker   orders with their executions, trades by hand, splits, dividends, fees, deposits
    ledger   whose each order was, and what no broker knows: capital between books, how deposits
             and interest were shared, crosses, shares that an operator gave to a book

Everything is posted by the functions that the trading itself posts with, into the shadow. Ids come
from the broker, so doing it again adds nothing. What comes out beside the ledger, and beside the
broker, says what the ledger has missed or has too much of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TypeVar

from sqlalchemy import Connection, Select, select

from alchemiser_dagster.books.lots import LotError
from alchemiser_dagster.execution.broker_history import (
    BrokerHistory,
    Filled,
    Happened,
    Place,
    read_history,
    trading_place,
)
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.order_owners import recover
from alchemiser_dagster.ledger.account_activity import AccountActivity
from alchemiser_dagster.ledger.activity_posting import post_activities
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.own_fact_posting import OwnFacts
from alchemiser_dagster.ledger.own_facts import Crossed, PlacedFact, own_facts
from alchemiser_dagster.ledger.posting import post_executions
from alchemiser_dagster.ledger.queries import last_session
from alchemiser_dagster.ledger.recorded_shares import Shares, recorded_shares
from alchemiser_dagster.ledger.schema import account, activities, blocks, fills, orders, sessions
from alchemiser_dagster.ledger.shadow import Shadow
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.sessions import next_session

_FIRST = (date.min, 0, datetime.min.replace(tzinfo=UTC), "")
_LAST_AT_ITS_TIME = "~"
"""Sorts after every id of the broker's."""

K = TypeVar("K")
V = TypeVar("V")

Event = Filled | Happened | PlacedFact


@dataclass(frozen=True)
class Backfill:
    """What was done.

    `orders` is how many orders have filled, `recovered` those of ours whose rows are lost,
    `foreign` those that are nobody's; `crosses` and `own_facts` how many facts were taken from the
    ledger's journal. `notes` are worth knowing; with `problems` the shadow is not whole. `added` is
    the rows that the shadow did not have before.
    """

    orders: int
    recovered: tuple[str, ...]
    foreign: tuple[str, ...]
    crosses: int
    own_facts: int
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    added: int


def backfill(desk: Desk, ledger: Ledger) -> Backfill:
    """Post the broker's history into `ledger`, the shadow of the desk's own.

    Raises BrokerError when the history cannot be read to its end, LedgerError when the shadow is
    another account's.
    """
    history = read_history(desk)
    shadow = Shadow(desk.ledger, ledger)
    before = shadow.rows()
    with desk.ledger.read() as connection:
        own = own_facts(connection)
        recorded = recorded_shares(connection)
    posting = _Posting(shadow, _Sessions(desk.ledger), recorded, desk.gateway.clock().now)
    notes: list[str] = []
    problems = list(history.incomplete)
    for event in sorted([*history.events, *own], key=_place):
        try:
            for line, warns in posting.post(event):
                (problems if warns else notes).append(line)
        except (LedgerError, LotError) as error:
            problems.append(f"{_told(event)}: {error}")
    return Backfill(
        orders=len(history.orders),
        recovered=_recovered(history),
        foreign=_foreign(history),
        crosses=sum(isinstance(placed.fact, Crossed) for placed in own),
        own_facts=len(own),
        notes=tuple(notes),
        problems=tuple(problems),
        added=shadow.rows() - before,
    )


def _place(event: Event) -> Place:
    if not isinstance(event, PlacedFact):
        return event.place
    name = f"{_LAST_AT_ITS_TIME}{event.sequence:012d}"
    return (*_FIRST[:3], name) if event.after is None else trading_place(event.after, name)


def _told(event: Event) -> str:
    match event:
        case Filled():
            return f"{event.owned.client_order_id}, {event.execution.execution_id}"
        case Happened():
            return str(event.lines[0])
    return f"entry {event.sequence} of the journal"


def _recovered(history: BrokerHistory) -> tuple[str, ...]:
    return tuple(owned.client_order_id for owned in history.owners.values() if owned.is_recovered)


def _foreign(history: BrokerHistory) -> tuple[str, ...]:
    return tuple(
        f"{order.client_order_id}: {order.side} {order.filled_quantity.normalize():f} "
        f"{order.symbol}"
        for order in history.orders
        if order.order_id not in history.owners
    )


class _Posting:
    """Posts events into the shadow: (line, whether it is a problem) of what is to be told."""

    def __init__(
        self, shadow: Shadow, sessions: "_Sessions", recorded: Shares, now: datetime
    ) -> None:
        self._shadow = shadow
        self._sessions = sessions
        self._recorded = recorded
        self._facts = OwnFacts(shadow)
        self._now = now

    def post(self, event: Event) -> Sequence[tuple[str, bool]]:
        """Post one event. Raises LedgerError, LotError."""
        match event:
            case Filled():
                self._fill(event)
                return []
            case Happened():
                return self._happened(event)
        return [(line, False) for line in self._facts.post(event.fact)]

    def _fill(self, event: Filled) -> None:
        if event.owned.name is not None:
            recover(self._shadow, event.order, event.owned.name)
        else:
            self._shadow.copy_session(self._sessions.of_order(event.owned.client_order_id))
        post_executions(
            self._shadow.ledger,
            event.owned.client_order_id,
            [event.execution],
            counts_to=self._sessions.of_execution(event),
        )

    def _happened(self, event: Happened) -> Sequence[tuple[str, bool]]:
        session = self._sessions.of_activity(event.lines[0])
        _, rows = self._recorded.get(event.lines[0].activity_id, ("", ()))
        self._shadow.copy_books(row["book"] for row in rows)
        posted = post_activities(
            self._shadow.ledger, event.lines, session=session, at=self._now, recorded=self._recorded
        )
        return [(str(one), one.waits) for one in posted if one.warns]


class _Sessions:
    """The sessions to which what happened counts.

    What the ledger knows counts to what it says. What it has missed counts to the session that the
    ledger opens next, as it would when it is posted late; only an execution from before its order's
    session ended counts to that one.
    """

    def __init__(self, ledger: Ledger) -> None:
        with ledger.read() as connection:
            self._of_execution: dict[str, date] = _pairs(
                connection, select(fills.c.execution_id, fills.c.session)
            )
            self._of_activity: dict[str, date] = _pairs(
                connection, select(activities.c.activity_id, activities.c.session)
            )
            self._of_order: dict[str, date] = _pairs(
                connection,
                select(orders.c.client_order_id, blocks.c.session).join(
                    blocks, blocks.c.block_id == orders.c.block_id
                ),
            )
            self._ended: dict[date, datetime | None] = _pairs(
                connection, select(sessions.c.session, sessions.c.ended_at)
            )
            inception = connection.execute(select(account.c.inception)).scalar_one()
            last = last_session(connection)
        if last is not None and last.state != "complete":
            self._next: date = last.session
        else:
            self._next = next_session(inception if last is None else last.session)

    def of_order(self, client_order_id: str) -> date:
        """The session of an order that the ledger has. Raises LedgerError."""
        session = self._of_order.get(client_order_id)
        if session is None:
            raise LedgerError(f"expected a block of the order {client_order_id}, was none")
        return session

    def of_execution(self, event: Filled) -> date | None:
        """The session of an execution; None for that of its order."""
        execution, name = event.execution, event.owned.name
        if execution.execution_id in self._of_execution:
            return self._of_execution[execution.execution_id]
        of_order = name.session if name else self.of_order(event.owned.client_order_id)
        ended = self._ended.get(of_order)
        return self._next if ended is not None and execution.executed_at > ended else None

    def of_activity(self, activity: AccountActivity) -> date:
        """The session of an activity."""
        return self._of_activity.get(activity.activity_id, self._next)


def _pairs(connection: Connection, query: Select[K, V]) -> dict[K, V]:
    return {row[0]: row[1] for row in connection.execute(query)}
