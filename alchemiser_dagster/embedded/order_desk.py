"""The order desk: submit, cancel, replace, close positions.

Each method either refuses before it has changed anything, or does all of what was asked.
"""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from alchemiser_dagster.embedded import rules
from alchemiser_dagster.embedded.account import held_for_orders
from alchemiser_dagster.embedded.bookkeeping import Bookkeeper, asset_id
from alchemiser_dagster.embedded.clock import Phase, hours, new_york_date, next_close, phase_at
from alchemiser_dagster.embedded.market import Market
from alchemiser_dagster.embedded.matching import Profile, match
from alchemiser_dagster.embedded.money import ZERO, decimals, is_whole, quantity_down
from alchemiser_dagster.embedded.orders import ON_MARKET, Order, OrderRequest, Replacement
from alchemiser_dagster.embedded.refusals import (
    RefusalError,
    invalid,
    not_found,
    unprocessable,
)
from alchemiser_dagster.embedded.state import AssetFlags, State
from alchemiser_dagster.market.sessions import NEW_YORK, is_session, next_session

GOOD_TILL_CANCELED_DAYS = 90
HUNDRED = Decimal(100)
CLOSING_MOMENT = timedelta(microseconds=1)

FindOrder = Callable[[str], Order | None]


class OrderDesk:
    """Takes orders for the account in `books`, and brings them to `market`.

    `ended_order` finds an order that has ended by its id, and `client_id_used` says whether an
    order ever had a client id: both look where ended orders are kept.
    """

    def __init__(
        self,
        books: Bookkeeper,
        market: Market,
        profile: Profile,
        opening_cash: Decimal,
        ended_order: FindOrder,
        client_id_used: Callable[[str], bool],
    ) -> None:
        self.books = books
        self.market = market
        self.profile = profile
        self.opening_cash = opening_cash
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
        admission = rules.check_order(request, self.state, self.market, self.opening_cash)
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
            expires_at=self._expiry(request.time_in_force, request.extended_hours),
            qty=request.qty,
            notional=request.notional,
            limit_price=request.limit_price,
            extended_hours=request.extended_hours,
            position_intent=admission.position_intent,
            reserve_price=admission.reserve_price,
        )
        return self._enter(order)

    def cancel(self, order_id: str) -> None:
        order = self.order(order_id)
        if not order.is_open:
            raise unprocessable(f'order is already in "{order.status}" state')
        self.books.end(order, "canceled")

    def cancel_all(self) -> list[str]:
        """Cancel every open order; the ids of those canceled, in order of arrival."""
        ids = list(self.state.orders)
        for order_id in ids:
            self.cancel(order_id)
        return ids

    def replace(self, order_id: str, change: Replacement) -> Order:
        """Put a new order in the place of one on the market; the old one ends as `replaced`.

        `change.qty` is the total wanted, what the old order has filled included: the new order is
        for what is then left.
        """
        old = self.order(order_id)
        if old.status == "replaced":
            raise unprocessable("order already replaced")
        if not old.is_open:
            raise unprocessable(f'order is already in "{old.status}" state')
        if old.status not in ON_MARKET:
            raise unprocessable(f"cannot replace order in {old.status} status")
        qty, limit_price = self._check_replacement(old, change)
        if change.client_order_id is not None:
            self._check_client_id(change.client_order_id)
        sequence = self.books.next_sequence()
        new_id = self.books.next_id("order")
        old.replaced_by = new_id
        self.books.end(old, "replaced")
        at = self.books.stamp()
        time_in_force = change.time_in_force or old.time_in_force
        new = dataclasses.replace(
            old,
            sequence=sequence,
            id=new_id,
            client_order_id=change.client_order_id or self.books.next_id("client order"),
            created_at=at,
            updated_at=at,
            expires_at=self._expiry(time_in_force, old.extended_hours),
            time_in_force=time_in_force,
            qty=qty,
            limit_price=limit_price,
            filled_qty=ZERO,
            filled_value=ZERO,
            executions=0,
            resting=False,
            replaced_at=None,
            replaced_by=None,
            replaces=old.id,
        )
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

    def activate(self, order: Order) -> None:
        """Bring a queued order to the market."""
        order.status = "new"
        order.updated_at = self.books.stamp()
        self.books.record(order, "new", order.updated_at)

    def reaches_market(self, order: Order) -> bool:
        """Whether the present part of the session trades `order`."""
        phase = phase_at(self.state.now)
        if phase is Phase.REGULAR:
            return True
        return order.extended_hours and phase is not Phase.CLOSED

    def try_to_fill(self, order: Order, at_close: bool = False) -> None:
        """Match `order` with the quote of this moment, or of the last one before the close."""
        if self.state.asset_flags.get(order.symbol, AssetFlags()).halted:
            return
        moment = self.state.now - CLOSING_MOMENT if at_close else self.state.now
        quote = self.market.quote(order.symbol, moment)
        if quote is None:
            return
        execution = match(order, quote, self.profile, self.books.seed)
        if execution is not None:
            self.books.fill(order, execution)
        elif not order.resting:
            order.resting = True
            self.books.touch(order)

    def _enter(self, order: Order) -> Order:
        if not self.reaches_market(order):
            order.status = "accepted"
            self.books.record(order, "accepted", order.created_at)
            return dataclasses.replace(order)
        answer = dataclasses.replace(order, status="pending_new")
        order.status = "new"
        self.books.record(order, "new", order.created_at)
        self.try_to_fill(order)
        return answer

    def _check_client_id(self, client_order_id: str) -> None:
        if self._client_id_used(client_order_id):
            raise invalid("client_order_id must be unique")

    def _check_replacement(self, old: Order, change: Replacement) -> tuple[Decimal, Decimal | None]:
        """The quantity and limit of the new order; raises RefusalError if they may not be."""
        rules.check_account(self.state)
        if old.qty is None:
            raise unprocessable("notional orders cannot be replaced")
        if change.qty is not None and change.qty != old.qty and old.is_fractional:
            raise unprocessable("qty of fractional orders cannot be replaced")
        if change.qty is not None and not is_whole(change.qty) and not old.is_fractional:
            raise unprocessable("qty must be an integer")
        if change.limit_price is not None and old.type != "limit":
            raise invalid(f"{old.type} orders must not have a limit price")
        if change.stop_price is not None:
            raise invalid(f"{old.type} orders must not have a stop price")
        total = change.qty if change.qty is not None else old.qty
        limit_price = change.limit_price if change.limit_price is not None else old.limit_price
        time_in_force = change.time_in_force or old.time_in_force
        if (total, limit_price, time_in_force) == (old.qty, old.limit_price, old.time_in_force):
            raise unprocessable("order parameters are not changed")
        if total <= old.filled_qty:
            raise unprocessable("qty must be > filled_qty")
        if old.is_fractional and time_in_force != "day":
            raise unprocessable("fractional orders must be DAY orders")
        qty = total - old.filled_qty
        if old.position_intent.endswith("to_close"):
            rules.check_free_shares(self.state, old.symbol, qty, own=old.held_shares)
        rules.check_wash_trade(rules.replacing(old, qty, limit_price), self.state)
        rules.check_buying_power(
            rules.replacing(old, qty, limit_price),
            old.position_intent,
            old.reserve_price,
            self.state,
            self.market,
            self.opening_cash,
            replaced=old,
        )
        return qty, limit_price

    def _expiry(self, time_in_force: str, extended_hours: bool) -> datetime:
        now = self.state.now
        if time_in_force == "gtc":
            last_day = new_york_date(now) + timedelta(days=GOOD_TILL_CANCELED_DAYS)
            return datetime(
                last_day.year, last_day.month, last_day.day, 16, 15, tzinfo=NEW_YORK
            ).astimezone(now.tzinfo)
        if not extended_hours:
            return next_close(now)
        today = new_york_date(now)
        if is_session(today) and now < hours(today).post_market:
            return hours(today).post_market
        return hours(next_session(today)).post_market
