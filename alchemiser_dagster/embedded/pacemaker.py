"""Moving the clock in the modes in which nobody moves it by hand."""

import time
from collections.abc import Callable
from datetime import timedelta

from alchemiser_dagster.embedded.brokerage import Brokerage
from alchemiser_dagster.embedded.clock import ClockMode

READINGS = ("/v2/orders", "/v2/clock", "/v2/positions", "/v2/stocks/")


class Pacemaker:
    """Brings the account's clock up to date before a request is served."""

    def __init__(
        self,
        broker: Brokerage,
        mode: ClockMode,
        wall_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._mode = mode
        self._wall_seconds = wall_seconds
        self._wall_at_sync = wall_seconds()

    def before(self, method: str, path: str) -> None:
        """Let the time pass that this request takes in the clock's mode."""
        match self._mode.kind:
            case "per_request":
                if method == "GET" and path.startswith(READINGS):
                    self._advance(self._mode.step)
            case "scaled":
                wall = self._wall_seconds()
                elapsed, self._wall_at_sync = wall - self._wall_at_sync, wall
                self._advance(timedelta(seconds=elapsed * self._mode.speed))
            case "manual":
                pass

    def tick(self) -> None:
        """Let the clock follow the wall while nobody asks for anything."""
        if self._mode.kind == "scaled":
            self.before("", "")

    def _advance(self, step: timedelta) -> None:
        if step > timedelta(0):
            with self._broker.unit():
                self._broker.timeline.advance_to(self._broker.state.now + step)
