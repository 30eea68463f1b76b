"""Every order that the account ever had at the broker, page by page.

The broker gives at most 500 orders at a time, those submitted after a moment, and several may have
been submitted in the same one. So each page begins a second before the last order of the page
before, and what was there already is passed over:

    page 1   orders 1 to 500, the last one submitted at 15:46:03.2
    page 2   those after 15:46:02.2: 497 to 996, of which 501 to 996 are new
    page 3   ...
    the end  a page with nothing new in it
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from alchemiser_dagster.execution.broker import OrderState
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.gateway import ORDERS_PAGE, Gateway
from alchemiser_dagster.execution.wire import moment_of, order_of

OVERLAP = timedelta(seconds=1)


@dataclass(frozen=True)
class PastOrder:
    """An order as the broker has it, of ours or of somebody else.

    `quantity` is None for an order of dollars; `limit_price` for one without a limit.
    """

    order_id: str
    client_order_id: str
    symbol: str
    side: str
    quantity: Decimal | None
    limit_price: Decimal | None
    state: OrderState
    filled_quantity: Decimal
    submitted_at: datetime

    @property
    def has_filled(self) -> bool:
        """Whether it moved shares, however it ended: a canceled order may have, before."""
        return self.filled_quantity > 0


def order_history(gateway: Gateway) -> list[PastOrder]:
    """All orders of the account, oldest first.

    Raises BrokerError when they cannot be read to the last one: a page that is refused, or more
    orders within a second than a page holds, so that none of them is new.
    """
    found: dict[str, PastOrder] = {}
    after: datetime | None = None
    while True:
        page = [past_order(row) for row in gateway.orders_page(after)]
        new = {order.order_id: order for order in page if order.order_id not in found}
        if not new:
            if len(page) >= ORDERS_PAGE:
                raise BrokerError(
                    f"expected fewer than {ORDERS_PAGE} orders within {OVERLAP.seconds} s, was "
                    f"more after {after}: the rest of the orders cannot be read"
                )
            return list(found.values())
        found |= new
        after = max(order.submitted_at for order in page) - OVERLAP


def past_order(raw: Any) -> PastOrder:
    """An order of the broker's JSON."""
    known = order_of(raw)
    return PastOrder(
        order_id=known.order_id,
        client_order_id=known.client_order_id,
        symbol=raw["symbol"],
        side=raw["side"],
        quantity=_optional(raw.get("qty")),
        limit_price=_optional(raw.get("limit_price")),
        state=known.state,
        filled_quantity=known.filled_quantity,
        submitted_at=known.submitted_at or moment_of(raw["created_at"]),
    )


def _optional(number: Any) -> Decimal | None:
    return None if number in (None, "") else Decimal(number)
