"""Whether an order may be replaced, and by what."""

import dataclasses
from decimal import Decimal
from typing import Any

from alchemiser_dagster.embedded import rules
from alchemiser_dagster.embedded.money import ZERO, is_whole
from alchemiser_dagster.embedded.orders import GROUP_CLASSES, ON_MARKET, Order, Replacement
from alchemiser_dagster.embedded.refusals import invalid, unprocessable
from alchemiser_dagster.embedded.venue import Venue


def check_replacement(
    old: Order, change: Replacement, venue: Venue, opening_cash: Decimal
) -> dict[str, Any]:
    """The fields of the new order that differ; raises RefusalError if they may not be so."""
    _check_replaceable(old)
    rules.check_account(venue.books.state)
    if old.qty is None:
        raise unprocessable("notional orders cannot be replaced")
    if change.qty is not None and change.qty != old.qty and old.order_class in GROUP_CLASSES:
        raise unprocessable(f"qty of {old.order_class} orders cannot be replaced")
    if change.qty is not None and change.qty != old.qty and old.is_fractional:
        raise unprocessable("qty of fractional orders cannot be replaced")
    if change.qty is not None and not is_whole(change.qty) and not old.is_fractional:
        raise unprocessable("qty must be an integer")
    for name, asked, types in (
        ("limit price", change.limit_price, ("limit", "stop_limit")),
        ("stop price", change.stop_price, ("stop", "stop_limit")),
        ("trail", change.trail, ("trailing_stop",)),
    ):
        if asked is not None and old.type not in types:
            raise invalid(f"{old.type.replace('_', ' ')} orders must not have a {name}")
    total = old.qty if change.qty is None else change.qty
    if total <= old.filled_qty:
        raise unprocessable("qty must be > filled_qty")
    by_percent = old.trail_percent is not None
    wanted: dict[str, Any] = {
        "qty": change.qty,
        "limit_price": change.limit_price,
        "stop_price": change.stop_price,
        "time_in_force": change.time_in_force,
        "trail_percent" if by_percent else "trail_price": change.trail,
    }
    changed: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    if all(getattr(old, name) == value for name, value in changed.items()):
        raise unprocessable("order parameters are not changed")
    changed = {"time_in_force": old.time_in_force, **changed, "qty": total - old.filled_qty}
    _check_successor(old, dataclasses.replace(old, **changed), venue, opening_cash)
    return changed


def _check_successor(old: Order, new: Order, venue: Venue, opening_cash: Decimal) -> None:
    """Whether the account may have `new` in the place of `old`."""
    assert new.qty is not None
    request = rules.request_of(new)
    venue.check_time_in_force(request)
    if new.is_fractional and new.time_in_force != "day":
        raise unprocessable("fractional orders must be DAY orders")
    if old.position_intent.endswith("to_close"):
        rules.check_free_shares(venue.books.state, old.symbol, new.qty, own=old.held_shares)
    rules.check_wash_trade(request, venue.books.state)
    rules.check_buying_power(
        request,
        old.position_intent,
        max(old.reserve_price, new.stop_price or ZERO),
        venue.books.state,
        venue.market,
        opening_cash,
        replaced=old,
    )


def _check_replaceable(old: Order) -> None:
    if old.legs or old.parent_id is not None:
        raise unprocessable("complex orders not supported for options trading")
    if old.status == "replaced":
        raise unprocessable("order already replaced")
    if not old.is_open:
        raise unprocessable(f'order is already in "{old.status}" state')
    if old.status not in ON_MARKET:
        raise unprocessable(f"cannot replace order in {old.status} status")
