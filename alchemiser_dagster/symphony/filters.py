"""Filters: what is ranked, by what, and how many are taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alchemiser_dagster.symphony.arguments import selection_count
from alchemiser_dagster.symphony.graph import Asset, Filter, Indicator
from alchemiser_dagster.symphony.terms import Occurrence, Selection, Term, describe
from alchemiser_dagster.symphony.vocabulary import INDICATORS

if TYPE_CHECKING:
    from alchemiser_dagster.symphony.compiler import Compiler


def compile_filter(compiler: Compiler, offset: int, _name: str, arguments: Sequence[Term]) -> Term:
    """`(filter (INDICATOR ...) (select-top N) [candidate ...])`."""
    if len(arguments) < 3:
        compiler.fail(offset, "expected (filter (INDICATOR ...) (select-top N) [candidate ...])")
    metric, selection = arguments[:2]
    if not isinstance(metric, Occurrence) or not isinstance(metric.node, Indicator):
        compiler.fail(metric.offset, f"expected an indicator, was {describe(metric)}")
    if metric.node.symbol:
        compiler.fail(metric.offset, f"expected an indicator without a ticker, was {metric.node}")
    if not isinstance(selection, Selection):
        compiler.fail(
            selection.offset,
            f"expected (select-top N) or (select-bottom N), was {describe(selection)}",
        )
    parts = _candidates(compiler, offset, metric, arguments[2:])
    nodes = tuple([part.node for part in parts])
    node = compiler.intern(Filter, metric.node, selection.top, selection.limit, nodes)
    return Occurrence(node, offset, None, (metric, *parts))


def _candidates(
    compiler: Compiler, offset: int, metric: Occurrence, arguments: Sequence[Term]
) -> tuple[Occurrence, ...]:
    found: list[Occurrence] = []
    for part in compiler.children(offset, "filter", arguments):
        if isinstance(part.node, Asset):
            if any(part.node is other.node for other in found):
                place = compiler.source.place(part.offset)
                compiler.warnings.append(f"{place}: {part.node.symbol} is a candidate already")
                continue
        elif isinstance(metric.node, Indicator) and INDICATORS[metric.node.name].of_prices:
            compiler.fail(
                part.offset,
                f"expected only assets to be ranked by {metric.node.name}, was a portfolio; "
                "it has returns but no price",
            )
        found.append(part)
    return tuple(found)


def compile_selection(
    compiler: Compiler, offset: int, name: str, arguments: Sequence[Term]
) -> Term:
    """`(select-top N)` or `(select-bottom N)`."""
    if len(arguments) != 1:
        compiler.fail(offset, f"expected ({name} N), was {len(arguments)} arguments")
    return Selection(name == "select-top", selection_count(compiler, arguments[0]), offset)
