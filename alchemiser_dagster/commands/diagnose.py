"""`alchemiser diagnose`: everything that should hold, looked at once. It changes nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime

from alchemiser_dagster.books.strategies import Book, BooksError, load_books
from alchemiser_dagster.commands.broker_desk import broker_desk, records_of
from alchemiser_dagster.commands.diagnosis_report import as_json, print_diagnosis
from alchemiser_dagster.commands.opened import Opened, opened_account
from alchemiser_dagster.commands.terminal import fail
from alchemiser_dagster.defs.published import published_books
from alchemiser_dagster.embedded import StateFileError
from alchemiser_dagster.execution.diagnosis import Diagnosis
from alchemiser_dagster.execution.diagnosis import diagnose as look
from alchemiser_dagster.execution.diagnosis_broker import BrokerReading, read_broker
from alchemiser_dagster.execution.findings import Severity
from alchemiser_dagster.execution.guards import WrongBroker
from alchemiser_dagster.execution.withdrawal import UNREACHABLE
from alchemiser_dagster.ledger.queries import all_books
from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.settings import BrokerMode, SettingsError, strategies_folder
from alchemiser_dagster.storage import StorageError

SILENT = (*UNREACHABLE, BarsError, SettingsError, StateFileError, WrongBroker)
"""Why the broker may not answer; it is looked at the ledger alone then."""


def diagnose(*, json: bool) -> None:
    """Print what was found, failures first; exit code 1 when something fails."""
    with opened_account() as account:
        try:
            strategies = {book.name: book for book in load_books(strategies_folder())}
            made = _diagnosis(account, strategies)
        except (BooksError, SettingsError, StorageError) as error:
            fail(str(error))
    if json:
        as_json(made, account)
    else:
        print_diagnosis(made, account)
    failures = made.of(Severity.FAIL)
    if failures:
        several = "1 thing asks" if len(failures) == 1 else f"{len(failures)} things ask"
        fail(f"{several} for somebody: " + ", ".join(found.title for found in failures))


def _diagnosis(account: Opened, strategies: Mapping[str, Book]) -> Diagnosis:
    with account.ledger.read() as connection:
        names = [row.book for row in all_books(connection)]
    published = published_books(records_of(account).tables, names)
    broker, silence = _ask_broker(account)
    # The embedded broker's time is its own; any other's is ours.
    now = None if account.facts.mode is BrokerMode.EMBEDDED else datetime.now(UTC)
    return look(account.ledger, strategies, published, broker=broker, silence=silence, now=now)


def _ask_broker(account: Opened) -> tuple[BrokerReading | None, str | None]:
    try:
        with broker_desk(account) as desk:
            return read_broker(desk), None
    except SILENT as error:
        return None, str(error)
