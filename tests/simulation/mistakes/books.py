"""Mistakes in the books and the ledger."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_DOWN, Decimal
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Engine, event

from alchemiser_dagster.execution import (
    opening,
    phases,
    preparation,
    settlement,
    walk,
)
from alchemiser_dagster.execution.gateway import Gateway
from alchemiser_dagster.ledger import journal, posting, queries
from tests.simulation.mistakes.mistake import Mistake, patched

CENT = Decimal("0.01")


def _aggregate(positions: Any) -> Any:
    """Every book that holds a symbol is planned as if all of the account's shares were its own."""

    def wrong(connection: Connection, **through: Any) -> dict[str, dict[str, Decimal]]:
        held = positions(connection, **through)
        total: dict[str, Decimal] = {}
        for own in held.values():
            for symbol, shares in own.items():
                total[symbol] = total.get(symbol, Decimal(0)) + shares
        return {book: {symbol: total[symbol] for symbol in own} for book, own in held.items()}

    return wrong


def _hoped_for(book_cash: Any) -> Any:
    """Purchases count on the proceeds of sales that have not been made."""

    def wrong(connection: Connection, **through: Any) -> dict[str, Decimal]:
        return {book: cash * 2 + 1000 for book, cash in book_cash(connection, **through).items()}

    return wrong


def _cents_down(quantity: Decimal, price: Decimal) -> Decimal:
    return (quantity * price).quantize(CENT, ROUND_DOWN)


def _remainder_lost(total: Decimal, shares: Any) -> list[Decimal]:
    """Each part is cut to the cent, and what is left over is nobody's."""
    whole = sum(shares, Decimal(0))
    return [(total * share / whole).quantize(CENT, ROUND_DOWN) for share in shares]


def _post_cumulative(post_executions: Any) -> Any:
    """What an order has filled so far is posted as if it were the last execution's."""

    def wrong(ledger: Any, name: str, reported: Any, **options: Any) -> Any:
        so_far = Decimal(0)
        told = []
        for execution in sorted(reported, key=lambda e: e.cumulative_quantity):
            so_far += execution.cumulative_quantity
            told.append(
                dataclasses.replace(
                    execution, quantity=execution.cumulative_quantity, cumulative_quantity=so_far
                )
            )
        return post_executions(ledger, name, told, **options)

    return wrong


def _post_twice(executions: Any) -> Any:
    """The same execution, listed twice, is taken for two."""

    def wrong(self: Gateway, since: Any) -> Any:
        found = executions(self, since)
        for name, parts in found.items():
            ids = [part.execution_id for part in parts]
            found[name] = [
                dataclasses.replace(part, execution_id=f"{part.execution_id}#{ids[:n].count(one)}")
                for n, (one, part) in enumerate(zip(ids, parts, strict=True))
            ]
        return found

    return wrong


@contextmanager
def _half_stays() -> Iterator[None]:
    """Every statement is committed by itself, so a kill leaves a half-written posting."""

    def commit(connection: Any, _cursor: Any, statement: str, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            database = connection.connection.driver_connection
            database.execute("COMMIT")
            database.execute("BEGIN IMMEDIATE")

    event.listen(Engine, "after_cursor_execute", commit)
    try:
        yield
    finally:
        event.remove(Engine, "after_cursor_execute", commit)


MISTAKES_WITH_BOOKS: tuple[Mistake, ...] = (
    Mistake(
        "selling the account's shares",
        patched(patch.object(preparation, "positions", _aggregate(queries.positions))),
        seed=0,
    ),
    Mistake(
        "no barrier before the purchases",
        patched(
            patch.object(phases, "sell", lambda *_: None),
            patch.object(phases, "blocked_purchases", lambda *_, **__: {}),
            patch.object(phases, "book_cash", _hoped_for(queries.book_cash)),
        ),
        seed=8,
    ),
    Mistake("cents rounded down", patched(patch.object(posting, "fill_cash", _cents_down)), 0),
    Mistake(
        "the odd cent is nobody's",
        patched(patch.object(posting, "split_to_cents", _remainder_lost)),
        seed=0,
    ),
    Mistake(
        "cumulative posted as increment",
        patched(
            *(
                patch.object(module, "post_executions", _post_cumulative(posting.post_executions))
                for module in (walk, settlement)
            )
        ),
        seed=8,
    ),
    Mistake(
        "an execution listed twice is posted twice",
        patched(patch.object(Gateway, "executions", _post_twice(Gateway.executions))),
        seed=0,
    ),
    Mistake(
        "activities are not posted",
        patched(
            *(
                patch.object(module, "post_new_activities", lambda *_, **__: [])
                for module in (opening, settlement)
            )
        ),
        seed=4,
    ),
    Mistake(
        "nothing is journaled",
        patched(patch.object(journal, "_append", lambda *_: None)),
        seed=0,
    ),
    Mistake("half a transaction stays", _half_stays, seed=40),
)
