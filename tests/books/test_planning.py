"""What a book sells and buys: the action and the number for each symbol it holds or wants."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.books.money import ZERO, floor_quantity
from alchemiser_dagster.books.planning import (
    DUST,
    FROZEN,
    TOO_DEAR,
    Action,
    EmptySignal,
    PlanError,
    plan_book,
    smallest_trade,
)
from alchemiser_dagster.books.weights import accept_weights, shortfall
from tests.books.planned import actions, example, item, plan

D = Decimal


@pytest.mark.parametrize(
    ("p", "tqqq", "tlt"),
    [
        pytest.param("1", "3000", "12000", id="P01"),
        pytest.param("0.98", "2640", "11760", id="P02"),
        pytest.param("1.10", "4800", "13200", id="P04: margin"),
    ],
)
def test_unwanted_shares_are_exited_and_the_missing_is_bought(p: str, tqqq: str, tlt: str) -> None:
    made = example(p)
    (exit_,) = made.sells
    assert made.capital == 30_000
    assert (exit_.symbol, exit_.action, exit_.quantity, exit_.current) == (
        "SPY", Action.EXIT, 10, 5000,
    )  # fmt: skip
    assert {i.symbol: i.difference for i in made.buys} == {"TLT": D(tlt), "TQQQ": D(tqqq)}


def test_p01_purchases_are_paid_by_the_cash_and_the_sales() -> None:
    made = example()
    assert sum(i.difference for i in made.buys) == made.cash + sum(i.current for i in made.sells)


def test_the_largest_purchase_comes_first() -> None:
    assert [i.symbol for i in example().buys] == ["TLT", "TQQQ"]


def test_exits_come_before_larger_sales() -> None:
    made = plan(
        {"A": "0.5", "B": "0.5"}, {"A": "900", "B": "50", "C": "50"}, "0",
        {"A": "1", "B": "1", "C": "1"},
    )  # fmt: skip
    assert [(i.symbol, i.action) for i in made.sells] == [("C", Action.EXIT), ("A", Action.SELL)]


@pytest.mark.parametrize(
    ("capital", "smallest"),
    [("80", "1"), ("400", "4"), ("999.99", "5"), ("1000", "5"), ("30000", "5")],
)
def test_p05_smallest_trade(capital: str, smallest: str) -> None:
    assert smallest_trade(D(capital)) == D(smallest)


def test_p06_noise_above_one_is_not_bought() -> None:
    made = plan_book(
        weights=accept_weights({"A": 0.50001, "B": 0.5}),
        holdings={},
        cash=D(10_000),
        prices={"A": D(1), "B": D(1)},
        deployment=D(1),
    )
    targets = {i.symbol: round(i.target, 2) for i in made.items}
    assert targets == {"A": D("5000.05"), "B": D("4999.95")}
    assert sum(i.difference for i in made.buys) == pytest.approx(D(10_000), abs=D("1e-20"))


def test_p08_a_shortfall_is_traded_and_stays_in_cash() -> None:
    weights = accept_weights({"A": 0.5, "B": 0.48})
    made = plan_book(
        weights=weights,
        holdings={},
        cash=D(10_000),
        prices={"A": D(1), "B": D(1)},
        deployment=D(1),
    )
    assert made.cash - sum(i.difference for i in made.buys) == 200
    assert shortfall(weights) is not None


def test_p09_all_cash_sells_everything_but_dust() -> None:
    made = plan(
        {}, {"UPRO": "100", "DUSTY": "0.004"}, "0", {"UPRO": "80", "DUSTY": "100"}, all_cash=True
    )
    assert actions(made) == {"UPRO": Action.EXIT, "DUSTY": Action.DUST}
    assert [(i.quantity, i.current) for i in made.sells] == [(100, 8000)]
    assert item(made, "DUSTY").current == D("0.40")
    assert made.trigger


def test_p10_no_weights_without_saying_so_stops_the_book() -> None:
    with pytest.raises(EmptySignal, match="expected weights"):
        plan({}, {"UPRO": "100"}, "0", {"UPRO": "80"})
    with pytest.raises(EmptySignal):
        plan({"UPRO": "0"}, {"UPRO": "100"}, "0", {"UPRO": "80"})


def test_all_cash_with_weights_is_a_contradiction() -> None:
    with pytest.raises(PlanError, match="expected no weights of an all-cash signal, was UPRO"):
        plan({"UPRO": "1"}, {}, "100", {"UPRO": "80"}, all_cash=True)


def test_p17_a_sale_down_to_its_target() -> None:
    made = plan({"X": "0.1"}, {"X": "10.05"}, "799", {"X": "20"})
    (sale,) = made.sells
    assert (made.capital, sale.current) == (1000, 201)
    assert (sale.action, sale.quantity, sale.difference) == (Action.SELL, D("5.05"), -101)


def test_p18_a_sale_that_would_leave_dust_becomes_an_exit() -> None:
    made = plan({"X": "0.005"}, {"X": "0.25"}, "95", {"X": "20"})
    (sale,) = made.sells
    assert (made.capital, sale.target) == (100, D("0.5"))
    assert (sale.action, sale.quantity) == (Action.EXIT, D("0.25"))


def test_p19_an_exit_is_made_below_the_smallest_trade() -> None:
    made = plan({"Y": "1"}, {"X": "0.2", "Y": "299.96"}, "0", {"X": "20", "Y": "100"})
    assert (made.capital, smallest_trade(made.capital)) == (30_000, 5)
    assert [(i.symbol, i.action, i.current) for i in made.sells] == [("X", Action.EXIT, 4)]


def test_an_exit_keeps_nine_places() -> None:
    made = plan({"Y": "1"}, {"X": "7.227357612"}, "0", {"X": "20", "Y": "100"})
    assert item(made, "X").quantity == D("7.227357612")


def test_p20_a_share_dearer_than_its_slice_is_skipped() -> None:
    made = plan({"EDZ": "0.012", "Y": "0.9"}, {}, "1000", {"EDZ": "40", "Y": "10"}, whole={"EDZ"})
    skipped = item(made, "EDZ")
    assert (skipped.difference, skipped.action, skipped.reason) == (12, Action.SKIP, TOO_DEAR)


def test_p21_a_fraction_of_a_whole_share_symbol_is_exited_exactly() -> None:
    made = plan({"Y": "1"}, {"EDZ": "0.3"}, "100", {"EDZ": "40", "Y": "10"}, whole={"EDZ"})
    (sale,) = made.sells
    assert (sale.action, sale.quantity, sale.current) == (Action.EXIT, D("0.3"), 12)


def test_whole_shares_are_sold_whole() -> None:
    made = plan({"EDZ": "0.1"}, {"EDZ": "10"}, "600", {"EDZ": "40"}, whole={"EDZ"})
    assert item(made, "EDZ").quantity == 7  # 300 dollars too many are 7.5 shares


@pytest.mark.parametrize("price", ["0", None])
def test_p22_a_missing_price_stops_the_book(price: str | None) -> None:
    prices = {"Y": "10"} | ({"X": price} if price is not None else {})
    with pytest.raises(PlanError, match="expected a price for X"):
        plan({"Y": "1"}, {"X": "1"}, "100", prices)


def test_p24_what_is_held_counts_as_deployed() -> None:
    # Cash and the proceeds of exits less 1 % are 14,850: 60 % of that, 8,910, would have sold TQQQ.
    tqqq = item(example("0.99"), "TQQQ")
    assert (tqqq.current, tqqq.target, tqqq.action) == (15_000, 17_820, Action.BUY)


def test_c06_an_exit_sells_the_books_own_shares() -> None:
    # The account has 15 XYZ: 10 of A, which leaves, and 5 of B, which stays.
    leaves = plan({"Y": "1"}, {"XYZ": "10"}, "0", {"XYZ": "20", "Y": "10"})
    stays = plan({"XYZ": "1"}, {"XYZ": "5"}, "0", {"XYZ": "20"})
    assert [(i.symbol, i.action, i.quantity) for i in leaves.sells] == [("XYZ", Action.EXIT, 10)]
    assert stays.sells == ()


def test_a_book_without_capital_is_refused() -> None:
    with pytest.raises(PlanError, match="book with capital"):
        plan({"Y": "1"}, {}, "0", {"Y": "10"})


# --- frozen symbols ---------------------------------------------------------------------------


def test_a_frozen_holding_is_not_sold() -> None:
    made = example(frozen={"SPY"})
    spy = item(made, "SPY")
    assert (spy.action, spy.quantity, spy.reason) == (Action.HOLD, 0, FROZEN)
    assert made.sells == ()


def test_the_target_of_a_frozen_symbol_stays_in_cash() -> None:
    made = example(frozen={"TLT"})
    assert item(made, "TLT").action is Action.HOLD
    # The others are not given more for it.
    assert {i.symbol: i.difference for i in made.buys} == {"TQQQ": 3000}


def test_a_frozen_symbol_is_valued_and_needs_a_price() -> None:
    assert example(frozen={"SPY"}).capital == 30_000
    with pytest.raises(PlanError, match="expected a price for X"):
        plan({"Y": "1"}, {"X": "1"}, "100", {"Y": "10"}, frozen={"X"})


# --- what always holds ------------------------------------------------------------------------

money = st.decimals(min_value="0.01", max_value="100000", places=2)
SYMBOLS = "ABCD"


@st.composite
def books(draw: st.DrawFn) -> dict[str, object]:
    symbols = draw(st.sets(st.sampled_from(SYMBOLS), min_size=1))
    parts = [D(draw(st.integers(1, 100))) for _ in symbols]
    return {
        "weights": {
            s: (part / sum(parts, ZERO)).quantize(D("0.000001")) / D("1.0001")
            for s, part in zip(sorted(symbols), parts, strict=True)
        },
        "holdings": {s: floor_quantity(draw(money)) for s in draw(st.sets(st.sampled_from("ABC")))},
        "cash": draw(money),
        "prices": {s: draw(money) for s in SYMBOLS},
        "deployment": draw(st.sampled_from([D("0.98"), D(1)])),
        "whole_shares": draw(st.sets(st.sampled_from(SYMBOLS))),
        "frozen": draw(st.sets(st.sampled_from(SYMBOLS))),
        "threshold": draw(st.sampled_from([None, D("0.05")])),
    }


@given(books())
def test_a_plan_sells_only_what_is_held_and_nothing_frozen(book: dict[str, object]) -> None:
    made = plan_book(**book)  # type: ignore[arg-type]
    for sold in made.sells:
        assert 0 < sold.quantity <= sold.held
        left = (sold.held - sold.quantity) * sold.price
        assert left == 0 or left >= DUST
    assert not {i.symbol for i in (*made.sells, *made.buys)} & book["frozen"]  # type: ignore[operator]


@given(books())
def test_purchases_are_paid_by_cash_and_by_what_is_above_its_target(
    book: dict[str, object],
) -> None:
    made = plan_book(**book)  # type: ignore[arg-type]
    above = sum((-i.difference for i in made.items if i.difference < 0), ZERO)
    assert sum((i.difference for i in made.buys), ZERO) <= made.cash + above
