"""What the operator's commands begin with: the account that is open, and one of its books."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from alchemiser_dagster.commands.terminal import fail
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.schema import UNALLOCATED, UNATTRIBUTED, books
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.settings import AccountFile, Home, SettingsError, home

OPERATOR = "operator"


@dataclass(frozen=True)
class Opened:
    """An account whose ledger is open."""

    home: Home
    facts: AccountFile
    ledger: Ledger


@contextmanager
def opened_account() -> Iterator[Opened]:
    """The account of the settings.

    Ends the command with exit code 1 when none can be opened, or its ledger fails meanwhile.
    """
    try:
        account = home()
        facts = account.account()
        if facts is None or not account.ledger.exists():
            fail(f"no account has been opened in {account.path}; `alchemiser run` opens one")
        ledger = Ledger.at(account.ledger)
    except (SettingsError, LedgerError) as error:
        fail(str(error))
    try:
        yield Opened(account, facts, ledger)
    except SQLAlchemyError as error:
        fail(f"the ledger {account.ledger} cannot be used: {error}")
    finally:
        ledger.close()


def require_book(connection: Connection, name: str) -> None:
    """End the command with exit code 1 unless `name` is the book of a strategy."""
    known = set(connection.execute(select(books.c.book)).scalars()) - {UNALLOCATED, UNATTRIBUTED}
    if name not in known:
        fail(f"expected the book of a strategy ({', '.join(sorted(known)) or 'none'}), was {name}")
