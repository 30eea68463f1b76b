"""The rails: rows that stop trading, and what they add up to.

    rail         scope                                 while it is on
    halt         account, book:<name>, symbol:<S>      nothing is traded there
    freeze       symbol:<S>                            the same; set where books and broker differ
    flatten      book:<name>                           the book is planned all in cash, buys nothing
    daily_loss   account                               nothing is bought

They fail closed. The row (halt, account) is written when the account is opened and stays; without
it, or with any row that this program cannot make sense of, the account counts as halted: a rail
that was lost, or misspelt, must not be taken for one that is off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from alchemiser_dagster.ledger.schema import rails

ACCOUNT = "account"
ON, OFF = "on", "off"
_BOOK, _SYMBOL = "book:", "symbol:"


class Rail(StrEnum):
    """The kinds of rails."""

    HALT = "halt"
    FREEZE = "freeze"
    FLATTEN = "flatten"
    DAILY_LOSS = "daily_loss"


def book_scope(book: str) -> str:
    """The scope of one book."""
    return _BOOK + book


def symbol_scope(symbol: str) -> str:
    """The scope of one symbol, in the broker's spelling."""
    return _SYMBOL + symbol


@dataclass(frozen=True)
class Rails:
    """What the rails restrict now; reasons by book or symbol, None where there is no rail."""

    halted_account: str | None = None
    halted_books: Mapping[str, str] = field(default_factory=dict)
    halted_symbols: Mapping[str, str] = field(default_factory=dict)
    frozen_symbols: Mapping[str, str] = field(default_factory=dict)
    flattening: frozenset[str] = frozenset()
    no_purchases: str | None = None

    def obstacle(self, *, symbol: str, side: str, book: str | None = None) -> str | None:
        """Why this trade may not be made now; None when it may.

        Without `book`, the trade is the account's: that of several books together.
        """
        found = self.restriction(symbol=symbol, side=side, book=book)
        return None if found is None else found[1]

    def restriction(
        self, *, symbol: str, side: str, book: str | None = None
    ) -> tuple[Rail, str] | None:
        """The rail in the way of a trade, and why, as `obstacle` says it."""
        if self.halted_account is not None:
            return Rail.HALT, f"the account is halted: {self.halted_account}"
        if symbol in self.halted_symbols:
            return Rail.HALT, f"{symbol} is halted: {self.halted_symbols[symbol]}"
        if symbol in self.frozen_symbols:
            return Rail.FREEZE, f"{symbol} is frozen: {self.frozen_symbols[symbol]}"
        if book is not None and book in self.halted_books:
            return Rail.HALT, f"{book} is halted: {self.halted_books[book]}"
        if side == "buy" and self.no_purchases is not None:
            return Rail.DAILY_LOSS, f"nothing is bought: {self.no_purchases}"
        if side == "buy" and book in self.flattening:
            return Rail.FLATTEN, f"{book} is being sold to cash"
        return None


def open_rails(connection: Connection, at: datetime) -> None:
    """Write the row (halt, account), off, of an account that is opened."""
    set_rail(
        connection, Rail.HALT, ACCOUNT, on=False, reason="", set_by="opening of the account", at=at
    )


def set_rail(
    connection: Connection,
    rail: Rail,
    scope: str,
    *,
    on: bool,
    reason: str,
    set_by: str,
    at: datetime,
) -> None:
    """Put a rail on or off. Raises ValueError for a scope that the rail does not have."""
    if not _has_scope(rail, scope):
        raise ValueError(f"expected a scope of the rail {rail}, was {scope!r}")
    values = {"state": ON if on else OFF, "reason": reason, "set_by": set_by, "set_at": at}
    changed = connection.execute(
        update(rails).where(rails.c.rail == rail, rails.c.scope == scope).values(values)
    )
    if changed.rowcount == 0:
        connection.execute(insert(rails).values(rail=rail, scope=scope, **values))


def rail_state(connection: Connection) -> Rails:
    """What the rails restrict now. Never raises: rails that cannot be read halt the account."""
    try:
        rows = connection.execute(select(rails)).all()
    except Exception as error:  # whatever it is, it must stop the trading
        return Rails(halted_account=f"the rails cannot be read: {error}")
    return _rails_of(rows)


def restricting_rows(connection: Connection) -> Sequence[Row[Any]]:
    """The rows of `rails` that are not off, by rail and scope."""
    return connection.execute(
        select(rails).where(rails.c.state != OFF).order_by(rails.c.rail, rails.c.scope)
    ).all()


def _rails_of(rows: Sequence[Row[Any]]) -> Rails:
    doubts = [doubt for row in rows if (doubt := _doubt(row)) is not None]
    if not any((row.rail, row.scope) == (Rail.HALT, ACCOUNT) for row in rows):
        doubts.append(
            f"expected a row ({Rail.HALT}, {ACCOUNT}) in the table rails, was none; "
            "`alchemiser resume` writes it"
        )
    on = {(row.rail, row.scope): row.reason for row in rows if row.state == ON}
    halted = on.get((Rail.HALT, ACCOUNT))
    return Rails(
        halted_account="; ".join(doubts) if doubts else halted,
        halted_books=_named(on, Rail.HALT, _BOOK),
        halted_symbols=_named(on, Rail.HALT, _SYMBOL),
        frozen_symbols=_named(on, Rail.FREEZE, _SYMBOL),
        flattening=frozenset(_named(on, Rail.FLATTEN, _BOOK)),
        no_purchases=on.get((Rail.DAILY_LOSS, ACCOUNT)),
    )


def _doubt(row: Row[Any]) -> str | None:
    """Why a row cannot be acted on; None when it can."""
    where = f"table rails, row ({row.rail}, {row.scope})"
    if row.rail not in set(Rail):
        return f"{where}: expected a rail of {', '.join(Rail)}, was {row.rail!r}"
    if not _has_scope(Rail(row.rail), row.scope):
        return f"{where}: expected a scope of the rail {row.rail}, was {row.scope!r}"
    if row.state not in (ON, OFF):
        return f"{where}: expected the state {ON} or {OFF}, was {row.state!r}"
    return None


def _has_scope(rail: Rail, scope: object) -> bool:
    if not isinstance(scope, str):
        return False
    is_book = scope.startswith(_BOOK) and scope != _BOOK
    is_symbol = scope.startswith(_SYMBOL) and scope != _SYMBOL
    match rail:
        case Rail.HALT:
            return scope == ACCOUNT or is_book or is_symbol
        case Rail.FREEZE:
            return is_symbol
        case Rail.FLATTEN:
            return is_book
        case Rail.DAILY_LOSS:
            return scope == ACCOUNT


def _named(on: Mapping[tuple[str, str], str], rail: Rail, prefix: str) -> dict[str, str]:
    return {
        scope.removeprefix(prefix): reason
        for (name, scope), reason in on.items()
        if name == rail and scope.startswith(prefix)
    }
