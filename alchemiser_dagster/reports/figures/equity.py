"""Equity curves: growth of one dollar, live beside the strategy on paper and the benchmark."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.reports.figure import (
    Figure,
    drawn,
    line,
    long_axis,
    session_axis,
)
from alchemiser_dagster.reports.numbers import day
from alchemiser_dagster.reports.returns import Returns
from alchemiser_dagster.reports.theme import BENCHMARK, LIVE, PAPER


def live_equity(live: Returns, others: list[Returns], start: date | None) -> Figure:
    """The live index beside others over the same sessions, all 1 at the close of `start`."""
    traces = [_from_one(live, start, LIVE, width=3)]
    traces += [
        _from_one(other, start, colour, dash=dash)
        for other, colour, dash in zip(others, (PAPER, BENCHMARK), ("dash", "dot"), strict=False)
        if len(other)
    ]
    compared = " and ".join(other.name for other in others if len(other))
    return Figure(
        slug="live-equity",
        heading="Growth of $1, live",
        caption="Net asset value as an index that begins with 1 "
        + ("before the first session" if start is None else f"at the close of {day(start)}")
        + "; deposits, withdrawals and transfers do not move it."
        + (f" {compared}: the same sessions." if compared else ""),
        plot=drawn(
            traces,
            xaxis=session_axis(_with_start(live, start)[0]),
            yaxis={"tickformat": ".3f", "hoverformat": ".4f"},
        ),
        height=340,
    )


def paper_equity(model: Returns, live: Returns, benchmark: Returns, opened: date | None) -> Figure:
    """The whole model history on a logarithmic scale, the live index joined on where it begins."""
    traces = [line(model.name, model.sessions, model.index, PAPER, line={"width": 1.5})]
    alongside = benchmark.within(set(model.sessions))
    if len(alongside):
        start = _level(model, alongside.sessions[0])
        traces.append(
            line(
                alongside.name, alongside.sessions, start * alongside.index, BENCHMARK,
                line={"width": 1, "dash": "dot"},
            )
        )  # fmt: skip
    if len(live):
        level = _level(model, live.sessions[0])
        traces.append(line(live.name, live.sessions, level * live.index, LIVE, mode="lines"))
    return Figure(
        slug="paper-equity",
        heading="Growth of $1, on paper",
        caption="Logarithmic. Left of the mark is history that the strategy may have been fitted "
        "to; right of it the account held it, and the live index is joined on.",
        plot=drawn(
            traces,
            yaxis={"type": "log", "dtick": "D2", "tickformat": "~g", "hoverformat": ".3f"},
            **long_axis(model.sessions, opened),
        ),
        height=380,
    )


def _from_one(
    returns: Returns, start: date | None, colour: str, width: float = 2, dash: str = "solid"
) -> dict[str, object]:
    sessions, index = _with_start(returns, start)
    return line(returns.name, sessions, index, colour, line={"width": width, "dash": dash})


def _with_start(
    returns: Returns, start: date | None
) -> tuple[tuple[date, ...], NDArray[np.float64]]:
    """Sessions and index with the start of the index, where that is known."""
    if start is None:
        return returns.sessions, returns.index
    return (start, *returns.sessions), np.concatenate([[1.0], returns.index])


def _level(model: Returns, first: date) -> float:
    """Where the model's index stood before the session `first`."""
    earlier = model.before(first)
    return float(earlier.index[-1]) if len(earlier) else 1.0
