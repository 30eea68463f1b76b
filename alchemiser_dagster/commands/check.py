"""`alchemiser check`: what strategies need, and what in them looks like a slip."""

from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from alchemiser_dagster.books.strategies import BOOKS_FILE, BooksError, load_books
from alchemiser_dagster.commands.inputs import read_closes, read_strategies
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.market.bars import closing_prices
from alchemiser_dagster.market.sessions import last_completed_session
from alchemiser_dagster.market.sources import SyntheticSource
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.market.synthetic import FIRST_SESSION
from alchemiser_dagster.settings import SYNTHETIC_SEED
from alchemiser_dagster.symphony import ClosingPrices, Inspection, Symphony, inspect
from alchemiser_dagster.symphony.graph import Interner
from alchemiser_dagster.symphony.plan import nodes_of
from alchemiser_dagster.symphony.rewrites import rewrite


def check(paths: list[Path], bars: Path | None) -> None:
    """Print a table and remarks; exit code 1 when a file cannot be read or a symbol has no bars."""
    folders = [path for path in paths if path.is_dir()]
    files = [file for folder in folders for file in sorted(folder.glob("*.clj"))]
    symphonies = read_strategies(files + [path for path in paths if not path.is_dir()])
    if not symphonies:
        fail(f"expected strategy files (*.clj), was none in {', '.join(map(str, paths))}")
    for folder in folders:
        _check_books(folder)
    closes = _synthetic(symphonies) if bars is None else read_closes(bars, symphonies)
    if not closes.sessions:
        named = sorted({symbol for symphony in symphonies for symbol in symphony.symbols})
        fail(f"symbols without bars: {', '.join(named)}")
    inspections = inspect(symphonies, closes)
    where = "the synthetic market" if bars is None else str(bars)
    first, last = closes.sessions[0], closes.sessions[-1]
    out.print(_table(symphonies, inspections, f"Checked on {where}, {first} to {last}"))
    for inspection in inspections:
        for text in _remarks(inspection):
            err.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)
    missing = sorted({remark.text for found in inspections for remark in found.without_bars})
    if missing:
        fail(f"symbols without bars: {', '.join(missing)}")


def _check_books(folder: Path) -> None:
    if not (folder / BOOKS_FILE).exists():
        return
    try:
        problems = [book.problem for book in load_books(folder) if book.problem is not None]
    except BooksError as error:
        fail(str(error))
    for problem in problems:
        err.print(problem, style="yellow", markup=False, highlight=False, soft_wrap=True)


def _synthetic(symphonies: list[Symphony]) -> ClosingPrices:
    symbols = {broker_symbol(s) for symphony in symphonies for s in symphony.symbols}
    last = last_completed_session(datetime.now(UTC))
    return closing_prices(
        SyntheticSource(SYNTHETIC_SEED).daily_bars(sorted(symbols), FIRST_SESSION, last)
    )


def _table(symphonies: list[Symphony], inspections: list[Inspection], title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("strategy", no_wrap=True)
    table.add_column("rebalances", no_wrap=True)
    for name in ("symbols", "parts", "needed", "longest window", "look-back", "remarks"):
        table.add_column(name, justify="right", no_wrap=True)
    for symphony, found in zip(symphonies, inspections, strict=True):
        windows = [w for uses in found.windows.values() for use in uses for w in use]
        rebalancing = symphony.rebalancing
        table.add_row(
            symphony.name,
            f"beyond {rebalancing.threshold:.0%}"
            if rebalancing.threshold is not None
            else str(rebalancing.frequency),
            str(len(found.symbols)),
            str(len(nodes_of(symphony.root))),
            str(len(nodes_of(rewrite(symphony.root, Interner())))),
            str(max(windows, default=0)),
            str(found.lookback),
            str(len(_remarks(found))),
        )
    return table


def _remarks(found: Inspection) -> list[str]:
    kinds = {
        "never true": found.never_true,
        "never false": found.never_false,
        "never decided": found.undecided,
        "no bars of": found.without_bars,
    }
    lines = [
        f"{remark.place}: {kind}: {remark.text}"
        for kind, remarks in kinds.items()
        for remark in remarks
    ]
    return lines + list(found.warnings)
