"""`alchemiser explain`: why a strategy holds what it holds in a session."""

import json
from datetime import date
from pathlib import Path

from rich.text import Text
from rich.tree import Tree

from alchemiser_dagster.commands.inputs import read_closes, read_strategies
from alchemiser_dagster.commands.terminal import err, fail, out
from alchemiser_dagster.symphony import Explanation, explain
from alchemiser_dagster.symphony.explanation import ConditionStep, FragileDecision, Ranking, Step


def explain_session(file: Path, bars: Path, session: date, *, as_json: bool) -> None:
    """Print the path through the strategy in `session`; exit code 1 when it has no signal."""
    (symphony,) = read_strategies([file])
    try:
        found = explain(symphony, read_closes(bars, [symphony]), session)
    except ValueError as error:
        fail(f"{bars}: {error}")
    if as_json:
        out.print_json(json.dumps(found.as_dict()))
    elif found.path is not None:
        _show(found)
    if found.reason is not None:
        fail(f"{symphony.name} has no signal in {session}: {found.reason}")


def _show(found: Explanation) -> None:
    assert found.path is not None
    tree = Tree(Text(f"{found.title}, closes through {found.session}", style="bold"))
    _add(tree, found.path)
    out.print(tree)
    out.print()
    for symbol, weight in found.weights.items():
        out.print(f"{symbol:8}{weight:8.2%}", highlight=False)
    for decision in found.fragile:
        err.print(f"fragile: {_fragile(decision)}", style="yellow", markup=False, highlight=False)


def _add(branch: Tree, step: Step) -> None:
    name = f"{step.kind} {step.label}" if step.label else step.text
    line = Text.assemble((f"{step.share:7.2%} ", "cyan"), name, (f"  {_line(step.place)}", "dim"))
    below = branch.add(line)
    if step.condition is not None:
        _add_condition(below, step.condition)
    if step.ranking is not None:
        _add_ranking(below, step.ranking)
    for candidate in step.volatilities:
        volatility = "none" if candidate.score is None else f"{candidate.score:.4f} % a day"
        below.add(Text(f"volatility of {candidate.name}: {volatility}", style="dim"))
    for child in step.children:
        _add(below, child)


def _add_condition(branch: Tree, step: ConditionStep) -> None:
    verdict = {True: "yes", False: "no", None: "not looked at"}[step.holds]
    line = Text.assemble(f"{step.text} ", (verdict, "green" if step.holds else "red"))
    if step.left is not None and step.right is not None and step.margin is not None:
        line.append(f"  {step.left:.4f} against {step.right:.4f}, margin {step.margin:+.4f}")
    if step.flip_percent is not None:
        line.append(f"; {step.flip_symbol} {step.flip_percent:+.2f} % would flip it")
    if step.fragile:
        line.append("  fragile", style="yellow")
    below = branch.add(line)
    for part in step.parts:
        _add_condition(below, part)


def _add_ranking(branch: Tree, ranking: Ranking) -> None:
    below = branch.add(Text(ranking.text))
    for candidate in ranking.candidates:
        score = "no score" if candidate.score is None else f"{candidate.score:.4f}"
        below.add(
            Text(
                f"{'✓' if candidate.taken else ' '} {candidate.name}: {score}",
                style="" if candidate.taken else "dim",
            )
        )
    if ranking.gap is not None:
        below.add(
            Text(
                f"gap at the cut {ranking.gap:.4f} {ranking.unit}",
                style="yellow" if ranking.fragile else "dim",
            )
        )


def _fragile(decision: FragileDecision) -> str:
    flips = (
        "" if decision.flip_percent is None else f"; {decision.flip_percent:+.2f} % would flip it"
    )
    margin = f"margin {decision.margin:+.4f} {decision.unit}"
    return f"{_line(decision.place)} {decision.text}: {margin}{flips}"


def _line(place: str) -> str:
    """`file:line:column` without its folders."""
    return place.rsplit("/", 1)[-1]
