"""`alchemiser explain` and `alchemiser backtest` on the small world."""

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from alchemiser_dagster.cli import app
from tests.world import MOMENTUM, STEADY, SWITCH, write_bars

CLI = CliRunner()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    texts = {"momentum": MOMENTUM, "steady": STEADY, "switch": SWITCH}
    for name, text in texts.items():
        (tmp_path / f"{name}.clj").write_text(text)
    return {name: str(tmp_path / f"{name}.clj") for name in texts} | {
        "bars": str(write_bars(tmp_path))
    }


def test_an_explanation_shows_the_condition_and_its_margin(files: dict[str, str]) -> None:
    words = ["explain", files["switch"], "--bars", files["bars"], "--date", "2024-02-01"]
    shown = CLI.invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "current-price(GLD) > moving-average-price(GLD, 5)" in shown.stdout
    assert "margin" in shown.stdout
    assert "switch.clj:3:" in shown.stdout


def test_an_explanation_as_json_has_the_ranking(files: dict[str, str]) -> None:
    words = ["explain", files["momentum"], "--bars", files["bars"], "--date", "2024-02-01"]
    shown = CLI.invoke(app, [*words, "--json"])
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    assert found["session"] == "2024-02-01"
    assert sum(found["weights"].values()) == pytest.approx(1)
    text = json.dumps(found)
    for symbol in ("SPY", "TLT", "GLD"):
        assert symbol in text


def test_a_session_that_is_none_is_refused(files: dict[str, str]) -> None:
    words = ["explain", files["steady"], "--bars", files["bars"], "--date", "2024-01-06"]
    shown = CLI.invoke(app, words)
    assert shown.exit_code == 1
    assert "2024-01-06" in shown.stderr


def test_a_session_without_a_signal_says_why(files: dict[str, str]) -> None:
    words = ["explain", files["momentum"], "--bars", files["bars"], "--date", "2023-06-05"]
    shown = CLI.invoke(app, words)
    assert shown.exit_code == 1
    assert "has no signal in 2023-06-05" in shown.stderr


def test_a_backtest_leaves_weights_returns_and_statistics(
    files: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "results"
    words = ["backtest", files["steady"], files["momentum"], "--bars", files["bars"]]
    done = CLI.invoke(app, [*words, "--cost-bps", "5", "--lag", "0", "--out", str(out)])
    assert done.exit_code == 0, done.output
    for name in ("steady", "momentum"):
        returns = pl.read_parquet(out / name / "returns.parquet")
        assert returns.columns == ["date", "gross", "net", "turnover"]
        assert (
            (returns["gross"] - returns["net"]) - returns["turnover"] * 5e-4
        ).abs().max() < 1e-12
        assert pl.read_parquet(out / name / "weights.parquet")["weight"].min() > 0
        figures = json.loads((out / name / "statistics.json").read_text())
        assert figures["sessions"] == returns.height
    assert "Sharpe" in done.stdout


def test_a_negative_cost_is_refused(files: dict[str, str], tmp_path: Path) -> None:
    words = ["backtest", files["steady"], "--bars", files["bars"], "--out", str(tmp_path)]
    assert CLI.invoke(app, [*words, "--cost-bps", "-1"]).exit_code == 2


def test_a_check_lists_needs_and_slips(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "slip.clj").write_text(SWITCH.replace("> (current", "< 0 (current", 1))
    (tmp_path / "never.clj").write_text(
        '(defsymphony "Never" {} (weight-equal [(if (> (rsi "SPY" {:window 5}) 101)\n'
        '  [(asset "SPY")] [(asset "TLT")])]))'
    )
    words = ["check", str(tmp_path / "never.clj"), files["momentum"], "--bars", files["bars"]]
    shown = CLI.invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "never.clj:1:44: never true: rsi(SPY, 5) > 101" in shown.stderr
    broken = CLI.invoke(app, ["check", str(tmp_path), "--bars", files["bars"]])
    assert broken.exit_code == 1
    assert "slip.clj:3:" in broken.stderr


def test_a_check_fails_for_symbols_without_bars(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "nope.clj").write_text('(defsymphony "Nope" {} (weight-equal [(asset "NOPE")]))')
    shown = CLI.invoke(app, ["check", str(tmp_path / "nope.clj"), "--bars", files["bars"]])
    assert shown.exit_code == 1
    assert "symbols without bars: NOPE" in shown.stderr


def test_a_strategy_shown_reads_back_the_same(files: dict[str, str], tmp_path: Path) -> None:
    once = CLI.invoke(app, ["show", files["switch"]])
    assert once.exit_code == 0
    (tmp_path / "again.clj").write_text(once.stdout)
    assert CLI.invoke(app, ["show", str(tmp_path / "again.clj")]).stdout == once.stdout
