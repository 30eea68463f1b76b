"""The reports about books at 100 columns: where books are large, no figure is cut off."""

from decimal import Decimal
from pathlib import Path

from sqlalchemy import insert

from alchemiser_dagster.ledger.schema import (
    UNALLOCATED,
    books,
)
from tests.world import BOOKS

from .conftest import INCEPTION, Account
from .published_books import enter, publish, traded

D = Decimal
METALS = "metals_and_dollar"


def enrich(account: Account, tmp_path: Path, *, enabled: bool) -> None:
    """Two books worth a million and more, one of them with a long name."""
    with account.ledger.write() as connection:
        connection.execute(
            insert(books).values(book=METALS, allocation=D("0.5"), opened_session=INCEPTION)
        )
    (tmp_path / "strategies" / f"{METALS}.clj").write_text(BOOKS["switch"][0], encoding="utf-8")
    (tmp_path / "strategies" / "books.toml").write_text(
        f'[books.a]\nallocation = "0.4"\n[books.{METALS}]\nallocation = "0.5"\n'
        f'enabled = {str(enabled).lower()}\n[books.c]\nallocation = "0.1"\n'
    )
    traded(account, a="traded", metals_and_dollar="traded")
    publish(
        account,
        {
            "a": ("125234.57", "1131245.74", "1000000"),
            METALS: ("234567.89", "2131245.74", "3000000"),
            UNALLOCATED: ("0", "0", "0"),
        },
        returns={"a": -0.1234, METALS: 0.1111},
    )


def test_no_figure_of_the_list_is_cut_off(account: Account, tmp_path: Path) -> None:
    enrich(account, tmp_path, enabled=False)
    lines = account.ask("books").output.splitlines()
    assert max(map(len, lines)) <= 100
    said = " ".join(" ".join(lines).split())
    assert "…" not in said
    assert "whole dollars" in said
    assert "a 40.00% 125,235 1,256,480 90.03% +256,480 -12.34% +25.65% 2024-01-03" in said
    assert f"{METALS} 50.00% 234,568 2,365,814 90.09% -634,186 +11.11%" in said
    assert "(off)" in said
    assert "not opened" in said


def test_no_figure_of_the_drift_is_cut_off(account: Account, tmp_path: Path) -> None:
    enrich(account, tmp_path, enabled=True)
    lines = account.ask("books", "drift").output.splitlines()
    assert max(map(len, lines)) <= 100
    said = " ".join(" ".join(lines).split())
    assert "…" not in said
    moved = "65.31% +15.31 pp +30.63% -554,666.66 beyond"
    assert f"{METALS} 50.00% 2,365,813.63 {moved}" in said

    publish(account, {"a": ("0", "125648031.31", "1"), METALS: ("0", "236581363.63", "1")})
    lines = account.ask("books", "drift").output.splitlines()
    assert max(map(len, lines)) <= 100
    said = " ".join(" ".join(lines).split())
    assert "…" not in said
    assert f"{METALS} 50.00% 236,581,364 65.31% +15.31 pp +30.63% -55,466,666 beyond" in said


def test_no_sum_of_the_moves_is_cut_off(account: Account) -> None:
    for kind in ("opening", "transfer", "deposit", "withdrawal", "residual"):
        enter(account, UNALLOCATED, kind, "131245678.90", f"S {kind}")
        enter(account, "a", kind, "-131245678.90", f"S {kind} a")
    done = account.ask("books", "moves")
    assert "…" not in done.output
    assert max(map(len, done.output.splitlines())) <= 100
    said = account.say("books", "moves")
    assert f"{UNALLOCATED}{' +131,245,679' * 5} +656,228,395" in said
