"""Posting the ledger's own facts into its shadow, by the functions that posted them first.

Each is posted once, by its own id, however often it is given.
"""

from collections import Counter
from datetime import timedelta

from sqlalchemy import Connection, insert, select, update

from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.ledger.account_activity import plain
from alchemiser_dagster.ledger.attribution import attribute
from alchemiser_dagster.ledger.holders import shares_before
from alchemiser_dagster.ledger.journal import append, enter, entries
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.own_facts import (
    Attributed,
    BookNamed,
    CashEntered,
    Crossed,
    OwnFact,
    SharesFound,
)
from alchemiser_dagster.ledger.posting import post_cross
from alchemiser_dagster.ledger.schema import books, cash_entries, crosses, lots
from alchemiser_dagster.ledger.shadow import Shadow, copy_rows

INSTANT = timedelta(microseconds=1)


class OwnFacts:
    """Posts facts into `shadow`, passing over what it has."""

    def __init__(self, shadow: Shadow) -> None:
        self._shadow = shadow
        with shadow.source.read() as theirs, shadow.ledger.write() as ours:
            told = [row["book"] for e in entries(ours) if e.kind == books.name for row in e.rows]
            self._named = Counter(told)
            journaled = {
                row["book"] for e in entries(theirs) if e.kind == books.name for row in e.rows
            }
            # Books from before the journal told of them, with the policy that they have.
            copy_rows(theirs, ours, books, books.c.book.not_in(journaled))

    def post(self, fact: OwnFact) -> list[str]:
        """Post a fact; returns what should be known about it. Raises LedgerError, LotError."""
        if isinstance(fact, Crossed):
            self._shadow.copy_session(fact.session)
        with self._shadow.ledger.write() as connection:
            match fact:
                case BookNamed():
                    self._name_book(connection, fact)
                case CashEntered():
                    return _enter_cash(connection, fact)
                case Crossed():
                    if not _has(connection, crosses.c.cross_id, fact.cross_id):
                        post_cross(connection, fact.session, fact.made, fact.at)
                case Attributed():
                    if not _has(connection, lots.c.lot_id, fact.lot_id):
                        _attribute(connection, fact)
                case SharesFound():
                    if not _has(connection, lots.c.lot_id, fact.row["lot_id"]):
                        return _book_found(connection, fact)
        return []

    def _name_book(self, connection: Connection, fact: BookNamed) -> None:
        if fact.number < self._named[fact.book]:
            return
        append(connection, books.name, [{"book": fact.book, "lot_policy": fact.policy}])
        if _has(connection, books.c.book, fact.book):
            connection.execute(
                update(books).where(books.c.book == fact.book).values(lot_policy=fact.policy.value)
            )
            return
        with self._shadow.source.read() as theirs:
            row = theirs.execute(select(books).where(books.c.book == fact.book)).one()
        connection.execute(insert(books).values({**row._mapping, "lot_policy": fact.policy.value}))


def _has(connection: Connection, column: object, value: str) -> bool:
    found = connection.execute(select(column).where(column == value))  # type: ignore[call-overload]
    return found.first() is not None


def _enter_cash(connection: Connection, fact: CashEntered) -> list[str]:
    row = {name: value for name, value in fact.row.items() if name != "entry_id"}
    table = cash_entries
    same = (
        table.c.kind == row["kind"],
        table.c.source_id == row["source_id"],
        table.c.book == row["book"],
    )
    if connection.execute(select(table.c.entry_id).where(*same)).first() is not None:
        return []
    if fact.paid_for_shares and not _found_shares(connection, row["source_id"]):
        return [f"{plain(row['amount'])} dollars paid for shares found are not needed any more"]
    enter(connection, table, row)
    return []


def _found_shares(connection: Connection, occasion: str) -> bool:
    """Whether shares that the reconciliation `occasion` found are booked here too."""
    found = lots.c.lot_id.contains(f".{occasion}.", autoescape=True)
    return connection.execute(select(lots.c.lot_id).where(found)).first() is not None


def _attribute(connection: Connection, fact: Attributed) -> None:
    attribute(
        connection,
        book=fact.book,
        symbol=fact.symbol,
        quantity=fact.quantity,
        price=fact.price,
        session=fact.session,
        at=fact.at,
    )


def _book_found(connection: Connection, fact: SharesFound) -> list[str]:
    """Book shares that were found, as far as the broker's history has not explained them since."""
    row = fact.row
    held = shares_before(connection, row["symbol"], row["entry_at"] + INSTANT)
    missing = min(fact.seen - sum(held.values(), ZERO), row["entry_quantity"])
    explained = row["entry_quantity"] - max(missing, ZERO)
    if missing > 0:
        open_other_lot(
            connection,
            lot_id=row["lot_id"],
            book=row["book"],
            symbol=row["symbol"],
            session=row["session"],
            at=row["entry_at"],
            quantity=missing,
            price=row["entry_price"],
            cost=to_cents(missing * row["entry_price"]),
        )
    if explained == 0:
        return []
    return [
        f"{plain(explained)} {row['symbol']} that were found in {row['session']} are explained by "
        "the broker's history"
    ]
