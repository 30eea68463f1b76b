"""What the ledger says of a book over a session: what moved, what it cost, what was missed."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import Connection, insert, update

from alchemiser_dagster.books.book_session import BookSession, Correction, Missed
from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.planning import FROZEN
from alchemiser_dagster.books.price_chain import PricedFill
from alchemiser_dagster.ledger.attribution import attribute
from alchemiser_dagster.ledger.block_records import arrive_block
from alchemiser_dagster.ledger.live_minus_model import book_sessions
from alchemiser_dagster.ledger.opening import BookTerms, open_books
from alchemiser_dagster.ledger.queries import book_cash, external_flows, positions
from alchemiser_dagster.ledger.schema import (
    crosses,
    fills,
    plan_items,
    session_books,
    sessions,
    trades,
)
from alchemiser_dagster.ledger.session_records import Quoted, record_prices
from tests.ledger.activity_lines import bust, by_hand, line, post
from tests.ledger.activity_lines import traded as traded  # a fixture
from tests.ledger.conftest import TinyLedger
from tests.ledger.traded import Traded, moment

D = Decimal


def november(day: int) -> date:
    return date(2026, 11, day)


def over(traded: Traded | TinyLedger, *days: int, book: str = "a") -> list[BookSession]:
    with traded.ledger.read() as connection:
        return list(book_sessions(connection, book, [november(day) for day in days]))


def on(traded: Traded | TinyLedger, day: int, book: str = "a") -> BookSession:
    (found,) = over(traded, day, book=book)
    return found


def test_a_day_begins_with_what_the_one_before_left(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    traded.trade(4, "a sell 4 XYZ @ 15")
    third, fourth = over(traded, 3, 4)
    assert (third.cash_before, third.held_before) == (60_000, {})
    assert (third.cash, third.held) == (59_880, {"XYZ": 10})
    assert (fourth.cash_before, fourth.held_before) == (59_880, {"XYZ": 10})
    assert (fourth.cash, fourth.held) == (59_940, {"XYZ": 6})
    (sold,) = fourth.fills
    assert (sold.side, sold.quantity, sold.price, sold.cash) == ("sell", 4, 15, 60)


def test_what_was_sold_out_is_not_held(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    traded.trade(4, "a sell 10 XYZ @ 15")
    assert on(traded, 4).held == on(traded, 5).held_before == {}


def test_payments_are_told_apart(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    traded.trade(4, "a sell 5 XYZ @ 12")
    post(
        traded,
        line("d", "DIV", symbol="XYZ", amount="3.00"),
        line("f", "FEE", amount="-0.02"),
        line("i", "INT", amount="1.00"),
        line("c", "CSD", amount="1000.00"),
    )
    found = on(traded, 5)
    assert (found.dividends, found.fees, found.interest) == (3, D("-0.02"), D("0.60"))
    assert found.flow == 600
    assert found.corrections == []
    assert found.cash == found.cash_before + 600 + 3 + D("0.58")


def test_a_split_adds_shares(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 50")
    post(traded, line("s", "SPLIT", symbol="XYZ", quantity="10", amount="0"))
    found = on(traded, 5)
    assert (found.held_before, found.splits, found.held) == (
        {"XYZ": 10}, {"XYZ": 10}, {"XYZ": 20},
    )  # fmt: skip
    assert found.corrections == []


def test_an_execution_taken_back_is_a_correction(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    traded.trade(4, "a sell 4 XYZ @ 15")
    post(traded, bust("b", "x.2026-11-04.XYZ.a", "4 XYZ -60.00"))
    post(traded, bust("c", "x.2026-11-03.XYZ.a", "-10 XYZ 120.00"), day=6)
    fifth, sixth = over(traded, 5, 6)
    assert fifth.fills == sixth.fills == []
    assert fifth.corrections == [
        Correction("bust of x.2026-11-04.XYZ.a.a", D("-60.00"), "XYZ", D(4))
    ]
    assert sixth.corrections == [
        Correction("bust of x.2026-11-03.XYZ.a.a", D("120.00"), "XYZ", D(-10))
    ]
    assert (fifth.held, sixth.held, sixth.cash) == ({"XYZ": 10}, {}, 60_000)


def test_shares_that_an_operator_gave_the_book_are_a_correction(traded: Traded) -> None:
    post(traded, by_hand("m", "buy 8 XYZ @ 10"))
    with traded.ledger.write() as connection:
        connection.execute(update(sessions).values(state="complete"))
        source = attribute(
            connection, book="a", symbol="XYZ", quantity=D(5), price=D(12),
            session=november(6), at=moment(6),
        )  # fmt: skip
    found = on(traded, 6)
    assert found.corrections == [
        Correction(source, cash=D("-60.00")),
        Correction(source, symbol="XYZ", shares=D(5)),
    ]
    assert on(traded, 6, "unattributed").corrections[-1].shares == -5


def test_a_fill_has_the_prices_on_its_way(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 100.30")
    quoted = Quoted(D("100.00"), D("99.95"), D("100.05"), moment(3))
    record_prices(traded.ledger, november(3), {"XYZ": quoted})
    arrive_block(traded.ledger, "2026-11-03.XYZ.a", D("100.05"), D("100.15"), moment(3))
    assert on(traded, 3).fills == [
        PricedFill(
            "XYZ", "buy", D(10), D("100.30"), D("1003.00"), D("100.00"), D("100.05"), D("100.15")
        )
    ]


def test_a_cross_has_its_own_quote(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 95")
    traded.cross(4, "a to b 6 XYZ @ 100")
    with traded.ledger.write() as connection:
        connection.execute(update(crosses).values(bid=D("99.90"), ask=D("100.10")))
    quoted = Quoted(D("100.20"), D("100.10"), D("100.30"), moment(4))
    record_prices(traded.ledger, november(4), {"XYZ": quoted})
    for book, side in (("a", "sell"), ("b", "buy")):
        (crossed,) = on(traded, 4, book).fills
        assert (crossed.side, crossed.is_cross, crossed.cash) == (side, True, 600)
        assert (crossed.decision, crossed.bid, crossed.ask) == (
            D("100.20"), D("99.90"), D("100.10"),
        )  # fmt: skip


def test_what_filled_late_was_decided_in_its_own_session(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 100.30")
    for day, price in ((3, "100.00"), (4, "110.00")):
        traded.begin(day)
        quoted = Quoted(D(price), D(price), D(price), moment(day))
        record_prices(traded.ledger, november(day), {"XYZ": quoted})
    with traded.ledger.write() as connection:
        connection.execute(update(fills).values(session=november(4)))
    (late,) = on(traded, 4).fills
    assert late.decision == 100


def test_a_book_has_no_session_before_it_was_opened(traded: Traded) -> None:
    open_books(traded.ledger, {"late": BookTerms(D("0.1"))}, session=november(4), at=moment(4))
    assert [one.session for one in over(traded, 3, 4, 5, book="late")] == [november(4), november(5)]
    assert over(traded, 3, book="late") == over(traded, 3, 4, book="nobody") == []


@pytest.fixture
def busy(traded: Traded) -> Traded:
    """A fortnight in which everything happens."""
    for what in ((3, "a buy 10 XYZ @ 12"), (3, "a buy 7.5 ABC @ 40"), (4, "a sell 4 XYZ @ 15")):
        traded.trade(*what)
    post(traded, line("s", "SPLIT", symbol="ABC", quantity="7.5", amount="0"))
    post(traded, line("d", "DIV", day=5, symbol="ABC", amount="1.23"), day=6)
    traded.cross(6, "a to b 3 XYZ @ 14")
    post(traded, bust("b", "x.2026-11-04.XYZ.a", "4 XYZ -60.00"), day=9)
    traded.trade(10, "a sell 15 ABC @ 21")
    with traded.ledger.write() as connection:
        connection.execute(
            update(session_books)
            .where(session_books.c.session.in_([november(3), november(6)]))
            .values(trigger="schedule")
        )
        connection.execute(
            update(trades)
            .where(trades.c.session.in_([november(3), november(6)]))
            .values(intended_quantity=trades.c.intended_quantity + D("0.5"))
        )
    return traded


def test_a_range_says_the_same_as_its_days(busy: Traded) -> None:
    days = [2, 3, 4, 5, 6, 9, 10, 11]
    for book in ("a", "b"):
        together = over(busy, *days, book=book)
        assert together == [on(busy, day, book) for day in days]
        assert over(busy, 3, 6, 11, book=book) == [together[1], together[4], together[7]]


def test_cash_and_shares_are_those_of_the_ledgers_own_queries(busy: Traded) -> None:
    with busy.ledger.read() as connection:
        for found in over(busy, 3, 4, 5, 6, 9, 10):
            assert found.cash == book_cash(connection, through=found.session)["a"]
            assert found.held == positions(connection, through=found.session).get("a", {})
            assert found.flow == external_flows(connection, "a", session=found.session)


def as_planned(connection: Connection, day: int, **values: object) -> None:
    """Change a session's only trade of book `a` to what was planned of it."""
    connection.execute(
        update(trades)
        .where(trades.c.session == november(day), trades.c.book == "a")
        .values(**values)
    )


def test_a_partial_trade_is_missed_until_the_next_rebalance(tiny: TinyLedger) -> None:
    tiny.trade("a", 3, "buy 6 XYZ @ 12")
    tiny.trade("a", 5, "sell 2 XYZ @ 12")
    with tiny.ledger.write() as connection:
        as_planned(connection, 3, intended_quantity=D(8), state="partial", reason="no time left")
        as_planned(connection, 5, intended_quantity=D(5), state="partial", reason="")
    assert [one.missed for one in over(tiny, 3, 4, 5, 6)] == [
        [],
        [Missed(november(3), "XYZ", D(2), "no time left")],
        [Missed(november(3), "XYZ", D(2), "no time left")],
        [Missed(november(5), "XYZ", D(-3), "partial")],
    ]


def test_a_trade_that_ended_as_filled_misses_what_was_taken_back(traded: Traded) -> None:
    """8 wanted, 6 bought, and then the money was spent; two sessions later all of it is undone."""
    traded.trade(3, "a buy 6 XYZ @ 12")
    with traded.ledger.write() as connection:
        as_planned(connection, 3, intended_quantity=D(8), state="filled")
        connection.execute(update(session_books).values(trigger="schedule"))
    post(traded, bust("b", "x.2026-11-03.XYZ.a", "-6 XYZ 72.00"))
    assert [one.missed for one in over(traded, 4, 5)] == [[], []]
    assert on(traded, 6).missed == [Missed(november(3), "XYZ", D(6), "taken back")]


def test_a_session_without_a_rebalance_misses_nothing(tiny: TinyLedger) -> None:
    tiny.trade("a", 3, "buy 6 XYZ @ 12")
    with tiny.ledger.write() as connection:
        as_planned(connection, 3, intended_quantity=D(8))
        connection.execute(update(session_books).values(trigger=""))
    assert on(tiny, 4).missed == []


def test_what_filled_late_is_missed_until_then(tiny: TinyLedger) -> None:
    tiny.trade("a", 3, "buy 6 XYZ @ 12")
    with tiny.ledger.write() as connection:
        connection.execute(update(fills).values(session=november(4)))
    assert [sum(m.shares for m in one.missed) for one in over(tiny, 4, 5)] == [6, 0]


def test_a_purchase_that_was_never_sized_misses_what_its_budget_buys(tiny: TinyLedger) -> None:
    tiny.trade("a", 3, "buy 6 XYZ @ 12")
    quoted = Quoted(D("12.50"), D("12.40"), D("12.60"), moment(3))
    record_prices(tiny.ledger, november(3), {"XYZ": quoted})
    with tiny.ledger.write() as connection:
        connection.execute(update(fills).values(session=november(9)))
        why = "whole shares only"
        as_planned(connection, 3, intended_quantity=ZERO, budget=D(75), state="skipped", reason=why)
    assert on(tiny, 4).missed == [Missed(november(3), "XYZ", D(6), why)]


def test_what_was_left_alone_is_missed(tiny: TinyLedger) -> None:
    tiny.trade("a", 3, "buy 6 XYZ @ 12")
    common = {"session": november(3), "book": "a", "quantity": ZERO, "weight": ZERO}
    with tiny.ledger.write() as connection:
        connection.execute(
            insert(plan_items),
            [
                {**common, "symbol": "DST", "action": "dust", "held": D("0.02"), "price": D(40),
                 "target": ZERO, "current": D("0.80"), "reason": "worth less than 1.00"},
                {**common, "symbol": "FRZ", "action": "hold", "held": D(5), "price": D(20),
                 "target": D(160), "current": D(100), "reason": FROZEN},
                {**common, "symbol": "HLD", "action": "hold", "held": D(1), "price": D(20),
                 "target": D(21), "current": D(20), "reason": "within 5.00 of its target"},
            ],
        )  # fmt: skip
    assert on(tiny, 4).missed == [
        Missed(november(3), "DST", D("-0.02"), "worth less than 1.00"),
        Missed(november(3), "FRZ", D(3), FROZEN),
    ]
