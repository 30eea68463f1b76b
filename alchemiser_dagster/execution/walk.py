"""Walking the book: patient limit orders first, a market order last.

All trades of a phase walk side by side, one order in flight per symbol: a trade starts when its
symbol is free. Each round reads the clock, the orders and the quotes once for all of them.

One trade goes through its steps (`prices.py`) like this:

    quote ─► place ─► wait ─► filled? done
               ▲        └──► time is up ─► same price next? keep the order
               │                        └► cancel ─► terminal ─► post what filled
               └──────────── next step, for what is left ◄──────────┘

The quantity of a step is always what was intended less what has been filled and posted. Near the
close (120 s) the limits are left out; within 60 s of it no order is sent at all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from alchemiser_dagster.books.planning import DUST
from alchemiser_dagster.execution.broker import BrokerOrder, OrderState
from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.execution.identifiers import client_order_id
from alchemiser_dagster.execution.orders import Intent, adopt, look_up, place, send, withdraw
from alchemiser_dagster.execution.prices import MARKET_STEP, limit_price
from alchemiser_dagster.execution.quotes import Quote, problem
from alchemiser_dagster.ledger.posting import Execution, post_executions
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.ledger.trade_records import (
    ENDED_ORDERS,
    arrive_trade,
    end_trade,
    filled_quantity,
    orders_of,
)

LIMIT_WAIT = timedelta(seconds=10)
MARKET_WAIT = timedelta(seconds=30)
CANCEL_WAIT = timedelta(seconds=10)
"""A cancel that has not ended its order by then is asked for again: it may never have arrived."""
MARKET_ONLY = timedelta(seconds=120)
NO_ORDERS = timedelta(seconds=60)
ENDED_BY = timedelta(minutes=5)
"""After the close: a DAY order still open then is one the broker has lost track of."""
SESSION_LENGTH = timedelta(hours=12)
"""Orders and executions are read from this long before the close: all of the session's."""
POLL_SECONDS = (1.0, 2.0, 3.0, 4.0)
QUOTE_TRIES = 4


@dataclass(frozen=True)
class TradeToWalk:
    """A trade as the walk needs it; `quantity` is all that was intended, in shares."""

    trade_id: str
    book: str
    symbol: str
    side: str
    quantity: Decimal


@dataclass
class _Walking:
    """Where one trade stands in its walk. `order` is None between two steps."""

    trade: TradeToWalk
    left: Decimal
    step: int = 0
    order: BrokerOrder | None = None
    limit: Decimal | None = None
    until: datetime | None = None
    cancelling: bool = False
    bad_quotes: int = 0
    ended: bool = False


class Walk:
    """Walks the trades of one phase. `environment` goes into the order ids."""

    def __init__(
        self,
        gateway: Gateway,
        ledger: Ledger,
        *,
        environment: str,
        session: date,
        closes_at: datetime,
    ) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._environment = environment
        self._session = session
        self._closes_at = closes_at
        self._began = gateway.clock().now
        self._since = closes_at - SESSION_LENGTH

    def run(self, trades: Sequence[TradeToWalk]) -> None:
        """Bring every trade to its end. Trades that ended before are expected to be left out."""
        waiting = list(trades)
        working: dict[str, _Walking] = {}
        polls = 0
        while waiting or working:
            now = self._gateway.clock().now
            if now > max(self._closes_at, self._began) + ENDED_BY:
                names = ", ".join(sorted(walking.trade.trade_id for walking in working.values()))
                raise BrokerError(
                    f"expected every order to end with the session, was open: {names}"
                )
            for trade in list(waiting):
                if trade.symbol not in working:
                    waiting.remove(trade)
                    working[trade.symbol] = self._start(trade, now)
                    polls = 0
            self._read_orders(working, now)
            if self._move(working, now):
                polls = 0
            for symbol in [s for s, walking in working.items() if walking.ended]:
                del working[symbol]
            if working:
                self._gateway.wait(POLL_SECONDS[min(polls, len(POLL_SECONDS) - 1)])
                polls += 1

    def _start(self, trade: TradeToWalk, now: datetime) -> _Walking:
        """Begin a trade, or take it up where an interrupted run left it."""
        walking = _Walking(trade, left=trade.quantity)
        for row in orders_of(self._ledger, trade.trade_id):
            walking.step = row.step
            if row.state not in ENDED_ORDERS:
                intent = Intent(
                    client_order_id=row.client_order_id,
                    trade_id=trade.trade_id,
                    step=row.step,
                    symbol=trade.symbol,
                    side=trade.side,
                    quantity=row.quantity,
                    limit_price=row.limit_price,
                )
                walking.order, walking.limit = self._resume(intent, now), row.limit_price
                walking.until = now + self._patience(row.limit_price)
            elif row.filled_quantity > 0 and not self._post(
                row.client_order_id,
                self._gateway.executions(self._since).get(row.broker_order_id, []),
                row.filled_quantity,
            ):
                # Its executions are not readable yet. Until they are posted it counts as in flight,
                # or what it filled would be ordered a second time.
                walking.order = BrokerOrder(
                    row.broker_order_id,
                    row.client_order_id,
                    OrderState(row.state),
                    row.filled_quantity,
                )
        walking.left = trade.quantity - filled_quantity(self._ledger, trade.trade_id)
        return walking

    def _resume(self, intent: Intent, now: datetime) -> BrokerOrder | None:
        """The order of an intent that an interrupted run wrote down.

        One the broker does not have is sent, but not when the session's time for orders is over: it
        would be traded in another session.
        """
        found = look_up(self._gateway, intent.client_order_id)
        if found is not None:
            adopt(self._ledger, found, now)
            return found
        now = self._gateway.clock().now  # looking it up has taken its time
        if self._closes_at - now < NO_ORDERS:
            withdraw(self._ledger, intent, now)
            return None
        return send(self._gateway, self._ledger, intent, now)

    def _read_orders(self, working: dict[str, _Walking], now: datetime) -> None:
        """Learn where the orders in flight stand; post what filled of those that ended."""
        live = [walking for walking in working.values() if walking.order is not None]
        if not live:
            return
        latest = self._gateway.orders_since(self._since)
        ended = []
        for walking in live:
            assert walking.order is not None
            name = walking.order.client_order_id
            order = latest.get(name) or self._gateway.order(name)
            if order is not None and order.state.ended:
                ended.append((walking, order))
        executions = self._executions(order for _, order in ended)
        for walking, order in ended:
            if order.filled_quantity > 0 and not self._post(
                order.client_order_id, executions.get(order.order_id, []), order.filled_quantity
            ):
                continue  # the executions are not all readable yet: look again next round
            adopt(self._ledger, order, now)
            walking.left = walking.trade.quantity - filled_quantity(
                self._ledger, walking.trade.trade_id
            )
            walking.order, walking.cancelling = None, False

    def _executions(self, orders: Iterable[BrokerOrder]) -> dict[str, list[Execution]]:
        """The session's executions by order, read once and only if one of `orders` has any."""
        if any(order.filled_quantity > 0 for order in orders):
            return self._gateway.executions(self._since)
        return {}

    def _post(self, name: str, executions: Sequence[Execution], filled: Decimal) -> bool:
        """Post an ended order's executions; False while the broker does not list them all."""
        if sum((execution.quantity for execution in executions), Decimal(0)) != filled:
            return False
        post_executions(self._ledger, name, executions)
        return True

    def _move(self, working: dict[str, _Walking], now: datetime) -> bool:
        """Take every trade that can move one step on; True when an order was sent."""
        movable = [
            walking
            for walking in working.values()
            if walking.order is None or self._is_time_up(walking, now)
        ]
        quotes = self._gateway.quotes(walking.trade.symbol for walking in movable)
        sent = False
        for walking in movable:
            quote = quotes.get(walking.trade.symbol)
            if walking.order is None:
                sent |= self._next_step(walking, quote, now)
            else:
                self._time_is_up(walking, quote, now)
        return sent

    def _next_step(self, walking: _Walking, quote: Quote | None, now: datetime) -> bool:
        trade = walking.trade
        if walking.left <= 0 or walking.step >= MARKET_STEP:
            self._end(walking, "the market order did not fill")
            return False
        if self._closes_at - now < NO_ORDERS:
            self._end(walking, "too close to the end of the session")
            return False
        fault = "no quote" if quote is None else problem(quote, now)
        if quote is None or fault is not None:
            walking.bad_quotes += 1
            if walking.bad_quotes >= QUOTE_TRIES:
                self._end(walking, f"no valid quote: {fault}")
            return False
        if trade.side == "buy" and walking.left * quote.ask < DUST:
            self._end(walking, f"what was left is worth less than {DUST}")
            return False
        walking.bad_quotes = 0
        if walking.step == 0:
            arrive_trade(self._ledger, trade.trade_id, quote.bid, quote.ask)
        late = self._closes_at - now < MARKET_ONLY
        walking.step = MARKET_STEP if late else walking.step + 1
        walking.limit = (
            None if walking.step == MARKET_STEP else limit_price(trade.side, walking.step, quote)
        )
        intent = Intent(
            client_order_id=client_order_id(
                self._environment, self._session, trade.book, trade.symbol, trade.side, walking.step
            ),
            trade_id=trade.trade_id,
            step=walking.step,
            symbol=trade.symbol,
            side=trade.side,
            quantity=walking.left,
            limit_price=walking.limit,
        )
        walking.order = place(self._gateway, self._ledger, intent, now)
        walking.until = now + self._patience(walking.limit)
        if walking.order is None:
            self._end(walking, orders_of(self._ledger, trade.trade_id)[-1].message)
        return True

    def _time_is_up(self, walking: _Walking, quote: Quote | None, now: datetime) -> None:
        """Cancel the order in flight, unless the next step would place the very same one."""
        assert walking.order is not None
        later = walking.step + 1
        same_again = (
            not walking.cancelling
            and walking.limit is not None
            and later < MARKET_STEP
            and self._closes_at - now >= MARKET_ONLY
            and quote is not None
            and problem(quote, now) is None
            and limit_price(walking.trade.side, later, quote) == walking.limit
        )
        if same_again:
            walking.step, walking.until = later, now + LIMIT_WAIT
            return
        self._gateway.cancel(walking.order.order_id)
        walking.cancelling, walking.until = True, now + CANCEL_WAIT

    def _end(self, walking: _Walking, why: str) -> None:
        """End a trade that has no order in flight."""
        filled = walking.trade.quantity - walking.left
        if walking.left <= 0:
            state, why = "filled", ""
        elif filled > 0:
            state = "partial"
        else:
            state = "failed"
        end_trade(self._ledger, walking.trade.trade_id, state, why)
        walking.ended = True

    def _is_time_up(self, walking: _Walking, now: datetime) -> bool:
        too_late = self._closes_at - now < NO_ORDERS and not walking.cancelling
        return too_late or (walking.until is not None and now >= walking.until)

    def _patience(self, limit: Decimal | None) -> timedelta:
        return MARKET_WAIT if limit is None else LIMIT_WAIT
