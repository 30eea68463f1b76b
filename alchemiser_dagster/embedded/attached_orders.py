"""Bracket, OCO and OTO orders: an order with one or two exits attached to it.

    bracket  an entry; once it has filled whole, a take-profit and a stop-loss, of which one at most
             fills
    oto      an entry with one exit
    oco      the take-profit itself, with the stop-loss attached: both are exits from the start

Exits wait as `held` until their entry has filled. When an order of a group ends without a fill, the
rest of it is canceled; when an exit fills, so is the other; a part filled leaves that much less to
the other. Exits are for as many shares as the entry, and no more than are free when it has filled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from alchemiser_dagster.embedded.bookkeeping import Bookkeeper
from alchemiser_dagster.embedded.money import CENT
from alchemiser_dagster.embedded.orders import Order, OrderRequest, Side
from alchemiser_dagster.embedded.refusals import invalid, unprocessable


@dataclass(frozen=True, slots=True)
class Exit:
    """The kind and prices of an exit."""

    type: str
    limit_price: Decimal | None
    stop_price: Decimal | None


def exits_of(request: OrderRequest) -> list[Exit]:
    """The orders attached to `request`."""
    exits = []
    if request.take_profit is not None and request.order_class != "oco":
        exits.append(Exit("limit", request.take_profit, None))
    if request.stop_loss is not None:
        kind = "stop" if request.stop_loss_limit is None else "stop_limit"
        exits.append(Exit(kind, request.stop_loss_limit, request.stop_loss))
    return exits


def check_group(request: OrderRequest, intent: str, price: Decimal) -> None:
    """Whether the exits fit the order, whose limit or present `price` they are measured by."""
    kind = request.order_class
    if kind == "oco":
        if not intent.endswith("to_close"):
            raise unprocessable("oco orders must be exit orders")
        return
    if not intent.endswith("to_open"):
        raise unprocessable(f"{kind} orders must be entry orders")
    base = request.limit_price or request.stop_price or price
    up = 1 if request.side == "buy" else -1
    if request.take_profit is not None and (request.take_profit - base) * up < CENT:
        word, sign = (">=", "+") if up > 0 else ("<=", "-")
        raise unprocessable(f"take_profit.limit_price must be {word} base_price {sign} 0.01")
    if request.stop_loss is not None and (base - request.stop_loss) * up < CENT:
        word, sign = ("<=", "-") if up > 0 else (">=", "+")
        raise unprocessable(f"stop_loss.stop_price must be {word} base_price {sign} 0.01")


def check_exits(request: OrderRequest) -> None:
    """Whether the exits of the class are there, by themselves."""
    kind = request.order_class
    given = [p for p in (request.take_profit, request.stop_loss) if p is not None]
    if kind == "oto" and len(given) != 1:
        raise invalid("oto orders require one of take_profit or stop_loss")
    if kind in ("bracket", "oco") and len(given) != 2:
        raise invalid(f"{kind} orders require take_profit.limit_price and stop_loss.stop_price")
    if request.time_in_force not in ("day", "gtc") or request.extended_hours:
        raise unprocessable(f"{kind} orders must be DAY or GTC orders of regular hours")
    if request.type == "trailing_stop":
        raise unprocessable(f"{kind} orders must not be trailing stop orders")
    if kind == "oco" and request.type != "limit":
        raise unprocessable("oco orders must be limit orders")


def attach(order: Order, request: OrderRequest, books: Bookkeeper, on_market: bool) -> None:
    """Enter the exits of `order`, which is told their ids."""
    side: Side = order.side
    intent = order.position_intent
    if request.order_class != "oco":
        side = "sell" if order.is_buy else "buy"
        intent = f"{side}_to_close"
    exits = [
        Order(
            sequence=books.next_sequence(),
            id=books.next_id("order"),
            client_order_id=books.next_id("client order"),
            symbol=order.symbol,
            asset_id=order.asset_id,
            side=side,
            type=wanted.type,
            time_in_force=order.time_in_force,
            created_at=order.created_at,
            updated_at=order.created_at,
            expires_at=order.expires_at,
            qty=order.qty,
            limit_price=wanted.limit_price,
            stop_price=wanted.stop_price,
            position_intent=intent,
            order_class=order.order_class,
            attached_to=order.id,
            status="held",
            reserve_price=wanted.limit_price or wanted.stop_price or order.reserve_price,
        )
        for wanted in exits_of(request)
    ]
    order.attached = tuple(exit_order.id for exit_order in exits)
    for exit_order in exits:
        if request.order_class == "oco":
            exit_order.status = "new" if on_market else "accepted"
        books.record(exit_order, exit_order.status, order.created_at)


def regroup(old: Order, new: Order, find: Callable[[str], Order], books: Bookkeeper) -> None:
    """Put a replacement into the group of the order it replaces."""
    for order_id in old.attached:
        attached = find(order_id)
        attached.attached_to = new.id
        books.touch(attached)
    if old.attached_to is not None:
        first = find(old.attached_to)
        first.attached = tuple(new.id if i == old.id else i for i in first.attached)
        books.touch(first)
