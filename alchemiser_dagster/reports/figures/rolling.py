"""Rolling Sharpe ratio and volatility, of the last quarter of a year at every session."""

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alchemiser_dagster.history.rolling import (
    QUARTER_SESSIONS,
    rolling_sharpe,
    rolling_volatility,
)
from alchemiser_dagster.reports.figure import Figure, drawn, line, long_axis
from alchemiser_dagster.reports.returns import Returns
from alchemiser_dagster.reports.theme import LIVE, PAPER

Rolled = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def rolling_figures(live: Returns, model: Returns, opened: date | None) -> list[Figure]:
    """Two figures over all sessions there are; none where no series is as long as the window."""
    long = [
        (series, colour)
        for series, colour in ((model, PAPER), (live, LIVE))
        if len(series) >= QUARTER_SESSIONS
    ]
    if not long:
        return []
    sessions = sorted({session for series, _ in long for session in series.sessions})
    layout = long_axis(sessions, opened) | {"showlegend": len(long) > 1}
    caption = f"Of the last {QUARTER_SESSIONS} sessions, at every session."
    if 0 < len(live) < QUARTER_SESSIONS:
        caption += f" The live series has {len(live)}, too few."

    def figure(slug: str, heading: str, caption: str, of: Rolled, yaxis: dict[str, Any]) -> Figure:
        traces = [
            line(
                series.name, series.sessions, of(series.values), colour,
                mode="lines", line={"width": 1.5},
            )
            for series, colour in long
        ]  # fmt: skip
        return Figure(slug, heading, caption, drawn(traces, yaxis=yaxis, **layout), height=260)

    return [
        figure(
            "rolling-sharpe",
            "Rolling Sharpe ratio",
            caption,
            rolling_sharpe,
            {"tickformat": ".1f", "hoverformat": ".2f", "zeroline": True},
        ),
        figure(
            "rolling-volatility",
            "Rolling volatility",
            f"{caption} For a year.",
            rolling_volatility,
            {"tickformat": ".0%", "hoverformat": ".1%", "rangemode": "tozero"},
        ),
    ]
