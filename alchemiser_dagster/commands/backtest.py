"""`alchemiser backtest`: strategies on paper over a bars file."""

import json
from pathlib import Path

from rich.table import Table

from alchemiser_dagster.commands.inputs import read_closes, read_strategies
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.history.model import model_history
from alchemiser_dagster.history.statistics import Statistics, statistics
from alchemiser_dagster.symphony import evaluate


def backtest(files: list[Path], bars: Path, cost_bps: float, lag: int, folder: Path) -> None:
    """Write weights, returns and statistics of each strategy into `folder`, and print a table."""
    symphonies = read_strategies(files)
    closes = read_closes(bars, symphonies)
    evaluations = evaluate(symphonies, closes)
    found: dict[str, Statistics] = {}
    silent = []
    for symphony in symphonies:
        evaluation = evaluations[symphony.name]
        for reason, count in evaluation.reasons().most_common():
            err.print(
                f"{symphony.name}: {count} sessions without a signal: {reason}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        try:
            paper = model_history(evaluation, closes, lag=lag, cost_bps=cost_bps)
        except ValueError as error:
            silent.append(str(error))
            continue
        own = folder / symphony.name
        own.mkdir(parents=True, exist_ok=True)
        evaluation.to_frame().write_parquet(own / "weights.parquet")
        paper.to_frame().write_parquet(own / "returns.parquet")
        figures = statistics(paper.sessions, paper.net, paper.turnover)
        (own / "statistics.json").write_text(json.dumps(figures.as_dict(), indent=2) + "\n")
        found[symphony.name] = figures
    if found:
        out.print(_table(found, f"On paper: lag {lag}, {cost_bps:g} basis points a trade"))
    if silent:
        fail("\n".join(silent))


def _table(found: dict[str, Statistics], title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("strategy", no_wrap=True)
    for name in ("CAGR", "vol", "Sharpe", "Sortino", "drawdown", "Calmar", "in market", "turnover"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, figures in found.items():
        table.add_row(
            name,
            _percent(figures.cagr),
            _percent(figures.volatility),
            _number(figures.sharpe),
            _number(figures.sortino),
            _percent(figures.max_drawdown),
            _number(figures.calmar),
            _percent(figures.time_in_market),
            "" if figures.turnover_a_year is None else f"{figures.turnover_a_year:.0f}x",
        )
    return table


def _percent(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.1%}"


def _number(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.2f}"
