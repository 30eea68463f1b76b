"""The correlations of the books' daily returns as a heat map."""

from collections.abc import Sequence

import numpy as np

from alchemiser_dagster.history.correlation import correlations
from alchemiser_dagster.reports.figure import Figure, drawn, plain
from alchemiser_dagster.reports.numbers import number
from alchemiser_dagster.reports.returns import Returns

ROW_PIXELS, AROUND_PIXELS = 30, 130


def correlation_map(
    slug: str, heading: str, caption: str, series: Sequence[Returns]
) -> Figure | None:
    """A square of every book against every other; None where no pair has a coefficient."""
    cells = correlations([(each.sessions, each.values) for each in series]).coefficients
    apart = cells[~np.eye(len(series), dtype=bool)]
    if not np.isfinite(apart).any():
        return None
    names = [plain(returns.name) for returns in series]
    trace = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": cells,
        "text": [["" if np.isnan(cell) else number(cell) for cell in row] for row in cells],
        "texttemplate": "%{text}",
        "hovertemplate": "%{y} and %{x}: %{z:.3f}<extra></extra>",
        "hoverongaps": False,
        "coloraxis": "coloraxis",
        "xgap": 2,
        "ygap": 2,
    }
    return Figure(
        slug=slug,
        heading=heading,
        caption=caption,
        plot=drawn(
            [trace],
            hovermode="closest",
            showlegend=False,
            coloraxis={"cmin": -1, "cmax": 1, "showscale": False},
            xaxis={"type": "category", "tickangle": -40, "showgrid": False, "fixedrange": True},
            yaxis={
                "type": "category",
                "autorange": "reversed",
                "showgrid": False,
                "fixedrange": True,
            },
        ),
        height=AROUND_PIXELS + ROW_PIXELS * len(names),
        wide=True,
    )
