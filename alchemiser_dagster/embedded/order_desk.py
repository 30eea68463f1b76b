"""The order desk: submit, cancel, replace, close positions.

Each method either refuses before it has changed anything, or does all of what was asked.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.embedded import rules
from alchemiser_dagster.embedded.account import held_for_orders, reservation
from alchemiser_dagster.embedded.attached_orders import attach, check_group, regroup
from alchemiser_dagster.embedded.bookkeeping import asset_id
from alchemiser_dagster.embedded.money import ZERO, decimals, is_whole, quantity_down
from alchemiser_dagster.embedded.multi_leg import check_legs, legs_of
from alchemiser_dagster.embedded.option_contracts import is_option
from alchemiser_dagster.embedded.orders import GROUP_CLASSES, Order, OrderRequest, Replacement
from alchemiser_dagster.embedded.refusals import (
    RefusalError,
    invalid,
    not_found,
    unprocessable,
)
from alchemiser_dagster.embedded.replacement import check_replacement
from alchemiser_dagster.embedded.state import State
from alchemiser_dagster.embedded.venue import Venue

HUNDRED = Decimal(100)

FindOrder = Callable[[str], Order | None]


@dataclass(frozen=True, slots=True)
class Fate:
    """What is to befall the next order instead of meeting the market: see `faults`."""

    kind: str
    qty: Decimal | None = None


class OrderDesk:
    """Takes orders for an account and brings them to `venue`.

    `ended_order` finds an order that has ended by its id, and `client_id_used` says whether an
    order ever had a client id: both look where ended orders are kept.
    """

    def __init__(
        self,
        venue: Venue,
        opening_cash: Decimal,
        ended_order: FindOrder,
        client_id_used: Callable[[str], bool],
    ) -> None:
        self.venue = venue
        self.books = venue.books
        self.market = venue.market
        self.opening_cash = opening_cash
        self.fate: Fate | None = None
        self._ended_order = ended_order
        self._client_id_used = client_id_used

    @property
    def state(self) -> State:
        return self.books.state

    def order(self, order_id: str) -> Order:
        """The order with this id, open or ended; raises RefusalError (404) if there is none."""
        found = self.state.orders.get(order_id) or self._ended_order(order_id)
        if found is None:
            raise not_found(f"order not found for {order_id}")
        return found

    def submit(self, request: OrderRequest) -> Order:
        """Accept `request`; the answer is the order before it met the market."""
        if request.client_order_id is not None:
            self._check_client_id(request.client_order_id)
        self.venue.check_time_in_force(request)
        if request.legs:
            return self._submit_legs(request)
        if request.order_class and is_option(request.symbol):
            raise unprocessable("complex orders not supported for options trading")
        admission = rules.check_order(request, self.state, self.market, self.opening_cash)
        if request.order_class in GROUP_CLASSES:
            check_group(request, admission.position_intent, admission.reserve_price)
        sequence = self.books.next_sequence()
        order_id = self.books.next_id("order")
        at = self.books.stamp()
        order = Order(
            sequence=sequence,
            id=order_id,
            client_order_id=request.client_order_id or self.books.next_id("client order"),
            symbol=request.symbol,
            asset_id=asset_id(request.symbol),
            side=request.side,
            type=request.type,
            time_in_force=request.time_in_force,
            created_at=at,
            updated_at=at,
            expires_at=self.venue.expiry(request.time_in_force, request.extended_hours),
            qty=request.qty,
            notional=request.notional,
            limit_price=request.limit_price,
            stop_price=request.stop_price,
            trail_price=request.trail_price,
            trail_percent=request.trail_percent,
            extended_hours=request.extended_hours,
            position_intent=admission.position_intent,
            order_class=request.order_class,
            reserve_price=admission.reserve_price,
        )
        if request.order_class in GROUP_CLASSES:
            attach(order, request, self.books, self.venue.reaches_market(order))
        return self._enter(order)

    def _submit_legs(self, request: OrderRequest) -> Order:
        net = check_legs(request, self.state, self.market, self.opening_cash)
        sequence = self.books.next_sequence()
        order_id = self.books.next_id("order")
        at = self.books.stamp()
        whole = Order(
            sequence=sequence,
            id=order_id,
            client_order_id=request.client_order_id or self.books.next_id("client order"),
            symbol="",
            asset_id="",
            side="",
            type=request.type,
            time_in_force=request.time_in_force,
            created_at=at,
            updated_at=at,
            expires_at=self.venue.expiry(request.time_in_force, extended_hours=False),
            qty=request.qty,
            limit_price=request.limit_price,
            order_class=request.order_class,
            reserve_price=net,
            legs=tuple(self.books.next_id("order") for _ in request.legs),
        )
        on_market = self.venue.reaches_market(whole)
        for leg in legs_of(request, whole, self.books):
            leg.status = "new" if on_market else "accepted"
            self.books.record(leg, leg.status, leg.created_at)
        return self._enter(whole)

    def legs(self, order: Order) -> list[Order]:
        """The orders of the legs of a multi-leg order."""
        return [self.order(leg_id) for leg_id in order.legs]

    def nested(self, order: Order) -> list[Order]:
        """The orders shown within `order`: its legs, or the exits attached to it."""
        return [self.order(order_id) for order_id in (*order.legs, *order.attached)]

    def cancel(self, order_id: str) -> None:
        order = self.order(order_id)
        if order.parent_id is not None:
            raise unprocessable("a leg cannot be canceled without its order")
        for leg in self.legs(order):
            if leg.is_open:
                self.books.end(leg, "canceled")
        if not order.is_open:
            raise unprocessable(f'order is already in "{order.status}" state')
        self.books.end(order, "canceled")

    def cancel_all(self) -> list[str]:
        """Cancel every open order; the ids of those canceled, in order of arrival."""
        ids = [order.id for order in self.state.orders.values() if order.parent_id is None]
        for order_id in ids:
            if order_id in self.state.orders:
                self.cancel(order_id)
        return ids

    def replace(self, order_id: str, change: Replacement) -> Order:
        """Put a new order in the place of one on the market; the old one ends as `replaced`.

        `change.qty` is the total wanted, what the old order has filled included: the new order is
        for what is then left.
        """
        old = self.order(order_id)
        changed = check_replacement(old, change, self.venue, self.opening_cash)
        if change.client_order_id is not None:
            self._check_client_id(change.client_order_id)
        sequence = self.books.next_sequence()
        new_id = self.books.next_id("order")
        held = reservation(self.state, old) if old.is_buy else ZERO
        if self.fate is not None and self.fate.kind == "replace_lost":
            self.venue.fill_now(old)
        else:
            old.replaced_by = new_id
            self.books.end(old, "replaced")
        at = self.books.stamp()
        new = dataclasses.replace(
            old,
            sequence=sequence,
            id=new_id,
            client_order_id=change.client_order_id or self.books.next_id("client order"),
            status="new",
            filled_at=None,
            created_at=at,
            updated_at=at,
            expires_at=self.venue.expiry(changed["time_in_force"], old.extended_hours),
            **changed,
            filled_qty=ZERO,
            filled_value=ZERO,
            executions=0,
            replaced_reserve=held,
            resting=False,
            triggered=False,
            high_water_mark=None,
            replaced_at=None,
            replaced_by=None,
            replaces=old.id,
        )
        regroup(old, new, self.order, self.books)
        return self._enter(new)

    def close_position(
        self, symbol: str, qty: Decimal | None = None, percentage: Decimal | None = None
    ) -> Order:
        """Send the market order that closes all, `qty` shares or `percentage` of a position."""
        position = self.state.positions.get(symbol)
        if position is None:
            raise not_found("position does not exist")
        if qty is not None and percentage is not None:
            raise invalid("only one of qty or percentage is accepted")
        held = abs(position.qty)
        wanted = held
        if qty is not None:
            if qty <= 0 or decimals(qty) > 9:
                raise invalid("qty must be > 0 and limited to 9 decimal places")
            wanted = qty
        elif percentage is not None:
            if not 0 < percentage <= HUNDRED:
                raise invalid("percentage must be between 0 and 100")
            wanted = quantity_down(held * percentage / HUNDRED, whole=is_whole(held))
            if wanted == 0:
                raise invalid("qty must be > 0")
        if held_for_orders(self.state, symbol) > 0 and wanted == held:
            rules.check_free_shares(self.state, symbol, wanted)
        return self.submit(
            OrderRequest(
                symbol=symbol,
                side="sell" if position.qty > 0 else "buy",
                type="market",
                time_in_force="day",
                qty=wanted,
                notional=None,
            )
        )

    def close_all(self, cancel_orders: bool) -> list[tuple[str, Order | RefusalError]]:
        """Close every position; per symbol the order sent, or why there is none."""
        if cancel_orders:
            self.cancel_all()
        outcomes: list[tuple[str, Order | RefusalError]] = []
        for symbol in sorted(self.state.positions):
            try:
                outcomes.append((symbol, self.close_position(symbol)))
            except RefusalError as refusal:
                outcomes.append((symbol, refusal))
        return outcomes

    def _enter(self, order: Order) -> Order:
        if not self.venue.reaches_market(order):
            order.status = "accepted"
            self.books.record(order, "accepted", order.created_at)
            return dataclasses.replace(order)
        answer = dataclasses.replace(order, status="pending_new")
        order.status = "new"
        self.books.record(order, "new", order.created_at)
        if self.fate is None:
            self.venue.try_to_fill(order)
        else:
            self._meet(self.fate, order)
        return answer

    def _meet(self, fate: Fate, order: Order) -> None:
        if fate.kind == "partial_then_cancel":
            self.venue.fill_now(order, fate.qty)
            if order.is_open:
                self.books.end(order, "canceled")
        else:
            self.books.end(order, "expired" if fate.kind == "expire_early" else "rejected")

    def _check_client_id(self, client_order_id: str) -> None:
        if self._client_id_used(client_order_id):
            code = self.venue.profile.duplicate_id_code
            raise RefusalError(422, code, "client_order_id must be unique")
