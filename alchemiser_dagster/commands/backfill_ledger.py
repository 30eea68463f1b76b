"""`alchemiser backfill-ledger`: the books made again from the broker's own history."""

from datetime import UTC, datetime
from pathlib import Path

import typer

from alchemiser_dagster.books.strategies import BooksError
from alchemiser_dagster.commands.backfill_report import Comparison, print_comparison
from alchemiser_dagster.commands.broker_desk import broker_desk, records_of
from alchemiser_dagster.commands.opened import Opened, opened_account
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.defs.resources import TradingLock
from alchemiser_dagster.embedded import StateFileError
from alchemiser_dagster.execution.activities import unposted_activities
from alchemiser_dagster.execution.backfill import backfill
from alchemiser_dagster.execution.backfill_swap import journal_head, keep_copy, obstacles, swap
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.guards import WrongBroker
from alchemiser_dagster.execution.identities import books_not_rebuilt, journal_broken
from alchemiser_dagster.execution.opening import read_account
from alchemiser_dagster.execution.rebuilt_rows import differing_rows
from alchemiser_dagster.execution.reconciliation import judge
from alchemiser_dagster.execution.withdrawal import UNREACHABLE
from alchemiser_dagster.ledger.book_totals import compare_cash, compare_totals
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.schema import account as accounts
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.settings import SettingsError

SHADOW = "ledger.shadow.db"
UNUSABLE = (
    *UNREACHABLE, BarsError, BooksError, LedgerError, SettingsError, StateFileError, WrongBroker,
)  # fmt: skip


def backfill_ledger(*, fresh: bool, swap_them: bool) -> None:
    """Rebuild the books beside the ledger and print where the two, and the broker, differ.

    `fresh` forgets the books rebuilt before. `swap_them` puts the rebuilt ones in the ledger's
    place, once somebody has typed the account's number. Exit code 1 where anything differs, and
    when the swap is refused.
    """
    with opened_account() as account:
        lock = TradingLock(records=records_of(account))
        if swap_them and not lock.acquire():
            fail("another process is trading this account: its ledger is not to be replaced now")
        if not swap_them and not lock.is_free():
            err.print("A session is being traded: what it does meanwhile shows as a difference.")
        try:
            _backfill(account, fresh=fresh, swap_them=swap_them)
        except UNUSABLE as error:
            fail(str(error))
        finally:
            lock.release()


def _backfill(account: Opened, *, fresh: bool, swap_them: bool) -> None:
    path = account.home.path / SHADOW
    if fresh:
        _forget(path)
    shadow = Ledger.at(path)
    try:
        with broker_desk(account) as desk:
            head, comparison = _compare(desk, shadow)
        print_comparison(comparison, path)
        if swap_them:
            _swap(account, shadow, comparison, head)
        elif not comparison.agrees:
            fail("the ledger is not what the broker's history makes of it")
    finally:
        shadow.close()


def _compare(desk: Desk, shadow: Ledger) -> tuple[str | None, Comparison]:
    with desk.ledger.read() as connection:
        head = journal_head(connection)
    made = backfill(desk, shadow)
    broker, prices = read_account(desk)
    waiting = unposted_activities(desk.gateway, desk.ledger)
    with desk.ledger.read() as ours, shadow.read() as theirs:
        items = judge(theirs, broker, prices=prices)
        found = Comparison(
            made=made,
            totals=tuple(compare_totals(ours, theirs)),
            cash=tuple(compare_cash(ours, theirs)),
            damages=(
                *journal_broken(ours),
                *books_not_rebuilt(ours),
                *differing_rows(ours, theirs),
            ),
            items=tuple(items),
            waiting=tuple(map(str, waiting)),
            obstacles=tuple(obstacles(ours, theirs, made, items)),
        )
    return head, found


def _swap(account: Opened, shadow: Ledger, comparison: Comparison, head: str | None) -> None:
    if not comparison.differs:
        out.print("The ledger is what the broker's history makes of it: there is nothing to swap.")
        return
    if comparison.obstacles:
        for line in comparison.obstacles:
            err.print(f"  {line}", style="yellow", markup=False, highlight=False, soft_wrap=True)
        fail("the ledger stays as it is, for the reasons above")
    with account.ledger.read() as connection:
        number = connection.execute(accounts.select()).one().account_number
    typed = typer.prompt(
        f"The books above replace those of account {number}. Type its number to confirm"
    )
    if typed.strip() != number:
        fail(f"expected {number}, was {typed!r}: the ledger stays as it is")
    copy = account.home.path / f"ledger.before-backfill.{datetime.now(UTC):%Y-%m-%dT%H%M%SZ}.db"
    keep_copy(account.home.ledger, copy)
    swap(account.ledger, shadow, head)
    out.print(
        f"The ledger has the rebuilt books. As it was before, it is in {copy}.\n"
        "What is published of past sessions is not: run the job `after_close` over them again.",
        highlight=False,
        soft_wrap=True,
    )


def _forget(path: Path) -> None:
    for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        file.unlink(missing_ok=True)
