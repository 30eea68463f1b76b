"""The desk of an account, for commands that ask its broker."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from socket import create_connection
from urllib.parse import urlsplit

from alchemiser_dagster.commands.opened import Opened
from alchemiser_dagster.commands.replay import embedded_broker
from alchemiser_dagster.defs.resources import AccountRecords, TradingDesk
from alchemiser_dagster.embedded import Connection
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.settings import BrokerMode, Home, strategies_folder

SECONDS_TO_CONNECT = 1


@contextmanager
def broker_desk(account: Opened) -> Iterator[Desk]:
    """The account's desk; the embedded broker is started where none is running.

    Its clock stands still unless somebody moves it.
    """
    strategies = strategies_folder()
    starts = account.facts.mode is BrokerMode.EMBEDDED and not _is_running(account.home)
    with embedded_broker(account.home, account.facts, strategies) if starts else nullcontext():
        yield TradingDesk(records=records_of(account)).desk()


def records_of(account: Opened) -> AccountRecords:
    """The account's records: its ledger, its tables, its strategies."""
    return AccountRecords(home=str(account.home.path), strategies=str(strategies_folder()))


def _is_running(home: Home) -> bool:
    """Whether somebody answers where the account's embedded broker was last."""
    file = Connection.path_for(home.broker)
    if not file.exists():
        return False
    where = urlsplit(Connection.read(file).url)
    try:
        create_connection((where.hostname, where.port or 0), SECONDS_TO_CONNECT).close()
    except OSError:
        return False
    return True
