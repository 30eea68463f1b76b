"""What can be said about a symphony before it trades: what it needs, and what looks like a slip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alchemiser_dagster.symphony.columns import Columns
from alchemiser_dagster.symphony.explain import condition_text
from alchemiser_dagster.symphony.graph import (
    All,
    Any,
    Comparison,
    Indicator,
    InverseVolatility,
)
from alchemiser_dagster.symphony.history import History
from alchemiser_dagster.symphony.plan import VOLATILITY, Plan
from alchemiser_dagster.symphony.prices import ClosingPrices
from alchemiser_dagster.symphony.symphony import Symphony


@dataclass(frozen=True)
class Remark:
    """Something at a place (`file:line:column`) of the text."""

    text: str
    place: str


@dataclass(frozen=True)
class Inspection:
    """What a symphony needs, and remarks on it.

    `windows` has each indicator's windows in use, smallest first. The conditions are judged on
    the sessions in which they can be decided; `undecided` ones never can.
    """

    symphony: str
    title: str
    symbols: tuple[str, ...]
    without_bars: tuple[Remark, ...]
    windows: dict[str, tuple[tuple[int, ...], ...]]
    lookback: int
    never_true: tuple[Remark, ...]
    never_false: tuple[Remark, ...]
    undecided: tuple[Remark, ...]
    warnings: tuple[str, ...]


def inspect(symphonies: Sequence[Symphony], closes: ClosingPrices) -> list[Inspection]:
    """Inspect each symphony over the whole history of `closes`."""
    return [_inspect(symphony, closes) for symphony in symphonies]


def _inspect(symphony: Symphony, closes: ClosingPrices) -> Inspection:
    history = History(closes)
    columns = Columns(history, Plan([symphony.root]), keep=True)
    never_true, never_false, undecided = [], [], []
    with np.errstate(all="ignore"):
        for node, offset in symphony.places.items():
            if not isinstance(node, Comparison | All | Any):
                continue
            holds, known = columns.truth(node)
            decided = holds if known is None else holds[known]
            remark = Remark(condition_text(node), symphony.source.place(offset))
            if not len(decided):
                undecided.append(remark)
            elif not decided.any():
                never_true.append(remark)
            elif decided.all():
                never_false.append(remark)
    positions = symphony.referenced | symphony.held
    without = [
        Remark(symbol, f"{symphony.source.name}:{at.line}:{at.column}")
        for symbol, at in sorted(positions.items())
        if not len(history.symbol(symbol).rows)
    ]
    return Inspection(
        symphony=symphony.name,
        title=symphony.title,
        symbols=symphony.symbols,
        without_bars=tuple(without),
        windows=_windows(symphony),
        lookback=symphony.lookback,
        never_true=tuple(never_true),
        never_false=tuple(never_false),
        undecided=tuple(undecided),
        warnings=symphony.warnings,
    )


def _windows(symphony: Symphony) -> dict[str, tuple[tuple[int, ...], ...]]:
    found: dict[str, set[tuple[int, ...]]] = {}
    for node in symphony.places:
        if isinstance(node, Indicator) and node.windows:
            found.setdefault(node.name, set()).add(node.windows)
        elif isinstance(node, InverseVolatility):
            found.setdefault(VOLATILITY, set()).add((node.window,))
    return {name: tuple(sorted(windows)) for name, windows in sorted(found.items())}
