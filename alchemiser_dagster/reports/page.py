"""A page put together: sections of cards, figures and tables, as one HTML text.

Everything is in the text: style, script, plotly.js and the figures' data. A policy in it forbids
the browser to fetch anything, so it reads the same without a network, and a name that somehow
became markup could reach nobody.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from plotly.utils import PlotlyJSONEncoder

from alchemiser_dagster.reports.card import Card
from alchemiser_dagster.reports.figure import Figure
from alchemiser_dagster.reports.table import Table
from alchemiser_dagster.reports.theme import THEMES, css_variables, plotly_template

MADE_UP = "Synthetic market: these prices are made up. Nothing here says how anything would do."


@dataclass(frozen=True)
class Section:
    """A part of a page with a heading of its own."""

    heading: str
    slug: str
    intro: str = ""
    cards: Sequence[Card] = ()
    blocks: Sequence[Figure | Table] = ()


@dataclass(frozen=True)
class Page:
    """A whole page. `warning` stands above everything, `links` are (text, address) pairs."""

    title: str
    subtitle: str
    sections: Sequence[Section]
    warning: str = ""
    links: Sequence[tuple[str, str]] = field(default_factory=list)

    @property
    def headline(self) -> Sequence[Card]:
        """The cards at the top."""
        return self.sections[0].cards

    @property
    def figures(self) -> list[Figure]:
        """The figures of all sections, in order."""
        return [
            block
            for section in self.sections
            for block in section.blocks
            if isinstance(block, Figure)
        ]


def render(page: Page) -> str:
    """The page as HTML; with plotly.js in it where it has a figure."""
    resources = files(__package__)
    figures = page.figures
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            colours=Markup(css_variables()),
            style=Markup((resources / "templates" / "page.css").read_text(encoding="utf-8")),
            script=Markup((resources / "templates" / "page.js").read_text(encoding="utf-8")),
            plotly=Markup(plotly_script()) if figures else None,
            figures=_json([_drawing(figure) for figure in figures]),
            templates=_json({name: plotly_template(theme) for name, theme in THEMES.items()}),
        )
    )


@cache
def plotly_script() -> str:
    """plotly.js, as it stands in a script element."""
    source: str = get_plotlyjs()
    return source.replace("</script", "<\\/script")


def _drawing(figure: Figure) -> dict[str, Any]:
    plot = figure.plot.to_plotly_json()
    return {
        "id": figure.slug,
        "data": plot["data"],
        "layout": plot["layout"] | {"height": figure.height},
    }


def _json(value: object) -> Markup:
    """JSON as it may stand in a script element: nothing in it ends the element."""
    text = json.dumps(value, cls=PlotlyJSONEncoder, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__ or ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["figure"] = lambda block: isinstance(block, Figure)
    return environment
