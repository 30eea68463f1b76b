"""`alchemiser lots`: the open lots of a book, and which of them are to be sold first."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from alchemiser_dagster.books.booking import LotPolicy
from alchemiser_dagster.books.lots import Lot
from alchemiser_dagster.books.strategies import BooksError, load_books
from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.commands.terminal import fail, out
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.lot_choices import choose_lots, chosen_lots
from alchemiser_dagster.ledger.queries import all_books, open_lots
from alchemiser_dagster.settings import strategies_folder


def lots(book: str, symbol: str | None, chosen: Sequence[str], *, clear: bool) -> None:
    """List open lots; with `chosen`, or `clear`, set the order of the next sale of `symbol`."""
    with opened_account() as account:
        with account.ledger.read() as connection:
            known = [row.book for row in all_books(connection)]
        if book not in known:
            fail(f"expected a book ({', '.join(known)}), was {book}")
        if symbol is not None and (chosen or clear):
            if chosen:
                _require_specific(book)
            try:
                with account.ledger.write() as connection:
                    choose_lots(connection, book, symbol, chosen, at=datetime.now(UTC))
            except LedgerError as error:
                fail(str(error))
        with account.ledger.read() as connection:
            held = open_lots(connection, book=book, symbol=symbol)
            ranks = {
                lot_id: rank
                for each in {lot.symbol for lot in held}
                for rank, lot_id in enumerate(chosen_lots(connection, book, each), start=1)
            }
    if held:
        out.print(_table(held, ranks))
    else:
        out.print(f"{book} has no open lot{'' if symbol is None else f' of {symbol}'}.")


def _require_specific(name: str) -> None:
    try:
        books = load_books(strategies_folder())
    except BooksError as error:
        fail(str(error))
    policy = next((book.lot_policy for book in books if book.name == name), None)
    if policy is not LotPolicy.SPECIFIC:
        fail(
            f'lots are chosen for a book with lots = "{LotPolicy.SPECIFIC}" in books.toml: '
            f"{name} has {policy or 'no strategy'}"
        )


def _table(held: Sequence[Lot], ranks: Mapping[str, int]) -> Table:
    table = Table()
    table.add_column("lot", overflow="fold")
    for name in ("symbol", "bought (UTC)"):
        table.add_column(name)
    for name in ("shares", "price", "cost", "sold"):
        table.add_column(name, justify="right")
    for lot in sorted(held, key=lambda lot: (lot.symbol, lot.entry_at, lot.lot_id)):
        table.add_row(
            Text(lot.lot_id),
            lot.symbol,
            f"{lot.entry_at:%Y-%m-%d %H:%M}",
            f"{lot.quantity.normalize():f}",
            f"{lot.entry_price.normalize():f}",
            f"{lot.cost:,.2f}",
            _ordinal(ranks.get(lot.lot_id)),
        )
    return table


def _ordinal(rank: int | None) -> str:
    return "" if rank is None else f"{rank}."
