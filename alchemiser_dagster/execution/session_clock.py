"""The broker's clock during a session, checked against time as it passes here.

What may be done follows from the broker's time, so no single reading is believed. The first time is
one that three readings in a row agree on. A later reading that does not fit the time that has
passed since the last one is not believed at once: the earlier reading, moved on by what has passed,
is. A clock that keeps to its new time is believed after all, and says by how much it was set.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from alchemiser_dagster.execution.errors import BrokerError
from alchemiser_dagster.execution.gateway import Gateway

LARGEST_JUMP = timedelta(seconds=5)
DOUBTS = 3
"""So many readings in a row that agree with each other are believed."""
MOST_READINGS = 9
"""A clock of which so many readings in a row do not agree has no time to tell."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Moment:
    """The time in the session, and whether the market is open.

    `set_by` is how far the clock was set since the last reading: moments that were reckoned from
    its earlier time are to be moved by as much.
    """

    now: datetime
    is_open: bool
    set_by: timedelta = timedelta(0)


class SessionClock:
    """Reads the broker's clock again and again; `estimate` does without it.

    Beginning takes three readings. Raises BrokerError where they never agree.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._last, self._read_at = gateway.clock().now, gateway.now()
        self._jump = timedelta(0)
        self._doubts = 0
        self._agree_on_a_time()

    def read(self) -> Moment:
        """The time and whether the market is open. Raises BrokerError."""
        said = self._gateway.clock()
        jump = said.now - self.estimate()
        if abs(jump) > LARGEST_JUMP and not self._is_lasting(jump):
            _log.warning("the broker's clock is off by %s, at %s", jump, said.now)
            return Moment(self.estimate(), said.is_open)
        self._doubts = 0
        set_by = jump if abs(jump) > LARGEST_JUMP else timedelta(0)
        self._last = said.now if set_by else max(said.now, self._last)
        self._read_at = self._gateway.now()
        return Moment(self._last, said.is_open, set_by)

    def estimate(self) -> datetime:
        """The last reading believed, moved on by the time that has passed since."""
        return self._last + timedelta(seconds=self._gateway.now() - self._read_at)

    def _agree_on_a_time(self) -> None:
        agreeing = 1
        for _ in range(MOST_READINGS - 1):
            said = self._gateway.clock().now
            agreeing = agreeing + 1 if abs(said - self.estimate()) <= LARGEST_JUMP else 1
            self._last, self._read_at = said, self._gateway.now()
            if agreeing == DOUBTS:
                return
        raise BrokerError(f"expected a steady clock at the broker, was {self._last} at last")

    def _is_lasting(self, jump: timedelta) -> bool:
        self._doubts = self._doubts + 1 if abs(jump - self._jump) <= LARGEST_JUMP else 1
        self._jump = jump
        return self._doubts >= DOUBTS
