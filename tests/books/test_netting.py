"""What books can trade with each other: what is held back, and how it changes hands."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.books.money import ZERO, fill_cash
from alchemiser_dagster.books.netting import (
    Cross,
    Prices,
    Purchase,
    Sale,
    cross,
    hold_back,
)

D = Decimal
XYZ = Prices(bid=D("99.90"), ask=D("100.10"), planned=D("100.00"))


def sale(book: str, quantity: str, symbol: str = "XYZ") -> Sale:
    return Sale(f"{book} sells {symbol}", book, symbol, D(quantity))


def purchase(book: str, dollars: str, symbol: str = "XYZ") -> Purchase:
    return Purchase(f"{book} buys {symbol}", book, symbol, D(dollars))


def held(
    sales: list[Sale], purchases: list[Purchase], mid: str = "100", *, whole: bool = False
) -> dict[str, Decimal]:
    """Shares held back, by book; all symbols at the same mid."""
    symbols = {s.symbol for s in sales}
    mids = {symbol: D(mid) for symbol in symbols}
    kept = hold_back(sales, purchases, mids, whole_shares=symbols if whole else frozenset())
    return {s.book: kept[s.trade_id] for s in sales}


# --- before the sales are sent ----------------------------------------------------------------


def test_what_another_book_wants_is_held_back() -> None:
    assert held([sale("A", "10")], [purchase("B", "600")]) == {"A": 6}


def test_no_more_is_held_back_than_is_sold() -> None:
    assert held([sale("A", "10")], [purchase("B", "5000")]) == {"A": 10}


def test_without_a_buyer_everything_goes_to_market() -> None:
    assert held([sale("A", "10")], [purchase("B", "600", "TLT")]) == {"A": 0}


def test_sellers_are_held_back_in_proportion() -> None:
    sales = [sale("A", "10"), sale("B", "5"), sale("C", "5")]
    assert held(sales, [purchase("D", "700")]) == {"A": D("3.5"), "B": D("1.75"), "C": D("1.75")}


def test_wishes_of_several_buyers_add_up() -> None:
    assert held([sale("A", "10")], [purchase("B", "300"), purchase("C", "250")]) == {"A": D("5.5")}


def test_expected_shares_are_rounded_down_to_six_places() -> None:
    assert held([sale("A", "200")], [purchase("B", "12000")], mid="90") == {"A": D("133.333333")}


def test_whole_shares_are_held_back_whole() -> None:
    # B's 250 buy two shares; the fraction of A's 5.3 is nothing anybody may buy.
    assert held([sale("A", "5.3")], [purchase("B", "250")], whole=True) == {"A": 2}
    assert held([sale("A", "5.3")], [purchase("B", "900")], whole=True) == {"A": 5}
    assert held([sale("A", "0.3")], [purchase("B", "900")], whole=True) == {"A": 0}


def test_a_rest_too_small_for_an_order_is_held_back_too() -> None:
    # 0.009 shares are 0.90 dollars, which the broker would not take; 0.01 are exactly one dollar.
    assert held([sale("A", "10")], [purchase("B", "999.1")]) == {"A": 10}
    assert held([sale("A", "10")], [purchase("B", "999")]) == {"A": D("9.99")}


def test_symbols_do_not_mix() -> None:
    sales = [sale("A", "10"), sale("B", "4", "TLT")]
    purchases = [purchase("C", "100"), purchase("D", "200", "TLT")]
    assert held(sales, purchases) == {"A": 1, "B": 2}


# --- the cross --------------------------------------------------------------------------------


def crossed(
    offered: dict[str, str], wanted: dict[str, str], prices: Prices = XYZ, *, whole: bool = False
) -> Cross:
    made = cross(
        "XYZ",
        prices,
        offered={trade: D(q) for trade, q in offered.items()},
        wanted={trade: D(q) for trade, q in wanted.items()},
        whole=whole,
    )
    assert made is not None
    return made


def test_shares_change_books_at_the_mid() -> None:
    made = crossed({"A": "10"}, {"B": "6"})
    assert (made.price, made.quantity, made.sales, made.purchases) == (100, 6, {"A": 6}, {"B": 6})
    assert (made.proceeds, made.costs) == ({"A": 600}, {"B": 600})


def test_both_sides_save_half_the_spread() -> None:
    made = crossed({"A": "10"}, {"B": "6"})
    seller = made.proceeds["A"] - 6 * made.bid
    buyer = 6 * made.ask - made.costs["B"]
    assert (seller, buyer, made.saved_spread) == (D("0.60"), D("0.60"), D("1.20"))


def test_a_penny_spread_has_its_mid_at_half_a_penny() -> None:
    assert Prices(D("10.00"), D("10.01"), D("10.01")).mid == D("10.005")
    assert Prices(D("0.4512"), D("0.4538"), D("0.45")).mid == D("0.4525")


def test_the_market_is_sized_at_what_was_planned_or_dearer() -> None:
    assert Prices(D("99.90"), D("100.10"), D("100.00")).to_buy == D("100.10")
    assert Prices(D("99.90"), D("100.10"), D("101.00")).to_buy == D("101.00")


def test_several_on_both_sides_share_in_proportion() -> None:
    made = crossed({"A": "4", "B": "2"}, {"C": "9", "D": "3"})
    assert made.sales == {"A": 4, "B": 2}
    assert made.purchases == {"C": D("4.5"), "D": D("1.5")}


def test_whole_shares_cross_whole() -> None:
    made = crossed({"A": "2.3", "B": "1"}, {"C": "3", "D": "3"}, whole=True)
    assert made.sales == {"A": 2, "B": 1}
    assert made.purchases == {"C": 2, "D": 1}


def test_cents_are_shared_so_that_both_sides_agree() -> None:
    # 1 share at 100.01 from three sellers of a third each: 33.34 + 33.34 + 33.33
    made = crossed(
        {"A": "0.333333334", "B": "0.333333333", "C": "0.333333333"},
        {"D": "1"},
        Prices(D("99.99"), D("100.03"), D("100.00")),
    )
    assert sorted(made.proceeds.values()) == [D("33.33"), D("33.34"), D("33.34")]
    assert made.costs == {"D": D("100.01")}


def test_who_is_named_first_does_not_get_the_cent() -> None:
    offered = {"A": "0.5", "B": "0.5"}
    prices = Prices(D("99.99"), D("100.03"), D("100.00"))
    made = crossed(offered, {"D": "1"}, prices)
    assert made.proceeds == {"A": D("50.01"), "B": D("50.00")}
    assert crossed(dict(reversed(offered.items())), {"D": "1"}, prices).proceeds == made.proceeds


@pytest.mark.parametrize(("offered", "wanted"), [("0", "5"), ("5", "0"), ("0.4", "5")])
def test_nothing_crosses_without_both_sides(offered: str, wanted: str) -> None:
    whole = offered == "0.4"
    assert (
        cross("XYZ", XYZ, offered={"A": D(offered)}, wanted={"B": D(wanted)}, whole=whole) is None
    )


quantities = st.decimals(min_value=0, max_value=10_000, places=9)
trades = st.dictionaries(st.sampled_from("ABCDE"), quantities, min_size=1)
prices_of_a_quote = st.tuples(
    st.decimals(min_value="0.01", max_value=1000, places=4),
    st.decimals(min_value=0, max_value=10, places=4),
)


@given(trades, trades, prices_of_a_quote)
def test_a_cross_is_balanced_in_shares_and_cents(
    offered: dict[str, Decimal], wanted: dict[str, Decimal], quote: tuple[Decimal, Decimal]
) -> None:
    bid, spread = quote
    prices = Prices(bid, bid + spread, bid)
    buyers = {f"{name} buys": quantity for name, quantity in wanted.items()}
    made = cross("XYZ", prices, offered=offered, wanted=buyers)
    most = min(sum(offered.values(), ZERO), sum(wanted.values(), ZERO))
    if made is None:
        assert most == 0
        return
    assert sum(made.sales.values(), ZERO) == sum(made.purchases.values(), ZERO) == most
    assert all(0 < quantity <= offered[trade] for trade, quantity in made.sales.items())
    assert all(0 < quantity <= buyers[trade] for trade, quantity in made.purchases.items())
    moved = fill_cash(most, prices.mid)
    assert sum(made.proceeds.values(), ZERO) == sum(made.costs.values(), ZERO) == moved


@given(trades, st.lists(st.decimals(min_value=0, max_value=100_000, places=2), max_size=4))
def test_what_is_held_back_is_part_of_the_sale_and_what_is_wanted(
    offered: dict[str, Decimal], wishes: list[Decimal]
) -> None:
    sales = [Sale(trade, trade, "XYZ", quantity) for trade, quantity in offered.items()]
    purchases = [Purchase(str(n), str(n), "XYZ", wish) for n, wish in enumerate(wishes)]
    kept = hold_back(sales, purchases, {"XYZ": D(7)})
    assert kept == hold_back(sales[::-1], purchases[::-1], {"XYZ": D(7)})
    assert all(0 <= kept[trade] <= offered[trade] for trade in offered)
    total, sold = sum(kept.values(), ZERO), sum(offered.values(), ZERO)
    wanted = sum((wish / 7 for wish in wishes), ZERO)
    # Everything only where the rest could not be sold.
    assert total <= wanted or (total == sold and (sold - wanted) * 7 < D("1.001"))
    assert total in (0, sold) or (sold - total) * 7 >= 1
