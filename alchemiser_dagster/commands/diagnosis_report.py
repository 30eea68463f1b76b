"""A diagnosis for people, failures first, and for machines."""

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from rich.table import Table
from rich.text import Text

from alchemiser_dagster.books.money import to_cents
from alchemiser_dagster.commands.opened import Opened
from alchemiser_dagster.commands.report_table import dollars, report_table
from alchemiser_dagster.commands.terminal import out
from alchemiser_dagster.execution.diagnosis import Diagnosis
from alchemiser_dagster.execution.diagnosis_books import BookState
from alchemiser_dagster.execution.findings import Finding, Severity
from alchemiser_dagster.market.sessions import NEW_YORK

LINES_MAX = 10
"""Lines printed of one finding; `--json` has all."""
STYLES = {Severity.FAIL: "bold red", Severity.WARN: "yellow"}


def print_diagnosis(made: Diagnosis, account: Opened) -> None:
    """Print what is wrong, what is worth knowing, the books, and what is in order."""
    out.print(
        f"{account.facts.mode} account in {account.home.path}, at "
        f"{made.at.astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York",
        highlight=False,
        markup=False,
    )
    for severity in (Severity.FAIL, Severity.WARN):
        for finding in made.of(severity):
            _print_finding(finding)
    out.print(_books_table(made.books))
    out.print(_sessions_table(made.books))
    good = made.of(Severity.OK)
    if good:
        names = ", ".join(dict.fromkeys(finding.name for finding in good))
        out.print(f"In order, {len(good)} of {len(made.findings)}: {names}", highlight=False)
    if not made.of(Severity.FAIL):
        out.print("Nothing asks for somebody.", style="green")


def _print_finding(finding: Finding) -> None:
    title = f"{finding.severity.upper()}  {finding.title}: expected {finding.expected}"
    out.print(Text(title, style=STYLES[finding.severity]))
    for line in finding.found[:LINES_MAX]:
        out.print(Text(f"      {line}"))
    if len(finding.found) > LINES_MAX:
        out.print(f"      and {len(finding.found) - LINES_MAX} more", highlight=False)
    out.print(Text(f"      What to do: {finding.action}", style="italic"))


def _books_table(books: Sequence[BookState]) -> Table:
    table = report_table("Books", ("book", "on"), ("allocation", "cash", "NAV", "lots"))
    table.add_column("holds", overflow="fold")
    for state in books:
        table.add_row(
            state.book,
            {None: "", True: "yes", False: "no"}[state.enabled],
            _plain(state.allocation) if state.is_strategy else "",
            dollars(state.cash),
            "not known" if state.nav is None else dollars(state.nav),
            str(state.lots) if state.lots else "",
            ", ".join(f"{_plain(shares)} {symbol}" for symbol, shares in state.positions.items()),
        )
    return table


def _sessions_table(books: Sequence[BookState]) -> Table:
    table = report_table(
        "Their last sessions",
        ("book", "outcome", "in", "signal", "performance"),
        ("behind", "exits since"),
    )
    for state in books:
        if state.is_strategy:
            table.add_row(
                state.book,
                state.outcome or "",
                _day(state.outcome_session),
                _day(state.published.signal),
                _day(state.published.performance),
                "" if state.age is None else str(state.age),
                str(state.exits_since),
            )
    return table


def _day(session: date | None) -> str:
    return "" if session is None else session.isoformat()


def as_json(made: Diagnosis, account: Opened) -> None:
    """Print one JSON object: numbers of the account as text, so that none loses a digit."""
    failed = bool(made.of(Severity.FAIL))
    told = {
        "account": str(account.home.path),
        "mode": account.facts.mode.value,
        "at": made.at.isoformat(),
        "exit_code": int(failed),
        "findings": [
            {
                "name": finding.name,
                "book": finding.book,
                "severity": finding.severity.value,
                "expected": finding.expected,
                "found": list(finding.found),
                "action": finding.action,
            }
            for finding in made.findings
        ],
        "books": [_book(state) for state in made.books],
    }
    out.print_json(json.dumps(told, default=str))


def _book(state: BookState) -> dict[str, Any]:
    return {
        "book": state.book,
        "enabled": state.enabled,
        "allocation": _plain(state.allocation),
        "last_signal": state.published.signal,
        "last_outcome": state.outcome,
        "last_outcome_session": state.outcome_session,
        "reason": state.reason,
        "open_lots": state.lots,
        "positions": {symbol: _plain(shares) for symbol, shares in state.positions.items()},
        "cash": str(to_cents(state.cash)),
        "nav": None if state.nav is None else str(to_cents(state.nav)),
        "last_performance": state.published.performance,
        "sessions_behind": state.age,
        "exits_since": state.exits_since,
    }


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
