"""What a fault can do to the line an answer goes over: make it wait, drop it, cut it short.

The rules in `faults` say what happens; how it is done depends on who serves. Behind a socket the
line is TCP and waiting takes real time (`SocketLine`); in process there is neither, and waiting
moves the simulated clock (`in_process`).
"""

import asyncio
import socket
import struct
from typing import Protocol

from starlette.types import Send

SETTLING_SECONDS = 0.01


class Line(Protocol):
    """The way back to the client. `raw` is the server's own `send`, which knows the connection."""

    async def wait(self, seconds: float) -> None:
        """Let `seconds` pass before the request goes on."""

    async def reset(self, raw: Send) -> None:
        """Drop the connection, whatever has been sent."""

    async def cut(self, raw: Send) -> None:
        """Close the connection after what has been sent, although more was announced."""


class SocketLine:
    """A line of uvicorn's, over TCP."""

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def reset(self, raw: Send) -> None:
        transport = _transport(raw)
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        await asyncio.sleep(SETTLING_SECONDS)

    async def cut(self, raw: Send) -> None:
        _transport(raw).close()
        await asyncio.sleep(SETTLING_SECONDS)


def _transport(raw: Send) -> asyncio.WriteTransport:
    """The connection behind uvicorn's `send`, which is a method of its request cycle."""
    cycle = getattr(raw, "__self__", None)
    transport: asyncio.WriteTransport = cycle.transport  # type: ignore[union-attr]
    return transport
