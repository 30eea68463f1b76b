"""`alchemiser broker`: its options, and the broker it starts."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import requests
from typer.testing import CliRunner

from alchemiser_dagster.cli import app
from alchemiser_dagster.commands.broker import clock_mode
from alchemiser_dagster.embedded import ClockMode, Connection
from tests.embedded.test_splits import split_bars


def ask(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["broker", *options])
    return done.exit_code, " ".join(done.output.replace("│", " ").split())


def test_help_shows_a_fault_rule() -> None:
    code, said = ask("--help")
    assert code == 0
    assert "[[fault]]" in said


def test_clock_modes() -> None:
    assert clock_mode("manual") == ClockMode("manual")
    assert clock_mode("per_request") == ClockMode("per_request")
    assert clock_mode("per_request:30") == ClockMode("per_request", timedelta(seconds=30))
    assert clock_mode("scaled:60") == ClockMode("scaled", speed=60.0)


@pytest.mark.parametrize(
    "text", ["", "fast", "manual:1", "scaled:0", "scaled:x", "per_request:nan"]
)
def test_a_clock_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        clock_mode(text)


def test_options_that_are_none(tmp_path: Path) -> None:
    rules = tmp_path / "faults.toml"
    state = str(tmp_path / "state.db")
    code, said = ask("--clock", "fast")
    assert code == 2
    assert "expected manual, per_request[:SECONDS] or scaled[:SPEED], was 'fast'" in said
    code, said = ask("--profile", "lucky")
    assert code == 2
    assert "expected paper, realistic, cash_strict, was 'lucky'" in said
    for content, message in (
        (None, "expected a TOML file of fault rules"),
        ("rule = 1", "expected [[fault]] tables and nothing else, was ['rule']"),
        ('[[fault]]\naction = "sulk"', "expected an action of stage before"),
    ):
        if content is not None:
            rules.write_text(content)
        code, said = ask("--faults", str(rules), "--state", state)
        assert (code, message in said) == (1, True), said


def test_broker_with_all_options(tmp_path: Path) -> None:
    """On bars with splits: the account is opened twenty sessions before the last one."""
    bars, state, rules = (tmp_path / n for n in ("bars.parquet", "state.db", "faults.toml"))
    more = pl.concat([split_bars(), earlier(split_bars())], how="vertical_relaxed")
    more.write_parquet(bars)
    rules.write_text(
        '[[fault]]\naction = "status"\nstatus = 503\nmatch = { path = "/v2/clock" }\ntimes = 1\n'
    )
    command = [sys.executable, "-c", "from alchemiser_dagster.cli import app; app()", "broker"]
    command += ["--bars", str(bars), "--state", str(state), "--port", "0", "--clock", "manual"]
    command += ["--profile", "cash_strict", "--faults", str(rules)]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            connection = Connection.read(Path(ready["connection"]))
            control = connection.control()
            assert control.state()["profile"] == "cash_strict"
            keys = {
                "APCA-API-KEY-ID": connection.credentials.api_key,
                "APCA-API-SECRET-KEY": connection.credentials.secret_key,
            }
            clock = f"{connection.url}/v2/clock"
            answers = [requests.get(clock, headers=keys, timeout=10) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [503, 200, 200]
            assert answers[1].json() == answers[2].json()
            control.advance_to("2024-03-20T10:00:00-04:00")
            told = requests.get(
                f"{connection.url}/v1/corporate-actions", headers=keys, timeout=10
            ).json()
            assert {"forward_splits", "reverse_splits"} <= set(told["corporate_actions"])
        finally:
            process.terminate()


def earlier(bars: pl.DataFrame) -> pl.DataFrame:
    """The same bars five weeks before, without splits."""
    return bars.with_columns(
        date=pl.col("date") - pl.duration(weeks=5),
        split=pl.lit(None, dtype=pl.Float64),
        adj_close=pl.col("adj_close").min().over("symbol"),
    ).filter(pl.col("date") != pl.date(2024, 2, 19))
