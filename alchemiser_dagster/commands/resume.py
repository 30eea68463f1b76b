"""`alchemiser resume`: take a rail off again."""

from datetime import UTC, datetime

from alchemiser_dagster.commands.opened import OPERATOR, opened_account
from alchemiser_dagster.commands.terminal import fail, out
from alchemiser_dagster.ledger.rails import (
    ACCOUNT,
    Rail,
    Rails,
    book_scope,
    rail_state,
    set_rail,
    symbol_scope,
)


def resume(book: str | None, symbol: str | None, *, daily_loss: bool, frozen: str | None) -> None:
    """Take off the halt of the account, of a book or of a symbol, or another rail.

    Exit code 1 when that rail is not on.
    """
    with opened_account() as account, account.ledger.write() as connection:
        before = rail_state(connection)
        if book is not None:
            rail, scope, what = Rail.HALT, book_scope(book), f"the halt of {book}"
            is_on = book in before.halted_books
        elif symbol is not None:
            rail, scope, what = Rail.HALT, symbol_scope(symbol), f"the halt of {symbol}"
            is_on = symbol in before.halted_symbols
        elif frozen is not None:
            rail, scope, what = Rail.FREEZE, symbol_scope(frozen), f"the freeze of {frozen}"
            is_on = frozen in before.frozen_symbols
        elif daily_loss:
            rail, scope, what = Rail.DAILY_LOSS, ACCOUNT, "the daily loss"
            is_on = before.no_purchases is not None
        else:
            rail, scope, what = Rail.HALT, ACCOUNT, "the halt of the account"
            is_on = before.halted_account is not None
        if not is_on:
            fail(f"expected {what} to be on, was off; `alchemiser rails` lists what restricts")
        set_rail(
            connection,
            rail,
            scope,
            on=False,
            reason="",
            set_by=OPERATOR,
            at=datetime.now(UTC),
        )
        after = rail_state(connection)
    out.print(f"{what[0].upper()}{what[1:]} is off.", highlight=False)
    if rail is Rail.FREEZE:
        out.print("The next reconciliation sets it again where books and broker still differ.")
    _say_what_is_left(after)


def _say_what_is_left(rails: Rails) -> None:
    if rails.halted_account is not None:
        out.print(
            f"The account is halted all the same: {rails.halted_account}",
            highlight=False,
            markup=False,
        )
