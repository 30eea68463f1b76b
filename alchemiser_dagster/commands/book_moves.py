"""`alchemiser books moves`: the capital that came into books and left them, and why."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.table import Table
from rich.text import Text

from alchemiser_dagster.books.book_events import FLOWS
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.commands.report_table import dollars, fitting, report_table
from alchemiser_dagster.commands.terminal import fail, out
from alchemiser_dagster.ledger.book_reports import CapitalMove, capital_moves
from alchemiser_dagster.ledger.queries import all_books


def list_moves(book: str | None) -> None:
    """Print every move of one book or of all, then what they sum to by kind."""
    with opened_account() as account, account.ledger.read() as connection:
        known = [row.book for row in all_books(connection)]
        if book is not None and book not in known:
            fail(f"expected a book ({', '.join(known)}), was {book}")
        moves = capital_moves(connection, book)
    if not moves:
        out.print(f"No capital has moved{'' if book is None else f' in {book}'}.")
        return
    out.print(_moves_table(moves))
    out.print(fitting((_sums_table(moves, cents=cents) for cents in (True, False)), out))


def _moves_table(moves: Sequence[CapitalMove]) -> Table:
    table = report_table("Capital that moved", ("session", "book", "kind"), ("dollars",))
    table.add_column("cause", overflow="fold")
    for move in moves:
        table.add_row(
            move.session.isoformat(),
            move.book,
            move.kind,
            dollars(move.amount, signed=True),
            Text(move.cause),
        )
    return table


def _sums_table(moves: Sequence[CapitalMove], *, cents: bool) -> Table:
    kinds = [kind for kind in FLOWS if any(move.kind == kind for move in moves)]
    title = "In sum" if cents else "In sum, whole dollars"
    table = report_table(title, ("book",), (*kinds, "net"))
    books = sorted({move.book for move in moves})
    for book in books:
        own = [move for move in moves if move.book == book]
        table.add_row(book, *_sums(own, kinds, cents=cents))
    if len(books) > 1:
        table.add_section()
        table.add_row("all books", *_sums(moves, kinds, cents=cents), style="bold")
    return table


def _sums(moves: Sequence[CapitalMove], kinds: Sequence[str], *, cents: bool) -> list[str]:
    by_kind = [_sum(move.amount for move in moves if move.kind == kind) for kind in kinds]
    amounts = (*by_kind, sum(by_kind, ZERO))
    return [dollars(amount, signed=True, cents=cents) for amount in amounts]


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
