"""Sending one order exactly once, and finding out what became of it.

    intended ──POST──► working ──► filled | canceled | expired | rejected
        │
        └─ outcome unknown ─► looked up by its id ─► found: working, or what it became
                                                 └─► not there: sent once more, same id

The intent is in the ledger before the POST. After a crash, a timeout or a 5xx the broker is asked
for the id; only when it has no such order is the order sent again, under the same id, so that the
broker's own uniqueness makes two orders impossible.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from alchemiser_dagster.execution.broker import BrokerOrder, OrderState
from alchemiser_dagster.execution.errors import AlreadyAccepted, OrderRefused, OutcomeUnknown
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.ledger.trade_records import NewOrder, intend_order, update_order

LOOK_UPS = 5
SECONDS_BETWEEN_LOOK_UPS = 2


@dataclass(frozen=True)
class Intent:
    """An order to be sent for one step of a trade; market when `limit_price` is None."""

    client_order_id: str
    trade_id: str
    step: int
    symbol: str
    side: str
    quantity: Decimal
    limit_price: Decimal | None


def place(gateway: Gateway, ledger: Ledger, intent: Intent, at: datetime) -> BrokerOrder | None:
    """Write the intent down and send it. None when the broker refused it, with the reason kept."""
    intend_order(
        ledger,
        NewOrder(
            client_order_id=intent.client_order_id,
            trade_id=intent.trade_id,
            step=intent.step,
            order_type="market" if intent.limit_price is None else "limit",
            quantity=intent.quantity,
            limit_price=intent.limit_price,
            at=at,
        ),
    )
    return send(gateway, ledger, intent, at)


def send(gateway: Gateway, ledger: Ledger, intent: Intent, at: datetime) -> BrokerOrder | None:
    """Send an intent that is written down. Safe to call again for the same intent."""
    for last_try in (False, True):
        try:
            order = gateway.submit(
                client_order_id=intent.client_order_id,
                symbol=intent.symbol,
                side=intent.side,
                quantity=intent.quantity,
                limit_price=intent.limit_price,
            )
        except OrderRefused as refusal:
            update_order(
                ledger,
                intent.client_order_id,
                OrderState.REJECTED,
                ended_at=at,
                message=str(refusal),
            )
            return None
        except (OutcomeUnknown, AlreadyAccepted) as doubt:
            update_order(ledger, intent.client_order_id, "unknown", message=str(doubt))
            found = look_up(gateway, intent.client_order_id)
            if found is None:
                if last_try:
                    raise
                continue
            order = found
        adopt(ledger, order, at)
        return order
    raise AssertionError("unreachable")


def withdraw(ledger: Ledger, intent: Intent, at: datetime) -> None:
    """End an intent that never reached the broker and is not to be sent any more."""
    update_order(
        ledger,
        intent.client_order_id,
        OrderState.CANCELED,
        ended_at=at,
        message="interrupted before it was sent; the session's time for orders is over",
    )


def look_up(gateway: Gateway, client_order_id: str) -> BrokerOrder | None:
    """Ask for an order several times: one just accepted may not be readable at once."""
    for attempt in range(LOOK_UPS):
        if attempt:
            gateway.wait(SECONDS_BETWEEN_LOOK_UPS)
        found = gateway.order(client_order_id)
        if found is not None:
            return found
    return None


def adopt(ledger: Ledger, order: BrokerOrder, at: datetime) -> None:
    """Record where the broker says an order stands."""
    update_order(
        ledger,
        order.client_order_id,
        order.state,
        broker_order_id=order.order_id,
        filled_quantity=order.filled_quantity,
        ended_at=at if order.state.ended else None,
    )
