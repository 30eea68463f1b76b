"""A program that dies: at one of the commits or requests that it passes, whichever is the n-th."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter
from sqlalchemy import Connection

from alchemiser_dagster.ledger.store import Ledger


class Killed(BaseException):
    """The program dies here. Not an Exception: nothing in it may catch this."""


class Fuse:
    """Counts the commits and requests that the program passes, and kills it at one of them."""

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            self.left = None
            raise Killed


class FusedLedger(Ledger):
    """A ledger in which the program may die before, in and after every transaction."""

    def __init__(self, path: Path, fuse: Fuse) -> None:
        super().__init__(f"sqlite:///{path}")
        self._fuse = fuse

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self._fuse.burn()
        with super().write() as connection:
            yield connection
            self._fuse.burn()
        self._fuse.burn()


class FusedTransport(BaseAdapter):
    """What the program's requests are sent with; it may die before and after every one."""

    def __init__(self, adapter: BaseAdapter, fuse: Fuse) -> None:
        super().__init__()
        self._adapter = adapter
        self._fuse = fuse

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        self._fuse.burn()
        answer = self._adapter.send(request, stream=stream, timeout=timeout)
        self._fuse.burn()
        return answer

    def close(self) -> None:
        """There is nothing to close."""
