"""Reading the body of an order submission or replacement, and the rules that need no account.

SDKs send numbers as JSON floats, the API's own documents as strings; both are taken, exactly as
written, so that the decimals a client sent are the decimals checked.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from alchemiser_dagster.embedded.attached_orders import check_exits
from alchemiser_dagster.embedded.body_fields import (
    Body,
    choice_in,
    flag_in,
    number_in,
    optional_choice_in,
    part_of,
    text_in,
)
from alchemiser_dagster.embedded.money import (
    QUANTITY_DECIMALS,
    decimals,
    is_whole,
    plain,
    tick,
)
from alchemiser_dagster.embedded.orders import (
    GROUP_CLASSES,
    TIMES_IN_FORCE,
    TYPES,
    LegRequest,
    OrderRequest,
    Replacement,
    Side,
)
from alchemiser_dagster.embedded.refusals import forbidden, invalid, malformed, unprocessable

LONGEST_CLIENT_ID = 128
HUNDRED = Decimal(100)
SUPPORTED_CLASSES = frozenset({"", "simple"}) | GROUP_CLASSES
INTENTS = frozenset({"buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"})
LEGS_LEAST, LEGS_MOST = 2, 4
LEAST_NOTIONAL = Decimal(1)
NOTIONAL_DECIMALS = 2


def read_order(body: Body) -> OrderRequest:
    """The request in `body`; raises RefusalError for a field that can never be right."""
    client_order_id = read_client_id(body)
    order_class = text_in(body, "order_class") or ""
    if order_class == "mleg":
        return _read_multi_leg(body, client_order_id)
    symbol = text_in(body, "symbol")
    if not symbol:
        raise invalid("symbol is required")
    take_profit, stop_loss = part_of(body, "take_profit"), part_of(body, "stop_loss")
    limit_price = number_in(body, "limit_price")
    if order_class == "oco" and limit_price is None:
        limit_price = number_in(take_profit, "limit_price")
    request = OrderRequest(
        symbol=symbol,
        side=cast(Side, choice_in(body, "side", ("buy", "sell"))),
        type=choice_in(body, "type", TYPES),
        time_in_force=choice_in(body, "time_in_force", TIMES_IN_FORCE),
        qty=number_in(body, "qty"),
        notional=number_in(body, "notional"),
        limit_price=limit_price,
        stop_price=number_in(body, "stop_price"),
        take_profit=number_in(take_profit, "limit_price"),
        stop_loss=number_in(stop_loss, "stop_price"),
        stop_loss_limit=number_in(stop_loss, "limit_price"),
        trail_price=number_in(body, "trail_price"),
        trail_percent=number_in(body, "trail_percent"),
        extended_hours=flag_in(body, "extended_hours"),
        client_order_id=client_order_id,
        position_intent=optional_choice_in(body, "position_intent", INTENTS),
        order_class="" if order_class == "simple" else order_class,
    )
    _check_kind(request, order_class)
    check_quantity(request)
    check_prices(request)
    _check_extended_hours(request)
    if request.order_class in GROUP_CLASSES:
        _check_group(request)
    elif take_profit or stop_loss:
        raise invalid("take_profit and stop_loss are for bracket, oco and oto orders")
    return request


def _check_group(request: OrderRequest) -> None:
    check_exits(request)
    for name, price in (
        ("take_profit.limit_price", request.take_profit),
        ("stop_loss.stop_price", request.stop_loss),
        ("stop_loss.limit_price", request.stop_loss_limit),
    ):
        if price is not None:
            check_tick(name, price)


def _read_multi_leg(body: Body, client_order_id: str | None) -> OrderRequest:
    if body.get("symbol"):
        raise invalid("symbol is not allowed for mleg order")
    given = body.get("legs")
    if not isinstance(given, list) or not LEGS_LEAST <= len(given) <= LEGS_MOST:
        raise invalid(f"mleg orders require {LEGS_LEAST} to {LEGS_MOST} legs")
    legs = tuple(_read_leg(leg, n) for n, leg in enumerate(given))
    if len({leg.symbol for leg in legs}) < len(legs):
        raise invalid("legs must have different symbols")
    qty, limit_price = number_in(body, "qty"), number_in(body, "limit_price")
    kind = choice_in(body, "type", ("market", "limit"))
    if qty is None or qty <= 0 or not is_whole(qty):
        raise unprocessable("qty must be integer for options trading")
    if kind == "limit" and limit_price is None:
        raise invalid("limit orders require a limit price")
    if limit_price is not None and decimals(limit_price) > NOTIONAL_DECIMALS:
        raise unprocessable("limit_price must be limited to 2 decimal places")
    return OrderRequest(
        symbol="",
        side="",
        type=kind,
        time_in_force=choice_in(body, "time_in_force", TIMES_IN_FORCE),
        qty=qty,
        notional=None,
        limit_price=limit_price if kind == "limit" else None,
        client_order_id=client_order_id,
        order_class="mleg",
        legs=legs,
    )


def _read_leg(given: object, number: int) -> LegRequest:
    if not isinstance(given, Mapping):
        raise malformed("legs must be objects")
    intent = optional_choice_in(given, "position_intent", INTENTS)
    if intent is None:
        raise unprocessable(f"leg.{number} position intent is required")
    ratio = number_in(given, "ratio_qty")
    if ratio is None or ratio <= 0 or not is_whole(ratio):
        raise invalid(f"leg.{number} ratio_qty must be a whole number")
    side = optional_choice_in(given, "side", ("buy", "sell"))
    if side is not None and not intent.startswith(side):
        raise invalid(f"leg.{number} side does not fit its position intent")
    return LegRequest(
        symbol=text_in(given, "symbol") or "",
        side="buy" if intent.startswith("buy") else "sell",
        ratio=ratio,
        position_intent=intent,
    )


def read_replacement(body: Body) -> Replacement:
    """The changes in the body of a PATCH; raises RefusalError for a field out of range."""
    change = Replacement(
        qty=number_in(body, "qty"),
        time_in_force=optional_choice_in(body, "time_in_force", TIMES_IN_FORCE),
        limit_price=number_in(body, "limit_price"),
        stop_price=number_in(body, "stop_price"),
        trail=number_in(body, "trail"),
        client_order_id=read_client_id(body),
    )
    if number_in(body, "notional") is not None:
        raise unprocessable("notional orders cannot be replaced")
    if change.qty is not None and change.qty <= 0:
        raise invalid("qty must be > 0")
    for name, price in (("limit_price", change.limit_price), ("stop_price", change.stop_price)):
        if price is not None:
            check_tick(name, price)
    if change.trail is not None and change.trail <= 0:
        raise invalid("trail must be > 0")
    return change


def read_client_id(body: Body) -> str | None:
    client_order_id = text_in(body, "client_order_id")
    if client_order_id is not None and len(client_order_id) > LONGEST_CLIENT_ID:
        raise invalid(f"client_order_id must be no more than {LONGEST_CLIENT_ID} characters")
    return client_order_id or None


def check_quantity(request: OrderRequest) -> None:
    """Quantity and notional by themselves and together with the kind of order."""
    qty, notional = request.qty, request.notional
    if qty is not None and notional is not None:
        raise invalid("only one of qty or notional is accepted")
    if qty is None and notional is None:
        raise invalid("qty or notional is required")
    if qty is not None:
        if qty <= 0:
            raise invalid("qty must be > 0")
        if decimals(qty) > QUANTITY_DECIMALS:
            raise invalid(f"qty must be limited to {QUANTITY_DECIMALS} decimal places")
    if notional is not None:
        if decimals(notional) > NOTIONAL_DECIMALS:
            raise unprocessable("notional value must be limited to 2 decimal places")
        if notional < LEAST_NOTIONAL:
            raise invalid("notional must be >= 1.00")
    if qty is None or not is_whole(qty):
        if request.time_in_force != "day":
            raise unprocessable("fractional orders must be DAY orders")
        if request.order_class:
            raise unprocessable("fractional orders must be simple orders")
        if request.type == "trailing_stop":
            raise unprocessable(
                "fractional orders must be market, limit, stop, or stop_limit orders"
            )


def check_prices(request: OrderRequest) -> None:
    """Whether each price is there exactly when the type of order has one, and on a tick."""
    words = request.type.replace("_", " ")
    for name, article, value, types in (
        ("limit_price", "a limit price", request.limit_price, ("limit", "stop_limit")),
        ("stop_price", "a stop price", request.stop_price, ("stop", "stop_limit")),
    ):
        if request.type in types:
            if value is None:
                raise invalid(f"{words} orders require {article}")
            check_tick(name, value)
        elif value is not None:
            raise invalid(f"{words} orders must not have {article}")
    trails = [t for t in (request.trail_price, request.trail_percent) if t is not None]
    if request.type == "trailing_stop":
        if len(trails) != 1:
            raise invalid("trailing stop orders require one of trail_price or trail_percent")
        if trails[0] <= 0 or (request.trail_percent is not None and trails[0] >= HUNDRED):
            raise invalid("trail must be > 0, and a percentage below 100")
    elif trails:
        raise invalid(f"{words} orders must not have a trail")


def check_tick(name: str, price: Decimal) -> None:
    if price <= 0:
        raise invalid(f"{name.replace('_', ' ')} must be > 0")
    if price % tick(price) != 0:
        raise unprocessable(
            f"invalid {name} {plain(price)}. "
            "sub-penny increment does not fulfill minimum pricing criteria"
        )


def check_least_value(request: OrderRequest, cost: Decimal) -> None:
    """A fractional buy is worth at least a dollar."""
    fractional = request.qty is None or not is_whole(request.qty)
    if request.side == "buy" and fractional and cost < LEAST_NOTIONAL:
        raise forbidden("cost basis must be >= minimal amount of order 1")


def _check_kind(request: OrderRequest, order_class: str) -> None:
    if order_class not in SUPPORTED_CLASSES:
        raise unprocessable(f'order class "{order_class}" is not supported')


def _check_extended_hours(request: OrderRequest) -> None:
    if request.extended_hours and (
        request.type != "limit" or request.time_in_force not in ("day", "gtc")
    ):
        raise unprocessable("extended hours order must be DAY or GTC limit orders")
