"""`alchemiser backfill-ledger`: ledger, rebuilt books and broker side by side, and the swap."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alchemiser_dagster.cli import app
from alchemiser_dagster.commands import backfill_ledger as command
from alchemiser_dagster.defs.resources import TradingLock
from alchemiser_dagster.execution.backfill_swap import keep_copy
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.lot_choices import chosen_lots
from alchemiser_dagster.ledger.queries import positions

from .breaks import OF_SECOND
from .conftest import flat
from .traded_home import Patient

LOST_LOT = "DELETE FROM lots WHERE book = 'switch' AND symbol = 'GLD'"
AGREE = "Every book holds, has paid and has made what the broker's history says."


def ask(*words: str, typed: str | None = None) -> Result:
    done = CliRunner().invoke(app, ["backfill-ledger", *words], input=typed)
    assert not isinstance(done.exception, Exception), done.exception
    return done


def account_number(patient: Patient) -> str:
    return patient.account.desk().gateway.account().number


def dump(path: Path) -> list[str]:
    """Every row of an SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def diagnosed() -> int:
    return CliRunner().invoke(app, ["diagnose"]).exit_code


def test_a_whole_ledger_agrees_and_a_second_run_adds_nothing(patient: Patient) -> None:
    before = dump(patient.account.home.ledger)
    done = ask()
    said = flat(done)
    assert done.exit_code == 0
    assert "The broker's history has 6 orders that filled." in said
    assert "because no broker knows of them: crosses between books (1); capital, lot" in said
    assert AGREE in said
    assert "(0 rows added)" not in said
    assert "(0 rows added)" in flat(ask())
    assert "(0 rows added)" not in flat(ask("--fresh"))
    assert dump(patient.account.home.ledger) == before


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (LOST_LOT, "switch GLD shares 0 108.851831 +108.851831"),
        ("UPDATE lot_exits SET proceeds = proceeds - 100", "steady SPY realised"),
        ("UPDATE cash_entries SET amount = amount - 100 WHERE kind = 'opening'", "steady cash"),
    ],
    ids=["a lot lost", "proceeds changed", "cash changed"],
)
def test_what_the_ledger_has_lost_is_named(patient: Patient, statement: str, says: str) -> None:
    patient.sql(statement)
    done = ask()
    assert done.exit_code == 1
    assert says in flat(done)
    assert AGREE not in flat(done)
    assert flat(done).endswith("the ledger is not what the broker's history makes of it")


def test_a_damage_that_moves_neither_shares_nor_cash_is_a_difference_and_is_mended(
    patient: Patient,
) -> None:
    patient.sql("UPDATE fills SET price = price + 1")
    done = ask()
    said = flat(done)
    assert done.exit_code == 1
    assert "fills: " in said
    assert "price: expected" in said
    assert "there is nothing to swap" not in said
    assert ask("--swap", typed=f"{account_number(patient)}\n").exit_code == 0
    assert diagnosed() == 0
    assert ask().exit_code == 0


def test_the_swap_mends_the_ledger_and_keeps_the_old_one(patient: Patient) -> None:
    lot = "(SELECT min(lot_id) FROM lots WHERE book = 'steady' AND symbol = 'TLT')"
    gone = "(SELECT min(lot_id) FROM lots WHERE book = 'switch' AND symbol = 'GLD')"
    patient.sql(
        f"INSERT INTO lot_choices SELECT 'steady', 'TLT', 1, {lot}, opened_at FROM account",
        f"INSERT INTO lot_choices SELECT 'switch', 'GLD', 1, {gone}, opened_at FROM account",
    )
    whole = dump(patient.account.home.ledger)
    patient.sql(LOST_LOT, "UPDATE fills SET price = price + 1", "DELETE FROM executions")
    assert diagnosed() == 1
    broken = dump(patient.account.home.ledger)

    done = ask("--swap", typed=f"{account_number(patient)}\n")
    assert done.exit_code == 0, done.output
    assert "The ledger has the rebuilt books." in flat(done)
    assert diagnosed() == 0
    (copy,) = patient.folder.glob("ledger.before-backfill.*.db")
    assert dump(copy) == broken
    assert copy.name in done.output.replace("\n", "")
    assert tables(dump(patient.account.home.ledger)) == tables(whole)
    with patient.ledger() as ledger, ledger.read() as connection:
        assert chosen_lots(connection, "steady", "TLT") != []
        assert str(positions(connection)["switch"]["GLD"].normalize()) == "108.851831"
    assert "there is nothing to swap" in flat(ask("--swap"))


def tables(rows: list[str]) -> dict[str, int]:
    """How many rows each table has."""
    names = [row.split('"')[1] for row in rows if row.startswith("INSERT INTO")]
    return {name: names.count(name) for name in names}


def test_a_swap_wants_the_number_of_the_account(patient: Patient) -> None:
    patient.sql(LOST_LOT)
    before = dump(patient.account.home.ledger)
    for typed in ("yes\n", "\n", ""):
        done = ask("--swap", typed=typed)
        assert done.exit_code == 1
        assert dump(patient.account.home.ledger) == before
    assert not list(patient.folder.glob("ledger.before-backfill.*"))


def test_nothing_is_swapped_while_somebody_trades(patient: Patient) -> None:
    patient.sql(LOST_LOT)
    lock = TradingLock(records=patient.account.records)
    assert lock.acquire()
    done = ask("--swap", typed="anything\n")
    assert done.exit_code == 1
    assert "another process is trading this account" in flat(done)
    assert "A session is being traded" in flat(ask())
    lock.release()
    assert "A session is being traded" not in flat(ask())


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (f"UPDATE sessions SET state = 'sized' WHERE {OF_SECOND}", "session 2024-01-03 is not com"),
        ("UPDATE orders SET state = 'working'", "an order has not ended: e.2024010"),
        (
            "DELETE FROM journal WHERE kind = 'cash_entries'",
            "the rebuilt books differ from the broker in cash: the books hold -88185.27",
        ),
        ("DELETE FROM trades WHERE book = 'switch'", "it could not be posted: e.20240102"),
    ],
    ids=["a session under way", "an open order", "no journal", "trades that are lost"],
)
def test_books_in_doubt_are_not_swapped(patient: Patient, statement: str, says: str) -> None:
    patient.sql(LOST_LOT, statement)
    before = dump(patient.account.home.ledger)
    done = ask("--swap", typed=f"{account_number(patient)}\n")
    assert done.exit_code == 1
    assert says in flat(done)
    assert flat(done).endswith("the ledger stays as it is, for the reasons above")
    assert dump(patient.account.home.ledger) == before


def test_a_ledger_that_changed_meanwhile_is_not_swapped(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody posts something while the number is being typed."""
    patient.sql(LOST_LOT)

    def type_slowly(_: str) -> str:
        patient.sql(
            "UPDATE journal SET hash = 'x' WHERE sequence = (SELECT max(sequence) FROM journal)"
        )
        return account_number(patient)

    monkeypatch.setattr(command.typer, "prompt", type_slowly)
    done = ask("--swap")
    assert done.exit_code == 1
    assert "something was posted meanwhile, run it again" in flat(done)
    with patient.ledger() as ledger, ledger.read() as connection:
        assert "GLD" not in positions(connection)["switch"]


def test_a_silent_broker_ends_the_command(patient: Patient) -> None:
    patient.account.control.add_fault(action="status", status=503, match={"path": "/v2/orders*"})
    done = ask()
    assert done.exit_code == 1
    assert "reading orders: HTTP 503" in flat(done)


def test_an_earlier_copy_is_never_written_over(patient: Patient, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    keep_copy(patient.account.home.ledger, copy)
    assert dump(copy) == dump(patient.account.home.ledger)
    with pytest.raises(LedgerError, match=r"expected no file .*copy\.db, was one"):
        keep_copy(patient.account.home.ledger, copy)
