"""What each book is to be traded to: from its published plan to the trading job's wish."""

from datetime import date

import polars as pl

from alchemiser_dagster.books.strategies import Book
from alchemiser_dagster.defs.bars import FINDINGS
from alchemiser_dagster.defs.plans import (
    UNPLANNABLE,
    is_scheduled,
    plan_key,
    plan_of_book,
    plan_table,
    target_weights,
)
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.defs.tables import TableMissing
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.market.fitness import why_unfit
from alchemiser_dagster.market.sessions import previous_session
from alchemiser_dagster.symphony import Symphony


def book_wish(records: AccountRecords, book: Book, session: date) -> Wish:
    """The wish of a book for `session`, from its published plan."""
    if book.symphony is None:
        return Wish(missing=book.problem)
    unfit = _unfit(records, book, session)
    if unfit is not None:
        return Wish(missing=unfit)
    try:
        plan = records.tables.read(plan_key(book.name), session.isoformat())
    except TableMissing as missing:
        return Wish(missing=f"no plan: {missing}")
    return _wish(records, book, book.symphony, session, plan)


def expected_wish(records: AccountRecords, book: Book, session: date) -> Wish:
    """The same, before the plan is published: from the plan that would be published now."""
    key, day = plan_key(book.name), session.isoformat()
    published = records.tables.exists(key, day) or records.tables.refusal(key, day)
    if published or book.symphony is None:
        return book_wish(records, book, session)
    unfit = _unfit(records, book, session)
    if unfit is not None:
        return Wish(missing=unfit)
    try:
        plan = plan_of_book(records, book, book.symphony, session)
    except UNPLANNABLE as missing:
        return Wish(missing=f"no plan: {missing}")
    return _wish(records, book, book.symphony, session, plan_table(plan))


def _unfit(records: AccountRecords, book: Book, session: date) -> str | None:
    """Why the latest checks of the bars behind a plan forbid to trade it.

    They may be younger than the plan: bars are checked again at noon.
    """
    evening = previous_session(session).isoformat()
    try:
        findings = records.tables.read([FINDINGS], evening)
    except TableMissing as missing:
        return str(missing)
    return why_unfit(findings, records.symbols_of(book))


def _wish(
    records: AccountRecords, book: Book, symphony: Symphony, session: date, plan: pl.DataFrame
) -> Wish:
    with records.ledger.read() as connection:
        scheduled = is_scheduled(connection, book.name, symphony, session)
    threshold = symphony.rebalancing.threshold
    return Wish(target_weights(plan), scheduled=scheduled, threshold=threshold)
