"""`alchemiser weights`: the weights of strategy files over a bars file, session by session."""

from datetime import date
from pathlib import Path

import polars as pl

from alchemiser_dagster.commands.inputs import read_closes, read_strategies
from alchemiser_dagster.commands.terminal import err, fail
from alchemiser_dagster.symphony import evaluate


def weights(
    files: list[Path], bars: Path, first: date | None, last: date | None, out: Path
) -> None:
    """Write rows (date, strategy, symbol, weight) for every session with a signal to `out`."""
    symphonies = read_strategies(files)
    evaluations = evaluate(symphonies, read_closes(bars, symphonies))
    frames, silent = [], []
    for symphony in symphonies:
        evaluation = evaluations[symphony.name]
        for reason, count in evaluation.reasons(first, last).most_common():
            err.print(
                f"{symphony.name}: {count} sessions without a signal: {reason}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        frame = _between(evaluation.to_frame(), first, last)
        if frame.is_empty():
            silent.append(symphony.name)
        frames.append(frame)
    _write(pl.concat(frames).sort("strategy", "date", "symbol"), out)
    if silent:
        fail(f"no session with a signal at all: {', '.join(silent)}")


def _write(table: pl.DataFrame, out: Path) -> None:
    """Write `out` whole or not at all."""
    if out.is_dir():
        fail(f"{out}: expected a file to write, was a folder")
    draft = out.with_name(f".{out.name}.new")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        table.write_parquet(draft)
        draft.replace(out)
    except OSError as error:
        fail(f"{out} cannot be written: {error.strerror or error}")


def _between(frame: pl.DataFrame, first: date | None, last: date | None) -> pl.DataFrame:
    if first is not None:
        frame = frame.filter(pl.col("date") >= first)
    if last is not None:
        frame = frame.filter(pl.col("date") <= last)
    return frame
