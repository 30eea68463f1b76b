"""A figure of a page, and the parts that all figures share.

Figures are plain plotly figures, drawn in the browser. Only what carries a meaning has a colour
here; everything else is the theme's.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import plotly.graph_objects as go
import polars as pl
from numpy.typing import NDArray

FEW = 60
"""Fewer points than this are drawn as points, and shares as bars."""
LABELS = 6
"""Labels of an axis of few sessions, as many as a narrow screen has room for."""
LEGEND = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}
Axis = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Figure:
    """A picture with a heading and a caption that says what it shows.

    `height` in pixels; a `wide` one scrolls sideways on a narrow screen rather than shrink.
    """

    slug: str
    heading: str
    caption: str
    plot: go.Figure
    height: int
    wide: bool = False


def drawn(traces: Sequence[dict[str, Any]], **layout: Any) -> go.Figure:
    """A figure of plotly's own description of traces and layout, checked by plotly."""
    base = {
        "template": None,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "hovermode": "x unified",
        "showlegend": True,
        "legend": LEGEND,
        "dragmode": "zoom",
    }
    return go.Figure({"data": list(traces), "layout": base | layout})


def line(
    name: str, sessions: Sequence[date], values: NDArray[np.float64], colour: str, **more: Any
) -> dict[str, Any]:
    """A line over sessions; with points on it where there are few."""
    mode = "lines+markers" if len(sessions) < FEW else "lines"
    style = {"color": colour, "width": 2} | more.pop("line", {})
    return {
        "type": "scatter",
        "name": plain(name),
        "x": days(sessions),
        "y": values.astype(np.float32),
        "mode": mode,
        "line": style,
        "marker": {"size": 5},
    } | more


def stacked(colour: str, few: bool) -> dict[str, Any]:
    """How one part of a whole is drawn: a bar where there are few sessions, an area otherwise."""
    if few:
        return {"type": "bar", "marker": {"color": colour}}
    return {
        "type": "scatter",
        "mode": "lines",
        "stackgroup": "whole",
        "line": {"width": 0.5, "color": colour},
        "fillcolor": colour,
    }


def days(sessions: Sequence[date]) -> NDArray[np.datetime64]:
    """Sessions as plotly takes them."""
    return pl.Series(sessions, dtype=pl.Date).to_numpy()  # ten times as fast as numpy itself


def plain(text: str) -> str:
    """Text that plotly, which reads a little HTML in it, shows as it is."""
    return html.escape(text, quote=False)


def session_axis(sessions: Sequence[date]) -> Axis:
    """The axis of time: of dates, or of sessions without the gaps between where there are few."""
    if len(sessions) >= FEW:
        return {"type": "date", "hoverformat": "%Y-%m-%d"}
    labelled = list(sessions)[:: -(-len(sessions) // LABELS) or 1]
    return {
        "type": "category",
        "tickvals": [session.isoformat() for session in labelled],
        "ticktext": [f"{session:%b} {session.day}" for session in labelled],
        "tickangle": 0,
    }


def long_axis(sessions: Sequence[date], opened: date | None) -> dict[str, Any]:
    """What a figure of many years has of its layout: the axis of time, with the opening marked.

    What is right of the mark was not known when the strategy was written, or chosen.
    """
    layout: dict[str, Any] = {
        "xaxis": {
            "type": "date",
            "hoverformat": "%Y-%m-%d",
            "range": [sessions[0].isoformat(), sessions[-1].isoformat()],
        },
        "margin": {"l": 8, "r": 12, "t": 24, "b": 8},
    }
    if opened is None or not sessions[0] <= opened <= sessions[-1]:
        return layout
    at = opened.isoformat()
    is_late = opened - sessions[0] > (sessions[-1] - sessions[0]) / 2
    mark = {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper"}
    label = {
        "x": at,
        "y": 1,
        "yref": "paper",
        "xanchor": "right" if is_late else "left",
        "yanchor": "bottom",
        "showarrow": False,
        "text": f"out of sample from {at}",
    }
    above = LEGEND | {"y": 1.08}
    return layout | {"shapes": [mark], "annotations": [label], "legend": above}
