"""The trading job in a process of its own, which can be made to kill itself at a chosen moment.

A moment is right before or after a call, or in the middle of a transaction of the ledger. The
process sends itself SIGKILL there: nothing is caught, closed or rolled back by anybody but the
operating system.

Processes are forked from a server that has imported everything and opened nothing (Python's own
`forkserver`), so that each begins anew without the seconds that the imports take.
"""

import functools
import importlib
import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from sqlalchemy import Engine, event

from alchemiser_dagster.commands.replay import QUIET, dagster_instance
from alchemiser_dagster.definitions import build_definitions
from alchemiser_dagster.defs import trading
from alchemiser_dagster.execution.gate import check_gate
from alchemiser_dagster.market.sessions import calendar_span
from alchemiser_dagster.settings import Home

TRADED, FAILED, NOTHING_TO_DO = 0, 1, 3
"""How a process that was not killed ends."""
SECONDS_MAX = 90

calendar_span()  # once for all processes, as it takes a while
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["__main__", __name__])


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Call:
    """Right before or after the first call of `function` whose arguments show `of`.

    `function` is a dotted name below the package: module.function or module.Class.function.
    """

    when: Literal["before", "after"]
    function: str
    of: str = ""

    def arm(self) -> None:
        """Make this process die there."""
        path, _, name = f"alchemiser_dagster.{self.function}".rpartition(".")
        owner = _module_or_class(path)
        function = getattr(owner, name)

        @functools.wraps(function)
        def armed(*given: Any, **named: Any) -> Any:
            here = not self.of or self.of in repr((given, named))
            if here and self.when == "before":
                die()
            result = function(*given, **named)
            if here:
                die()
            return result

        setattr(owner, name, armed)

    def __str__(self) -> str:
        return f"{self.when} {self.function.rpartition('.')[2]} {self.of}".strip()


@dataclass(frozen=True)
class Insert:
    """In the first transaction of the ledger that adds to `table`: right then, or at the end."""

    table: str
    at_commit: bool = False

    def arm(self) -> None:
        """Make this process die there."""
        added: set[Any] = set()

        def after(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith("BEGIN"):
                added.discard(connection)
            if statement.startswith(f"INSERT INTO {self.table} "):
                added.add(connection)
                if not self.at_commit:
                    die()

        def commit(connection: Any) -> None:
            if connection in added:
                die()

        event.listen(Engine, "after_cursor_execute", after)
        event.listen(Engine, "commit", commit)

    def __str__(self) -> str:
        return f"{'before the commit of' if self.at_commit else 'in the middle of'} {self.table}"


Moment = Call | Insert


def _module_or_class(path: str) -> Any:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)


def trade(home: str, strategies: str, session: str, moment: Moment | None = None) -> None:
    """Run the job for one session, and die at `moment`; a process begins here."""
    if moment is not None:
        moment.arm()
    sys.exit(_run(home, strategies, session))


def trade_beside_another(home: str, strategies: str, session: str, other_ended: Event) -> None:
    """Run the job; whichever process comes through the gate waits there until the other ended."""

    def wait_in_the_gate(*given: Any) -> Any:
        assert other_ended.wait(SECONDS_MAX)
        return check_gate(*given)

    with patch.object(trading, "check_gate", wait_in_the_gate):
        end = _run(home, strategies, session)
    other_ended.set()
    sys.exit(end)


def _run(home: str, strategies: str, session: str) -> int:
    account = Home(Path(home))
    job = build_definitions(account, strategies).resolve_job_def("trade_session")
    with dagster_instance(account) as instance:
        result = job.execute_in_process(
            instance=instance, partition_key=session, raise_on_error=False, run_config=QUIET
        )
    if not result.success:
        return FAILED
    settled = any(
        event.is_step_success and event.step_key == "settle" for event in result.all_events
    )
    return TRADED if settled else NOTHING_TO_DO
