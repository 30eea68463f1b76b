"""Walking the book: patient limit orders first, a market order last.

All blocks of a phase walk side by side, one order in flight per symbol. Each round reads the clock,
the orders and the quotes once for all of them, so that the broker's allowance of calls is spent on
orders. How one block goes through its steps is in `block`, how long the pauses between rounds are
in `pacing`.

A round acts on what it has just read. When there are more steps to take than the minute has calls
left, or than can be taken in a few seconds, the others wait for the next round: an order is never
sent at a price, or a time, that was true a minute ago.

Near the close (120 s) the limits are left out; within 60 s of it no order is sent at all. The rails
are read every round: what they forbid is taken back from the market, and not sent again.
"""

import logging
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.execution.block import WorkingBlock, patience
from alchemiser_dagster.execution.breaker import Breaker
from alchemiser_dagster.execution.broker import BrokerOrder
from alchemiser_dagster.execution.desk import Capital, Desk
from alchemiser_dagster.execution.errors import BrokerError, BrokerRefusesKeys
from alchemiser_dagster.execution.orders import (
    LOOK_SECONDS,
    LOOKS,
    InFlight,
    record_end,
    record_found,
    record_not_accepted,
    send_again,
)
from alchemiser_dagster.execution.pacing import Pacing
from alchemiser_dagster.execution.session_clock import Moment, SessionClock
from alchemiser_dagster.execution.step import StepMaker
from alchemiser_dagster.ledger.block_records import blocks_of, end_block
from alchemiser_dagster.ledger.posting import Execution, post_executions
from alchemiser_dagster.ledger.queries import the_session
from alchemiser_dagster.ledger.rails import Rails
from alchemiser_dagster.ledger.store import LedgerError

CANCEL_WAIT = timedelta(seconds=10)
"""A cancel that has not ended its order by then is asked for again: it may never have arrived."""
NO_ORDERS = timedelta(seconds=60)
MARKET_ONLY = timedelta(seconds=120)
ENDED_BY = timedelta(minutes=5)
"""After the close: a DAY order still open then is one the broker has lost track of."""
SESSION_LENGTH = timedelta(hours=12)
"""Orders and executions are read from this long before the close: all of the session's."""
MARGIN = timedelta(seconds=1)
"""An order may fill in the moment in which it is submitted."""
ROUND_LENGTH = timedelta(seconds=5)
"""What was read is good for so long."""

_log = logging.getLogger(__name__)


class Walk:
    """Walks the open blocks of a session up to a round, until they end or `until` has come."""

    def __init__(
        self,
        desk: Desk,
        session: date,
        capital: Capital,
        *,
        round_: int,
        until: datetime | None = None,
    ) -> None:
        self._gateway = desk.gateway
        self._ledger = desk.ledger
        self._until = until
        with self._ledger.read() as connection:
            row = the_session(connection, session)
        assert row is not None
        self._closes_at: datetime = row.closes_at
        self._since = self._closes_at - SESSION_LENGTH
        self._clock = SessionClock(self._gateway)
        self._began = self._clock.estimate()
        self._breaker = Breaker()
        deadlines = [self._closes_at - NO_ORDERS, *([until] if until is not None else [])]
        self._pacing = Pacing(desk, self._clock, deadlines)
        self._is_behind = False
        self._steps = StepMaker(desk, session, capital, lambda: self._left() >= NO_ORDERS)
        self._waiting = [
            block
            for block in blocks_of(self._ledger, session)
            if block.state == "open" and block.round <= round_
        ]
        self._working: dict[str, WorkingBlock] = {}

    def finish(self, block_id: str) -> None:
        """Bring one block to its end, and with it as many others as come to theirs meanwhile.

        A block that is not among the walk's has ended already. Raises BrokerError when orders of
        ours are still open long after the session.
        """
        while block_id in self._unfinished() and not self._time_is_over():
            self._round()

    def _unfinished(self) -> set[str]:
        return {block.block_id for block in self._waiting} | {
            block.block_id for block in self._working.values()
        }

    def _time_is_over(self) -> bool:
        now = self._clock.estimate()
        if now > max(self._closes_at, self._began) + ENDED_BY:
            raise BrokerError(
                "expected every order to end with the session, was open: "
                + ", ".join(sorted(self._unfinished()))
            )
        return self._until is not None and now >= self._until

    def _round(self) -> None:
        try:
            moment, rails = self._clock.read(), self._pacing.rails()
            self._is_behind = False
            if moment.set_by:
                self._follow_clock(moment.set_by)
            self._begin(moment.now)
            self._learn(moment)
            if self._move(moment, rails):
                self._pacing.restart()
            self._breaker.worked()
        except BrokerRefusesKeys:
            raise
        except BrokerError as error:
            # What could not be read is not known, and nothing follows from it.
            pause = self._breaker.failed()
            _log.warning("%s; the next round is in %.0f s", error, pause)
            self._gateway.wait(pause)
            return
        self._working = {s: block for s, block in self._working.items() if not block.ended}
        if self._working:
            orders = [block.order for block in self._working.values()]
            self._pacing.pause(orders, len(self._waiting), is_behind=self._is_behind)

    def _follow_clock(self, set_by: timedelta) -> None:
        """What was waited for is waited for as long as ever, whatever the clock was set to."""
        self._began += set_by
        for block in self._working.values():
            block.set_by(set_by)

    def _begin(self, now: datetime) -> None:
        """Begin the blocks whose symbol is free."""
        for row in list(self._waiting):
            if row.symbol not in self._working:
                self._working[row.symbol] = WorkingBlock.begin(self._ledger, row, now)
                self._waiting.remove(row)
                self._pacing.restart()

    # --- what became of the orders -----------------------------------------------------------

    def _learn(self, moment: Moment) -> None:
        """Learn where the orders in flight stand; post what filled of those that ended."""
        live = [block for block in self._working.values() if block.order is not None]
        if not live:
            return
        latest = self._gateway.orders_since(self._since)
        ended: list[tuple[WorkingBlock, BrokerOrder]] = []
        for block in live:
            assert block.order is not None
            found = latest.get(block.order.name) or self._gateway.order(block.order.name)
            if found is None:
                self._not_found(block, block.order, moment)
                continue
            if block.is_unknown:
                record_found(self._ledger, found)
            block.order.found = found
            if found.state.ended:
                ended.append((block, found))
        executions = self._executions(order for _, order in ended)
        for block, order in ended:
            if order.filled_quantity > 0 and not self._post(
                block, order, executions.get(order.order_id, [])
            ):
                continue  # the executions are not all readable yet: look again next round
            record_end(self._ledger, order, moment.now)
            block.last_state = order.state
            block.last_message = (block.order and block.order.why_cancelled) or ""
            block.order = None

    def _not_found(self, block: WorkingBlock, order: InFlight, moment: Moment) -> None:
        """Nobody knows of the order: keep looking, then send it again, or give it up."""
        if order.found is not None:
            return  # it was there before: a reading that leaves it out is no news
        order.since = order.since or moment.now
        order.looks += 1
        if order.looks < LOOKS or moment.now - order.since < timedelta(seconds=LOOK_SECONDS):
            return
        if moment.now >= self._closes_at or not moment.is_open:
            record_not_accepted(self._ledger, order.name, moment.now)
            block.last_state, block.order = "not_accepted", None
        elif self._is_old(moment.now) or not self._gateway.budget.can_spare():
            self._is_behind = True  # looking for it took long, as where no calls were left
        elif self._left() >= NO_ORDERS and not self._steps.obstacle(order, self._pacing.rails()):
            self._send_again(order)

    def _send_again(self, order: InFlight) -> None:
        now = self._clock.estimate()
        order.since, order.looks = now, 0
        order.until = now + patience(order.intent.limit_price)
        order.found = send_again(self._gateway, self._ledger, order.intent)

    def _executions(self, orders: Iterable[BrokerOrder]) -> dict[str, list[Execution]]:
        """The executions of `orders`, and of others, by order; read only if one has any."""
        filled = [order for order in orders if order.filled_quantity > 0]
        if not filled:
            return {}
        first = min(order.submitted_at or self._since for order in filled)
        return self._gateway.executions(first - MARGIN)

    def _post(self, block: WorkingBlock, order: BrokerOrder, executions: list[Execution]) -> bool:
        """Post an ended order's executions; False while the broker does not list them all.

        Executions that the venue has taken back are still listed, and off the order's quantity.
        """
        distinct = {execution.execution_id: execution for execution in executions}.values()
        if sum((execution.quantity for execution in distinct), ZERO) < order.filled_quantity:
            return False
        try:
            post_executions(self._ledger, order.client_order_id, list(distinct))
        except LedgerError as error:
            # Only this symbol suffers; the reconciliation will find what is missing.
            _log.error("%s: %s", block.block_id, error)
            end_block(self._ledger, block.block_id, "failed", str(error), self._clock.estimate())
            block.ended = True
        return True

    # --- the next steps ----------------------------------------------------------------------

    def _move(self, moment: Moment, rails: Rails) -> bool:
        """Take the blocks that can move one step on; True when an order was sent or taken back."""
        may_send, _ = self._may_send(moment)
        movable = [
            block
            for block in self._working.values()
            if not block.ended
            and (block.order is None or self._is_to_end(block.order, rails, moment, may_send))
        ]
        for block in movable:
            if _must_end(block, may_send):
                self._end_order(block, moment.now)
        # Then blocks that are not in the market before those whose order's time is up.
        movable = sorted(
            (block for block in movable if not _must_end(block, may_send)),
            key=lambda block: block.order is not None,
        )
        quotes = self._gateway.quotes(block.symbol for block in movable if not block.is_unknown)
        began, rails = self._clock.estimate(), self._pacing.rails()
        sent = False
        for block in movable:
            now, (may_send, late) = self._clock.estimate(), self._may_send(moment)
            if self._is_old(began) or not self._gateway.budget.can_spare():
                self._is_behind = True
                break
            quote = quotes.get(block.symbol)
            if block.order is None:
                sent |= self._steps.next(
                    block, quote, now, rails=rails, may_send=may_send, late=late
                )
            elif late or not may_send or not self._steps.same_again(block, quote, now):
                self._end_order(block, now)
                sent = True
        return sent

    def _is_old(self, read_at: datetime) -> bool:
        """Whether what was read then is too old to act on."""
        return self._clock.estimate() - read_at > ROUND_LENGTH

    def _may_send(self, moment: Moment) -> tuple[bool, bool]:
        """Whether an order may be sent now, and whether it is too late for a limit."""
        return moment.is_open and self._left() >= NO_ORDERS, self._left() < MARKET_ONLY

    def _left(self) -> timedelta:
        return self._closes_at - self._clock.estimate()

    def _is_to_end(self, order: InFlight, rails: Rails, moment: Moment, may_send: bool) -> bool:
        """Whether an order's time is up, or a rail forbids it."""
        if not order.cancelling:
            order.why_cancelled = self._steps.obstacle(order, rails) or ""
            if order.why_cancelled or not may_send:
                return True
        return moment.now >= order.until

    def _end_order(self, block: WorkingBlock, now: datetime) -> None:
        """Ask for the end of a block's order; one that nobody has found cannot be asked for."""
        if block.order is not None and block.order.found is not None:
            self._gateway.cancel(block.order.found.order_id)
            block.order.cancelling, block.order.until = True, now + CANCEL_WAIT


def _must_end(block: WorkingBlock, may_send: bool) -> bool:
    """Whether a block's order may not stay in the market, however few calls are left."""
    return block.order is not None and (not may_send or bool(block.order.why_cancelled))
