"""Writing down what happens: ids, time stamps, fills, and the end of orders.

Everything that changes an order, a position or cash goes through here, so that each change leaves
its event, its activity and its cash entry.
"""

import dataclasses
import uuid
from datetime import datetime, timedelta
from decimal import Decimal

from alchemiser_dagster.embedded.account import add_to_position, cash_effect, held_for_orders
from alchemiser_dagster.embedded.clock import new_york_date
from alchemiser_dagster.embedded.money import ZERO, plain, rounded
from alchemiser_dagster.embedded.orders import GROUP_CLASSES, Execution, Order
from alchemiser_dagster.embedded.realistic import count_fill
from alchemiser_dagster.embedded.state import (
    Activity,
    CashEntry,
    Changes,
    OrderEvent,
    Position,
    State,
)
from alchemiser_dagster.embedded.wire import activity_prefix, utc_micros
from alchemiser_dagster.market.sessions import next_session

NAMESPACE = uuid.UUID("c7b8d6e2-5a3f-4d57-9a1e-0f3b6d1e8a40")
TRADES = ("fill", "option")
SHORTEST_INTERVAL = timedelta(microseconds=1)


def asset_id(symbol: str) -> str:
    """The id of an asset, the same in every embedded account."""
    return str(uuid.uuid5(NAMESPACE, f"asset:{symbol}"))


class Bookkeeper:
    """Changes `state` and keeps the list of what it changed in `changes`."""

    def __init__(self, state: State, seed: int, settled_cash_only: bool = False) -> None:
        self.state = state
        self.seed = seed
        self.settled_cash_only = settled_cash_only
        self.changes = Changes()

    def next_id(self, kind: str) -> str:
        """A new id, drawn from the seed and the sequence: equal histories have equal ids."""
        return str(uuid.uuid5(NAMESPACE, f"{self.seed}:{kind}:{self.next_sequence()}"))

    def next_sequence(self) -> int:
        self.state.sequence += 1
        return self.state.sequence

    def stamp(self) -> datetime:
        """The time of an event: now, or just after the event before it."""
        self.state.last_stamp = max(self.state.now, self.state.last_stamp + SHORTEST_INTERVAL)
        return self.state.last_stamp

    def touch(self, order: Order) -> None:
        """Note that `order` has changed, and drop it from the open ones once it has ended."""
        self.changes.orders[order.id] = order
        if order.is_open:
            self.state.orders[order.id] = order
        else:
            self.state.orders.pop(order.id, None)

    def record(self, order: Order, event: str, at: datetime) -> None:
        self.touch(order)
        self.changes.events.append(OrderEvent(event, dataclasses.replace(order), at))

    def fill(self, order: Order, execution: Execution) -> None:
        """Book one execution: order, position, cash, activity and event."""
        at = self.stamp()
        self._fill_order(order, execution, at)
        position_qty = self._fill_position(order, execution)
        execution_id = self.next_id("execution")
        self.move_cash(
            "fill",
            cash_effect(order.side, order.symbol, execution.qty, execution.price),
            at,
            execution_id,
        )
        leaves = order.remaining if order.qty is not None else ZERO
        details = {
            "cum_qty": plain(order.filled_qty),
            "leaves_qty": plain(leaves),
            "order_id": order.id,
            "order_status": order.status,
            "price": plain(execution.price),
            "qty": plain(execution.qty),
            "side": "sell_short" if order.position_intent == "sell_to_open" else order.side,
            "symbol": order.symbol,
            "transaction_time": utc_micros(at),
            "type": "fill" if order.status == "filled" else "partial_fill",
        }
        count_fill(self.state.day_totals, new_york_date(at), order.side, execution)
        self.add_activity("FILL", at, execution_id, details)
        self.touch(order)
        self.changes.events.append(
            OrderEvent(
                event="fill" if order.status == "filled" else "partial_fill",
                order=dataclasses.replace(order),
                at=at,
                execution_id=execution_id,
                qty=execution.qty,
                price=execution.price,
                position_qty=position_qty,
            )
        )
        if order.order_class in GROUP_CLASSES:
            self._follow_fill(order, execution.qty)

    def fill_whole(self, order: Order, execution: Execution) -> None:
        """Mark a multi-leg order filled, whose legs have been booked."""
        at = self.stamp()
        self._fill_order(order, execution, at)
        self.record(order, "fill", at)

    def end(self, order: Order, status: str) -> None:
        """End `order` unfilled: canceled, expired, replaced or rejected."""
        at = self.stamp()
        order.status = status
        order.updated_at = at
        match status:
            case "canceled":
                order.canceled_at = at
            case "expired":
                order.expired_at = at
            case "replaced":
                order.replaced_at = at
            case _:
                order.failed_at = at
        self.record(order, status, at)
        if order.order_class in GROUP_CLASSES and status != "replaced":
            for other in self._group(order):
                if other.is_open:
                    self.end(other, "canceled")

    def _group(self, order: Order) -> list[Order]:
        """The other open orders of a bracket, OCO or OTO order."""
        first = order.attached_to or order.id
        return [
            other
            for other in self.state.orders.values()
            if first in (other.id, other.attached_to) and other is not order
        ]

    def _follow_fill(self, order: Order, qty: Decimal) -> None:
        """An entry that has filled whole sets its exits free; an exit's fill is off the other."""
        is_entry = order.attached_to is None and order.order_class != "oco"
        if is_entry and order.status != "filled":
            return
        for other in self._group(order):
            if is_entry:
                self._set_free(other)
            elif order.status == "filled":
                if other.is_open:
                    self.end(other, "canceled")
            elif other.qty is not None:
                other.qty -= qty
                self.touch(other)

    def _set_free(self, waiting: Order) -> None:
        """Bring an exit to the market, for as many shares as are free; or cancel it."""
        position = self.state.positions.get(waiting.symbol)
        held = abs(position.qty) if position is not None else ZERO
        claimed = held_for_orders(self.state, waiting.symbol, apart=waiting.attached_to)
        assert waiting.qty is not None, "expected an exit in shares"
        if held <= claimed:
            self.end(waiting, "canceled")
            return
        waiting.qty = min(waiting.qty, held - claimed)
        waiting.status = "new"
        waiting.updated_at = self.stamp()
        self.record(waiting, "new", waiting.updated_at)

    def add_activity(
        self,
        kind: str,
        at: datetime,
        key: str,
        details: dict[str, str],
        prefix: str | None = None,
    ) -> None:
        activity_id = f"{prefix or activity_prefix(at)}::{key}"
        self.changes.activities.append(Activity(activity_id, kind, at, details))

    def add_cash_activity(self, kind: str, amount: Decimal, details: dict[str, str]) -> None:
        """Move cash, in whole cents, and list it as an activity without a trade."""
        at = self.stamp()
        key = self.next_id(kind)
        self.move_cash(kind.lower(), amount, at, key)
        day = new_york_date(at).isoformat()
        entry = {"date": day, "net_amount": rounded(amount, 2), "status": "executed", **details}
        self.add_activity(kind, at, key, entry)

    def move_cash(self, kind: str, amount: Decimal, at: datetime, reference: str) -> None:
        """Book a movement of cash, in whole cents, that settles on the next session."""
        assert amount == round(amount, 2), f"expected whole cents, was {amount}"
        self.state.cash += amount
        settles = next_session(new_york_date(at))
        self.changes.cash.append(CashEntry(kind, amount, at, settles, reference))
        if self.settled_cash_only and kind in TRADES and amount > 0:
            waiting = self.state.unsettled.get(settles, ZERO)
            self.state.unsettled[settles] = waiting + amount

    def _fill_order(self, order: Order, execution: Execution, at: datetime) -> None:
        order.filled_qty += execution.qty
        order.filled_value += execution.qty * execution.price
        order.executions += 1
        order.updated_at = at
        if order.qty is None or order.remaining == 0:
            order.status = "filled"
            order.filled_at = at
        else:
            order.status = "partially_filled"

    def _fill_position(self, order: Order, execution: Execution) -> Decimal:
        position = self.state.positions.setdefault(order.symbol, Position(order.symbol))
        signed = execution.qty if order.is_buy else -execution.qty
        add_to_position(position, signed, execution.price)
        if position.qty == 0:
            del self.state.positions[order.symbol]
        self.changes.positions.add(order.symbol)
        return position.qty
