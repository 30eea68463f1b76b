"""`alchemiser diagnose` on an account in order, in which one thing at a time is broken."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from alchemiser_dagster.books.strategies import load_books
from alchemiser_dagster.cli import app
from alchemiser_dagster.commands.opened import opened_account
from alchemiser_dagster.defs.signals import signal_key
from alchemiser_dagster.execution.desk import WINDOW
from alchemiser_dagster.execution.diagnosis import diagnose
from alchemiser_dagster.execution.diagnosis_broker import activities_posted, read_broker
from alchemiser_dagster.execution.findings import Severity
from alchemiser_dagster.ledger.account_activity import AccountActivity
from alchemiser_dagster.ledger.rails import ACCOUNT, Rail
from alchemiser_dagster.ledger.schema import sessions
from alchemiser_dagster.market.sessions import session_close, session_open
from alchemiser_dagster.settings import Home, strategies_folder
from tests.ledger.orders import add_order
from tests.world import BOOKS

from .breaks import AFTER, BREAKS, OF_SECOND, WARNINGS, file
from .conftest import flat
from .traded_home import SECOND, Patient, traded_home


def ask(*words: str) -> Result:
    done = CliRunner().invoke(app, ["diagnose", *words])
    assert not isinstance(done.exception, Exception), done.exception
    return done


def told() -> dict[str, Any]:
    """What a machine reads; its exit code is the command's."""
    done = ask("--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == found["exit_code"]
    return found


def titles(found: dict[str, Any], severity: str) -> list[str]:
    return [
        finding["name"] + (f" of {finding['book']}" if finding["book"] else "")
        for finding in found["findings"]
        if finding["severity"] == severity
    ]


def lines(found: dict[str, Any], severity: str) -> str:
    return "\n".join(
        line
        for finding in found["findings"]
        if finding["severity"] == severity
        for line in finding["found"]
    )


def test_an_account_in_order(patient: Patient) -> None:
    found = told()
    assert (titles(found, "fail"), titles(found, "warn"), found["exit_code"]) == ([], [], 0)
    books = {book["book"]: book for book in found["books"]}
    assert set(books) == {"steady", "switch", "unallocated", "unattributed"}
    steady = books["steady"]
    assert steady["last_signal"] == steady["last_performance"] == "2024-01-03"
    assert (steady["enabled"], steady["allocation"], steady["last_outcome"]) == (
        True, "0.5", "traded",
    )  # fmt: skip
    assert (steady["open_lots"], steady["sessions_behind"]) == (3, 0)
    assert list(steady["positions"]) == ["SPY", "TLT"]
    navs = sum(Decimal(book["nav"]) for book in found["books"])
    equity = patient.account.desk().gateway.account().equity
    assert abs(navs - equity) < Decimal("0.05")
    said = ask()
    assert said.exit_code == 0
    assert flat(said).endswith("Nothing asks for somebody.")


def test_an_account_that_has_not_traded(untraded: Home) -> None:
    found = told()
    assert (titles(found, "fail"), titles(found, "warn")) == ([], [])
    assert {book["sessions_behind"] for book in found["books"]} == {None}
    assert flat(ask()).endswith("Nothing asks for somebody.")


def test_an_account_that_never_traded_is_out_of_order_after_its_second_session(
    untraded: Home,
) -> None:
    def on(day: date) -> dict[str, Any]:
        with opened_account() as account:
            strategies = {book.name: book for book in load_books(strategies_folder())}
            made = diagnose(
                account.ledger, strategies, {}, broker=None,
                now=session_close(day) + timedelta(minutes=10),
            )  # fmt: skip
        return {finding.title: finding for finding in made.of(Severity.FAIL)}

    assert on(date(2023, 12, 29)) == {}
    assert on(date(2024, 1, 2)) == {}
    failing = on(date(2024, 1, 19))
    assert set(failing) == {
        f"{name} of {book}" for name in ("signal_fresh", "performance_fresh") for book in BOOKS
    }
    assert "13 sessions behind" in failing["performance_fresh of steady"].found[0]


@pytest.mark.parametrize("state", ["working", "unknown"])
def test_an_order_of_the_session_that_is_being_traded_only_warns(
    patient: Patient, state: str
) -> None:
    with patient.ledger() as ledger, ledger.write() as connection:
        add_order(
            connection, "e.20240104.0.n1.SPY.B.a1.s1", "buy 2 SPY", notional="1000", state=state,
            session=AFTER, allocations={"steady": "2"},
        )  # fmt: skip
        moments = {"opens_at": session_open(AFTER), "closes_at": session_close(AFTER)}
        connection.execute(update(sessions).where(sessions.c.session == AFTER).values(**moments))
    found = told()
    assert titles(found, "fail") == []
    assert titles(found, "warn") == ["orders_ended", "sessions_complete"]


@pytest.mark.parametrize(("title", "says", "breaks"), BREAKS.values(), ids=list(BREAKS))
def test_what_is_broken_is_named_and_nothing_else(
    patient: Patient, title: str, says: str, breaks: Callable[[Patient], None]
) -> None:
    breaks(patient)
    found = told()
    assert (titles(found, "fail"), titles(found, "warn")) == ([title], [])
    assert says in lines(found, "fail")
    assert found["exit_code"] == 1


def test_every_finding_of_the_command_is_broken_above(patient: Patient) -> None:
    names = {finding["name"] for finding in told()["findings"]}
    broken = {title.split(" of ")[0] for title, _, _ in BREAKS.values()}
    # The one only warns, the other is broken below.
    assert names - broken == {"broker_answers", "activities_posted"}


@pytest.mark.parametrize(("title", "says", "breaks"), WARNINGS.values(), ids=list(WARNINGS))
def test_what_is_worth_knowing_is_no_failure(
    patient: Patient, title: str, says: str, breaks: Callable[[Patient], object]
) -> None:
    breaks(patient)
    found = told()
    assert (titles(found, "fail"), titles(found, "warn")) == ([], [title])
    assert says in lines(found, "warn")


def test_while_the_broker_is_silent_what_it_said_last_counts(patient: Patient) -> None:
    patient.account.control.add_fault(action="status", status=503, match={"path": "/v2/*"})
    patient.sql(
        "UPDATE reconciliation_items SET breaks = 1, classification = 'shortfall' "
        f"WHERE what = 'SPY' AND kind = 'after_buys' AND {OF_SECOND}"
    )
    found = told()
    assert (titles(found, "fail"), titles(found, "warn")) == (
        ["reconciliation"],
        ["broker_answers"],
    )
    assert "SPY: shortfall (after_buys of 2024-01-03)" in lines(found, "fail")


def test_what_the_broker_did_and_nobody_posted_yet_is_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order that the ledger took for ended fills, and a deposit comes in. An order of ours of
    which the ledger has no row fills as well, and that no session would post to its book.
    """
    with traded_home(tmp_path) as account:
        monkeypatch.setenv("ALCHEMISER_HOME", str(account.home.path))
        monkeypatch.setenv("ALCHEMISER_STRATEGIES", str(account.strategies))
        account.control.advance_to(session_close(AFTER) - WINDOW)
        desk, name = account.desk(), "e.20240104.0.n1.SPY.B.a1.s1"
        with desk.ledger.write() as connection:
            add_order(
                connection, name, "buy 2 SPY", notional="1000", state="canceled", session=AFTER,
                allocations={"steady": "2"},
            )  # fmt: skip
            connection.execute(
                update(sessions)
                .where(sessions.c.session == AFTER)
                .values(opens_at=session_open(AFTER), closes_at=session_close(AFTER))
            )
        desk.gateway.submit(
            client_order_id=name, symbol="SPY", side="buy", quantity=Decimal(2), limit_price=None
        )
        lost = name.replace("SPY", "TLT")
        desk.gateway.submit(
            client_order_id=lost, symbol="TLT", side="buy", quantity=Decimal(1), limit_price=None
        )
        account.control.move_cash(250)
        desk.ledger.close()
        found = told()
    assert titles(found, "fail") == ["fills_posted", "activities_posted"]
    failing = lines(found, "fail")
    assert f"{name}: 2 shares filled, 0 posted" in failing
    assert f"{lost}: 2024-01-04 FILL buy TLT 1 at" in failing
    assert "of an order of ours that the ledger has lost" in failing
    assert titles(found, "warn") == ["sessions_complete"]
    assert "2024-01-04 is being traded" in lines(found, "warn")
    (posted,) = [one for one in found["findings"] if one["name"] == "activities_posted"]
    assert "backfill-ledger" in posted["action"]
    for said in ("FILL buy SPY 2 at 3", "CSD $250"):
        assert any(said in line for line in posted["found"])


@pytest.mark.parametrize(("hours", "severity"), [(-1, Severity.FAIL), (1, Severity.WARN)])
def test_an_execution_from_before_the_last_session_should_have_been_posted(
    patient: Patient, hours: int, severity: Severity
) -> None:
    at = session_open(SECOND) + timedelta(hours=hours)
    by_hand = AccountActivity(
        "x", "FILL", SECOND, at, symbol="SPY", quantity=Decimal(1), price=Decimal(380), side="buy"
    )
    desk = patient.account.desk()
    reading = replace(read_broker(desk), unposted=(by_hand,))
    with desk.ledger.read() as connection:
        found = activities_posted(connection, reading)
    desk.ledger.close()
    assert found.severity is severity
    assert "2024-01-03 FILL buy SPY 1 at 380" in found.found[0]
    assert ("backfill-ledger" in found.action) == (severity is Severity.FAIL)


def test_one_session_behind_is_no_failure(patient: Patient) -> None:
    """Before the evening's tables are made, those of the session before are the last."""
    patient.remove(["performance", "steady"], SECOND)
    patient.remove(signal_key("steady"), SECOND)
    found = told()
    assert titles(found, "fail") == []
    (steady,) = [book for book in found["books"] if book["book"] == "steady"]
    assert steady["sessions_behind"] == 1
    assert steady["exits_since"] > 0


def test_failures_come_first_each_with_what_to_do(patient: Patient) -> None:
    patient.rail(Rail.HALT, ACCOUNT)
    patient.sql(f"UPDATE session_books SET state = 'partial' WHERE {OF_SECOND}")
    done = ask()
    said = flat(done)
    assert done.exit_code == 1
    assert said.index("FAIL rails_off") < said.index("WARN outcome_good") < said.index("In order")
    assert "What to do: when its cause is gone: `alchemiser resume`" in said
    assert "1 thing asks for somebody: rails_off" in said
    assert "Nothing asks for somebody" not in said


def test_a_table_of_books_that_cannot_be_used_ends_the_command(patient: Patient) -> None:
    file("books.toml", '[books.steady]\nallocation = "7"\n')(patient)
    done = ask()
    assert done.exit_code == 1
    assert "expected an allocation above 0 and at most 1" in flat(done)
