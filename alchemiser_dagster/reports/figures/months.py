"""The calendar of returns: a row a year, a column a month; live years above those on paper."""

from calendar import month_abbr

import numpy as np
import polars as pl

from alchemiser_dagster.history.monthly import monthly_returns, yearly_returns
from alchemiser_dagster.reports.figure import Figure, drawn
from alchemiser_dagster.reports.numbers import number
from alchemiser_dagster.reports.returns import Returns

MONTHS = list(month_abbr)[1:]
ROW_PIXELS, AROUND_PIXELS = 26, 40
STRONGEST, WEAKEST = 0.10, 0.04
"""The largest month has the strongest colour, unless it is above the first or below the second."""


def month_map(live: Returns, model: Returns) -> Figure | None:
    """Months and years as a heat map; None where there is no return."""
    rows = [*_rows(live, " live" if len(model) else ""), *_rows(model, "")]
    if not rows:
        return None
    labels = [label for label, _ in rows]
    cells = np.array([values for _, values in rows])
    strongest = float(np.clip(np.nanmax(abs(cells[:, :12])), WEAKEST, STRONGEST))
    texts = [["" if np.isnan(cell) else number(100 * cell, 1) for cell in row] for row in cells]
    trace = {
        "type": "heatmap",
        "x": [*MONTHS, "year"],
        "y": labels,
        "z": cells,
        "text": texts,
        "texttemplate": "%{text}",
        "hovertemplate": "%{y}, %{x}: %{z:.2%}<extra></extra>",
        "hoverongaps": False,
        "zmin": -strongest,
        "zmax": strongest,
        "autocolorscale": True,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }
    return Figure(
        slug="months",
        heading="Returns by month, per cent",
        caption=(
            "Rows marked live are the account's own; the others are on paper. " * bool(len(model))
        )
        + "The first and the last month of a series may be of a part.",
        plot=drawn(
            [trace],
            hovermode="closest",
            showlegend=False,
            margin={"l": 8, "r": 12, "t": 28, "b": 8},
            xaxis={"side": "top", "automargin": False, "fixedrange": True, "showgrid": False},
            yaxis={
                "type": "category",
                "autorange": "reversed",
                "fixedrange": True,
                "showgrid": False,
            },
        ),
        height=AROUND_PIXELS + ROW_PIXELS * len(rows),
        wide=True,
    )


def _rows(returns: Returns, suffix: str) -> list[tuple[str, list[float]]]:
    """A label and twelve months and the year, NaN where there is none; the latest year first."""
    if not len(returns):
        return []
    months = monthly_returns(returns.sessions, returns.values)
    years = yearly_returns(returns.sessions, returns.values)
    found = []
    for year, whole in years.sort("year", descending=True).iter_rows():
        row = [float("nan")] * 12 + [whole]
        for month, value in months.filter(pl.col("year") == year).select("month", "return").rows():
            row[month - 1] = value
        found.append((f"{year}{suffix}", row))
    return found
