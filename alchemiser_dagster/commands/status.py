"""`alchemiser status`: where the account stands, from its ledger alone."""

from rich.table import Table

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.strategies import BooksError, load_books
from alchemiser_dagster.commands.sources import source_of
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.execution.reconciliation import unexplained
from alchemiser_dagster.ledger.queries import (
    all_books,
    book_cash,
    incomplete_sessions,
    last_session,
    outcomes,
    positions,
)
from alchemiser_dagster.ledger.store import Ledger, LedgerError
from alchemiser_dagster.market.sessions import next_session
from alchemiser_dagster.settings import BrokerMode, SettingsError, home, strategies_folder


def status() -> None:
    """Print the account, its books and the last session; exit code 1 when something is wrong."""
    try:
        account = home()
        facts = account.account()
        books = {book.name: book for book in load_books(strategies_folder())}
    except (SettingsError, BooksError) as error:
        fail(str(error))
    if facts is None or not account.ledger.exists():
        fail(f"no account has been opened in {account.path}; `alchemiser run` opens one")
    try:
        ledger = Ledger.at(account.ledger)
    except LedgerError as error:
        fail(str(error))
    with ledger.read() as connection:
        last = last_session(connection)
        rows = all_books(connection)
        cash, held = book_cash(connection), positions(connection)
        ended = {} if last is None else {r.book: r for r in outcomes(connection, last.session)}
        unfinished = (
            []
            if last is None
            else incomplete_sessions(connection, before=next_session(last.session))
        )
        broken = (
            unexplained(connection, last.session)
            if last is not None and last.state == "complete"
            else []
        )
    prices = ""
    if facts.mode is BrokerMode.EMBEDDED:
        prices = f"; prices: {source_of(facts).name}"
    out.print(
        f"{facts.mode} account in {account.path}, opened {facts.inception}{prices}",
        highlight=False,
    )
    if last is None:
        out.print("No session has been traded yet.")
        return
    table = Table(
        title=f"Session {last.session}: {last.outcome or last.state}", title_justify="left"
    )
    for name in ("book", "strategy", "outcome", "cash", "holds", "reason"):
        table.add_column(name, justify="right" if name == "cash" else "left", overflow="fold")
    for row in rows:
        book, outcome = books.get(row.book), ended.get(row.book)
        readable = "" if book is None else ("unreadable" if book.symphony is None else "ok")
        table.add_row(
            row.book,
            readable,
            "" if outcome is None else outcome.state,
            f"{cash.get(row.book, ZERO):,.2f}",
            " ".join(sorted(held.get(row.book, {}))) or "cash",
            "" if outcome is None else outcome.reason,
        )
    out.print(table)
    for session in unfinished:
        err.print(f"{session} was begun and not finished: run it again", style="yellow")
    for difference in broken:
        err.print(str(difference), style="bold red", markup=False)
    if broken or unfinished:
        fail("the account needs attention")
    out.print("The books sum to the broker's account as it was read after the last session.")
