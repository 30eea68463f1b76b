"""Sending one order exactly once, and recording what became of it.

    intended ──POST──► working ──► filled | canceled | expired | rejected
        │
        └─ outcome unknown ─► looked for by its id ─► there: working, or what it became
                                                  └─► not there: sent once more, same id
                                                  └─► not there, session over: not_accepted

The intent is in the ledger before the POST. After a crash, a timeout or a 5xx the broker is asked
for the id; only when it has no such order is the order sent again, under the same id, so that the
broker's own uniqueness makes two orders impossible.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from alchemiser_dagster.execution.broker import BrokerOrder, OrderState
from alchemiser_dagster.execution.errors import AlreadyAccepted, OrderRefused, OutcomeUnknown
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.ledger.block_records import NewOrder, intend_order, update_order
from alchemiser_dagster.ledger.store import Ledger

LOOKS = 5
LOOK_SECONDS = 10
"""An order is taken for not accepted when so many looks over so many seconds do not find it."""
UNKNOWN, NOT_ACCEPTED = "unknown", "not_accepted"


@dataclass(frozen=True)
class Intent:
    """An order to be sent; market when `limit_price` is None."""

    client_order_id: str
    symbol: str
    side: str
    quantity: Decimal
    limit_price: Decimal | None


@dataclass
class InFlight:
    """An order that may be at the broker. `found` is what the broker last said of it.

    While it has not been found, `since` is when its outcome became unknown and `looks` counts the
    times it was looked for. `until` is when its time is up.
    """

    intent: Intent
    until: datetime
    found: BrokerOrder | None = None
    since: datetime | None = None
    looks: int = 0
    cancelling: bool = False
    why_cancelled: str = ""
    books: frozenset[str] | None = None
    """The books it is for; None until they are read from the ledger."""

    @property
    def name(self) -> str:
        """Its client order id."""
        return self.intent.client_order_id


def place(
    gateway: Gateway,
    ledger: Ledger,
    order: NewOrder,
    intent: Intent,
    check: Callable[[Connection], None],
) -> BrokerOrder | None:
    """Write the intent down, if `check` allows it, and send it.

    Returns None when nobody can say whether it arrived. Raises OrderRefused, with the refusal kept.
    """
    intend_order(ledger, order, check)
    try:
        return _send(gateway, ledger, intent)
    except OrderRefused as refusal:
        update_order(
            ledger,
            intent.client_order_id,
            OrderState.REJECTED,
            ended_at=order.at,
            message=str(refusal),
        )
        raise


def send_again(gateway: Gateway, ledger: Ledger, intent: Intent) -> BrokerOrder | None:
    """Send an intent once more, under its id, when the broker is not known to have it.

    A refusal says that this message made no order. The earlier one may still be on its way, so the
    order stays unknown, and nothing else is sent in its place.
    """
    try:
        return _send(gateway, ledger, intent)
    except OrderRefused as refusal:
        update_order(ledger, intent.client_order_id, UNKNOWN, message=str(refusal))
        return None


def _send(gateway: Gateway, ledger: Ledger, intent: Intent) -> BrokerOrder | None:
    try:
        order = gateway.submit(
            client_order_id=intent.client_order_id,
            symbol=intent.symbol,
            side=intent.side,
            quantity=intent.quantity,
            limit_price=intent.limit_price,
        )
    except (OutcomeUnknown, AlreadyAccepted) as doubt:
        update_order(ledger, intent.client_order_id, UNKNOWN, message=str(doubt))
        return None
    record_found(ledger, order)
    return order


def record_found(ledger: Ledger, order: BrokerOrder) -> None:
    """Record that the broker has an order; its end is recorded by `record_end`."""
    update_order(ledger, order.client_order_id, "working", broker_order_id=order.order_id)


def record_end(ledger: Ledger, order: BrokerOrder, at: datetime) -> None:
    """Record how an order ended, once its executions are posted."""
    update_order(
        ledger,
        order.client_order_id,
        order.state,
        broker_order_id=order.order_id,
        filled_quantity=order.filled_quantity,
        ended_at=at,
    )


def record_not_accepted(ledger: Ledger, name: str, at: datetime) -> None:
    """End an intent that never reached the broker and is not to be sent any more."""
    update_order(
        ledger,
        name,
        NOT_ACCEPTED,
        ended_at=at,
        message="it never reached the broker, and the session's time for orders is over",
    )
