"""I6: the books made again from the journal are the books, and the journal's chain is whole."""

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal

from tests.simulation.tables import ZERO, Tables, added

FIRST_HASH = "0" * 64


def chain(tables: Tables) -> Iterator[str]:
    """Every entry of the journal is sealed with the one before it."""
    previous, expected = FIRST_HASH, 1
    for sequence, kind, payload, before, own in tables.rows(
        "SELECT sequence, kind, payload, previous_hash, hash FROM journal ORDER BY sequence"
    ):
        sealed = hashlib.sha256(f"{before}\n{kind}\n{payload}".encode()).hexdigest()
        if (sequence, before, own) != (expected, previous, sealed):
            yield f"I6: entry {sequence} of the journal does not follow the one before it"
            return
        previous, expected = own, sequence + 1


def rebuilt(tables: Tables) -> Iterator[str]:
    """Shares and cash by book, made from the journal alone."""
    shares: list[tuple[tuple[str, str], Decimal]] = []
    cash: list[tuple[str, Decimal]] = []
    lots: dict[str, tuple[str, str]] = {}
    for kind, payload in tables.rows("SELECT kind, payload FROM journal ORDER BY sequence"):
        for row in json.loads(payload):
            if kind == "fills":
                lots[row["fill_id"]] = (row["book"], row["symbol"])
                sign = 1 if row["side"] == "buy" else -1
                quantity = sign * Decimal(row["quantity"])
                shares.append(((row["book"], row["symbol"]), quantity))
                cash.append((row["book"], -sign * Decimal(row["cash"])))
            elif kind == "lots":
                lots[row["lot_id"]] = (row["book"], row["symbol"])
                shares.append(((row["book"], row["symbol"]), Decimal(row["entry_quantity"])))
            elif kind == "lot_adjustments" and row["kind"] != "bust":
                shares.append((lots[row["lot_id"]], Decimal(row["quantity"])))
            elif kind == "cash_entries":
                cash.append((row["book"], Decimal(row["amount"])))
    rebuilt_shares: dict[tuple[str, str], Decimal] = {}
    for key, quantity in shares:
        rebuilt_shares[key] = rebuilt_shares.get(key, ZERO) + quantity
    rebuilt_shares = {key: quantity for key, quantity in rebuilt_shares.items() if quantity}
    if rebuilt_shares != tables.positions():
        yield (f"I6: expected the journal's shares {rebuilt_shares}, was {tables.positions()}")
    booked = {book: amount for book, amount in tables.cash().items() if amount}
    if added(cash) != booked:
        yield f"I6: expected the journal's cash {added(cash)}, was {booked}"
