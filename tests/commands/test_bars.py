"""`alchemiser bars` and `alchemiser restated` over a small account."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from alchemiser_dagster.cli import app
from alchemiser_dagster.settings import Home
from tests.world import market, write_bars

from .conftest import flat

INCEPTION, TUESDAY, WEDNESDAY = date(2023, 12, 29), date(2024, 1, 2), date(2024, 1, 3)


@pytest.fixture
def folder(untraded: Home) -> Path:
    """Of the account; its `bars.parquet` can be written anew."""
    return untraded.path.parent


def alchemiser(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_a_snapshot_is_taken_checked_and_described(folder: Path) -> None:
    done = alchemiser("bars", str(TUESDAY))
    assert done.exit_code == 0, done.output
    said = flat(done)
    assert "Snapshot of 2024-01-02: 4 symbols, 592 bars from 2023-06-01 on" in said
    assert "The checks found nothing." in said


def test_what_the_checks_found_is_listed_and_the_exit_code_says_so(folder: Path) -> None:
    bad = (pl.col("symbol") == "GLD") & (pl.col("date") == INCEPTION)
    write_bars(folder, market().with_columns(close=pl.when(bad).then(-1.0).otherwise("close")))
    done = alchemiser("bars", str(TUESDAY))
    assert done.exit_code == 1
    said = flat(done)
    assert "prices" in said
    assert "GLD" in said
    assert "books that use a symbol with an error do not trade on this snapshot" in said


def test_a_day_that_cannot_be_taken_is_named(folder: Path) -> None:
    assert "expected a session from 2023-12-29" in flat(alchemiser("bars", "2024-01-01"))
    assert "expected a session from 2023-12-29" in flat(alchemiser("bars", "2023-12-28"))
    done = alchemiser("bars", "2024-03-01")
    assert done.exit_code == 1
    assert "expected bars of 2024-03-01, was none" in flat(done)


def test_an_unchanged_past_is_said_to_be_unchanged(folder: Path) -> None:
    alchemiser("bars", str(TUESDAY))
    assert "the account's first: nothing was before it" in flat(alchemiser("restated"))
    alchemiser("bars", str(WEDNESDAY))
    done = alchemiser("restated")
    assert done.exit_code == 0, done.output
    said = flat(done)
    assert "The snapshot of 2024-01-03 against that of 2024-01-02" in said
    assert "Nothing in the past was restated." in said
    assert "No signal from 2023-12-29 on would have been another." in said


def test_a_restated_close_is_shown_with_the_signals_it_would_have_changed(folder: Path) -> None:
    """Gold's close of the first evening is corrected to far below its average."""
    alchemiser("bars", str(TUESDAY))
    there = (pl.col("symbol") == "GLD") & (pl.col("date") == INCEPTION)
    old = market().filter(there)["close"].item()
    lower = market().with_columns(
        pl.when(there).then(pl.col(price) * 0.9).otherwise(pl.col(price)).alias(price)
        for price in ("open", "high", "low", "close")
    )
    write_bars(folder, lower)
    alchemiser("bars", str(WEDNESDAY))
    said = flat(alchemiser("restated", str(WEDNESDAY)))
    assert "GLD correction 2023-12-29 2023-12-29 1" in said.replace("│", " ").replace("  ", " ")
    assert "Signals that would have been others" in said
    assert "momentum 2023-12-29" in " ".join(said.replace("│", " ").split())
    assert old > 0


def test_without_a_snapshot_there_is_nothing_to_compare(folder: Path) -> None:
    done = alchemiser("restated")
    assert done.exit_code == 1
    assert "no snapshot of bars has been taken; `alchemiser bars` takes one" in flat(done)
