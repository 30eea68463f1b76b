"""`alchemiser flatten`: sell a book to cash in the next session, and keep it there."""

from datetime import UTC, datetime

from alchemiser_dagster.commands.opened import OPERATOR, opened_account, require_book
from alchemiser_dagster.commands.terminal import fail, out
from alchemiser_dagster.ledger.rails import Rail, book_scope, rail_state, set_rail


def flatten(book: str, *, undo: bool) -> None:
    """Put the book's rail `flatten` on, or off again."""
    with opened_account() as account, account.ledger.write() as connection:
        require_book(connection, book)
        if undo and book not in rail_state(connection).flattening:
            fail(f"expected {book} to be flattened, was not; `alchemiser rails` lists what is")
        set_rail(
            connection,
            Rail.FLATTEN,
            book_scope(book),
            on=not undo,
            reason="" if undo else "asked for by the operator",
            set_by=OPERATOR,
            at=datetime.now(UTC),
        )
    if undo:
        out.print(f"{book} follows its strategy again from the next session on.", highlight=False)
    else:
        out.print(
            f"The next session plans {book} all in cash: it sells what the book holds. It buys "
            f"nothing until `alchemiser flatten {book} --undo`.",
            highlight=False,
        )
