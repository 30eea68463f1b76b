"""The bridge from a strategy on paper to its book, reckoned by hand."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from alchemiser_dagster.books.book_session import (
    BookSession,
    Correction,
    Missed,
    ModelSession,
    SessionPrices,
)
from alchemiser_dagster.books.bridge import Bridge, Component
from alchemiser_dagster.books.live_minus_model import NotExplained, live_minus_model
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.performance import PriceMissing
from alchemiser_dagster.books.price_chain import PricedFill

D = Decimal
MONDAY, TUESDAY = date(2026, 11, 2), date(2026, 11, 3)

BOUGHT = PricedFill("B", "buy", D(2), D("49.00"), D("98.00"), D("48.80"), D("48.85"), D("48.95"))
BOOK = BookSession(
    book="a",
    session=TUESDAY,
    cash_before=D("200.00"),
    cash=D("105.03"),
    held_before={"A": D(10), "B": D(6)},
    held={"A": D(10), "B": D(8)},
    dividends=D("3.00"),
    fees=D("-0.02"),
    interest=D("0.05"),
    fills=[BOUGHT],
    missed=[Missed(MONDAY, "B", D(2), "the session ended before it could be traded")],
)
PRICES = SessionPrices(
    closes={"A": D(51), "B": D(49)},
    closes_before={"A": D(50), "B": D(50)},
    returns={"A": D("0.03"), "B": D("-0.02")},
    missed={"B": D(50)},
)
MODEL = ModelSession(D("0.004"), D("0.010"), {"A": D("0.6"), "B": D("0.4")})


def dollars(bridge: Bridge) -> dict[str, Decimal]:
    """The rows that are not 0."""
    return {row.component.value: row.dollars for row in bridge.rows if row.dollars}


def test_every_line_of_a_day_by_hand() -> None:
    """A book of 1,000: 200 of cash, 10 A and 6 B at 50; its model holds 60 % A and 40 % B.

    A closes at 51 on the ex-date of a dividend of 0.50: +3 %. B closes at 49: -2 %. On Monday 8 B
    were to be bought and 6 were; the other 2 are bought now.
    """
    assert dollars(live_minus_model(BOOK, PRICES, MODEL)) == {
        "model": D("4.00"),  # 0.4 % of 1,000
        "signal lag": D("6.00"),  # 1 % a session later
        "after the decision": D("0.40"),  # 2 x (49.00 - 48.80)
        "delay": D("-0.20"),  # 2 x (48.80 - 48.90)
        "spread": D("-0.10"),  # 2 x (48.90 - 48.95)
        "walk": D("-0.10"),  # 2 x 48.95 - 98.00
        "dividends": D("-2.00"),  # an earlier one paid 3.00; 10 x 0.50 of today's are to come
        "cash drag": D("-2.00"),  # 200 of 1,000 did not earn the model's 1 %
        "partial and skipped trades": D("3.00"),  # 100 of B would have made -2 %, not 1 %
        "different holdings": D("-2.00"),  # with them 500 A for 540, 400 B for 360
        "fees": D("-0.02"),
        "interest": D("0.05"),
        "live": D("7.03"),  # 200 + 800 became 105.03 + 902
    }


def test_the_notes_say_what_stands_behind_a_line() -> None:
    notes = {row.component: row.note for row in live_minus_model(BOOK, PRICES, MODEL).rows}
    assert notes[Component.MODEL] == "on 1,000.00"
    assert notes[Component.SIGNAL_LAG] == "1.0000% a session later, 0.4000% at once"
    assert notes[Component.CASH_DRAG] == "800.00 of 1,000.00 was invested"
    assert notes[Component.PARTIAL] == (
        "missing: +2 B since 2026-11-02 (the session ended before it could be traded); "
        "and -1.00 in the cash drag"
    )
    assert notes[Component.DELAY] == notes[Component.SPREAD] == notes[Component.CORRECTIONS] == ""
    unquoted = replace(BOOK, fills=[replace(BOUGHT, decision=None, bid=None, ask=None)])
    notes = {row.component: row.note for row in live_minus_model(unquoted, PRICES, MODEL).rows}
    assert notes[Component.DELAY] == "no decision price: B"
    assert notes[Component.SPREAD] == "no arrival quote: B"


def test_the_dividend_of_the_model_is_paid_for_when_it_comes() -> None:
    """10 A lose 5.00 on the ex-date, which the model does not see; a week later they are posted."""
    held = {"A": D(10)}
    ex_date = BookSession("a", MONDAY, ZERO, ZERO, held, held)
    later = BookSession("a", TUESDAY, ZERO, D("5.00"), held, held, dividends=D("5.00"))
    model = ModelSession(ZERO, ZERO, {"A": D(1)})
    prices = SessionPrices({"A": D("49.50")}, {"A": D(50)}, {"A": D(0)})
    unchanged = SessionPrices({"A": D("49.50")}, {"A": D("49.50")}, {})
    assert dollars(live_minus_model(ex_date, prices, model)) == {"dividends": -5, "live": -5}
    assert dollars(live_minus_model(later, unchanged, model)) == {"dividends": 5, "live": 5}


def test_a_split_changes_nothing() -> None:
    book = BookSession("a", TUESDAY, ZERO, ZERO, {"A": D(10)}, {"A": D(20)}, splits={"A": D(10)})
    prices = SessionPrices({"A": D("25.50")}, {"A": D(50)}, {"A": D("0.02")})
    model = ModelSession(D("0.02"), D("0.02"), {"A": D(1)})
    assert dollars(live_minus_model(book, prices, model)) == {"model": 10, "live": 10}


def test_on_its_first_day_a_book_earns_on_what_was_put_in() -> None:
    """1,000 come in and 10 A are bought at 99; the model, long invested, made 2 %."""
    fill = PricedFill("A", "buy", D(10), D(99), D("990.00"), D(99), D(99), D(99))
    book = BookSession(
        "a", TUESDAY, ZERO, D("10.00"), {}, {"A": D(10)}, flow=D("1000.00"), fills=[fill]
    )
    prices = SessionPrices({"A": D(100)}, {}, {"A": D("0.02")})
    model = ModelSession(D("0.02"), D("0.02"), {"A": D(1)})
    assert dollars(live_minus_model(book, prices, model)) == {
        "model": 20,
        "after the decision": 10,
        "cash drag": -20,
        "live": 10,
    }


def test_before_there_is_a_model_all_that_is_held_is_different() -> None:
    book = replace(BOOK, missed=[])
    found = dollars(live_minus_model(book, PRICES, ModelSession()))
    assert "model" not in found
    assert "cash drag" not in found
    assert found["different holdings"] == 500 * D("0.03") - 300 * D("0.02")


def test_prices_that_were_restated_since_are_a_line_of_their_own() -> None:
    """The model's history of today has 1.2 % for a session that made 1 % as it was known then."""
    found = dollars(live_minus_model(BOOK, PRICES, replace(MODEL, gross=D("0.012"))))
    assert found["signal lag"] == 8
    assert found["restated prices"] == -2


@pytest.mark.parametrize(
    ("correction", "cash", "shares", "worth"),
    [
        (Correction("bust of x1.a", D("98.00"), "B", D(-2)), "98.00", -2, "0.00"),
        (Correction("bust of x2.a", D("-40.00"), "B", D(1)), "-40.00", 1, "9.00"),
        (Correction("attribution", ZERO, "B", D(1)), "0.00", 1, "49.00"),
        (Correction("attribution", D("-60.00")), "-60.00", 0, "-60.00"),
    ],
)
def test_what_came_without_a_trade_is_a_correction(
    correction: Correction, cash: str, shares: int, worth: str
) -> None:
    book = replace(
        BOOK,
        cash=BOOK.cash + D(cash),
        held={"A": D(10), "B": D(8 + shares)},
        corrections=[correction],
    )
    bridge = live_minus_model(book, PRICES, MODEL)
    (line,) = [line for line in bridge.lines if line.component is Component.CORRECTIONS]
    assert (line.dollars, line.note) == (D(worth), correction.cause)
    assert bridge.live.dollars == D("7.03") + D(worth)


def test_a_cent_that_no_entry_explains_is_refused() -> None:
    with pytest.raises(NotExplained, match=r"a in 2026-11-03: expected to have earned the 7\.03"):
        live_minus_model(replace(BOOK, cash=D("105.04")), PRICES, MODEL)
    with pytest.raises(NotExplained):
        live_minus_model(replace(BOOK, held={"A": D(10), "B": D("7.999999999")}), PRICES, MODEL)


def test_a_close_that_is_missing_is_named() -> None:
    with pytest.raises(PriceMissing, match="a: expected a close of B in the session of 2026-11-03"):
        live_minus_model(BOOK, replace(PRICES, closes={"A": D(51)}), MODEL)
    with pytest.raises(PriceMissing, match="close of A in the session of 2026-11-03 before it"):
        live_minus_model(BOOK, replace(PRICES, closes_before={"B": D(50)}), MODEL)
