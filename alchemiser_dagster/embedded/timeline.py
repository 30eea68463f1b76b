"""Time passing: what happens, and in which order, while the clock moves.

The clock stops at every start and end of a phase of a session, and at every minute while an order
is on the market, so that however far it is moved nothing is skipped:

    04:00            splits; yesterday's holdings become overnight holdings, and get dividends
                     due; extended-hours orders trade
    open             the opening auction; queued orders join, every order meets the opening quote
    each minute      matching, in order of arrival
    close            a last match, the closing auction; day orders and options expire, fees
    end of post-market   extended-hours day orders expire
"""

from datetime import datetime, timedelta

from alchemiser_dagster.embedded.account import close_of_day
from alchemiser_dagster.embedded.clock import Phase, hours, new_york_date, next_boundary, phase_at
from alchemiser_dagster.embedded.dividends import dividend_on
from alchemiser_dagster.embedded.money import cents, plain
from alchemiser_dagster.embedded.option_contracts import is_option
from alchemiser_dagster.embedded.option_settlement import OptionSettlement
from alchemiser_dagster.embedded.orders import ON_MARKET
from alchemiser_dagster.embedded.realistic import day_fees
from alchemiser_dagster.embedded.splits import apply_splits
from alchemiser_dagster.embedded.state import DayTotals
from alchemiser_dagster.embedded.venue import Venue
from alchemiser_dagster.market.sessions import is_session

MINUTE = timedelta(minutes=1)


class PastError(ValueError):
    """The clock was asked to go back."""


class Timeline:
    """Moves the clock of the account that trades at `venue`."""

    def __init__(self, venue: Venue, options: OptionSettlement) -> None:
        self._venue = venue
        self._books = venue.books
        self._options = options

    def advance_to(self, moment: datetime) -> None:
        """Move the clock to `moment`, playing all that happens on the way.

        Raises PastError if `moment` is before the clock.
        """
        state = self._books.state
        if moment < state.now:
            raise PastError(f"expected a time at or after {state.now}, was {moment}")
        while state.now < moment:
            state.now = min(moment, self._next_stop())
            self._happen()

    def _next_stop(self) -> datetime:
        now = self._books.state.now
        stop = next_boundary(now)
        if phase_at(now) is Phase.REGULAR and self._has_working_orders():
            stop = min(stop, now.replace(second=0, microsecond=0) + MINUTE)
        return stop

    def _has_working_orders(self) -> bool:
        return any(order.status in ON_MARKET for order in self._books.state.orders.values())

    def _happen(self) -> None:
        now = self._books.state.now
        day = new_york_date(now)
        if not is_session(day):
            return
        today = hours(day)
        if now == today.close:
            self._match(at_close=True)
            self._auction("cls")
            self._expire()
            self._options.expire()
            self._charge_fees()
            self._record_close()
            self._match()
        elif now == today.post_market:
            self._expire()
        elif now == today.pre_market:
            apply_splits(self._books, self._venue.market)
            self._carry_overnight()
            self._pay_dividends()
            self._join()
            self._match()
        elif now == today.open:
            self._auction("opg")
            self._join()
            self._match()
        else:
            self._match()

    def _join(self) -> None:
        """Bring queued orders to the market; those that stand there meet a new opening."""
        for order in list(self._books.state.orders.values()):
            if order.status == "accepted" and self._venue.reaches_market(order):
                self._venue.activate(order)
            elif order.resting:
                order.resting = False
                self._books.touch(order)

    def _match(self, at_close: bool = False) -> None:
        for order in list(self._books.state.orders.values()):
            if order.parent_id is not None:
                continue
            if order.status in ON_MARKET and (at_close or self._venue.reaches_market(order)):
                self._venue.try_to_fill(order, at_close)

    def _auction(self, time_in_force: str) -> None:
        for order in list(self._books.state.orders.values()):
            if order.time_in_force == time_in_force and order.status == "accepted":
                self._venue.auction(order)

    def _expire(self) -> None:
        state = self._books.state
        for order in list(state.orders.values()):
            if order.is_open and order.expires_at <= state.now:
                self._books.end(order, "expired")

    def _carry_overnight(self) -> None:
        for position in self._books.state.positions.values():
            if position.overnight_qty != position.qty:
                position.overnight_qty = position.qty
                self._books.changes.positions.add(position.symbol)

    def _pay_dividends(self) -> None:
        """Pay holders, and charge the short, on the ex-date."""
        if not self._venue.profile.costs:
            return
        state = self._books.state
        for symbol in sorted(state.positions):
            position = state.positions[symbol]
            if is_option(symbol):
                continue
            found = dividend_on(self._venue.market.bars[symbol], new_york_date(state.now))
            if found is None:
                continue
            amount = cents(position.qty * found.per_share)
            details = {
                "symbol": symbol,
                "qty": plain(position.qty),
                "per_share_amount": plain(found.per_share),
            }
            self._books.add_cash_activity("DIV", amount, details)

    def _charge_fees(self) -> None:
        state = self._books.state
        if self._venue.profile.costs:
            for kind, fee in day_fees(state.day_totals, new_york_date(state.now)).items():
                details = {"description": f"{kind} fee"}
                self._books.add_cash_activity("FEE", -fee, details)
        state.day_totals = DayTotals()

    def _record_close(self) -> None:
        state = self._books.state
        close = close_of_day(state, self._venue.market, new_york_date(state.now))
        state.close_before, state.last_close = state.last_close, close
        self._books.changes.closes.append(close)
