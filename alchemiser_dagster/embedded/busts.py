"""Trade busts: a fill that the venue declares void afterwards.

The fill's activity stays, as it does at a broker; an activity MISC with its id in `previous_id`
takes it back, with the opposite quantity and cash. The position and the order's filled quantity
shrink by it; an order that was filled ends as canceled. Orders that would sell what is no longer
there are canceled.
"""

import dataclasses
from decimal import ROUND_HALF_UP, Decimal

from alchemiser_dagster.embedded.account import cash_effect
from alchemiser_dagster.embedded.bookkeeping import Bookkeeper
from alchemiser_dagster.embedded.clock import new_york_date
from alchemiser_dagster.embedded.money import QUANTITY_STEP, ZERO, plain, rounded
from alchemiser_dagster.embedded.orders import Order
from alchemiser_dagster.embedded.state import Activity, OrderEvent, Position


def bust(books: Bookkeeper, order: Order, fill: Activity) -> None:
    """Undo `fill`, an activity FILL of `order`."""
    qty, price = Decimal(fill.details["qty"]), Decimal(fill.details["price"])
    at = books.stamp()
    _shrink(order, qty, price)
    order.updated_at = at
    if order.status == "filled":
        order.status, order.filled_at, order.canceled_at = "canceled", None, at
    elif order.status == "partially_filled" and order.filled_qty == 0:
        order.status = "new"
    undone = -qty if order.is_buy else qty
    left = _take_back(books, order.symbol, undone, price)
    cash = -cash_effect(order.side, order.symbol, qty, price)
    key = books.next_id("bust")
    books.move_cash("bust", cash, at, key)
    details = {
        "symbol": order.symbol,
        "qty": plain(undone),
        "price": plain(price),
        "net_amount": rounded(cash, 2),
        "date": new_york_date(at).isoformat(),
        "status": "executed",
        "description": "trade bust",
        "order_id": order.id,
        "previous_id": fill.id,
    }
    books.add_activity("MISC", at, key, details)
    books.touch(order)
    books.changes.events.append(
        OrderEvent(
            event="trade_bust",
            order=dataclasses.replace(order),
            at=at,
            execution_id=key,
            qty=qty,
            price=price,
            position_qty=left,
        )
    )
    closing = [
        waiting
        for waiting in books.state.orders.values()
        if waiting.symbol == order.symbol and waiting.position_intent.endswith("to_close")
    ]
    if sum((waiting.held_shares for waiting in closing), ZERO) > abs(left):
        for waiting in closing:
            if not waiting.is_open:
                continue
            books.end(waiting, "canceled")


def _shrink(order: Order, qty: Decimal, price: Decimal) -> None:
    order.filled_qty -= qty
    order.filled_value -= qty * price


def _take_back(books: Bookkeeper, symbol: str, undone: Decimal, price: Decimal) -> Decimal:
    """Put `undone` shares (signed) back into the position; what it is then."""
    state = books.state
    position = state.positions.setdefault(symbol, Position(symbol))
    before, after = position.qty, position.qty + undone
    if before * after <= 0:
        position.average_price = price
    else:
        value = position.average_price * before + price * undone
        mean = max(ZERO, value / after)
        position.average_price = mean.quantize(QUANTITY_STEP, ROUND_HALF_UP)
    position.qty = after
    if before * after <= 0 or abs(position.overnight_qty) > abs(after):
        position.overnight_qty = after
    if after == 0:
        del state.positions[symbol]
    books.changes.positions.add(symbol)
    return after
