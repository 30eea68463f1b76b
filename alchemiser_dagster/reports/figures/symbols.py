"""Profit and loss by symbol: what was sold, and what is still held."""

import polars as pl

from alchemiser_dagster.reports.figure import Figure, drawn, plain
from alchemiser_dagster.reports.theme import REALISED, UNREALISED

ROW_PIXELS, AROUND_PIXELS = 26, 90


def symbol_figure(pnl: pl.DataFrame) -> Figure | None:
    """Bars of realised and unrealised dollars a symbol; None where nothing was traded."""
    if pnl.is_empty():
        return None
    symbols = [plain(symbol) for symbol in pnl["symbol"]]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": symbols,
            "x": pnl[name].to_numpy(),
            "marker": {"color": colour},
            "hovertemplate": "%{y}: %{x:$,.2f}",
        }
        for name, colour in (("realised", REALISED), ("unrealised", UNREALISED))
    ]
    return Figure(
        slug="symbols",
        heading="Profit and loss by symbol",
        caption="Dollars since the opening: of lots that were sold, and of those held, at the last "
        "close.",
        plot=drawn(
            traces,
            barmode="relative",
            hovermode="y unified",
            xaxis={"tickformat": "$,.0f", "zeroline": True},
            yaxis={"type": "category", "autorange": "reversed", "showgrid": False},
            bargap=0.3,
        ),
        height=AROUND_PIXELS + ROW_PIXELS * len(symbols),
    )
