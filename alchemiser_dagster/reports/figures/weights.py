"""What was held over time, as shares of the whole: areas, or bars where there are few sessions."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from alchemiser_dagster.reports.figure import FEW, Figure, days, drawn, plain, session_axis, stacked
from alchemiser_dagster.reports.holdings import CASH, OTHER, Weights
from alchemiser_dagster.reports.theme import CASH as CASH_COLOUR
from alchemiser_dagster.reports.theme import CATEGORIES
from alchemiser_dagster.reports.theme import OTHER as OTHER_COLOUR


def weights_figure(
    slug: str, heading: str, caption: str, weights: Weights, colours: Mapping[str, str]
) -> Figure | None:
    """Shares stacked over time; None where nothing was ever held."""
    if not weights.names or weights.table.is_empty():
        return None
    few = weights.table.height < FEW
    return Figure(
        slug=slug,
        heading=heading,
        caption=caption,
        plot=drawn(
            [_part(weights.table, name, colours[name], few) for name in weights.names],
            xaxis=session_axis(weights.table["date"].to_list()),
            yaxis={"tickformat": ".0%", "hoverformat": ".1%", "rangemode": "tozero"},
            barmode="relative",
            bargap=0.15,
        ),
        height=340,
    )


def colours_of(*weights: Weights) -> dict[str, str]:
    """A colour for each name, the same in all figures; the largest take theirs first."""
    names = [name for each in weights for name in each.names if name not in (CASH, OTHER)]
    unique = list(dict.fromkeys(names))
    found = {name: CATEGORIES[i % len(CATEGORIES)] for i, name in enumerate(unique)}
    return found | {CASH: CASH_COLOUR, OTHER: OTHER_COLOUR}


def _part(table: pl.DataFrame, name: str, colour: str, few: bool) -> dict[str, Any]:
    part = {
        "name": plain(name),
        "x": days(table["date"].to_list()),
        "y": table[name].cast(pl.Float32).to_numpy(),
    }
    return part | stacked(colour, few)
