"""Capital shared out again, weekly, by the day's ordinary trades.

A has 60 % and holds XYZ, B 40 % and holds ABC. Over the weekend XYZ rises by half: A is worth
89,400 of 129,400 dollars, nine points above its share, which is not enough; when XYZ doubles, A is
worth 118,800 of 158,800, fifteen points above, and gives back 23,520.
"""

from datetime import date
from decimal import Decimal

import pytest

from alchemiser_dagster.books.performance import measure
from alchemiser_dagster.execution import preparation
from alchemiser_dagster.execution.capital import restore_allocations
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.ledger.queries import external_flows, open_lots, outcomes

from .conftest import FIRST, wish
from .scripted import ScriptedDay

D = Decimal
MONDAY = date(2026, 11, 9)
TUESDAY = date(2026, 11, 10)
NEXT_MONDAY = date(2026, 11, 16)
HOLDS = {"a": wish(XYZ="1"), "b": wish(ABC="1")}
WAITS = {book: Wish(own.weights, scheduled=False) for book, own in HOLDS.items()}
"""The same wishes, on a day on which no strategy is due."""


def risen(to: float) -> ScriptedDay:
    """A and B have bought in the first session; from Monday on XYZ stands at `to`."""
    day = ScriptedDay.open(later={"XYZ": (MONDAY, to)})
    day.trade(FIRST, HOLDS)
    return day


def navs(day: ScriptedDay) -> dict[str, Decimal]:
    """Each book's net asset value at the mids of now."""
    held = day.holdings()
    return {
        book: cash + sum((q * day.mid(s) for s, q in held.get(book, {}).items()), D(0))
        for book, cash in day.cash().items()
    }


def transfers(day: ScriptedDay, session: date) -> dict[str, Decimal]:
    with day.desk.ledger.read() as connection:
        return {book: external_flows(connection, book, session=session) for book in ("a", "b")}


def test_a_drift_within_the_bands_moves_nothing() -> None:
    day = risen(150.0)
    report = day.trade(MONDAY, WAITS)
    assert transfers(day, MONDAY) == {"a": 0, "b": 0}
    assert report.trades == 0


def test_a_drift_beyond_them_is_moved_and_traded_the_same_day() -> None:
    """No strategy is due, but capital has moved, and so both books trade to their weights."""
    day = risen(200.0)
    report = day.trade(MONDAY, WAITS)
    moved = transfers(day, MONDAY)
    assert moved["a"] == -moved["b"]
    assert moved["a"] == pytest.approx(D("-23520"), abs=D(60))
    assert report.outcome == "success"
    assert day.sides(MONDAY) == {"XYZ": {"sell"}, "ABC": {"buy"}}
    worth = navs(day)
    assert worth["a"] / (worth["a"] + worth["b"]) == pytest.approx(D("0.6"), abs=D("0.001"))
    assert all(cash > 0 for book, cash in day.cash().items() if book in ("a", "b"))
    assert day.disagreements() == []


def test_the_receiver_buys_with_money_that_is_there() -> None:
    """The donor's cash is below zero until its sale has ended; nothing is bought before."""
    day = risen(200.0)
    day.begin(MONDAY, WAITS)
    assert day.cash()["a"] < 0
    day.finish(MONDAY)
    xyz, abc = (
        [o.created_at for o in day._orders() if o.symbol == s and ".20261109." in o.client_order_id]
        for s in ("XYZ", "ABC")
    )
    assert max(xyz) < min(abc)


def test_a_donor_that_cannot_sell_lets_nobody_spend_what_is_not_there() -> None:
    """The transfer stands, and B's own cash is more than the account's: it buys for that at most.

    Here the limit of a deployed account is reached before the account's cash is.
    """
    day = risen(200.0)
    day.hold("XYZ")
    cash = sum(day.cash().values())
    report = day.trade(MONDAY, WAITS)
    assert cash - sum(day.cash().values()) <= cash < day.cash()["b"]
    assert day.desk.gateway.account().cash >= 0
    assert report.books["a"][0] == "failed"
    assert report.books["b"][0] in ("blocked", "partial")
    assert day.cash()["a"] < 0
    assert day.disagreements() == []


def test_a_book_without_cash_of_its_own_buys_nothing() -> None:
    """On the next day A would be due; as long as it owes, it may only sell."""
    day = risen(200.0)
    day.hold("XYZ")
    day.trade(MONDAY, WAITS)
    report = day.trade(TUESDAY, {"a": wish(XYZ="0.5", ABC="0.5"), "b": WAITS["b"]})
    assert day.held("a", "ABC") == 0
    assert report.books["a"][0] == "blocked"
    assert "cash is -" in report.books["a"][1]


def test_capital_moves_once_a_week() -> None:
    """Asked again, in the same session or on Tuesday, nothing more is moved."""
    day = risen(200.0)
    day.begin(MONDAY, WAITS)
    moved = transfers(day, MONDAY)
    assert restore_allocations(day.desk, MONDAY) == moved
    day.finish(MONDAY)
    assert transfers(day, MONDAY) == moved
    report = day.trade(TUESDAY, WAITS)
    assert transfers(day, TUESDAY) == {"a": 0, "b": 0}
    assert report.trades == 0


def test_a_run_that_died_after_the_transfer_plans_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Killed between transfer and plan: the next run moves nothing more, and trades for it."""

    class Killed(BaseException):
        pass

    def kill(*_: object, **__: object) -> None:
        raise Killed

    day = risen(200.0)
    with monkeypatch.context() as patch:
        patch.setattr(preparation, "make_plan", kill)
        with pytest.raises(Killed):
            day.begin(MONDAY, WAITS)
    moved = transfers(day, MONDAY)
    assert moved["a"] < 0
    report = day.trade(MONDAY, WAITS)
    assert transfers(day, MONDAY) == moved
    assert report.trades == 2
    with day.desk.ledger.read() as connection:
        triggers = {row.book: row.trigger for row in outcomes(connection, MONDAY)}
    assert triggers == {"a": "capital moved", "b": "capital moved"}


def test_a_week_that_began_with_a_missed_session_shares_out_in_its_first() -> None:
    day = risen(200.0)
    day.trade(TUESDAY, WAITS)
    assert transfers(day, TUESDAY)["a"] < 0


def test_nothing_is_moved_while_a_book_cannot_be_valued() -> None:
    """XYZ has no valid quote on Monday: the week is left out, and the next one makes up for it."""
    day = risen(200.0)
    day.quote("XYZ", "200.00/0")
    day.trade(MONDAY, WAITS)
    assert transfers(day, MONDAY) == {"a": 0, "b": 0}
    day.quote("XYZ", "199.99/200.01")
    day.trade(NEXT_MONDAY, WAITS)
    assert transfers(day, NEXT_MONDAY)["a"] < 0


def test_l16_what_a_book_gives_is_not_its_loss() -> None:
    """The day's return is measured on what is left: none, as prices stood still since the open."""
    day = risen(200.0)
    day.broker.advance_to(day.broker.now.replace(day=9))
    before = navs(day)["a"]
    day.trade(MONDAY, WAITS)
    with day.desk.ledger.read() as connection:
        made = measure(
            cash=day.cash()["a"],
            lots=open_lots(connection, book="a"),
            exit_pnls=[],
            trade_pnls=[],
            income=D(0),
            prices={"XYZ": day.mid("XYZ")},
            flow=external_flows(connection, "a", session=MONDAY),
            net_flows=external_flows(connection, "a", through=MONDAY),
            previous_nav=before,
        )
    assert made.daily_return == pytest.approx(D(0), abs=D("0.0001"))
    assert made.nav < before * D("0.9")
