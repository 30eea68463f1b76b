"""The bridge from the strategy on paper to what was earned: a waterfall in dollars."""

import polars as pl

from alchemiser_dagster.books.bridge import Component
from alchemiser_dagster.reports.figure import Figure, drawn, plain
from alchemiser_dagster.reports.theme import GAIN, LIVE, LOSS

MEASURES = {Component.MODEL.value: "absolute", Component.LIVE.value: "total"}


def bridge_figure(attribution: pl.DataFrame) -> Figure | None:
    """From the model's dollars to the book's by all that was not zero; None without a session."""
    parts = (
        attribution.group_by("component", maintain_order=True)
        .agg(pl.col("dollars").sum().cast(pl.Float64))
        .filter(pl.col("component").is_in(list(MEASURES)) | (pl.col("dollars") != 0))
        .sort(pl.col("component").replace_strict(_places(), default=len(Component)))
    )
    if parts.is_empty():
        return None
    components = parts["component"].to_list()
    trace = {
        "type": "waterfall",
        "x": [plain(component) for component in components],
        "y": parts["dollars"].to_numpy(),
        "measure": [MEASURES.get(component, "relative") for component in components],
        "increasing": {"marker": {"color": GAIN}},
        "decreasing": {"marker": {"color": LOSS}},
        "totals": {"marker": {"color": LIVE}},
        "texttemplate": "%{y:$,.2f}",
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{x}: %{y:$,.2f}<extra></extra>",
    }
    sessions = attribution["date"].n_unique()
    return Figure(
        slug="bridge",
        heading="From the model to the book",
        caption="What the strategy earned on paper with the book's money, what came between, and "
        f"what the book earned: dollars over {sessions:,} session{'' if sessions == 1 else 's'}.",
        plot=drawn(
            [trace],
            showlegend=False,
            hovermode="closest",
            xaxis={"type": "category", "showgrid": False},
            yaxis={"tickformat": "$,.0f", "zeroline": True},
            margin={"l": 8, "r": 12, "t": 24, "b": 8},
        ),
        height=360,
        wide=True,
    )


def _places() -> dict[str, int]:
    return {component.value: place for place, component in enumerate(Component)}
