"""Counting requests, and refusing those over the limit.

The limit is per minute, as Alpaca's is: of wall time behind a socket, of simulated time in process.
The headers of every answer tell how much of the running minute's allowance is left, and when, in
seconds since 1970 on the same clock, the next one begins.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW_SECONDS = 60
UNLIMITED = 1_000_000


@dataclass(slots=True)
class Traffic:
    """Requests of the running minute and since the start; `limit` is requests per minute.

    `seconds` reads the clock whose minutes count, in seconds since 1970.
    """

    limit: int | None = None
    seconds: Callable[[], float] = time.time
    requests: int = 0
    server_errors: int = 0
    unknown_paths: dict[str, int] = field(default_factory=dict)
    _window: int = 0
    _in_window: int = 0

    def admit(self) -> bool:
        """Count a request; False if it is over the limit."""
        window = int(self.seconds()) // WINDOW_SECONDS
        if window != self._window:
            self._window, self._in_window = window, 0
        self._in_window += 1
        self.requests += 1
        return self._in_window <= self._allowance

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self._allowance),
            "X-RateLimit-Remaining": str(max(0, self._allowance - self._in_window)),
            "X-RateLimit-Reset": str((self._window + 1) * WINDOW_SECONDS),
        }

    @property
    def _allowance(self) -> int:
        return UNLIMITED if self.limit is None else self.limit
