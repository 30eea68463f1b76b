"""`alchemiser weights`, as an acceptance check calls it."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from alchemiser_dagster.cli import app
from tests.world import LAST_BAR, MOMENTUM, STEADY, market, write_bars

CLI = CliRunner()


def call(folder: Path, text: str | None = None, bars: Path | None = None, *more: str):  # type: ignore[no-untyped-def]
    strategy = folder / "mine.clj"
    if text is not None:
        strategy.write_text(text)
    out = folder / "out.parquet"
    words = ["weights", str(strategy), "--bars", str(bars or write_bars(folder))]
    return CLI.invoke(app, [*words, "--out", str(out), *more])


def test_rows_are_date_strategy_symbol_weight(tmp_path: Path) -> None:
    done = call(tmp_path, STEADY, None, "--from", "2024-01-02", "--to", "2024-01-05")
    assert done.exit_code == 0, done.output
    table = pl.read_parquet(tmp_path / "out.parquet")
    assert table.schema == {
        "date": pl.Date, "strategy": pl.String, "symbol": pl.String, "weight": pl.Float64
    }  # fmt: skip
    assert table.height == 4 * 2
    assert table.row(0) == (date(2024, 1, 2), "mine", "SPY", 0.5)


def test_sessions_without_a_signal_are_counted_with_their_reason(tmp_path: Path) -> None:
    done = call(tmp_path, MOMENTUM)
    assert done.exit_code == 0
    assert "mine: 10 sessions without a signal" in done.stderr
    assert "cumulative-return" in done.stderr
    dates = pl.read_parquet(tmp_path / "out.parquet")["date"]
    assert dates.max() == LAST_BAR
    assert dates.n_unique() == market()["date"].n_unique() - 10


def test_several_files_go_into_one_table(tmp_path: Path) -> None:
    (tmp_path / "other.clj").write_text(STEADY)
    done = call(tmp_path, MOMENTUM, None, str(tmp_path / "other.clj"))
    assert done.exit_code == 0
    strategies = pl.read_parquet(tmp_path / "out.parquet")["strategy"].unique().sort()
    assert strategies.to_list() == ["mine", "other"]


def test_a_broken_strategy_names_its_place(tmp_path: Path) -> None:
    done = call(tmp_path, '(defsymphony "x" {}\n  (weight-equal [(frobnicate 1)]))')
    assert done.exit_code == 1
    assert "mine.clj:2:19: " in done.stderr
    assert "frobnicate" in done.stderr
    assert not (tmp_path / "out.parquet").exists()


def test_a_missing_strategy_file_is_an_error(tmp_path: Path) -> None:
    done = call(tmp_path)
    assert done.exit_code == 1
    assert "mine.clj: No such file" in done.stderr


def test_a_strategy_without_any_signal_is_an_error(tmp_path: Path) -> None:
    text = STEADY.replace(
        '(weight-specified 0.5 (asset "SPY" "Shares") 0.5 (asset "TLT" "Bonds"))',
        '(weight-equal [(if (> (rsi "NOPE" {:window 5}) 50) [(asset "SPY")] [(asset "TLT")])])',
    )
    done = call(tmp_path, text)
    assert done.exit_code == 1
    assert "no session with a signal at all: mine" in done.stderr
    assert "no bars of NOPE" in done.stderr or "NOPE" in done.stderr


BAD_BARS = {
    "missing columns": (lambda bars: bars.drop("close", "volume"), "close"),
    "duplicate rows": (lambda bars: pl.concat([bars, bars.head(1)]), "SPY"),
    "non-positive prices": (lambda bars: bars.with_columns(close=pl.lit(-1.0)), "close"),
    "dates that are no session": (
        lambda bars: bars.with_columns(date=pl.lit(date(2024, 1, 6))),
        "2024-01-06",
    ),
}


@pytest.mark.parametrize("fault", BAD_BARS)
def test_unusable_bars_are_named(tmp_path: Path, fault: str) -> None:
    spoil, said = BAD_BARS[fault]
    done = call(tmp_path, STEADY, write_bars(tmp_path, spoil(market())))
    assert done.exit_code == 1
    assert said in done.stderr
    assert "bars.parquet" in done.stderr


@pytest.mark.parametrize("keep", [0, 10, 5000])
def test_truncated_bars_are_named(tmp_path: Path, keep: int) -> None:
    whole = write_bars(tmp_path)
    whole.write_bytes(whole.read_bytes()[:keep])
    done = call(tmp_path, STEADY, whole)
    assert done.exit_code == 1
    assert "bars.parquet" in done.stderr


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    done = call(tmp_path, STEADY, None, "--out", str(tmp_path))
    assert done.exit_code == 1
    assert f"{tmp_path}: expected a file to write, was a folder" in done.stderr
