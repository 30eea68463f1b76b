"""The operator steps in: resume, rails, flatten."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from alchemiser_dagster.cli import app
from alchemiser_dagster.ledger.rails import (
    ACCOUNT,
    Rail,
    Rails,
    book_scope,
    symbol_scope,
)
from alchemiser_dagster.ledger.schema import UNATTRIBUTED

from .conftest import Account


@pytest.mark.parametrize(
    "words",
    [
        ("halt",),
        ("resume",),
        ("rails",),
        ("flatten", "a"),
        ("lots", "a"),
        ("attribute", "--symbol", "SPY", "--qty", "1", "--strategy", "a", "--price", "1"),
    ],
)
def test_without_an_account_there_is_nothing_to_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ALCHEMISER_HOME", str(tmp_path / "nowhere"))
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 1
    assert "no account has been opened in" in done.output
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("rail", "scope", "words", "what"),
    [
        (Rail.HALT, ACCOUNT, (), "The halt of the account"),
        (Rail.HALT, book_scope("a"), ("--book", "a"), "The halt of a"),
        (Rail.HALT, symbol_scope("BRK.B"), ("--symbol", "brk/b"), "The halt of BRK.B"),
        (Rail.FREEZE, symbol_scope("SPY"), ("--frozen", "SPY"), "The freeze of SPY"),
        (Rail.DAILY_LOSS, ACCOUNT, ("--daily-loss",), "The daily loss"),
    ],
)
def test_resume_takes_back_what_it_names(
    account: Account, rail: Rail, scope: str, words: tuple[str, ...], what: str
) -> None:
    account.put(rail, scope)
    assert account.rails != Rails()
    assert f"{what} is off." in account.say("resume", *words)
    assert account.rails == Rails()


@pytest.mark.parametrize("words", [(), ("--book", "a"), ("--frozen", "SPY"), ("--daily-loss",)])
def test_resume_of_what_is_not_on(account: Account, words: tuple[str, ...]) -> None:
    account.put(Rail.HALT, symbol_scope("TLT"))
    assert "to be on, was off; `alchemiser rails` lists" in account.refuse("resume", *words)
    assert list(account.rails.halted_symbols) == ["TLT"]


def test_x33_resume_writes_the_row_that_was_lost(account: Account) -> None:
    with account.ledger.write() as connection:
        connection.exec_driver_sql("DELETE FROM rails")
    assert "The account is halted: expected a row (halt, account)" in account.say("rails")
    account.say("resume")
    assert account.rails == Rails()


def test_resume_says_when_the_account_stays_halted(account: Account) -> None:
    account.put(Rail.HALT, ACCOUNT)
    with account.ledger.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO rails VALUES ('pause', 'account', 'on', '', 'x', '2024-01-03 00:00:00')"
        )
    said = account.say("resume")
    assert "The account is halted all the same: table rails, row (pause, account)" in said


def test_rails_lists_what_restricts(account: Account) -> None:
    assert account.say("rails") == "No rail restricts the trading."
    account.put(Rail.HALT, book_scope("a"))
    account.put(Rail.FREEZE, symbol_scope("SPY"), on=False)
    said = account.say("rails")
    assert "halt book:a on a storm x 2024-01-03 20:50:00" in said
    assert "SPY" not in said
    account.put(Rail.HALT, ACCOUNT)
    assert "The account is halted: a storm" in account.say("rails")


def test_rails_that_cannot_be_read(account: Account) -> None:
    with account.ledger.write() as connection:
        connection.exec_driver_sql("UPDATE rails SET set_at = 'yesterday', state = 'on'")
    assert "The account is halted: the rails cannot be read" in account.say("rails")


def test_flatten_and_undo(account: Account) -> None:
    assert "The next session plans a all in cash" in account.say("flatten", "a")
    assert account.rails.flattening == {"a"}
    assert "flatten book:a on asked for by the operator" in account.say("rails")
    assert "a follows its strategy again" in account.say("flatten", "a", "--undo")
    assert account.rails == Rails()
    assert "expected a to be flattened, was not" in account.refuse("flatten", "a", "--undo")
    assert "was unattributed" in account.refuse("flatten", UNATTRIBUTED)
