"""A circuit breaker: after failures in a row, leave the broker alone for a while.

    closed ── 3 failures in a row ──► open, 30 s ──► one attempt ── fails ──► open, 30 s
       ▲                                                 └─ works, twice ──► closed

Failures are of transport: no answer, or none that could be read. A refusal is an answer.
"""

from dataclasses import dataclass

FAILURES = 3
OPEN_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 2.0
SUCCESSES = 2


@dataclass
class Breaker:
    """Counts attempts; says how long to pause after a failure."""

    is_open: bool = False
    _failures: int = 0
    _successes: int = 0

    def failed(self) -> float:
        """Note a failure; the seconds to pause before the next attempt."""
        self._failures, self._successes = self._failures + 1, 0
        if self.is_open or self._failures >= FAILURES:
            self.is_open = True
            return OPEN_SECONDS
        return FIRST_PAUSE_SECONDS

    def worked(self) -> None:
        """Note a success."""
        self._successes += 1
        if not self.is_open or self._successes >= SUCCESSES:
            self.is_open, self._failures = False, 0
