"""What `alchemiser status` says of the bars. Books `a` and `b` use SPY and TLT."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from alchemiser_dagster.defs.bars import FINDINGS
from alchemiser_dagster.defs.freshness import DUE
from alchemiser_dagster.defs.resources import AccountRecords
from alchemiser_dagster.market.examination import FINDINGS_SCHEMA
from alchemiser_dagster.market.sessions import last_completed_session, sessions_between
from alchemiser_dagster.settings import BrokerMode
from tests.world import take_bars

from .conftest import INCEPTION, SESSION, Account, make_account
from .test_status import trade

BARS = "4 symbols; the world, fetched 2024-01-03 21:00 UTC"


def records_of(account: Account) -> AccountRecords:
    home = account.home.path
    return AccountRecords(home=str(home), strategies=str(home.parent / "strategies"))


def find(account: Account, *rows: tuple[str, str, str]) -> None:
    """Findings of the session: check, symbol, severity."""
    table = pl.DataFrame(
        [(check, symbol, SESSION, severity, "so it is") for check, symbol, severity in rows],
        schema=FINDINGS_SCHEMA,
        orient="row",
    )
    records_of(account).tables.write([FINDINGS], str(SESSION), table)


def test_without_a_snapshot_it_says_so(account: Account) -> None:
    assert "No snapshot of bars has been taken yet." in account.say("status")


def test_sound_bars_of_the_last_session(account: Account) -> None:
    trade(account)
    take_bars(records_of(account), SESSION)
    find(
        account, ("jumps", "SPY", "warning"), ("history", "SPY", "error"), ("idle", "XYZ", "error")
    )
    said = account.say("status")
    assert f"Bars of 2024-01-03 (up to date): {BARS}; no finding stops a book." in said


def test_bars_of_an_earlier_session_are_behind(account: Account) -> None:
    trade(account)
    take_bars(records_of(account), INCEPTION)
    assert "Bars of 2024-01-02 (1 session behind): 4 symbols" in account.say("status")


def test_findings_that_stop_books_ask_for_attention(account: Account) -> None:
    trade(account)
    take_bars(records_of(account), SESSION)
    find(account, ("prices", "SPY", "error"), ("restated", "TLT", "error"))
    said = account.refuse("status")
    assert f"{BARS}; 2 findings stop 2 books." in said
    for book in ("a", "b"):
        assert (
            f"{book} does not trade on the bars of 2024-01-03: the bars are not fit to trade on: "
            "SPY (prices): so it is; TLT (restated): so it is"
        ) in said
    find(account, ("prices", "SPY", "error"))
    assert f"{BARS}; 1 finding stops 2 books." in account.refuse("status")


def test_bars_that_were_not_checked_ask_for_attention(account: Account) -> None:
    records = records_of(account)
    take_bars(records, SESSION)
    records.tables.refuse([FINDINGS], str(SESSION), "daily_bars was taken and not checked since")
    said = account.refuse("status")
    assert f"{BARS}; they were not checked." in said
    assert (
        "no book trades on the bars of 2024-01-03: bar_findings of 2024-01-03: daily_bars" in said
    )


def test_a_damaged_pointer_is_named(account: Account) -> None:
    records = records_of(account)
    take_bars(records, SESSION)
    records.tables.files.write(f"daily_bars/{SESSION}.json", b"{")
    said = account.refuse("status")
    assert "The latest bars cannot be read." in said
    assert "expected a snapshot's pointer" in said


def test_at_a_real_broker_age_is_by_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_account(tmp_path, monkeypatch, BrokerMode.PAPER)
    take_bars(records_of(account), SESSION)
    due = last_completed_session(datetime.now(UTC), DUE)
    behind = len(sessions_between(SESSION, due)) - 1
    assert f"Bars of 2024-01-03 ({behind} sessions behind)" in account.say("status")
    account.ledger.close()
