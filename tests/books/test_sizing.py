"""How much books buy once the cash is confirmed, from each other and in the market."""

from collections.abc import Mapping, Sequence, Set
from decimal import Decimal

import pytest

from alchemiser_dagster.books.money import ZERO
from alchemiser_dagster.books.netting import Prices, Purchase, Sale
from alchemiser_dagster.books.planning import TOO_DEAR, smallest_trade
from alchemiser_dagster.books.sizing import SizedPurchase, Sizing, size_and_cross
from tests.books.planned import example

D = Decimal


def buys(book: str, symbol: str, dollars: str) -> Purchase:
    return Purchase(f"{book}:{symbol}", book, symbol, D(dollars))


def sells(book: str, symbol: str, quantity: str) -> Sale:
    return Sale(f"{book}:{symbol}", book, symbol, D(quantity))


def size(
    wants: Sequence[Purchase],
    held_back: Sequence[Sale] = (),
    *,
    cash: Mapping[str, str],
    quotes: Mapping[str, tuple[str, str]],
    account: str = "1000000",
    minimum: str = "5",
    cap: str = "1000000",
    whole: Set[str] = frozenset(),
    sold: Set[str] = frozenset(),
) -> Sizing:
    """Quotes are (bid, ask) by symbol, and the plan was made at the bid."""
    books = {want.book for want in wants}
    return size_and_cross(
        wants,
        held_back,
        book_cash={book: D(amount) for book, amount in cash.items()},
        account_cash=D(account),
        prices={s: Prices(D(bid), D(ask), D(bid)) for s, (bid, ask) in quotes.items()},
        minimums=dict.fromkeys(books, D(minimum)),
        caps=dict.fromkeys(books, D(cap)),
        whole_shares=whole,
        sold=sold,
    )


def quantities(sizing: Sizing) -> dict[str, Decimal]:
    return {trade: bought.quantity for trade, bought in sizing.purchases.items()}


def budgets(sizing: Sizing) -> dict[str, Decimal]:
    return {trade: bought.budget for trade, bought in sizing.purchases.items()}


# --- purchases in the market ------------------------------------------------------------------


def sized_example(p: str, cash: str, whole: Set[str] = frozenset()) -> Sizing:
    """The example book's purchases, where everything trades at the price it was planned at."""
    made = example(p, whole)
    return size_and_cross(
        [Purchase(i.symbol, "book", i.symbol, i.difference) for i in made.buys],
        [],
        book_cash={"book": D(cash)},
        account_cash=D(cash),
        prices={i.symbol: Prices(i.price, i.price, i.price) for i in made.buys},
        minimums={"book": smallest_trade(made.capital)},
        caps={"book": D(1_000_000)},
        whole_shares=whole,
    )


@pytest.mark.parametrize(
    ("p", "cash", "whole", "tqqq", "tlt", "left"),
    [
        pytest.param("1", "15000", set(), "40", "133.333333", "0.00003", id="P01"),
        pytest.param("0.98", "15000", set(), "35.2", "130.666666", "600.00006", id="P02"),
        pytest.param("1", "15000", {"TLT"}, "40", "133", "30.00", id="P03"),
        # 3,000 more than the book has, which the account lends.
        pytest.param("1.10", "18000", set(), "64", "146.666666", "0.00006", id="P04"),
    ],
)
def test_purchases_are_what_is_missing(
    p: str, cash: str, whole: set[str], tqqq: str, tlt: str, left: str
) -> None:
    sizing = sized_example(p, cash, whole)
    assert quantities(sizing) == {"TQQQ": D(tqqq), "TLT": D(tlt)} == sizing.to_buy
    assert D(cash) - 75 * D(tqqq) - 90 * D(tlt) == D(left)


def test_p23_purchases_shrink_together_when_a_sale_failed() -> None:
    sizing = sized_example("1", "14600")
    assert budgets(sizing) == {"TQQQ": D("2920.00"), "TLT": D("11680.00")}
    assert quantities(sizing) == {"TQQQ": D("38.933333"), "TLT": D("129.777777")}


def test_c04_books_shrink_together_when_the_account_has_less_than_they_do() -> None:
    sizing = size(
        [buys("A", "X", "5000"), buys("B", "Y", "4000"), buys("C", "Z", "3000")],
        cash={"A": "5000", "B": "4000", "C": "3000"},
        quotes={"X": ("10", "10"), "Y": ("10", "10"), "Z": ("10", "10")},
        account="9000",
    )
    assert budgets(sizing) == {"A:X": 3750, "B:Y": 3000, "C:Z": 2250}
    assert quantities(sizing) == {"A:X": 375, "B:Y": 300, "C:Z": 225}


def test_s04_a_book_buys_no_more_than_its_cap() -> None:
    # 30,600.00 for a capital of 30,000, whatever its cash.
    sizing = size(
        [buys("A", "X", "20400"), buys("A", "Y", "20400")],
        cash={"A": "50000"}, quotes={"X": ("10", "10"), "Y": ("10", "10")}, cap="30600",
    )  # fmt: skip
    assert budgets(sizing) == {"A:X": 15300, "A:Y": 15300}


def test_a_purchase_is_sized_at_the_ask() -> None:
    sizing = size([buys("A", "X", "100.10")], cash={"A": "500"}, quotes={"X": ("99.90", "100.10")})
    assert quantities(sizing) == {"A:X": 1}


def test_a_purchase_below_the_smallest_trade_is_dropped() -> None:
    sizing = size(
        [buys("A", "X", "990"), buys("A", "Y", "10")],
        cash={"A": "499"}, quotes={"X": ("10", "10"), "Y": ("10", "10")},
    )  # fmt: skip
    assert budgets(sizing) == {"A:X": D("494.01")}
    assert sizing.dropped == {"A:Y": "what its cash buys is below the smallest trade of 5"}


@pytest.mark.parametrize("cash", ["0", "-5"])
def test_a_book_without_cash_buys_nothing(cash: str) -> None:
    sizing = size([buys("A", "X", "100")], cash={"A": cash}, quotes={"X": ("10", "10")})
    assert (sizing.purchases, list(sizing.dropped), sizing.to_buy) == ({}, ["A:X"], {})


def test_a_share_dearer_than_the_cash_is_dropped() -> None:
    sizing = size(
        [buys("A", "EDZ", "45")], cash={"A": "39"}, quotes={"EDZ": ("40", "40")}, whole={"EDZ"}
    )
    assert sizing.dropped == {"A:EDZ": TOO_DEAR}


def test_what_has_no_price_is_neither_bought_nor_crossed() -> None:
    sizing = size([buys("A", "X", "100")], [sells("B", "X", "5")], cash={"A": "100"}, quotes={})
    assert sizing.dropped == {"A:X": "no price to buy at"}
    assert sizing.to_sell == {"B:X": 5}


# --- crosses ----------------------------------------------------------------------------------

XYZ = {"XYZ": ("99.90", "100.10")}


def test_a_purchase_crosses_first_and_buys_the_rest() -> None:
    # 1,000 want 10 shares at the mid; 6 are held back, and 400 buy 3.996003 at the ask.
    sizing = size(
        [buys("B", "XYZ", "1000")], [sells("A", "XYZ", "6")], cash={"B": "1000"}, quotes=XYZ
    )
    (made,) = sizing.crosses
    assert (made.symbol, made.price, made.sales, made.purchases) == (
        "XYZ", 100, {"A:XYZ": 6}, {"B:XYZ": 6},
    )  # fmt: skip
    assert sizing.to_buy == {"B:XYZ": D("3.996003")}
    assert sizing.purchases == {"B:XYZ": SizedPurchase(D("9.996003"), D("1000.00"))}
    assert sizing.to_sell == {}
    assert sizing.saved_spread == D("1.20")


def test_what_finds_no_buyer_is_sold_in_the_market() -> None:
    sizing = size(
        [buys("B", "XYZ", "300")], [sells("A", "XYZ", "6")], cash={"B": "300"}, quotes=XYZ
    )
    assert sizing.crosses[0].sales == {"A:XYZ": 3}
    assert sizing.to_sell == {"A:XYZ": 3}
    assert sizing.to_buy == {}


def test_crossing_needs_no_cash_of_the_account() -> None:
    sizing = size(
        [buys("B", "XYZ", "600"), buys("C", "TLT", "900")],
        [sells("A", "XYZ", "6")],
        cash={"B": "600", "C": "900"},
        quotes=XYZ | {"TLT": ("90", "90")},
        account="450",
    )
    assert quantities(sizing) == {"B:XYZ": 6, "C:TLT": 5}


def test_what_a_cross_brings_is_spent() -> None:
    # A has no cash: it sells 6 XYZ to B and buys TLT for the proceeds, B's money.
    sizing = size(
        [buys("A", "TLT", "600"), buys("B", "XYZ", "600")],
        [sells("A", "XYZ", "6")],
        cash={"A": "0", "B": "600"},
        quotes=XYZ | {"TLT": ("90", "90")},
    )
    assert quantities(sizing) == {"A:TLT": D("6.666666"), "B:XYZ": 6}


def test_what_a_cross_does_not_bring_is_not_spent() -> None:
    # B can pay for 3 of A's 6 shares, so A can spend 300.
    sizing = size(
        [buys("A", "TLT", "600"), buys("B", "XYZ", "600")],
        [sells("A", "XYZ", "6")],
        cash={"A": "0", "B": "300"},
        quotes=XYZ | {"TLT": ("90", "90")},
    )
    assert budgets(sizing) == {"A:TLT": 300, "B:XYZ": 300}
    assert sizing.to_sell == {"A:XYZ": 3}


def test_books_without_cash_swap_what_they_hold() -> None:
    # 10 XYZ are worth 1,000, 10 TLT 900: A gives 9 for 10 and sells one.
    sizing = size(
        [buys("A", "TLT", "1000"), buys("B", "XYZ", "900")],
        [sells("A", "XYZ", "10"), sells("B", "TLT", "10")],
        cash={"A": "0", "B": "0"},
        quotes={"XYZ": ("100", "100"), "TLT": ("90", "90")},
        account="0",
    )
    assert quantities(sizing) == {"A:TLT": 10, "B:XYZ": 9}
    assert (sizing.to_buy, sizing.to_sell) == ({}, {"A:XYZ": 1})


def test_a_dropped_purchase_takes_its_sellers_purchases_along() -> None:
    # B's 4.00 are too small to buy, so A sells nothing to B and cannot pay for its own.
    sizing = size(
        [buys("A", "TLT", "6"), buys("B", "XYZ", "4")],
        [sells("A", "XYZ", "0.06")],
        cash={"A": "2", "B": "100"},
        quotes={"XYZ": ("100", "100"), "TLT": ("90", "90")},
    )
    assert (sizing.purchases, sizing.crosses) == ({}, ())
    assert set(sizing.dropped) == {"A:TLT", "B:XYZ"}
    assert sizing.to_sell == {"A:XYZ": D("0.06")}


def test_nothing_is_dropped_for_the_sake_of_proceeds_that_never_come() -> None:
    # While A counts on 600 from B, C's part of the account's 10 is below the smallest trade.
    sizing = size(
        [buys("A", "TLT", "600"), buys("B", "XYZ", "600"), buys("C", "TLT", "10")],
        [sells("A", "XYZ", "6")],
        cash={"A": "0", "B": "0", "C": "10"},
        quotes=XYZ | {"TLT": ("90", "90")},
        account="10",
    )
    assert budgets(sizing) == {"C:TLT": 10}


def test_a_rest_too_small_for_an_order_is_not_bought() -> None:
    # 600.90 buy 6 of A's shares; 0.90 is no order.
    sizing = size(
        [buys("B", "XYZ", "600.90")], [sells("A", "XYZ", "6")], cash={"B": "1000"}, quotes=XYZ
    )
    assert sizing.to_buy == {}
    assert sizing.purchases == {"B:XYZ": SizedPurchase(D(6), D(600))}


def test_small_rests_of_several_books_make_one_order() -> None:
    wants = [buys("B", "XYZ", "300.90"), buys("C", "XYZ", "300.90")]
    sizing = size(wants, [sells("A", "XYZ", "6")], cash={"B": "999", "C": "999"}, quotes=XYZ)
    assert sizing.to_buy == {"B:XYZ": D("0.008991"), "C:XYZ": D("0.008991")}


def test_nothing_is_bought_of_a_symbol_that_was_sold_in_the_market() -> None:
    quotes = XYZ | {"TLT": ("90", "90")}
    wants = [buys("B", "XYZ", "1000"), buys("B", "TLT", "1000")]
    sizing = size(
        wants, [sells("A", "XYZ", "6")], cash={"B": "2000"}, quotes=quotes, sold={"XYZ", "TLT"}
    )
    assert quantities(sizing) == {"B:XYZ": 6}
    assert sizing.to_buy == {}
    assert sizing.dropped == {"B:TLT": "its symbol is sold in the market in this session"}


def test_neither_is_any_of_what_a_fraction_is_left_to_sell() -> None:
    sizing = size(
        [buys("B", "EDZ", "500")], [sells("A", "EDZ", "2.5")],
        cash={"B": "1000"}, quotes={"EDZ": ("100", "100")}, whole={"EDZ"},
    )  # fmt: skip
    assert (quantities(sizing), sizing.to_sell) == ({"B:EDZ": 2}, {"A:EDZ": D("0.5")})


def test_a_cent_rounded_up_is_not_overdrawn() -> None:
    # At 9,000 a millionth of a share is 0.009: C and D cannot spend the last 0.007 of their 90.07.
    # All three together cost 9,180.126, so 9,180.13, and the largest remainder is B's: 9,000.01.
    wants = [buys("B", "NVR", "9000"), buys("C", "NVR", "90.07"), buys("D", "NVR", "90.07")]
    sizing = size(
        wants, [sells("A", "NVR", "2")],
        cash={"B": "9000", "C": "90.07", "D": "90.07"}, quotes={"NVR": ("9000", "9000")},
    )  # fmt: skip
    (made,) = sizing.crosses
    assert D("8999") < made.costs["B:NVR"] <= 9000
    assert made.costs["C:NVR"] == made.costs["D:NVR"] <= D("90.07")


def test_whole_shares_cross_whole() -> None:
    sizing = size(
        [buys("B", "EDZ", "250"), buys("C", "EDZ", "150")], [sells("A", "EDZ", "3")],
        cash={"B": "1000", "C": "1000"}, quotes={"EDZ": ("100", "100")}, whole={"EDZ"},
    )  # fmt: skip
    assert sizing.crosses[0].purchases == {"B:EDZ": 2, "C:EDZ": 1}
    assert quantities(sizing) == {"B:EDZ": 2, "C:EDZ": 1}


def ring(own: str, account: str) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """What A and B spend, and what they have for it, when each wants what the other sells.

    Both spend 95 % of their means on the other's shares and 5 % in the market.
    """
    sizing = size(
        [*(buys("A", s, d) for s, d in (("Y", "9500"), ("Z", "500"))),
         *(buys("B", s, d) for s, d in (("X", "9500"), ("Z", "500")))],
        [sells("A", "X", "100"), sells("B", "Y", "100")],
        cash={"A": own, "B": own},
        quotes={"X": ("100", "100"), "Y": ("100", "100"), "Z": ("10", "10")},
        account=account,
    )  # fmt: skip
    spent, means = {"A": ZERO, "B": ZERO}, {"A": D(own), "B": D(own)}
    for trade, budget in budgets(sizing).items():
        spent[trade[0]] += budget
    for made in sizing.crosses:
        for trade, cash in made.proceeds.items():
            means[trade[0]] += cash
    return spent, means


def test_a_ring_with_the_cash_it_needs_trades_in_full() -> None:
    assert ring("500", account="1000") == (
        {"A": 10_000, "B": 10_000},
        {"A": 10_000, "B": 10_000},
    )


@pytest.mark.parametrize(("own", "most"), [("499", "9980"), ("50", "1000")])
def test_a_ring_short_of_cash_finds_most_of_what_it_could_spend(own: str, most: str) -> None:
    # Of every dollar 95 cents come back to be spent again, so at best each of its own is spent
    # twenty times: 20 x 499 = 9,980.
    spent, means = ring(own, account="10000")
    assert all(D("0.7") * D(most) <= spent[book] <= means[book] for book in spent)
    assert all(spent[book] <= D(most) for book in spent)


def test_a_ring_in_a_hurry_falls_back_on_its_own_cash() -> None:
    # Both give way beyond the 10 they have, and stand on those: 9.50 cross, 0.50 are too small.
    assert ring("10", account="10000")[0] == {"A": D("9.50"), "B": D("9.50")}


@pytest.mark.timeout(20)
def test_a_ring_that_loses_next_to_nothing_a_round_ends_soon() -> None:
    # Giving way by the difference alone, this would take more than a hundred thousand rounds.
    wants = [
        buys("A", "Y", "9999"),
        buys("A", "Z", "1"),
        buys("B", "X", "9999"),
        buys("B", "Z", "1"),
    ]
    sizing = size(
        wants, [sells("A", "X", "100"), sells("B", "Y", "100")], cash={"A": "0.5", "B": "0.5"},
        quotes={"X": ("100", "100"), "Y": ("100", "100"), "Z": ("10", "10")},
    )  # fmt: skip
    assert sizing.purchases.keys() == {"A:Y", "B:X"}


def test_a_ring_without_cash_buys_nothing() -> None:
    assert ring("0", account="10000")[0] == {"A": 0, "B": 0}
