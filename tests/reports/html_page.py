"""A page as a reader of its HTML sees it."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from typing import Any

from alchemiser_dagster.reports.page import Page, render

LOADS = {"src", "srcset", "poster", "data", "action", "formaction", "background", "ping"}
"""Attributes by which a browser fetches something."""


@dataclass
class Reader(HTMLParser):
    """Collects what tests look for; `cells` are the tables' rows, the heading rows included."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    scripts: dict[str, str] = field(default_factory=dict)
    rows: list[list[str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    _inside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag in ("script", "style"):
            self._inside.append(attributes.get("id") or tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._inside.append("cell")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "td", "th"):
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        inside = self._inside[-1] if self._inside else ""
        if inside == "cell":
            self.rows[-1][-1] += data
        if inside in ("", "cell"):
            self.words += data.split()
        else:
            self.scripts[inside] = self.scripts.get(inside, "") + data


@dataclass
class Seen:
    """What a page shows."""

    html: str

    @cached_property
    def reader(self) -> Reader:
        reader = Reader()
        reader.feed(self.html)
        reader.close()
        return reader

    @property
    def text(self) -> str:
        """All that is neither style nor script, as one line."""
        return " ".join(self.reader.words)

    @property
    def rows(self) -> list[list[str]]:
        """The rows of all tables."""
        return self.reader.rows

    def row(self, first: str) -> list[str]:
        """The one row that begins with a text."""
        [found] = [row for row in self.rows if row[0] == first]
        return found

    @property
    def figures(self) -> dict[str, Any]:
        """The figures by their name: data and layout as plotly.js is given them."""
        return {figure["id"]: figure for figure in json.loads(self.reader.scripts["figures"])}

    @property
    def headings(self) -> list[tuple[int, str]]:
        """The levels of the headings, in their order, with their ids."""
        return [
            (int(tag[1]), attributes.get("id") or "")
            for tag, attributes in self.reader.tags
            if tag in ("h1", "h2", "h3", "h4")
        ]

    @property
    def fetched(self) -> list[str]:
        """Everything that a browser would fetch for the page."""
        return [
            f"{tag} {name}={value}"
            for tag, attributes in self.reader.tags
            for name, value in attributes.items()
            if name in LOADS or (tag == "link" and name == "href")
        ]


def seen(page: Page) -> Seen:
    """A page, rendered."""
    return Seen(render(page))
