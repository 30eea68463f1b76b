from datetime import date
from pathlib import Path

import pytest

from alchemiser_dagster.books.strategies import load_books
from alchemiser_dagster.market.bars import checked_bars
from alchemiser_dagster.market.examination import CHECKS
from alchemiser_dagster.market.symbol_facts import (
    ACCEPTABLE,
    NO_FACTS,
    Accepted,
    SymbolFactsError,
    read_symbol_facts,
    since_start,
)
from alchemiser_dagster.market.symbols import broker_symbol
from alchemiser_dagster.market.synthetic import instruments

from .tables import MON, TUE, WED, bar, table

STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"

WHOLE = """
leveraged = ["TQQQ", "BRK/B"]

[history_start]
NBIS = 2024-10-21

[[accepted]]
check = "jumps"
symbol = "UCO"
session = 2020-03-09
why = "oil"

[[accepted]]
check = "second_source"
symbol = "BRK-B"
why = "the other one is wrong"
"""


def facts(folder: Path, text: str):
    (folder / "symbols.toml").write_text(text)
    return read_symbol_facts(folder)


def test_what_a_person_knows(tmp_path):
    found = facts(tmp_path, WHOLE)
    assert found.leveraged == {"TQQQ", "BRK.B"}
    assert found.history_start == {"NBIS": date(2024, 10, 21)}
    assert found.accepted == (
        Accepted("jumps", "UCO", date(2020, 3, 9), "oil"),
        Accepted("second_source", "BRK.B", None, "the other one is wrong"),
    )


def test_the_file_and_all_in_it_is_optional(tmp_path):
    assert read_symbol_facts(tmp_path) == NO_FACTS
    assert facts(tmp_path, "") == NO_FACTS


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("leveraged = [", "cannot be read as TOML"),
        ("leverage = []", "was also leverage"),
        ('leveraged = "TQQQ"', "leveraged: expected a list of symbols, was 'TQQQ'"),
        ("leveraged = [3]", 'leveraged: expected a symbol such as "TQQQ", was 3'),
        ("history_start = 3", "expected a table [history_start]"),
        (
            '[history_start]\nNBIS = "2024-10-21"',
            "[history_start] NBIS: expected a date such as 2024-10-21, was '2024-10-21'",
        ),
        ("[history_start]\nNBIS = 2024-10-21T00:00:00", "[history_start] NBIS: expected a date"),
        ("[accepted]\ncheck = 3", "expected tables [[accepted]]"),
        (
            '[[accepted]]\ncheck = "jumps"\nsymbol = "A"',
            "[[accepted]] number 1: expected check, symbol, why",
        ),
        (
            '[[accepted]]\ncheck = "jumps"\nsymbol = "A"\nwhy = "x"\nday = 2024-03-25',
            "[[accepted]] number 1: expected check, symbol, why and optionally session",
        ),
        (
            '[[accepted]]\ncheck = "leaps"\nsymbol = "A"\nwhy = "x"',
            "[[accepted]] number 1: expected a check of sessions, jumps",
        ),
        (
            '[[accepted]]\ncheck = "last_session"\nsymbol = "A"\nwhy = "x"',
            "was 'last_session'",
        ),
        ('[[accepted]]\ncheck = ["jumps"]\nsymbol = "A"\nwhy = "x"', "was ['jumps']"),
        ('[[accepted]]\ncheck = "jumps"\nsymbol = ""\nwhy = "x"', "expected a symbol"),
        ('[[accepted]]\ncheck = "jumps"\nsymbol = "A"\nwhy = " "', "expected why"),
        (
            '[[accepted]]\ncheck = "jumps"\nsymbol = "A"\nwhy = "x"\nsession = "MON"',
            "number 1: session: expected a date",
        ),
        (
            '[[accepted]]\ncheck = "jumps"\nsymbol = "A"\nwhy = "x"\nsession = 2024-03-30',
            "number 1: session: expected an NYSE session, was 2024-03-30",
        ),
        (
            '[[accepted]]\ncheck = "jumps"\nsymbol = "A"\nwhy = "x"\nsession = 1920-03-30',
            "expected an NYSE session, was 1920-03-30",
        ),
    ],
)
def test_an_entry_that_cannot_be_meant_is_named(tmp_path, text, says):
    with pytest.raises(SymbolFactsError) as refusal:
        facts(tmp_path, text)
    assert says in str(refusal.value)
    assert str(tmp_path / "symbols.toml") in str(refusal.value)


def test_bars_of_whoever_had_the_symbol_before_are_dropped(tmp_path):
    known = facts(tmp_path, "[history_start]\nNBIS = 2024-03-26")
    rows = [bar(symbol, day, 1.0) for symbol in ("NBIS", "SPY") for day in (MON, TUE, WED)]
    bars = checked_bars(table(*rows), origin="test")
    assert since_start(bars, known).select("symbol", "date").rows() == [
        ("NBIS", TUE),
        ("NBIS", WED),
        ("SPY", MON),
        ("SPY", TUE),
        ("SPY", WED),
    ]
    assert since_start(bars, NO_FACTS).equals(bars)


def test_only_checks_can_be_accepted():
    assert set(ACCEPTABLE) < set(CHECKS)


def test_the_file_of_the_project_lists_the_leveraged_funds_of_its_strategies():
    leveraged = read_symbol_facts(STRATEGIES).leveraged
    used = {
        broker_symbol(symbol)
        for book in load_books(STRATEGIES)
        if book.symphony is not None
        for symbol in book.symphony.symbols
    }
    multiples = {
        name for name, instrument in instruments().items() if instrument.kind == "multiple"
    }
    assert multiples - leveraged == set()
    assert {"TQQQ", "SVXY"} <= used & leveraged
    assert not {"SPY", "TLT", "NVDA"} & leveraged
