"""Deterministic order ids: the same intent always has the same name.

    {environment}.{yyyymmdd}.{generation}.n{round}.{SYMBOL}.{B|S}.a{attempt}.s{step}
    p.20260213.0.n2.TQQQ.B.a1.s2

The id is written to the ledger before the order is sent, and the broker refuses a second order of
the same id, so an intent is sent at most once whatever happens in between. `n` stands for the net
of all books, which have no part in the name: the ledger says what each of them gets.
"""

from datetime import date

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
