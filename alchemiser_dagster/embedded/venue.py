"""The trading venue: which orders trade now, how long they last, and their meeting the market."""

from datetime import datetime, time, timedelta
from decimal import Decimal

from alchemiser_dagster.embedded.account import held_for_orders
from alchemiser_dagster.embedded.bookkeeping import Bookkeeper
from alchemiser_dagster.embedded.clock import (
    Phase,
    hours,
    new_york_date,
    next_close,
    next_open,
    phase_at,
)
from alchemiser_dagster.embedded.market import Market
from alchemiser_dagster.embedded.matching import Profile, match, reaches_stop, trail
from alchemiser_dagster.embedded.money import quantity_down
from alchemiser_dagster.embedded.multi_leg import try_to_fill_whole
from alchemiser_dagster.embedded.option_contracts import is_option
from alchemiser_dagster.embedded.orders import Execution, Order, OrderRequest
from alchemiser_dagster.embedded.paths import MINUTE, uniform
from alchemiser_dagster.embedded.prices import Quote
from alchemiser_dagster.embedded.realistic import Depth, minute_volume, shares_of, walk_the_book
from alchemiser_dagster.embedded.refusals import forbidden, unprocessable
from alchemiser_dagster.embedded.state import AssetFlags
from alchemiser_dagster.market.sessions import NEW_YORK, is_session, next_session

GOOD_TILL_CANCELED_DAYS = 90
GOOD_TILL_CANCELED_ENDS = time(16, 15)
CLOSING_MOMENT = timedelta(microseconds=1)
AUCTIONS = frozenset({"opg", "cls"})
IMMEDIATE = frozenset({"ioc", "fok"})
OPENING_CUT_OFF = time(9, 28)
CLOSING_CUT_OFF = timedelta(minutes=10)
AUCTION_ENTRY = time(19)


class Venue:
    """Trades the orders of the account in `books` on `market`, by the rules of `profile`."""

    def __init__(self, books: Bookkeeper, market: Market, profile: Profile) -> None:
        self.books = books
        self.market = market
        self.profile = profile

    def check_time_in_force(self, request: OrderRequest) -> None:
        """Raises RefusalError if the account may not use it, or it is too late for an auction.

        Orders for the closing auction end ten minutes before the close, early or not.
        """
        if request.time_in_force not in self.profile.times_in_force:
            raise unprocessable(
                f'time in force "{request.time_in_force}" is not enabled for this account'
            )
        if request.time_in_force not in AUCTIONS:
            return
        if request.type not in ("market", "limit"):
            raise unprocessable(f"{request.time_in_force} orders must be market or limit orders")
        now = self.books.state.now
        day = new_york_date(now)
        local = now.astimezone(NEW_YORK).time()
        if not is_session(day) or local >= AUCTION_ENTRY:
            return
        if request.time_in_force == "opg" and local >= OPENING_CUT_OFF:
            raise forbidden("opg orders must be submitted after 7:00pm and before 9:28am")
        if request.time_in_force == "cls" and now >= hours(day).close - CLOSING_CUT_OFF:
            last = (hours(day).close - CLOSING_CUT_OFF).astimezone(NEW_YORK)
            raise forbidden(
                f"cls orders must be submitted after 7:00pm and before {last:%-I:%M%p}".lower()
            )

    def expiry(self, time_in_force: str, extended_hours: bool) -> datetime:
        """When an order that comes now ends by itself."""
        now = self.books.state.now
        if time_in_force == "gtc":
            last_day = new_york_date(now) + timedelta(days=GOOD_TILL_CANCELED_DAYS)
            ends = datetime.combine(last_day, GOOD_TILL_CANCELED_ENDS, NEW_YORK)
            return ends.astimezone(now.tzinfo)
        if time_in_force == "opg":
            return next_open(now)
        if not extended_hours:
            return next_close(now)
        today = new_york_date(now)
        if is_session(today) and now < hours(today).post_market:
            return hours(today).post_market
        return hours(next_session(today)).post_market

    def activate(self, order: Order) -> None:
        """Bring a queued order to the market."""
        order.status = "new"
        order.updated_at = self.books.stamp()
        self.books.record(order, "new", order.updated_at)

    def reaches_market(self, order: Order) -> bool:
        """Whether the present part of the session trades `order`."""
        if order.time_in_force in AUCTIONS:
            return False
        phase = phase_at(self.books.state.now)
        if phase is Phase.REGULAR:
            return True
        return order.extended_hours and phase is not Phase.CLOSED

    def try_to_fill(self, order: Order, at_close: bool = False) -> None:
        """Match `order` with the quote of this moment, or of the last one before the close."""
        if order.legs:
            try_to_fill_whole(order, self.books, self.market)
        elif not self._is_halted(order.symbol):
            self._meet_market(order, at_close)
        if order.time_in_force in IMMEDIATE and order.is_open:
            self.books.end(order, "canceled")

    def fill_now(self, order: Order, qty: Decimal | None = None) -> None:
        """Fill `qty` of an order, or all that remains, at its limit or else at the touch."""
        quote = self.market.quote(order.symbol, self.books.state.now)
        assert quote is not None, f"expected a quote of {order.symbol}"
        price = order.limit_price or (quote.ask if order.is_buy else quote.bid)
        most = order.remaining if order.qty is not None else order.held_shares
        self.books.fill(order, Execution(min(qty or most, most), price))

    def auction(self, order: Order) -> None:
        """Fill an auction order at the price that opens or closes the session, or cancel it."""
        self.activate(order)
        now = self.books.state.now
        traded = self.market.path(order.symbol, new_york_date(now)) is not None
        if traded and not self._is_halted(order.symbol):
            trade = self.market.trade(order.symbol, now)
            assert trade is not None
            limit = order.limit_price
            if limit is None or (trade.price <= limit if order.is_buy else trade.price >= limit):
                self.books.fill(order, Execution(order.remaining, trade.price))
        if order.is_open:
            self.books.end(order, "canceled")

    def _meet_market(self, order: Order, at_close: bool) -> None:
        moment = self.books.state.now - CLOSING_MOMENT if at_close else self.books.state.now
        trade = self.market.trade(order.symbol, moment)
        if trade is None or _is_out_of_reach(order, trade.price):
            return
        quote = self.market.quote(order.symbol, moment)
        if quote is None:
            return
        if order.waits_for_stop:
            if order.type == "trailing_stop" and trail(order, trade.price):
                self.books.touch(order)
            if not reaches_stop(order, trade.price):
                return
            order.triggered = True
            self.books.touch(order)
        executions = self._executions(order, quote, trade.price, moment)
        for execution in executions:
            self.books.fill(order, execution)
        if not executions and not order.resting:
            order.resting = True
            self.books.touch(order)

    def _executions(
        self, order: Order, quote: Quote, last: Decimal, moment: datetime
    ) -> list[Execution]:
        if self.profile.participation is None or is_option(order.symbol):
            execution = match(order, quote, self.profile, self.books.seed)
            executions = [] if execution is None else [self._within_size(execution, order, quote)]
        else:
            depth = self._depth(order, moment, self.profile.participation)
            chance = uniform(self.books.seed, "touch", order.id, moment.isoformat())
            executions = walk_the_book(order, quote, last, depth, chance)
        if order.qty is None and executions:
            within = self._within_position(order, executions[0])
            return [] if within is None else [within]
        return executions

    def _within_size(self, execution: Execution, order: Order, quote: Quote) -> Execution:
        """Where volume counts, no more options than are shown."""
        if self.profile.participation is None:
            return execution
        shown = Decimal(quote.ask_size if order.is_buy else quote.bid_size)
        return Execution(min(execution.qty, shown), execution.price)

    def _depth(self, order: Order, moment: datetime, participation: float) -> Depth:
        today = hours(new_york_date(moment))
        volume = self.market.usual_volume(order.symbol, today.session)
        if moment == today.open:
            trade = self.market.trade(order.symbol, moment)
            assert trade is not None
            return Depth(shares_of(volume * self.profile.opening_share), trade.price)
        minutes = (today.close - today.open) / MINUTE
        elapsed = min(1.0, max(0.0, (moment - today.open) / MINUTE / minutes))
        return Depth(shares_of(participation * minute_volume(volume, int(minutes), elapsed)))

    def _within_position(self, order: Order, execution: Execution) -> Execution | None:
        """A closing order in dollars, at a worse price than it was taken at, gets what is free."""
        if not order.position_intent.endswith("to_close"):
            return execution
        state = self.books.state
        others = held_for_orders(state, order.symbol) - order.held_shares
        free = quantity_down(abs(state.positions[order.symbol].qty) - others)
        return Execution(min(execution.qty, free), execution.price) if free > 0 else None

    def _is_halted(self, symbol: str) -> bool:
        return self.books.state.asset_flags.get(symbol, AssetFlags()).halted


def _is_out_of_reach(order: Order, price: Decimal) -> bool:
    """Whether a resting order cannot fill while the middle of the quote is beyond its limit."""
    limit = order.limit_price
    if not order.resting or limit is None or order.waits_for_stop:
        return False
    return price > limit if order.is_buy else price < limit
