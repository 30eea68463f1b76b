"""A fill against the close, link by link."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.books.price_chain import PriceChain, PricedFill, price_chain

D = Decimal
PRICE = st.decimals("0.01", "5000", places=4)
MAYBE = st.one_of(st.none(), PRICE)
BOUGHT = PricedFill(
    "XYZ", "buy", D(10), D("100.30"), D("1003.00"), D("100.00"), D("100.05"), D("100.15")
)
SOLD = replace(BOUGHT, side="sell", price=D("99.90"), cash=D("999.00"))


def links(chain: PriceChain) -> list[float]:
    parts = (chain.after_decision, chain.delay, chain.spread, chain.walk, chain.crossing_saved)
    return [float(part) for part in parts]


def test_a_purchase_pays_for_delay_spread_and_walk_and_gains_by_the_close() -> None:
    chain = price_chain(BOUGHT, D("101.00"))
    assert links(chain) == [10.0, -1.0, -0.5, -1.5, 0.0]
    assert chain.total == 10 * 101 - 1003


def test_a_sale_is_the_other_way_round() -> None:
    """Decided at 100.00, the bid on arrival 100.05, sold at 99.90, and it closes at 101.00."""
    chain = price_chain(SOLD, D("101.00"))
    assert links(chain) == [-10.0, 1.0, -0.5, -1.5, 0.0]
    assert chain.total == 999 - 10 * 101


def test_the_rounding_of_cash_is_in_the_walk() -> None:
    fill = replace(BOUGHT, quantity=D("0.333"), price=D("100.15"), cash=D("33.35"))
    assert price_chain(fill, D("100.15")).walk == D("100.15") * D("0.333") - D("33.35")


def test_a_cross_gets_the_spread_back_that_it_would_have_paid() -> None:
    cross = replace(BOUGHT, price=D("100.10"), cash=D("1001.00"), is_cross=True)
    assert links(price_chain(cross, D("101.00"))) == [10.0, -1.0, -0.5, 0.0, 0.5]
    other = replace(cross, side="sell")
    assert links(price_chain(other, D("101.00"))) == [-10.0, 1.0, -0.5, 0.0, 0.5]


def test_without_an_arrival_quote_the_walk_begins_at_the_decision() -> None:
    chain = price_chain(replace(BOUGHT, bid=None, ask=None), D("101.00"))
    assert links(chain) == [10.0, 0.0, 0.0, -3.0, 0.0]


def test_without_a_decision_price_the_close_is_compared_with_the_arrival() -> None:
    chain = price_chain(replace(BOUGHT, decision=None), D("101.00"))
    assert links(chain) == [9.0, 0.0, -0.5, -1.5, 0.0]


def test_without_either_all_is_after_the_decision() -> None:
    chain = price_chain(replace(BOUGHT, decision=None, bid=None, ask=None), D("101.00"))
    assert links(chain) == [7.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("is_cross", [False, True])
@given(
    side=st.sampled_from(["buy", "sell"]),
    quantity=st.decimals("0.000000001", "100000", places=9),
    price=PRICE,
    rounding=st.decimals("-0.005", "0.005", places=4),
    decision=MAYBE,
    quote=st.one_of(st.none(), st.tuples(PRICE, PRICE)),
    close=PRICE,
)
def test_the_links_sum_to_the_fill_against_the_close(
    is_cross: bool,
    side: str,
    quantity: Decimal,
    price: Decimal,
    rounding: Decimal,
    decision: Decimal | None,
    quote: tuple[Decimal, Decimal] | None,
    close: Decimal,
) -> None:
    cash = quantity * price + rounding
    bid, ask = quote or (None, None)
    fill = PricedFill("XYZ", side, quantity, price, cash, decision, bid, ask, is_cross)
    worth = close * quantity
    assert price_chain(fill, close).total == (worth - cash if side == "buy" else cash - worth)
