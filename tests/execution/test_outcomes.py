"""How a session ends: every book's outcome, the session's, and what a failed sale holds up."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from alchemiser_dagster.execution import phases, preparation, settlement
from alchemiser_dagster.execution.gate import check_gate
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.ledger.queries import outcomes, the_session
from alchemiser_dagster.ledger.schema import session_books, trades
from alchemiser_dagster.ledger.session_records import record_outcome
from alchemiser_dagster.market.sessions import session_close

from .conftest import FIRST, SECOND, wish
from .scripted import ORDER, ScriptedDay

D = Decimal
SIXTEEN = [f"book{n:02}" for n in range(16)]
EQUAL = dict.fromkeys(SIXTEEN, "0.0625")


def outcomes_of(day: ScriptedDay, session: object = FIRST) -> dict[str, str]:
    with day.desk.ledger.read() as connection:
        return {row.book: row.state for row in outcomes(connection, session)}  # type: ignore[arg-type]


class Killed(BaseException):
    """The process ends here."""


def kill() -> None:
    raise Killed


# --- the books' outcomes -------------------------------------------------------------------------


def test_r01_all_books_are_expected_before_the_first_order() -> None:
    day = ScriptedDay.open(books=EQUAL)
    seen: dict[str, str] = {}
    day.then("XYZ.B.a1.s1", lambda: seen.update(outcomes_of(day)))
    day.trade(FIRST, dict.fromkeys(SIXTEEN, wish(XYZ="1")))
    assert seen == dict.fromkeys(SIXTEEN, "planned")
    assert outcomes_of(day) == dict.fromkeys(SIXTEEN, "traded")


def test_r02_one_failure_among_sixteen_makes_the_session_partial() -> None:
    """The session completes all the same, and its report names the failure."""
    day = ScriptedDay.open(books=EQUAL)
    wishes: dict[str, Wish] = dict.fromkeys(SIXTEEN, wish(XYZ="1"))
    report = day.trade(FIRST, wishes | {"book07": Wish(missing="no bars of SPY")})
    assert report.outcome == "partial"
    assert report.books.pop("book07") == ("failed", "no bars of SPY")
    assert set(report.books.values()) == {("traded", "")}
    with day.desk.ledger.read() as connection:
        row = the_session(connection, FIRST)
    assert row is not None
    assert (row.state, row.outcome) == ("complete", "partial")


def test_r03_an_outcome_is_written_once() -> None:
    day = ScriptedDay.open()
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    for _ in range(2):
        record_outcome(day.desk.ledger, FIRST, "a", "failed", "told twice")
        settlement.settle(day.desk, FIRST)
    with day.desk.ledger.read() as connection:
        rows = connection.execute(
            select(func.count()).select_from(session_books).where(session_books.c.session == FIRST)
        ).scalar_one()
    assert rows == 2
    assert outcomes_of(day) == {"a": "traded", "b": "traded"}


def test_r04_nothing_to_do_is_success() -> None:
    """All hold: no order, a snapshot of the account, and a session that is complete."""
    day = ScriptedDay.open()
    report = day.trade(FIRST, {"a": day.want("a"), "b": day.want("b")})
    assert (report.outcome, report.trades) == ("success", 0)
    assert outcomes_of(day) == {"a": "held", "b": "held"}
    assert day.sent() == []
    with day.desk.ledger.read() as connection:
        row = the_session(connection, FIRST)
    assert row is not None
    assert row.state == "complete"


def test_r05_a_session_left_before_its_plan_times_out() -> None:
    """Nobody comes back before the close: the next session's run brings it to its end."""
    day = ScriptedDay.open()
    day.desk.gateway.quotes = lambda _: kill()  # type: ignore[method-assign, assignment, return-value]
    with pytest.raises(Killed):
        day.begin(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    del day.desk.gateway.quotes
    day.trade(SECOND, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    assert outcomes_of(day, FIRST) == {"a": "timed_out", "b": "timed_out"}
    assert outcomes_of(day, SECOND) == {"a": "traded", "b": "traded"}


def test_r05_what_filled_after_a_run_died_is_booked_to_its_session() -> None:
    """Killed with an order at work; it fills, the rest expires with the day, and both are known."""
    day = ScriptedDay.open()
    day.hold("XYZ", "100.00/100.20")
    day.fill("XYZ.B.a1.s1", "70", after=300)
    day.begin(FIRST, {"a": day.want("a", XYZ="100"), "b": day.want("b")})
    day.then("XYZ.B.a1.s1", kill, after=3)
    with pytest.raises(Killed):
        day.finish(FIRST)
    day.script.wait(3600)
    report = day.trade(SECOND, {"a": day.want("a"), "b": day.want("b")})
    assert report.outcome == "success"
    assert outcomes_of(day, FIRST) == {"a": "partial", "b": "held"}
    assert day.orders("XYZ") == ["a1.s1 buy 100 at 100.10: expired, 70 filled"]
    assert day.held("a", "XYZ") == 70
    assert day.differences() == []


@pytest.mark.parametrize(("halted", "outcome"), [(5, "partial"), (6, "failure")])
def test_r06_below_a_share_of_failed_symbols_a_session_is_partial(
    halted: int, outcome: str
) -> None:
    """Of 20 symbols 5 fail, 25 %; or 6, 30 %, which is not below 30 %."""
    symbols = [f"S{n:02}" for n in range(20)]
    day = ScriptedDay.open(books={"a": "1"}, prices=dict.fromkeys(symbols, 100.0))
    for symbol in symbols[:halted]:
        day.hold(symbol)
    report = day.trade(FIRST, {"a": Wish({symbol: D("0.05") for symbol in symbols})})
    assert report.outcome == outcome
    assert report.books["a"][0] == "partial"
    assert report.trades == 20 - halted


def test_r07_shares_too_dear_to_buy_whole_make_a_session_partial_at_most() -> None:
    """2 of 4 symbols cannot be bought in fractions and cost more than their slices."""
    prices = {"DEAR": 5000.0, "DEARER": 6000.0, "XYZ": 100.0, "ABC": 50.0}
    day = ScriptedDay.open(cash="10_000", books={"a": "1"}, prices=prices)
    for symbol in ("DEAR", "DEARER"):
        day.control.set_asset(symbol, fractionable=False)
    report = day.trade(FIRST, {"a": Wish({symbol: D("0.25") for symbol in prices})})
    assert report.outcome == "partial"
    assert report.books["a"][0] == "traded"
    assert "whole shares only" in report.books["a"][1]


def test_r10_a_run_that_dies_between_its_phases_goes_on_with_the_purchases() -> None:
    """From the rows alone: the sales are not repeated, the purchases made as they were planned."""
    day = ScriptedDay.open()
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(XYZ="1")})
    wishes = {"a": wish(ABC="1"), "b": wish(XYZ="0.5", ABC="0.5")}
    day.begin(SECOND, wishes)
    phases.sell(day.desk, SECOND)
    sold = day.sent()
    assert check_gate(day.desk, SECOND) is not None
    assert preparation.plan_session(day.desk, SECOND, wishes) is None
    report = day.finish(SECOND)
    assert report.outcome == "success"
    assert day.sent()[: len(sold)] == sold
    assert len(day.sent()) == len(set(day.sent()))
    assert day.sides(SECOND) == {"XYZ": {"sell"}, "ABC": {"buy"}}


def test_r11_a_strategy_that_fails_before_its_plan_fails_alone() -> None:
    day = ScriptedDay.open()
    report = day.trade(FIRST, {"a": Wish(missing="ZeroDivisionError in a.clj"), "b": wish(ABC="1")})
    assert report.books["a"] == ("failed", "ZeroDivisionError in a.clj")
    assert report.books["b"] == ("traded", "")


def test_r11_nothing_is_planned_again_once_an_order_was_sent() -> None:
    """The second plan, with a strategy that has recovered and another wish, changes nothing."""
    day = ScriptedDay.open()
    day.hold("ABC")
    day.begin(FIRST, {"a": Wish(missing="no plan"), "b": wish(ABC="1")})
    before = planned(day)
    day.then(
        "ABC.B.a1.s1",
        lambda: preparation.plan_session(
            day.desk, FIRST, {"a": wish(XYZ="1"), "b": wish(THIN="1")}
        ),
    )
    report = day.finish(FIRST)
    assert planned(day).keys() == before.keys() == {("b", "ABC")}
    assert report.books["a"] == ("failed", "no plan")


def planned(day: ScriptedDay) -> Mapping[tuple[str, str], str]:
    with day.desk.ledger.read() as connection:
        rows = connection.execute(select(trades).where(trades.c.session == FIRST))
        return {(row.book, row.symbol): row.state for row in rows}


def test_r12_reasons_name_the_symbols_that_failed() -> None:
    """Two fail, none is skipped, one trades; the reasons come from the trades themselves."""
    day = ScriptedDay.open(books={"a": "1"})
    day.hold("XYZ")
    day.hold("ABC")
    report = day.trade(FIRST, {"a": wish(XYZ="0.3", ABC="0.3", THIN="0.3")})
    state, reason = report.books["a"]
    assert state == "partial"
    assert reason.split("; ") == [
        "buy ABC: the market order did not fill",
        "buy XYZ: the market order did not fill",
    ]
    assert Counter(planned(day).values()) == {"failed": 2, "filled": 1}


# --- failed sales --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capital", "unsold", "ends"),
    [
        ("30_000", "5", "partial"),
        ("30_000", "5.0001", "blocked"),
        ("6_000", "3", "partial"),
        ("6_000", "3.0001", "blocked"),
    ],
    ids=["500.00 of 30,000", "500.01", "300.00 of 6,000", "300.01"],
)
def test_s03_failed_sales_block_the_purchases_of_their_book(
    capital: str, unsold: str, ends: str
) -> None:
    """Up to min(500, 5 % of capital) the book buys for the cash it has; above, not at all."""
    day = ScriptedDay.open(cash=capital, books={"a": "1"})
    day.hold("XYZ", "99.99/100.01")
    day.fill("XYZ.B.a1.s1", "40", at="100.00")
    day.trade(FIRST, {"a": day.want("a", XYZ="40")})
    day.fill("XYZ.S.a1.s1", f"{40 - D(unsold)}", after=5)
    report = day.trade(SECOND, {"a": day.want("a", ABC="100")})
    assert report.books["a"][0] == ends
    assert day.held("a", "XYZ") == D(unsold)
    assert (day.held("a", "ABC") > 0) == (ends == "partial")
    assert day.cash()["a"] >= 0
    assert day.differences() == []


def test_s03_the_purchases_are_paid_with_what_the_sale_brought() -> None:
    """100 of 4,000 dollars could not be sold: the rest is bought for, and no more."""
    day = ScriptedDay.open(cash="6_000", books={"a": "1"})
    day.hold("XYZ", "99.99/100.01")
    day.fill("XYZ.B.a1.s1", "58", at="100.00")
    day.trade(FIRST, {"a": day.want("a", XYZ="58")})
    day.fill("XYZ.S.a1.s1", "57", after=5)
    day.trade(SECOND, {"a": wish(ABC="1")})
    assert day.held("a", "ABC") * D("50.01") == pytest.approx(D("5880"), abs=D(60))
    assert day.cash()["a"] >= 0


def test_s14_a_sale_that_is_stuck_at_the_barrier_blocks_its_own_book_only() -> None:
    """Of 16 sales one is unknown after six minutes; 15 books buy, with cash that is there."""
    symbols = [f"S{n:02}" for n in range(16)]
    day = ScriptedDay.open(books=EQUAL, prices={**dict.fromkeys(symbols, 100.0), "NEW": 50.0})
    day.trade(FIRST, {b: wish(**{s: "1"}) for b, s in zip(SIXTEEN, symbols, strict=True)})
    day.fault(action="reset", match={**ORDER, "symbol": "S07"})
    report = day.trade(SECOND, dict.fromkeys(SIXTEEN, wish(NEW="1")))
    assert report.books.pop("book07")[0] == "blocked"
    assert set(report.books.values()) == {("traded", "")}
    bought = [o.created_at for o in day._orders() if o.symbol == "NEW"]
    barrier = session_close(SECOND) - timedelta(minutes=15) + phases.BARRIER
    assert barrier <= min(bought) <= barrier + timedelta(seconds=60)
    assert {name.split(".XYZ")[0] for name in day.sent() if ".S07." in name and "1104" in name} == {
        "e.20261104.0.n1.S07.S.a1.s1"
    }
    assert day.held("book07", "S07") > 0
    assert day.held("book07", "NEW") == 0
    assert day.differences() == []
