"""What each book is to be traded to: from its published plan to the trading job's wish."""

from datetime import date

import polars as pl

from alchemiser_dagster.books.planning import PlanError
from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.books.weights import WeightError
from alchemiser_dagster.defs.plans import (
    is_scheduled,
    plan_key,
    plan_of_book,
    plan_table,
    target_weights,
)
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.symphony import Symphony


def book_wish(records: AccountRecords, book: Book, session: date) -> Wish:
    """The wish of a book for `session`, from its published plan."""
    if book.symphony is None:
        return Wish(missing=book.problem)
    try:
        plan = records.tables.read(plan_key(book.name), session.isoformat())
    except TableMissing as missing:
        return Wish(missing=f"no plan: {missing}")
    return _wish(records, book, book.symphony, session, plan)


def expected_wish(records: AccountRecords, book: Book, session: date) -> Wish:
    """The same, before the plan is published: from the plan that would be published now."""
    key, day = plan_key(book.name), session.isoformat()
    published = records.tables.path(key, day).exists() or records.tables.refusal(key, day)
    if published or book.symphony is None:
        return book_wish(records, book, session)
    try:
        plan = plan_of_book(records, book, book.symphony, session)
    except (TableMissing, WeightError, PlanError) as missing:
        return Wish(missing=f"no plan: {missing}")
    return _wish(records, book, book.symphony, session, plan_table(plan))


def _wish(
    records: AccountRecords, book: Book, symphony: Symphony, session: date, plan: pl.DataFrame
) -> Wish:
    with records.ledger.read() as connection:
        scheduled = is_scheduled(connection, book.name, symphony, session)
    threshold = symphony.rebalancing.threshold
    return Wish(target_weights(plan), scheduled=scheduled, threshold=threshold)
