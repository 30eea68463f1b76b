"""`alchemiser status`: where the account stands, from its ledger and its latest bars alone.

The books as the last session left them and the bars they will trade on next, then whatever asks for
somebody's attention: sessions that were not finished, books that do not sum to the broker, rails,
open orders, shares of no strategy, books that the latest bars stop.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, Row
from sqlalchemy.exc import SQLAlchemyError

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.strategies import Book, BooksError, load_books
from alchemiser_dagster.commands.latest_bars import latest_bars
from alchemiser_dagster.commands.opened import Opened, opened_account
from alchemiser_dagster.commands.sources import source_of
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.execution.reconciliation import unexplained
from alchemiser_dagster.ledger.open_orders import resting_orders
from alchemiser_dagster.ledger.queries import (
    all_books,
    book_cash,
    incomplete_sessions,
    last_session,
    outcomes,
    positions,
)
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail, rail_state, restricting_rows
from alchemiser_dagster.ledger.schema import UNATTRIBUTED
from alchemiser_dagster.market.sessions import next_session
from alchemiser_dagster.settings import BrokerMode, SettingsError, strategies_folder


def status() -> None:
    """Print the account, its books and the last session; exit code 1 when something is wrong."""
    with opened_account() as account:
        try:
            folder = strategies_folder()
            strategies = {book.name: book for book in load_books(folder)}
        except (SettingsError, BooksError) as error:
            fail(str(error))
        with account.ledger.read() as connection:
            last = last_session(connection)
            table = None if last is None else _books_table(connection, last, strategies)
            wrong = _attention(connection, last)
            flattening = sorted(rail_state(connection).flattening)
        records = AccountRecords(home=str(account.home.path), strategies=str(folder))
        traded = None if last is None else last.session
        bars, stopped = latest_bars(records, strategies.values(), traded)
    out.print(_introduction(account), highlight=False)
    out.print(bars, markup=False, highlight=False)
    out.print("No session has been traded yet." if table is None else table)
    for book in flattening:
        out.print(f"{book} is sold to cash, until `alchemiser flatten {book} --undo`.")
    for line in (wrong := [*wrong, *stopped]):
        err.print(line, style="bold red", markup=False, highlight=False, soft_wrap=True)
    if wrong:
        fail("the account needs attention")
    if last is not None:
        out.print("The books sum to the broker's account as it was read after the last session.")


def _introduction(account: Opened) -> str:
    facts = account.facts
    prices = f"; prices: {source_of(facts).name}" if facts.mode is BrokerMode.EMBEDDED else ""
    return f"{facts.mode} account in {account.home.path}, opened {facts.inception}{prices}"


def _books_table(connection: Connection, last: Row[Any], strategies: Mapping[str, Book]) -> Table:
    cash, held = book_cash(connection), positions(connection)
    ended = {row.book: row for row in outcomes(connection, last.session)}
    table = Table(
        title=f"Session {last.session}: {last.outcome or last.state}", title_justify="left"
    )
    for name in ("book", "strategy", "outcome", "cash", "holds", "reason"):
        table.add_column(name, justify="right" if name == "cash" else "left", overflow="fold")
    for row in all_books(connection):
        book, outcome = strategies.get(row.book), ended.get(row.book)
        own, dollars = held.get(row.book, {}), cash.get(row.book, ZERO)
        if row.book == UNATTRIBUTED and not own and not dollars:
            continue
        readable = "" if book is None else ("unreadable" if book.symphony is None else "ok")
        table.add_row(
            row.book,
            readable,
            "" if outcome is None else outcome.state,
            f"{dollars:,.2f}",
            " ".join(sorted(own)) or "cash",
            Text("" if outcome is None else outcome.reason),
        )
    return table


def _attention(connection: Connection, last: Row[Any] | None) -> list[str]:
    """A line for everything that somebody should look at."""
    lines = _restrictions(connection)
    if last is not None:
        lines += [
            f"{session} was begun and not finished: run it again"
            for session in incomplete_sessions(connection, before=next_session(last.session))
        ]
        if last.state == "complete":
            lines += [str(difference) for difference in unexplained(connection, last.session)]
    for order in resting_orders(connection):
        unknown = " (nobody knows whether it arrived)" if order.broker_order_id is None else ""
        lines.append(f"an order has not ended: {order}{unknown}")
    found = positions(connection).get(UNATTRIBUTED, {})
    return lines + [
        f"{UNATTRIBUTED} holds {shares.normalize():f} {symbol}: `alchemiser attribute` gives them "
        "to a book"
        for symbol, shares in sorted(found.items())
    ]


def _restrictions(connection: Connection) -> list[str]:
    """What restricts the trading, without the books that are meant to be in cash."""
    if not all_books(connection):
        return []  # nothing has been opened, the rails neither
    try:
        rows: Sequence[Row[Any]] = restricting_rows(connection)
    except (SQLAlchemyError, ValueError):
        rows = []  # the state of the account says why they cannot be read
    lines = [
        f"{row.rail} of {row.scope}: {row.reason} (set by {row.set_by}, {row.set_at:%Y-%m-%d})"
        for row in rows
        if row.rail != Rail.FLATTEN and (row.rail, row.scope) != (Rail.HALT, ACCOUNT)
    ]
    halted = rail_state(connection).halted_account
    return lines if halted is None else [f"the account is halted: {halted}", *lines]
