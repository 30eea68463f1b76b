"""Planning, on the example that runs through the rules: a book of 30,000 dollars.

It holds TQQQ 200 @ 75 and SPY 10 @ 500 and has 10,000 of cash; the signal is TQQQ 0.6, TLT 0.4,
with TLT at 90.
"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.books.money import floor_quantity
from alchemiser_dagster.books.planning import (
    Action,
    Plan,
    PlanError,
    plan_book,
    scale_to_cash,
    size_buys,
    smallest_trade,
)

D = Decimal


def plan(
    weights: dict[str, str],
    holdings: dict[str, str],
    cash: str,
    prices: dict[str, str],
    *,
    p: str = "1",
    threshold: str | None = None,
    scheduled: bool = True,
    whole: set[str] | None = None,
) -> Plan:
    return plan_book(
        weights={s: D(w) for s, w in weights.items()},
        holdings={s: D(q) for s, q in holdings.items()},
        cash=D(cash),
        prices={s: D(x) for s, x in prices.items()},
        deployment=D(p),
        threshold=None if threshold is None else D(threshold),
        scheduled=scheduled,
        whole_shares=whole or set(),
    )


def example(p: str = "1", whole: set[str] | None = None) -> Plan:
    return plan(
        {"TQQQ": "0.6", "TLT": "0.4"},
        {"TQQQ": "200", "SPY": "10"},
        "10000",
        {"TQQQ": "75", "SPY": "500", "TLT": "90"},
        p=p,
        whole=whole,
    )


def sized(made: Plan, cash: str, whole: set[str] | None = None) -> dict[str, Decimal]:
    buys, _ = size_buys(
        {item.symbol: item.difference for item in made.buys},
        available=D(cash),
        asks={item.symbol: item.price for item in made.buys},
        minimum=smallest_trade(made.capital),
        whole_shares=whole or set(),
    )
    return {buy.symbol: buy.quantity for buy in buys}


def test_capital_is_cash_and_what_is_held() -> None:
    assert example().capital == 30_000


def test_an_unwanted_holding_is_exited_whole() -> None:
    (exit_,) = example().sells
    assert (exit_.symbol, exit_.action, exit_.quantity) == ("SPY", Action.EXIT, 10)


@pytest.mark.parametrize(
    ("p", "tqqq", "tlt"),
    [("1", "40", "133.333333"), ("0.98", "35.2", "130.666666"), ("1.10", "64", "146.666666")],
)
def test_purchases_are_what_is_missing(p: str, tqqq: str, tlt: str) -> None:
    # 10,000 of cash and 5,000 from SPY; at 110 % the account lends the rest.
    cash = "15000" if p != "1.10" else "99999"
    assert sized(example(p), cash) == {"TQQQ": D(tqqq), "TLT": D(tlt)}


def test_whole_shares_leave_the_rest_in_cash() -> None:
    whole = {"TLT"}
    assert sized(example(whole=whole), "15000", whole) == {"TQQQ": 40, "TLT": 133}


def test_purchases_shrink_together_when_a_sale_failed() -> None:
    # 14,600 for wants of 15,000: TQQQ 2,920.00 at 75, TLT 11,680.00 at 90
    assert sized(example(), "14600") == {"TQQQ": D("38.933333"), "TLT": D("129.777777")}


@pytest.mark.parametrize(
    ("capital", "smallest"),
    [("80", "1"), ("400", "4"), ("999.99", "5"), ("1000", "5"), ("30000", "5")],
)
def test_smallest_trade(capital: str, smallest: str) -> None:
    assert smallest_trade(D(capital)) == D(smallest)


def test_dust_is_left_alone() -> None:
    made = plan(
        {"BIL": "1"}, {"UPRO": "100", "DUSTY": "0.004"}, "0",
        {"UPRO": "80", "DUSTY": "100", "BIL": "90"},
    )  # fmt: skip
    actions = {item.symbol: item.action for item in made.items}
    assert actions == {"UPRO": Action.EXIT, "DUSTY": Action.DUST, "BIL": Action.BUY}


def test_a_sale_down_to_its_target() -> None:
    made = plan({"X": "0.1"}, {"X": "10.05"}, "799", {"X": "20"})
    (sale,) = made.sells
    assert (sale.action, sale.quantity) == (Action.SELL, D("5.05"))


def test_a_sale_that_would_leave_dust_becomes_an_exit() -> None:
    made = plan({"X": "0.005"}, {"X": "0.25"}, "95", {"X": "20"})
    (sale,) = made.sells
    assert (sale.action, sale.quantity) == (Action.EXIT, D("0.25"))


def test_an_exit_is_made_below_the_smallest_trade() -> None:
    made = plan({"Y": "1"}, {"X": "0.2", "Y": "299.96"}, "0", {"X": "20", "Y": "100"})
    assert [(item.symbol, item.action) for item in made.sells] == [("X", Action.EXIT)]


def test_a_fraction_of_a_whole_share_symbol_is_exited_exactly() -> None:
    made = plan({"Y": "1"}, {"EDZ": "0.3"}, "100", {"EDZ": "40", "Y": "10"}, whole={"EDZ"})
    (sale,) = made.sells
    assert sale.quantity == D("0.3")


def test_a_share_dearer_than_its_slice_is_skipped() -> None:
    made = plan({"EDZ": "0.012", "Y": "0.9"}, {}, "1000", {"EDZ": "40", "Y": "10"}, whole={"EDZ"})
    skipped = next(item for item in made.items if item.symbol == "EDZ")
    assert skipped.action is Action.SKIP
    assert "whole shares" in skipped.reason


@pytest.mark.parametrize("price", ["0", None])
def test_a_missing_price_stops_the_book(price: str | None) -> None:
    prices = {"Y": "10"} | ({"X": price} if price is not None else {})
    with pytest.raises(PlanError, match="expected a price for X"):
        plan({"Y": "1"}, {"X": "1"}, "100", prices)


def test_a_book_without_capital_is_refused() -> None:
    with pytest.raises(PlanError, match="book with capital"):
        plan({"Y": "1"}, {}, "0", {"Y": "10"})


# --- the gate of symphonies that rebalance on a threshold --------------------------------------


def triggered(a: str, b: str, threshold: str, p: str = "1", cash: str = "0") -> str:
    """Holdings worth `a` and `b` dollars against weights of a half each."""
    return plan(
        {"A": "0.5", "B": "0.5"}, {"A": a, "B": b}, cash, {"A": "1", "B": "1"},
        p=p, threshold=threshold,
    ).trigger  # fmt: skip


@pytest.mark.parametrize(
    ("a", "b", "threshold", "fires"),
    [
        ("5490", "4510", "0.05", False),
        ("5500", "4500", "0.05", False),
        ("5500.01", "4499.99", "0.05", True),
        ("6000", "4000", "0.10", False),
        ("6000.01", "3999.99", "0.10", True),
    ],
)
def test_drift_beyond_the_threshold_trades(a: str, b: str, threshold: str, fires: bool) -> None:
    assert bool(triggered(a, b, threshold)) is fires


def test_drift_is_measured_against_deployed_capital() -> None:
    # 10,000 of capital, 9,800 deployed: 5,390 is exactly 0.55 of it
    assert not triggered("5390", "4410", "0.05", p="0.98", cash="200")
    assert triggered("5390.01", "4409.99", "0.05", p="0.98", cash="200")


def test_changed_holdings_always_trade() -> None:
    made = plan({"SQQQ": "1"}, {"TQQQ": "100"}, "0", {"SQQQ": "10", "TQQQ": "10"}, threshold="0.10")
    assert made.trigger == "holdings changed"
    assert [item.action for item in made.items] == [Action.BUY, Action.EXIT]


def test_dust_does_not_count_as_a_holding() -> None:
    made = plan(
        {"UPRO": "1"}, {"UPRO": "9999.58", "SQQQ": "0.42"}, "0", {"UPRO": "1", "SQQQ": "1"},
        threshold="0.10",
    )  # fmt: skip
    assert made.trigger == ""
    assert {item.action for item in made.items} == {Action.HOLD}


def test_a_share_that_can_never_be_bought_does_not_trade_every_day() -> None:
    made = plan(
        {"EDZ": "0.02", "UPRO": "0.98"}, {"UPRO": "49"}, "10", {"UPRO": "10", "EDZ": "40"},
        threshold="0.05", whole={"EDZ"},
    )  # fmt: skip
    assert made.trigger == ""


def test_a_symphony_that_is_not_due_holds() -> None:
    made = plan({"A": "1"}, {"B": "10"}, "0", {"A": "10", "B": "10"}, scheduled=False)
    assert (made.trigger, made.sells, made.buys) == ("", (), ())


# --- cash ------------------------------------------------------------------------------------


def test_budgets_are_scaled_to_the_cash_there_is() -> None:
    budgets = {"a": D(5000), "b": D(4000), "c": D(3000)}
    assert scale_to_cash(budgets, D(9000)) == {"a": D(3750), "b": D(3000), "c": D(2250)}
    assert scale_to_cash(budgets, D(12000)) == budgets


def test_a_book_without_cash_buys_nothing() -> None:
    buys, dropped = size_buys(
        {"A": D(100)}, available=D(-5), asks={"A": D(10)}, minimum=D(1), whole_shares=set()
    )
    assert (buys, list(dropped)) == ([], ["A"])


money = st.decimals(min_value="0.01", max_value="100000", places=2)


@given(st.dictionaries(st.sampled_from("ABCDE"), st.tuples(money, money), min_size=1), money)
def test_purchases_never_cost_more_than_the_cash(
    wants: dict[str, tuple[Decimal, Decimal]], cash: Decimal
) -> None:
    buys, dropped = size_buys(
        {s: want for s, (want, _) in wants.items()},
        available=cash,
        asks={s: ask for s, (_, ask) in wants.items()},
        minimum=D(1),
    )
    assert sum(buy.quantity * wants[buy.symbol][1] for buy in buys) <= cash
    assert {buy.symbol for buy in buys} | set(dropped) == set(wants)


@given(st.dictionaries(st.sampled_from("ABCD"), st.tuples(money, money), min_size=1), st.data())
def test_a_plan_never_sells_more_than_is_held(
    book: dict[str, tuple[Decimal, Decimal]], data: st.DataObject
) -> None:
    holdings = {s: floor_quantity(q) for s, (q, _) in book.items()}
    wanted = data.draw(st.sampled_from(sorted(book)))
    made = plan_book(
        weights={wanted: D("0.5")},
        holdings=holdings,
        cash=D(1000),
        prices={s: price for s, (_, price) in book.items()},
        deployment=D("0.98"),
    )
    assert all(0 < item.quantity <= holdings[item.symbol] for item in made.sells)
