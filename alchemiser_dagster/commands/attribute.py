"""`alchemiser attribute`: give shares that no strategy bought to a book."""

from datetime import UTC, datetime
from decimal import Decimal

from alchemiser_dagster.books.money import to_cents
from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.commands.terminal import fail, out
from alchemiser_dagster.ledger.attribution import attribute as move
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.queries import last_session
from alchemiser_dagster.market.sessions import next_session


def attribute(symbol: str, quantity: Decimal, book: str, price: Decimal) -> None:
    """Move shares out of `unattributed`; they count from the next session on."""
    with opened_account() as account:
        try:
            with account.ledger.write() as connection:
                last = last_session(connection)
                session = next_session(account.facts.inception if last is None else last.session)
                lot = move(
                    connection,
                    book=book,
                    symbol=symbol,
                    quantity=quantity,
                    price=price,
                    session=session,
                    at=datetime.now(UTC),
                )
        except LedgerError as error:
            fail(str(error))
    out.print(
        f"{book} has {quantity.normalize():f} {symbol} more, and {to_cents(quantity * price):,.2f} "
        f"dollars less, from session {session} on. Lot: {lot}",
        highlight=False,
    )
