"""docs/statistics.md has a line for every column that is published."""

import re
from dataclasses import fields

import polars as pl

from alchemiser_dagster.books.account_history import account_history
from alchemiser_dagster.books.performance_history import CLOSES, performance_history
from alchemiser_dagster.defs.account_performance import COMPARED_COLUMNS
from alchemiser_dagster.defs.performance import performance_table
from alchemiser_dagster.history.model import ModelHistory
from alchemiser_dagster.ledger.book_events import book_events
from alchemiser_dagster.settings import ROOT
from tests.ledger.traded import INCEPTION, Traded


def explained(heading: str) -> set[str]:
    """The names in the first cells of the tables under a heading."""
    page = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    (section,) = [part for part in page.split("\n## ") if part.startswith(heading)]
    cells = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
    return {name.strip() for cell in cells for name in cell.split(",")}


def test_every_published_column_has_its_line() -> None:
    traded = Traded.at("sqlite://")
    with traded.ledger.read() as connection:
        events = book_events(connection, through=INCEPTION)
        made = performance_history(events, [INCEPTION], pl.DataFrame(schema=CLOSES))
        of_book = performance_table(made[0], connection).columns
    traded.ledger.close()
    of_account = {*account_history(*made).columns, *COMPARED_COLUMNS} - {"session"}
    on_paper = {field.name for field in fields(ModelHistory)} - {"sessions", "symbols", "held"}
    assert set(of_book) - explained("A book") == set()
    assert of_account - explained("The account") == set()
    assert on_paper - explained("A series") == set()
