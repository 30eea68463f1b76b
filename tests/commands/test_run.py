"""`alchemiser run` and `status` in processes of their own, killed and started again."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alchemiser_dagster.cli import app
from alchemiser_dagster.commands.replay import ReplayError
from alchemiser_dagster.commands.run import _set_aside
from alchemiser_dagster.ledger.queries import book_cash
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.settings import AccountFile, BrokerMode, Home
from tests.world import BOOKS, STEADY, write_bars, write_strategies


def command(folder: Path, *words: str) -> tuple[list[str], dict[str, str]]:
    environment = os.environ | {
        "ALCHEMISER_HOME": str(folder / "account"),
        "ALCHEMISER_STRATEGIES": str(folder / "strategies"),
    }
    run = [sys.executable, "-c", "from alchemiser_dagster.cli import app; app()"]
    return [*run, *words], environment


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line, environment = command(folder, *words)
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=250)


def ask(folder: Path, *words: str) -> Result:
    """The same in this process, which spares the start of one."""
    _, environment = command(folder, *words)
    return CliRunner().invoke(app, list(words), env=environment)


def test_a_replay_that_is_killed_is_simply_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_strategies(tmp_path)
    bars = str(write_bars(tmp_path))
    words = ("run", "--bars", bars, "--from", "2024-01-02", "--to", "2024-01-03")
    line, environment = command(tmp_path, *words[:-1], "2024-01-12")
    process = subprocess.Popen(
        line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    ledger = Home(tmp_path / "account").ledger
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not _has_fills(ledger):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert _has_fills(ledger)

    again = call(tmp_path, *words)
    assert again.returncode == 0, again.stderr
    assert "The books add up to the broker's account to the cent." in again.stdout
    assert "Books after 2024-01-03 (traded since 2024-01-02" in again.stdout
    with Ledger.at(ledger).read() as connection:
        assert set(book_cash(connection)) == {*BOOKS, "unallocated"}

    third = ask(tmp_path, *words)
    assert third.exit_code == 0, third.output
    assert "Every session has been traded already" in third.stdout

    shown = call(tmp_path, "status")
    assert shown.returncode == 0, shown.stderr
    assert "Session 2024-01-03: success" in shown.stdout

    for name in ("HOME", "STRATEGIES"):
        monkeypatch.setenv(f"ALCHEMISER_{name}", command(tmp_path)[1][f"ALCHEMISER_{name}"])
    for words in (["diagnose"], ["backfill-ledger"]):
        looked = CliRunner().invoke(app, words)
        assert looked.exit_code == 0, looked.output


def _has_fills(ledger: Path) -> bool:
    if not ledger.exists():
        return False
    try:
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
            return bool(connection.execute("SELECT count(*) FROM fills").fetchone()[0])
    except sqlite3.OperationalError:
        return False


@pytest.mark.parametrize(
    ("books", "said"),
    [
        ({"a": (STEADY, "0.7"), "b": (STEADY, "0.4")}, "sum to at most 1, was 1.1"),
        ({"a": (STEADY, "7 %")}, "expected a decimal allocation"),
    ],
)
def test_allocations_that_make_no_sense_refuse_to_start(
    tmp_path: Path, books: dict[str, tuple[str, str]], said: str
) -> None:
    write_strategies(tmp_path, books)
    refused = ask(tmp_path, "run", "--bars", str(write_bars(tmp_path)), "--sessions", "1")
    assert refused.exit_code == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "account" / "ledger.db").exists()


def test_replaying_never_goes_to_a_real_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_strategies(tmp_path)
    monkeypatch.setenv("ALCHEMISER_BROKER", "paper")
    refused = ask(tmp_path, "run")
    assert refused.exit_code == 1
    assert "replays on the embedded broker" in refused.stderr
    monkeypatch.setenv("ALCHEMISER_BROKER", "papier")
    refused = ask(tmp_path, "run")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("ALCHEMISER_BROKER: expected embedded, paper or live")


def test_status_before_anything_says_what_to_do(tmp_path: Path) -> None:
    write_strategies(tmp_path)
    shown = ask(tmp_path, "status")
    assert shown.exit_code == 1
    assert "`alchemiser run` opens one" in shown.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "2024-03-05"], "expected --to up to 2024-02-29"),
        (["--from", "2023-06-01"], "expected --from after the first bar of 2023-06-01"),
        (["--from", "2024-02-02", "--to", "2024-02-01"], "expected at least one session from"),
        (["--from", "2031-01-02"], "expected a date from 1990-01-01"),
    ],
)
def test_sessions_that_the_bars_do_not_have_open_no_account(
    tmp_path: Path, words: list[str], said: str
) -> None:
    write_strategies(tmp_path)
    refused = ask(tmp_path, "run", "--bars", str(write_bars(tmp_path)), *words)
    assert refused.exit_code == 1
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "account").exists()


def test_an_account_stays_on_its_bars_and_a_weekend_ends_on_friday(tmp_path: Path) -> None:
    write_strategies(tmp_path)
    bars = write_bars(tmp_path)
    done = ask(tmp_path, "run", "--bars", str(bars), "--from", "2024-01-05", "--to", "2024-01-06")
    assert done.exit_code == 0, done.output
    assert "Books after 2024-01-05" in done.stdout
    other = tmp_path / "other.parquet"
    other.write_bytes(bars.read_bytes())
    refused = ask(tmp_path, "run", "--bars", str(other))
    assert refused.exit_code == 1
    assert "start a new account with --fresh" in refused.stderr


def test_setting_aside_keeps_the_account_and_touches_nothing_else(tmp_path: Path) -> None:
    home = Home(tmp_path / "account")
    home.path.mkdir()
    (home.path / "a letter").write_text("dear", encoding="utf-8")
    _set_aside(home)
    assert (home.path / "a letter").exists()
    home.open(AccountFile(BrokerMode.EMBEDDED, date(2024, 1, 2)))
    with closing(sqlite3.connect(home.broker)) as broker:
        broker.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ReplayError, match="is in use"):
            _set_aside(home)
    _set_aside(home)
    assert not home.path.exists()
    (kept,) = (tmp_path / "set-aside").iterdir()
    assert (kept / "account.json").exists()
