"""The broker's clock during a session, checked against time as it passes here.

What may be done follows from the broker's time. A reading that does not fit the time that has
passed since the last one is not believed at once: the earlier reading, moved on by what has passed,
is. A clock that keeps to its new time is believed after all.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from alchemiser_dagster.execution.gateway import Gateway

LARGEST_JUMP = timedelta(seconds=5)
DOUBTS = 3
"""So many readings in a row that agree with each other are believed."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Moment:
    """The time in the session, and whether the market is open."""

    now: datetime
    is_open: bool


class SessionClock:
    """Reads the broker's clock again and again; `estimate` does without it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._last = gateway.clock().now
        self._read_at = gateway.now()
        self._jump = timedelta(0)
        self._doubts = 0

    def read(self) -> Moment:
        """The time and whether the market is open. Raises BrokerError."""
        said = self._gateway.clock()
        jump = said.now - self.estimate()
        if abs(jump) > LARGEST_JUMP and not self._is_lasting(jump):
            _log.warning("the broker's clock is off by %s, at %s", jump, said.now)
            return Moment(self.estimate(), said.is_open)
        self._doubts = 0
        self._last = said.now if abs(jump) > LARGEST_JUMP else max(said.now, self._last)
        self._read_at = self._gateway.now()
        return Moment(self._last, said.is_open)

    def estimate(self) -> datetime:
        """The last reading believed, moved on by the time that has passed since."""
        return self._last + timedelta(seconds=self._gateway.now() - self._read_at)

    def _is_lasting(self, jump: timedelta) -> bool:
        self._doubts = self._doubts + 1 if abs(jump - self._jump) <= LARGEST_JUMP else 1
        self._jump = jump
        return self._doubts >= DOUBTS
