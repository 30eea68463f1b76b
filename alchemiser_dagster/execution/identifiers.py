"""Deterministic order ids: the same intent always has the same name.

    {environment}.{yyyymmdd}.{generation}.n{round}.{SYMBOL}.{B|S}.a{attempt}.s{step}
    p.20260213.0.n2.TQQQ.B.a1.s2

The id is written to the ledger before the order is sent, and the broker refuses a second order of
the same id, so an intent is sent at most once whatever happens in between. `n` stands for the net
of all books, which have no part in the name: the ledger says what each of them gets.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime

LONGEST_ID = 48
"""The older of the broker's two documented limits; the newer one is 128."""


def client_order_id(
    environment: str, session: date, symbol: str, side: str, *, round_: int, attempt: int, step: int
) -> str:
    """The id of one order. `environment` is a letter: e(mbedded), p(aper) or l(ive)."""
    name = ".".join(
        [
            environment[0],
            session.strftime("%Y%m%d"),
            "0",
            f"n{round_}",
            symbol.replace(".", "-"),
            side[0].upper(),
            f"a{attempt}",
            f"s{step}",
        ]
    )
    if len(name) > LONGEST_ID:
        raise ValueError(f"expected an order id of at most {LONGEST_ID} characters, was {name!r}")
    return name


_NAME = re.compile(
    r"(?P<environment>[epl])\.(?P<day>\d{8})\.\d+\.(?P<owner>[a-z][a-z0-9_]*)"
    r"\.(?P<symbol>[A-Z0-9-]+)\.(?P<side>[BS])\.a(?P<attempt>\d+)\.s(?P<step>\d+)"
)
_NET = re.compile(r"n(\d+)")


@dataclass(frozen=True)
class OrderName:
    """What an order's id says. `owner` is `n` and the round, or the book that it is for."""

    environment: str
    session: date
    owner: str
    symbol: str
    side: str
    attempt: int
    step: int

    @property
    def round_(self) -> int | None:
        """The round of an order for all books; None of one that is for a book by itself."""
        found = _NET.fullmatch(self.owner)
        return int(found[1]) if found else None


def parse_order_id(name: str) -> OrderName | None:
    """What an id of this form says; None for any other, which says nothing."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        session = datetime.strptime(found["day"], "%Y%m%d").date()  # noqa: DTZ007 - no time in it
    except ValueError:
        return None
    return OrderName(
        environment=found["environment"],
        session=session,
        owner=found["owner"],
        symbol=found["symbol"].replace("-", "."),
        side={"B": "buy", "S": "sell"}[found["side"]],
        attempt=int(found["attempt"]),
        step=int(found["step"]),
    )
