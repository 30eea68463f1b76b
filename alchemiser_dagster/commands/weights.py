"""`alchemiser weights`: the weights of strategy files over a bars file, session by session."""

from collections import Counter
from datetime import date
from pathlib import Path

import polars as pl

from alchemiser_dagster.commands.terminal import err, fail
from alchemiser_dagster.market.bars import BarsError, closing_prices, read_bars
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.symphony import Symphony, SymphonyError, evaluate, read_symphony


def weights(
    files: list[Path], bars: Path, first: date | None, last: date | None, out: Path
) -> None:
    """Write rows (date, strategy, symbol, weight) for every session with a signal to `out`."""
    symphonies = _read(files)
    needed = {broker_symbol(s) for symphony in symphonies for s in symphony.symbols}
    try:
        closes = closing_prices(read_bars(bars, symbols=needed))
    except BarsError as error:
        fail(str(error))
    evaluations = evaluate(symphonies, closes)
    frames, silent = [], []
    for symphony in symphonies:
        frame = _between(evaluations[symphony.name].to_frame(), first, last)
        reasons = evaluations[symphony.name].reasons(first, last)
        for reason, count in reasons.most_common():
            err.print(
                f"{symphony.name}: {count} sessions without a signal: {reason}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        if frame.is_empty():
            silent.append(symphony.name)
        frames.append(frame)
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.new")
    pl.concat(frames).sort("strategy", "date", "symbol").write_parquet(draft)
    draft.replace(out)
    if silent:
        fail(f"no session with a signal at all: {', '.join(silent)}")


def _read(files: list[Path]) -> list[Symphony]:
    """Read every file, so that all mistakes are told at once."""
    symphonies, mistakes = [], []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
            symphonies.append(read_symphony(text, name=file.stem, source=str(file)))
        except OSError as error:
            mistakes.append(f"{file}: {error.strerror}")
        except UnicodeDecodeError as error:
            mistakes.append(f"{file}: expected UTF-8 text: {error}")
        except SymphonyError as error:
            mistakes.append(str(error))
    stems = Counter(file.stem for file in files)
    mistakes += [f"two files are called {stem}" for stem, count in stems.items() if count > 1]
    if mistakes:
        fail("\n".join(mistakes))
    return symphonies


def _between(frame: pl.DataFrame, first: date | None, last: date | None) -> pl.DataFrame:
    if first is not None:
        frame = frame.filter(pl.col("date") >= first)
    if last is not None:
        frame = frame.filter(pl.col("date") <= last)
    return frame
