"""Drawdown curves: how far below its highest each series was."""

from datetime import date

from alchemiser_dagster.history.drawdowns import drawdown_curve
from alchemiser_dagster.reports.figure import (
    Figure,
    drawn,
    line,
    long_axis,
    session_axis,
)
from alchemiser_dagster.reports.returns import Returns
from alchemiser_dagster.reports.theme import BENCHMARK, LIVE, PAPER

PERCENT_AXIS = {"tickformat": ".0%", "hoverformat": ".2%", "rangemode": "tozero"}


def live_drawdowns(live: Returns, model: Returns, benchmark: Returns) -> Figure:
    """The live drawdown beside others over the same sessions."""
    traces = [_curve(live, LIVE, fill="tozeroy")]
    traces += [
        _curve(other, colour)
        for other, colour in ((model, PAPER), (benchmark, BENCHMARK))
        if len(other)
    ]
    return Figure(
        slug="live-drawdowns",
        heading="Drawdown, live",
        caption="Loss from the highest close so far.",
        plot=drawn(
            traces,
            xaxis=session_axis(live.sessions),
            yaxis=PERCENT_AXIS | {"tickformat": ".1%"},
        ),
        height=240,
    )


def paper_drawdowns(model: Returns, opened: date | None) -> Figure:
    """The drawdown of the whole model history."""
    return Figure(
        slug="paper-drawdowns",
        heading="Drawdown, on paper",
        caption="Loss from the highest close so far, of the strategy on paper.",
        plot=drawn(
            [_curve(model, PAPER, fill="tozeroy")],
            yaxis=PERCENT_AXIS,
            showlegend=False,
            **long_axis(model.sessions, opened),
        ),
        height=260,
    )


def _curve(returns: Returns, colour: str, fill: str = "none") -> dict[str, object]:
    falls = drawdown_curve(returns.values)
    return line(returns.name, returns.sessions, falls, colour, fill=fill, line={"width": 1.5})
