"""How long the walk pauses between two rounds.

    steps are left over, calls are left       no pause
    steps are left over, no calls are left    until the broker's next minute of calls
    orders to come need most of the calls     until the first order's time is up
    otherwise                                 1, 2, 3, 4, 4, ... seconds since the last order, or
                                              until the broker's stream has news

The ledger is not the broker: its rails are looked at every few seconds of any pause, and a pause
ends when they change, so that an operator's halt does not wait for the broker's minute.
"""

from collections.abc import Sequence
from datetime import datetime

from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.orders import InFlight
from alchemiser_dagster.execution.session_clock import SessionClock
from alchemiser_dagster.ledger.rails import Rails, rail_state

POLL_SECONDS = (1.0, 2.0, 3.0, 4.0)
RAILS_SECONDS = 4.0
ROUND_CALLS = 3
"""A round without orders: clock, orders, executions or quotes."""
SHORTEST_PAUSE = 0.1


class Pacing:
    """Pauses between the rounds of one walk; none goes beyond one of the `deadlines`."""

    def __init__(self, desk: Desk, clock: SessionClock, deadlines: Sequence[datetime]) -> None:
        self._gateway = desk.gateway
        self._ledger = desk.ledger
        self._clock = clock
        self._deadlines = deadlines
        self._polls = 0

    def restart(self) -> None:
        """An order was sent: it is looked at soon."""
        self._polls = 0

    def rails(self) -> Rails:
        """The rails as they are now."""
        with self._ledger.read() as connection:
            return rail_state(connection)

    def pause(self, orders: Sequence[InFlight | None], waiting: int, *, is_behind: bool) -> None:
        """Pause. `orders` are those in flight, None for a block that has none now.

        `waiting` blocks have not begun, and with `is_behind` there are steps left over.
        """
        budget = self._gateway.budget
        if is_behind:
            if not budget.can_spare():
                self._wait(budget.next_minute or POLL_SECONDS[-1])
            return
        seconds = POLL_SECONDS[min(self._polls, len(POLL_SECONDS) - 1)]
        self._polls += 1
        interval = budget.interval(ROUND_CALLS, kept=_calls_to_come(orders) + waiting)
        least = min(interval, self._idle_seconds(orders))
        if least >= SHORTEST_PAUSE:
            self._wait(least)
            seconds -= least
        if seconds > 0:
            self._gateway.wait_for_news(seconds)

    def _wait(self, seconds: float) -> None:
        now, rails = self._clock.estimate(), self.rails()
        left = min([seconds, *((t - now).total_seconds() for t in self._deadlines if t > now)])
        while left > 0 and self.rails() == rails:
            self._gateway.wait(min(left, RAILS_SECONDS))
            left -= RAILS_SECONDS

    def _idle_seconds(self, orders: Sequence[InFlight | None]) -> float:
        """Seconds until the first order's time is up; 0 where something is waited for."""
        if not all(order is not None and order.found and not order.cancelling for order in orders):
            return 0.0
        first = min(order.until for order in orders if order is not None)
        return max(0.0, (first - self._clock.estimate()).total_seconds())


def _calls_to_come(orders: Sequence[InFlight | None]) -> int:
    """About so many calls the next steps will take: an order, and of a limit its cancel."""
    limits = sum(1 for o in orders if o is not None and o.intent.limit_price is not None)
    return 2 * limits + sum(1 for order in orders if order is None)
