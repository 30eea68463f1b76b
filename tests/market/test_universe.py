"""The universe: whose symbols need bars, and how many."""

import re
from decimal import Decimal
from pathlib import Path

from alchemiser_dagster.books.strategies import load_books
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.market.universe import universe_of
from alchemiser_dagster.symphony.vocabulary import INDICATORS
from tests.world import BOOKS, write_strategies

STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"
SHARE_CLASS = """(defsymphony "Share class" {:asset-class "EQUITIES"}
  (group "QQQ" [(if (> (rsi "SPY" {:window 10}) 50)
    [(asset "BRK/B" "Berkshire")] [(asset "TLT" "TLT fund")])]))
"""
OFF = '(defsymphony "Off" {:asset-class "EQUITIES"} (weight-equal [(asset "XLE")]))'


def test_m21_names_of_groups_and_funds_are_no_symbols(tmp_path: Path) -> None:
    books = load_books(write_strategies(tmp_path, {"share_class": (SHARE_CLASS, "1")}))
    universe = universe_of(books)
    assert universe.symbols == {"BRK.B", "SPY", "TLT"}
    rows = {row["symbol"]: row for row in universe.table.to_dicts()}
    assert rows["BRK.B"]["tradable"] == ["share_class"]
    assert rows["BRK.B"]["referenced"] == []
    assert rows["SPY"]["tradable"] == []
    assert rows["SPY"]["referenced"] == ["share_class"]
    assert rows["BRK.B"]["first_named"].endswith("share_class.clj:3:6")


def test_m22_the_universe_of_the_project_is_what_its_files_name() -> None:
    """Read once more without the language: a text right after `asset`, or after an indicator."""
    indicators = "|".join(map(re.escape, INDICATORS))
    named = re.compile(rf'\((?:asset|{indicators})\s+"([^"]+)"')
    books = load_books(STRATEGIES)
    read = {
        broker_symbol(symbol)
        for book in books
        for line in (STRATEGIES / f"{book.name}.clj").read_text(encoding="utf-8").splitlines()
        for symbol in named.findall(line.partition(";")[0])
    }
    assert all(book.enabled and book.symphony is not None for book in books)
    assert universe_of(books).symbols == read
    assert len(read) > 50


def test_a_symbol_wants_the_longest_history_of_its_books(tmp_path: Path) -> None:
    books = load_books(write_strategies(tmp_path))
    # MOMENTUM ranks by the return over ten sessions, SWITCH looks at an average of five
    assert universe_of(books).needed == {"SPY": 11, "TLT": 11, "GLD": 11, "BIL": 1}


def test_what_a_book_holds_belongs_to_it_although_no_strategy_names_it(tmp_path: Path) -> None:
    books = load_books(write_strategies(tmp_path))
    universe = universe_of(books, {"steady": {"XLE": Decimal(3)}})
    assert universe.table.filter(symbol="XLE")["held"].to_list() == [["steady"]]
    assert universe.needed["XLE"] == 1


def test_a_book_that_is_switched_off_or_unreadable_names_nothing(tmp_path: Path) -> None:
    folder = write_strategies(tmp_path, BOOKS | {"off": (OFF, "0.1"), "broken": ("(", "0.1")})
    table = (folder / "books.toml").read_text()
    table = table.replace(
        '[books.steady]\nallocation = "0.5"', '[books.steady]\nallocation = "0.3"'
    )
    table = table.replace("[books.off]", "[books.off]\nenabled = false")
    (folder / "books.toml").write_text(table)
    assert universe_of(load_books(folder)).symbols == {"SPY", "TLT", "GLD", "BIL"}
    held = universe_of(load_books(folder), {"off": {"XLE": Decimal(1)}})
    assert held.symbols == {"SPY", "TLT", "GLD", "BIL", "XLE"}


def test_what_came_and_what_went(tmp_path: Path) -> None:
    before = universe_of(load_books(write_strategies(tmp_path))).table
    now = universe_of(load_books(write_strategies(tmp_path, {"off": (OFF, "1")})))
    assert now.changes_since(before) == (["XLE"], ["BIL", "GLD", "SPY", "TLT"])
