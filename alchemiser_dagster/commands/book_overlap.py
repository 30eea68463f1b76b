"""`alchemiser books overlap`: symbols that several books hold, or may hold.

What is held is valued at the closes of the last published session; how loudly an overlap is told is
`books.overlap`'s.
"""

from collections.abc import Mapping
from decimal import Decimal

import polars as pl
from rich.table import Table

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.overlap import Overlap, overlaps
from alchemiser_dagster.books.strategies import BooksError
from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.commands.published import last_valued
from alchemiser_dagster.commands.records import opened_records
from alchemiser_dagster.commands.report_table import dollars, percent, report_table, shares
from alchemiser_dagster.commands.terminal import fail, out
from alchemiser_dagster.defs.plans import closes_of
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.ledger.queries import positions
from alchemiser_dagster.market.snapshots import SnapshotDamaged, SnapshotMissing

Holdings = Mapping[str, Mapping[str, Decimal]]


def show_overlap() -> None:
    """Print what several books hold, then what several strategies may hold."""
    records = opened_records()
    valued = last_valued(records.tables)
    if valued is None:
        out.print("No session has been published yet.")
    else:
        with opened_account() as account, account.ledger.read() as connection:
            held = positions(connection, through=valued.session)
        equity = sum((book.nav for book in valued.books.values()), ZERO)
        try:
            closes = closes_of(records.snapshots, valued.session, valued.session)
            found = overlaps(_worth(held, closes), {}, equity)
        except (SnapshotDamaged, SnapshotMissing, ValueError) as error:
            fail(str(error))
        if found:
            out.print(_held_table(f"Held at the close of {valued.session}", found, held))
        else:
            out.print("No two books hold the same symbol.")
    named = _named(records)
    if named.height:
        out.print(_named_table(named))
    else:
        out.print("No two strategies may hold the same symbol.")


def _worth(held: Holdings, closes: Mapping[str, Decimal]) -> dict[str, dict[str, Decimal]]:
    """Dollars by book and symbol. Raises ValueError for a symbol without a close."""
    missing = sorted({s for own in held.values() for s in own} - closes.keys())
    if missing:
        raise ValueError(f"expected a close of everything held, was none of {', '.join(missing)}")
    return {book: {s: q * closes[s] for s, q in own.items()} for book, own in held.items()}


def _held_table(title: str, found: list[Overlap], held: Holdings) -> Table:
    table = report_table(title, ("symbol", "book"), ("shares", "dollars", "of the account"))
    table.add_column("")
    for overlap in found:
        together = sum((held[book][overlap.symbol] for book in overlap.books), ZERO)
        table.add_row(
            overlap.symbol,
            "",
            shares(together),
            dollars(sum(overlap.books.values(), ZERO)),
            percent(overlap.share),
            overlap.level.value,
            style="bold",
        )
        for book, worth in overlap.books.items():
            table.add_row(
                "",
                book,
                shares(held[book][overlap.symbol]),
                dollars(worth),
                percent(worth / overlap.equity),
            )
    return table


def _named(records: AccountRecords) -> pl.DataFrame:
    """symbol and tradable (the books) of what several enabled strategies may hold."""
    try:
        table = records.universe().table
    except BooksError as error:
        fail(str(error))
    return table.filter(pl.col("tradable").list.len() > 1).select("symbol", "tradable")


def _named_table(named: pl.DataFrame) -> Table:
    table = report_table("Named by several strategies", ("symbol", "books"))
    for symbol, books in named.iter_rows():
        table.add_row(symbol, " ".join(books))
    return table
