"""Deterministic order ids: the same intent always has the same name.

    {environment}.{yyyymmdd}.{generation}.{book}.{SYMBOL}.{B|S}.s{step}

The id is written to the ledger before the order is sent, and the broker refuses a second order of
the same id, so an intent is sent at most once whatever happens in between.
"""

from datetime import date
from hashlib import sha256

LONGEST_BOOK = 16
LONGEST_ID = 48
"""The older of the broker's two documented limits; the newer one is 128."""


def client_order_id(
    environment: str, session: date, book: str, symbol: str, side: str, step: int
) -> str:
    """The id of one order. `environment` is a letter: e(mbedded), p(aper) or l(ive)."""
    name = ".".join(
        [
            environment[0],
            session.strftime("%Y%m%d"),
            "0",
            book_code(book),
            symbol.replace(".", "-"),
            side[0].upper(),
            f"s{step}",
        ]
    )
    if len(name) > LONGEST_ID:
        raise ValueError(f"expected an order id of at most {LONGEST_ID} characters, was {name!r}")
    return name


def book_code(book: str) -> str:
    """At most 16 characters that stand for a book: its name, or a prefix and a hash of it."""
    if len(book) <= LONGEST_BOOK:
        return book
    return book[: LONGEST_BOOK - 7] + "_" + sha256(book.encode()).hexdigest()[:6]
