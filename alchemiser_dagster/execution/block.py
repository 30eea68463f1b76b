"""One block on its way: where it stands, read from the ledger and written back to it.

    quote ─► place ─► wait ─► filled? done
               ▲        └──► time is up ─► same price next? keep the order
               │                        └► cancel ─► terminal ─► post what filled
               └──────────── next step, for what is left ◄──────────┘

The quantity of a step is what the block's trades still want: intended less what has been filled and
posted. Everything needed to go on after a crash is in the ledger.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from alchemiser_dagster.execution.broker import BrokerOrder, OrderState
from alchemiser_dagster.execution.orders import InFlight, Intent
from alchemiser_dagster.execution.prices import MARKET_STEP
from alchemiser_dagster.ledger.block_records import ENDED_ORDERS, orders_of
from alchemiser_dagster.ledger.store import Ledger

LIMIT_WAIT = timedelta(seconds=10)
MARKET_WAIT = timedelta(seconds=30)
ATTEMPTS = {"sell": 3, "buy": 2}
"""How often a block may start anew after its market order: a sale is tried harder."""


@dataclass
class WorkingBlock:
    """A block in the walk. `order` is None between two steps."""

    block_id: str
    symbol: str
    side: str
    round_: int
    quantity: Decimal
    attempt: int = 1
    step: int = 0
    order: InFlight | None = None
    not_before: datetime | None = None
    bad_quotes: int = 0
    refusals: set[str] = field(default_factory=set)
    most: Decimal | None = None
    """The most that the next order may be for, after the broker refused more."""
    whole_shares: bool = False
    last_state: str = ""
    last_message: str = ""
    ended: bool = False

    @classmethod
    def begin(cls, ledger: Ledger, row: Any, now: datetime) -> "WorkingBlock":
        """Begin a block (a row of `blocks`), or take it up where an interrupted run left it."""
        block = cls(row.block_id, row.symbol, row.side, row.round, row.quantity)
        for order in orders_of(ledger, row.block_id):
            block.attempt, block.step = order.attempt, order.step
            block.last_state, block.last_message = order.state, order.message
            ended = order.state in ENDED_ORDERS
            if ended and order.posted >= order.filled_quantity:
                continue
            intent = Intent(
                client_order_id=order.client_order_id,
                symbol=row.symbol,
                side=row.side,
                quantity=order.quantity,
                limit_price=order.limit_price,
            )
            block.order = InFlight(intent, until=now + patience(order.limit_price))
            if ended:
                # Not all its executions are posted: it counts as in flight, or what it filled would
                # be ordered a second time.
                block.order.found = BrokerOrder(
                    order.broker_order_id,
                    order.client_order_id,
                    OrderState(order.state),
                    order.filled_quantity,
                )
            elif order.broker_order_id is None:
                block.order.since = now  # intended or unknown: somebody must look for it first
        return block

    @property
    def is_unknown(self) -> bool:
        """An order was sent, or was about to be, and the broker has not shown it."""
        return self.order is not None and self.order.found is None

    def set_by(self, by: timedelta) -> None:
        """The clock was set by so much: what is waited for comes that much later by it."""
        if self.not_before is not None:
            self.not_before += by
        if self.order is not None:
            self.order.until += by
            if self.order.since is not None:
                self.order.since += by

    def next_step(self, *, late: bool) -> tuple[int, int]:
        """(attempt, step) of the next order; near the close the limits are left out."""
        if self.step >= MARKET_STEP:
            return self.attempt + 1, MARKET_STEP
        return self.attempt, MARKET_STEP if late else self.step + 1

    def may_try_again(self) -> bool:
        """Whether another attempt may follow the market order.

        A sale is tried again however its order ended; a purchase only when the venue ended the
        order by itself. An order that filled whole was as large as an order may be: more follow.
        """
        if self.last_state == OrderState.FILLED:
            return True
        if self.attempt >= ATTEMPTS[self.side]:
            return False
        return self.side == "sell" or self.last_state in (OrderState.REJECTED, OrderState.EXPIRED)


def patience(limit: Decimal | None) -> timedelta:
    """How long an order may work: a limit order 10 seconds, a market order 30."""
    return MARKET_WAIT if limit is None else LIMIT_WAIT
