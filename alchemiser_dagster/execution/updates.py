"""The broker's stream of trade updates, as a hint that there is something to read.

What happened to an order is read from the broker's REST API, always: events of a stream may come
twice, out of order or not at all. But an event is a good reason to read at once instead of at the
end of a pause. So the stream only ever ends a pause early, and without it nothing changes but that.
"""

import logging
import threading
from collections.abc import Callable

from alpaca.trading.stream import TradingStream

_log = logging.getLogger(__name__)


class TradeUpdates:
    """Listens to an account's trade updates from the first `wait` on, in a thread of its own.

    `connect` makes the stream; the broker allows few connections, so there should be one of these
    a process.
    """

    def __init__(self, connect: Callable[[], TradingStream]) -> None:
        self._connect = connect
        self._stream: TradingStream | None = None
        self._news = threading.Event()

    def wait(self, seconds: float) -> None:
        """Pause for `seconds`, or until there is something to read."""
        if self._stream is None:
            self._listen()
        if self._news.wait(seconds):
            self._news.clear()

    def close(self) -> None:
        """Stop listening; harmless when not listening."""
        if self._stream is not None and getattr(self._stream, "_loop", None) is not None:
            self._stream.stop()
        self._stream = None

    def _listen(self) -> None:
        stream = self._connect()

        async def heard(_update: object) -> None:
            self._news.set()

        stream.subscribe_trade_updates(heard)
        self._stream = stream
        threading.Thread(
            target=self._run, args=(stream,), name="trade-updates", daemon=True
        ).start()

    def _run(self, stream: TradingStream) -> None:
        try:
            stream.run()
        except Exception:
            # A hint that does not come; the walk reads at the end of each pause all the same.
            _log.warning("the stream of trade updates ended", exc_info=True)
