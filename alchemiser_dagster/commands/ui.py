"""`alchemiser ui`: Dagster's web UI and daemon over the account, on this machine only."""

import signal
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

from alchemiser_dagster.books.strategies import BooksError
from alchemiser_dagster.commands.replay import embedded_broker, prepare_dagster
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.embedded import EmbeddedBroker, StateFileError
from alchemiser_dagster.ledger.store import LedgerError
from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.market.sessions import last_completed_session
from alchemiser_dagster.settings import (
    ROOT,
    AccountFile,
    BrokerMode,
    Home,
    SettingsError,
    broker_mode,
    home,
    strategies_folder,
)


def ui(port: int) -> None:
    """Serve the UI until interrupted."""
    try:
        account, mode = home(), broker_mode()
        facts = account.account()
        if facts is not None and facts.mode is not mode:
            fail(f"{account.path} is a {facts.mode} account, but ALCHEMISER_BROKER is {mode}")
        today = last_completed_session(datetime.now(UTC))
        facts = account.open(AccountFile(mode=mode, inception=today))
        prepare_dagster(account)
        with _broker(account, facts):
            out.print(f"{mode} account in {account.path}", highlight=False)
            out.print(f"Dagster's UI: [bold]http://127.0.0.1:{port}[/bold]  (Ctrl-C ends it)")
            _serve(account, port)
    except KeyboardInterrupt:
        err.print("ended")
    except (BarsError, BooksError, LedgerError, SettingsError, StateFileError) as error:
        fail(str(error))


def _serve(account: Home, port: int) -> None:
    """Run Dagster until this process is told to end; its processes end with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen([*command, "-w", str(ROOT / "workspace.yaml")], cwd=account.dagster)
    try:
        code = process.wait()
    finally:
        process.terminate()
        process.wait()
    fail(f"dagster ended with exit code {code}")


def _broker(account: Home, facts: AccountFile) -> AbstractContextManager[EmbeddedBroker | None]:
    if facts.mode is not BrokerMode.EMBEDDED:
        return nullcontext()
    return embedded_broker(account, facts, strategies_folder())
