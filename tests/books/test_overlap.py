"""Symbols of several books, and those the account has too much of."""

from decimal import Decimal

import pytest

from alchemiser_dagster.books.overlap import Level, Overlap, overlaps

D = Decimal
Dollars = dict[str, dict[str, str]]


def found(held: Dollars, wanted: Dollars, equity: str = "100000") -> list[Overlap]:
    def values(books: Dollars) -> dict[str, dict[str, Decimal]]:
        return {b: {s: D(v) for s, v in symbols.items()} for b, symbols in books.items()}

    return overlaps(values(held), values(wanted), D(equity))


def test_two_books_that_hold_a_symbol_are_a_warning() -> None:
    (one,) = found({"a": {"TQQQ": "10000"}, "b": {"TQQQ": "5000", "TLT": "9000"}}, {})
    assert (one.symbol, one.level, one.share) == ("TQQQ", Level.WARNING, D("0.15"))
    assert one.books == {"a": 10_000, "b": 5_000}
    assert str(one) == "TQQQ: 15.0% of equity (a 10,000.00, b 5,000.00)"


def test_a_book_that_wants_what_another_holds_overlaps_with_it() -> None:
    (one,) = found({"a": {"TQQQ": "10000"}}, {"b": {"TQQQ": "5000"}})
    assert (one.symbol, one.books) == ("TQQQ", {"a": 10_000, "b": 5_000})


def test_of_what_a_book_holds_and_wants_the_larger_counts() -> None:
    (one,) = found(
        {"a": {"TQQQ": "10000"}, "b": {"TQQQ": "1000"}},
        {"a": {"TQQQ": "4000"}, "b": {"TQQQ": "3000"}},
    )
    assert one.books == {"a": 10_000, "b": 3_000}


@pytest.mark.parametrize(("value", "level"), [("15000", Level.WARNING), ("15000.01", Level.ALERT)])
def test_more_than_a_quarter_of_equity_is_an_alert(value: str, level: Level) -> None:
    (one,) = found({"a": {"TQQQ": "10000"}, "b": {"TQQQ": value}}, {})
    assert one.level is level


def test_one_book_alone_can_have_too_much() -> None:
    (one,) = found({"a": {"TQQQ": "30000", "TLT": "25000"}}, {})
    assert (one.symbol, one.level) == ("TQQQ", Level.ALERT)


def test_dust_overlaps_with_nothing() -> None:
    assert found({"a": {"TQQQ": "10000"}, "b": {"TQQQ": "0.99"}}, {}) == []


def test_overlaps_come_in_the_order_of_their_symbols() -> None:
    symbols = {"UPRO": "100", "BIL": "100", "TLT": "100"}
    listed = found({"a": symbols, "b": symbols}, {})
    assert [one.symbol for one in listed] == ["BIL", "TLT", "UPRO"]


def test_an_account_without_equity_is_refused() -> None:
    with pytest.raises(ValueError, match="account with equity, was 0"):
        found({}, {}, "0")
