"""Reading what research commands are given: strategy files and a bars file."""

from collections import Counter
from pathlib import Path

from alchemiser_dagster.commands.terminal import fail
from alchemiser_dagster.market.bars import BarsError, closing_prices, read_bars
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.symphony import ClosingPrices, Symphony, SymphonyError, read_symphony


def read_strategies(files: list[Path]) -> list[Symphony]:
    """Read every file; all mistakes are told at once, and end the command."""
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


def read_closes(bars: Path, symphonies: list[Symphony]) -> ClosingPrices:
    """The closes of every symbol that the strategies name; unusable bars end the command."""
    needed = {broker_symbol(s) for symphony in symphonies for s in symphony.symbols}
    try:
        return closing_prices(read_bars(bars, symbols=needed))
    except BarsError as error:
        fail(str(error))
