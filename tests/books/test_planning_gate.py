"""Whether a book is rebalanced at all: its schedule, its threshold, or capital that moved."""

from decimal import Decimal

import pytest

from alchemiser_dagster.books.planning import FROZEN, Action
from tests.books.planned import actions, item, plan

D = Decimal


def halves(a: str, b: str, threshold: str, *, p: str = "1", cash: str = "0") -> str:
    """Why a book trades that holds `a` and `b` dollars against weights of a half each."""
    return plan(
        {"A": "0.5", "B": "0.5"}, {"A": a, "B": b}, cash, {"A": "1", "B": "1"},
        p=p, threshold=threshold,
    ).trigger  # fmt: skip


@pytest.mark.parametrize(
    ("a", "b", "threshold", "fires"),
    [
        pytest.param("5490", "4510", "0.05", False, id="P11"),
        pytest.param("5500", "4500", "0.05", False, id="P11: exactly the threshold"),
        pytest.param("5500.01", "4499.99", "0.05", True, id="P11: beyond"),
        pytest.param("6000", "4000", "0.10", False, id="P12: exactly the threshold"),
        pytest.param("6000.01", "3999.99", "0.10", True, id="P12: beyond"),
    ],
)
def test_drift_beyond_the_threshold_trades(a: str, b: str, threshold: str, fires: bool) -> None:
    assert bool(halves(a, b, threshold)) is fires


def test_p11_all_legs_are_traded_to_their_targets() -> None:
    made = plan(
        {"A": "0.5", "B": "0.5"}, {"A": "5500.01", "B": "4499.99"}, "0", {"A": "1", "B": "1"},
        threshold="0.05",
    )  # fmt: skip
    assert made.trigger == "drift: A, B"
    assert [(i.symbol, i.quantity) for i in made.sells] == [("A", D("500.01"))]
    assert [(i.symbol, i.difference) for i in made.buys] == [("B", D("500.01"))]


@pytest.mark.parametrize(
    ("a", "b", "fires"), [("5390", "4410", False), ("5390.01", "4409.99", True)]
)
def test_p13_drift_is_measured_against_deployed_capital(a: str, b: str, fires: bool) -> None:
    # 10,000 of capital, 9,800 deployed: 5,390 is exactly 0.55 of it
    assert bool(halves(a, b, "0.05", p="0.98", cash="200")) is fires


def test_p14_changed_holdings_always_trade() -> None:
    made = plan({"SQQQ": "1"}, {"TQQQ": "100"}, "0", {"SQQQ": "10", "TQQQ": "10"}, threshold="0.10")
    assert made.trigger == "holdings changed"
    assert actions(made) == {"SQQQ": Action.BUY, "TQQQ": Action.EXIT}


def test_p15_dust_does_not_count_as_a_holding() -> None:
    made = plan(
        {"UPRO": "1"}, {"UPRO": "9999.58", "SQQQ": "0.42"}, "0", {"UPRO": "1", "SQQQ": "1"},
        threshold="0.10",
    )  # fmt: skip
    assert made.trigger == ""
    assert set(actions(made).values()) == {Action.HOLD}


def test_p16_a_share_that_can_never_be_bought_does_not_trade_every_day() -> None:
    made = plan(
        {"EDZ": "0.02", "UPRO": "0.98"}, {"UPRO": "49"}, "10", {"UPRO": "10", "EDZ": "40"},
        threshold="0.05", whole={"EDZ"},
    )  # fmt: skip
    assert made.capital == 500
    assert made.trigger == ""


def test_p16_however_large_its_slice_is() -> None:
    # 50.00 of EDZ at 60 are ten points of drift, and not a share.
    made = plan(
        {"EDZ": "0.1", "UPRO": "0.9"}, {"UPRO": "45"}, "50", {"UPRO": "10", "EDZ": "60"},
        threshold="0.05", whole={"EDZ"},
    )  # fmt: skip
    assert made.trigger == ""


def test_neither_does_one_that_is_held_and_has_become_dearer_than_its_slice() -> None:
    # One EDZ at 40 against a slice of 38.
    made = plan(
        {"EDZ": "0.019", "UPRO": "0.981"}, {"UPRO": "196", "EDZ": "1"}, "0",
        {"UPRO": "10", "EDZ": "40"}, threshold="0.05", whole={"EDZ"},
    )  # fmt: skip
    assert made.capital == 2000
    assert made.trigger == ""


def test_neither_does_a_slice_below_the_smallest_trade() -> None:
    # 4.00 of SQQQ in a book of 1,000, which trades nothing below 5.00.
    made = plan(
        {"SQQQ": "0.004", "UPRO": "0.996"}, {"UPRO": "99.6"}, "4", {"UPRO": "10", "SQQQ": "10"},
        threshold="0.05",
    )  # fmt: skip
    assert made.trigger == ""


def test_an_affordable_symbol_that_is_missing_trades() -> None:
    made = plan(
        {"EDZ": "0.02", "UPRO": "0.98"}, {"UPRO": "49"}, "10", {"UPRO": "10", "EDZ": "9"},
        threshold="0.05", whole={"EDZ"},
    )  # fmt: skip
    assert made.trigger == "holdings changed"


@pytest.mark.parametrize("holdings", [{"UPRO": "90", "SPY": "10"}, {"UPRO": "100"}])
def test_frozen_symbols_do_not_open_the_gate(holdings: dict[str, str]) -> None:
    # SPY is held and not wanted, or wanted and not held; nothing can be done about either.
    weights = {"UPRO": "0.9", "TLT": "0.1"} if "SPY" not in holdings else {"UPRO": "1"}
    made = plan(
        weights, holdings, "0", {"UPRO": "1", "SPY": "1", "TLT": "1"},
        threshold="0.15", frozen={"SPY", "TLT"},
    )  # fmt: skip
    assert made.trigger == ""
    assert {i.reason for i in made.items if i.symbol != "UPRO"} == {FROZEN}


def test_a_frozen_symbol_that_drifted_does_not_open_the_gate() -> None:
    made = plan(
        {"A": "0.5", "B": "0.25", "C": "0.25"}, {"A": "600", "B": "200", "C": "200"}, "0",
        {"A": "1", "B": "1", "C": "1"}, threshold="0.06", frozen={"A"},
    )  # fmt: skip
    assert made.trigger == ""


def test_a_schedule_that_is_not_due_holds() -> None:
    made = plan({"A": "1"}, {"B": "10"}, "0", {"A": "10", "B": "10"}, scheduled=False)
    assert (made.trigger, made.sells, made.buys) == ("", (), ())
    assert {i.reason for i in made.items} == {"not due"}


@pytest.mark.parametrize(("threshold", "scheduled"), [("0.05", False), (None, False), (None, True)])
def test_moved_capital_opens_every_gate(threshold: str | None, scheduled: bool) -> None:
    # 100 of cash came in: A and B are each 50 below their targets, less than five points.
    made = plan(
        {"A": "0.5", "B": "0.5"}, {"A": "500", "B": "500"}, "100", {"A": "1", "B": "1"},
        threshold=threshold, scheduled=scheduled, force=True,
    )  # fmt: skip
    assert made.trigger == "capital moved"
    assert {i.symbol: i.difference for i in made.buys} == {"A": 50, "B": 50}
    assert item(made, "A").action is Action.BUY
