"""The slippage of many orders together, by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.execution.quality import BASIS_POINTS, BookPart, FilledOrder
from alchemiser_dagster.execution.quality_report import (
    Rating,
    by_book,
    by_spread,
    by_step,
    by_symbol,
    by_time,
    histogram,
    is_significant,
    rating,
    slippage_of,
    worst_orders,
)
from alchemiser_dagster.execution.symbol_trades import SymbolTrades, symbol_trades

D = Decimal
CLOSE = datetime(2026, 11, 3, 21, tzinfo=UTC)
"""16:00 in New York."""
EARLY_CLOSE = datetime(2026, 11, 27, 18, tzinfo=UTC)
"""13:00 there."""


def order(
    what: str,
    bid: str | None = "99.95",
    ask: str = "100.05",
    *,
    step: int = 1,
    seconds: int = 4,
    left: timedelta = timedelta(minutes=12),
    closes: datetime = CLOSE,
    parts: dict[str, str] | None = None,
) -> FilledOrder:
    """`what` is like "buy 200 XYZ @ 100.05"; it filled `seconds` after it was sent, `left` before
    the close; `parts` are shares by book.
    """
    side, quantity, symbol, _, price = what.split()
    shares, each = D(quantity), D(price)
    mid = None if bid is None else (D(bid) + D(ask)) / 2
    return FilledOrder(
        session=closes.date(),
        symbol=symbol,
        side=side,
        filled=shares,
        value=shares * each,
        arrival_mid=mid,
        spread_bps=None if mid is None else (D(ask) - D(bid or 0)) / mid * BASIS_POINTS,
        client_order_id=f"{what} in {step}",
        step=step,
        order_type="market" if step == 4 else "limit",
        submitted_at=closes - left - timedelta(seconds=seconds),
        filled_at=closes - left,
        closes_at=closes,
        parts=tuple(BookPart(b, D(q), D(q) * each) for b, q in (parts or {}).items()),
    )


# --- case 62: what an order cost, and what that is called -----------------------------------------


@pytest.mark.parametrize(
    ("what", "bps", "called", "significant", "improved"),
    [
        ("buy 200 XYZ @ 100.05", "5.00", Rating.WARNING, False, 0),
        ("sell 200 XYZ @ 99.90", "10.00", Rating.POOR, False, 0),
        ("buy 200 XYZ @ 99.98", "-2.00", Rating.GOOD, False, 1),
        ("sell 200 XYZ @ 99.89", "11.00", Rating.POOR, True, 0),
    ],
)
def test_case_62_slippage_and_its_rating(
    what: str, bps: str, called: Rating, significant: bool, improved: int
) -> None:
    one = order(what)
    assert one.slippage_bps == D(bps)
    assert one.spread_bps == D(10)
    made = slippage_of([one])
    assert (made.average_bps, made.median_bps, made.rating) == (D(bps), D(bps), called)
    assert (made.significant, made.improved) == (int(significant), improved)
    assert is_significant(D(bps)) is significant


def test_case_62_the_cost_is_of_all_shares() -> None:
    """5 cents a share on 200 shares are 10 dollars and not 5 cents."""
    assert slippage_of([order("buy 200 XYZ @ 100.05")]).cost.dollars == D("10.00")


def test_case_62_a_fill_at_the_mid_counts_as_nothing_and_is_not_missing() -> None:
    made = slippage_of([order("buy 200 XYZ @ 100.00"), order("buy 200 XYZ @ 100.08")])
    assert (made.orders, made.unmeasured) == (2, 0)
    assert made.average_bps == D(4)
    assert made.median_bps == D(4)
    assert made.best_bps == 0


def test_the_rating_is_of_the_figure_that_is_shown() -> None:
    assert rating(D("4.994")) is Rating.GOOD
    assert rating(D("4.996")) is Rating.WARNING
    assert rating(D("9.996")) is Rating.POOR
    assert not is_significant(D("10.004"))


def test_case_63_the_median_of_four_is_between_the_two_in_the_middle() -> None:
    prices = ("100.01", "100.02", "100.03", "100.10")
    made = slippage_of([order(f"buy 1 XYZ @ {price}") for price in prices])
    assert made.median_bps == D("2.5")


def test_the_average_weighs_each_order_by_its_value() -> None:
    """100 basis points on 1,000 dollars and 1 on 99,000: 1.99, not 50.5."""
    made = slippage_of([order("buy 10 XYZ @ 101"), order("buy 990 XYZ @ 100.01")])
    assert made.average_bps == D("1.99")
    assert made.cost.dollars == D("19.90")


def test_more_than_100_dollars_together_are_an_alert() -> None:
    assert not slippage_of([order("buy 2000 XYZ @ 100.05")]).is_alert
    assert slippage_of([order("buy 2001 XYZ @ 100.05")]).is_alert


def test_an_order_without_a_quote_is_counted_apart() -> None:
    made = slippage_of([order("buy 10 XYZ @ 100.05"), order("buy 10 XYZ @ 777", bid=None)])
    assert (made.orders, made.unmeasured, made.average_bps) == (1, 1, D(5))
    alone = slippage_of([order("buy 10 XYZ @ 777", bid=None)])
    assert (alone.average_bps, alone.median_bps, alone.rating) == (None, None, None)
    assert slippage_of([]).orders == 0


def test_the_time_to_fill_is_a_median_too() -> None:
    orders = [order("buy 1 XYZ @ 100", seconds=seconds) for seconds in (1, 2, 30)]
    assert slippage_of(orders).median_seconds == 2


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["buy", "sell"]), st.integers(1, 10_000), st.integers(9_900, 10_100)
        ),
        min_size=1,
        max_size=30,
    )
)
def test_groups_sum_to_the_whole_and_averages_lie_between_the_extremes(
    traded: list[tuple[str, int, int]],
) -> None:
    orders = [
        order(f"{side} {shares} S{shares % 3} @ {D(cents) / 100}", step=1 + shares % 4)
        for side, shares, cents in traded
    ]
    made = slippage_of(orders)
    for groups in (by_symbol(orders), by_step(orders), by_time(orders), by_spread(orders)):
        assert sum(one.cost.dollars for one in groups.values()) == made.cost.dollars
        assert sum(one.orders for one in groups.values()) == made.orders
    assert sum(histogram(orders).values()) == made.orders
    assert made.best_bps is not None
    assert made.worst_bps is not None
    assert made.average_bps is not None
    tiny = D("1e-20")
    assert made.best_bps - tiny <= made.average_bps <= made.worst_bps + tiny


# --- by step, time and spread ---------------------------------------------------------------------


def test_by_the_step_that_filled() -> None:
    found = by_step(
        [
            order("buy 10 XYZ @ 100.05", step=4),
            order("buy 10 XYZ @ 100.00", step=1),
            order("buy 10 ABC @ 100.02", step=2),
            order("buy 10 ABC @ 100.05", step=5),
        ]
    )
    assert list(found) == ["1", "2", "market"]
    assert [made.orders for made in found.values()] == [1, 1, 2]
    assert found["1"].average_bps == 0


@pytest.mark.parametrize(
    ("minutes", "closes", "label"),
    [
        (15, CLOSE, "15:45-15:50"),
        (10.1, CLOSE, "15:45-15:50"),
        (10, CLOSE, "15:50-15:55"),
        (5, CLOSE, "15:55-15:58"),
        (2, CLOSE, "15:58-16:00"),
        (0, CLOSE, "15:58-16:00"),
        (-0.5, CLOSE, "after 16:00"),
        (16, CLOSE, "15:00-16:00"),
        (350, CLOSE, "10:00-11:00"),
        (15, EARLY_CLOSE, "12:45-12:50"),
        (1, EARLY_CLOSE, "12:58-13:00"),
        (16, EARLY_CLOSE, "12:00-13:00"),
    ],
)
def test_by_the_time_left_to_the_close(minutes: float, closes: datetime, label: str) -> None:
    filled = order("buy 1 XYZ @ 100", left=timedelta(minutes=minutes), closes=closes)
    assert list(by_time([filled])) == [label]


def test_by_the_spread_that_was_quoted() -> None:
    """At the ask of a narrow spread all of it was paid, at the mid of a wide one nothing."""
    found = by_spread(
        [
            order("buy 10 XYZ @ 100.05"),  # 10 basis points wide
            order("buy 10 XYZ @ 100.00", "99.50", "100.50"),
            order("sell 10 XYZ @ 99.995", "99.995", "100.005"),
        ]
    )
    assert list(found) == ["below 2", "10 to 20", "20 and more"]
    paid = [made.of_half_spread for made in found.values()]
    assert paid == [1, 1, 0]


def test_a_histogram_has_every_class() -> None:
    prices = ("99.98", "100", "100.05", "100.10", "100.30")
    assert histogram([order(f"buy 1 XYZ @ {price}") for price in prices]) == {
        "below -10": 0,
        "-10 to -5": 0,
        "-5 to 0": 1,
        "0 to 5": 1,
        "5 to 10": 1,
        "10 to 20": 1,
        "20 and more": 1,
    }


def test_the_worst_orders_are_those_that_cost_most_dollars() -> None:
    orders = [
        order("buy 1 XYZ @ 101"),  # 1 dollar, 100 basis points
        order("buy 1000 XYZ @ 100.01"),  # 10 dollars, 1 basis point
        order("sell 10 XYZ @ 100.50"),  # a gain
        order("sell 10 XYZ @ 100"),
    ]
    assert [found.slippage_dollars for found in worst_orders(orders)] == [D(10), D(1)]
    assert [found.slippage_dollars for found in worst_orders(orders, 1)] == [D(10)]


# --- cases 64 and 65: who traded, and at which averages -------------------------------------------


def test_case_64_an_order_of_two_books_is_one_in_the_sum_and_split_between_them() -> None:
    orders = [order("buy 100 XYZ @ 100.05", parts={"a": "60", "b": "40"})]
    whole, split = slippage_of(orders), by_book(orders)
    assert (whole.orders, whole.cost.dollars, whole.cost.traded) == (1, D(5), D(10_005))
    assert {book: made.cost.dollars for book, made in split.items()} == {"a": D(3), "b": D(2)}
    assert split["a"].cost.traded == D(6_003)
    assert [made.orders for made in split.values()] == [1, 1]
    assert symbol_trades(orders)["XYZ"].orders == 1


def test_case_65_average_prices_weigh_the_shares() -> None:
    found = symbol_trades(
        [
            order("buy 100 XYZ @ 10"),
            order("buy 300 XYZ @ 12"),
            order("sell 200 XYZ @ 13"),
            order("sell 1 ABC @ 5"),
        ]
    )
    xyz = found["XYZ"]
    assert (xyz.buy_vwap, xyz.sell_vwap, xyz.gain_at_average) == (D("11.5"), D(13), D(300))
    assert list(found) == ["ABC", "XYZ"]


@pytest.mark.parametrize(
    ("bought", "sold"), [("0", "5"), ("5", "0"), ("5", "6")], ids=["no buy", "no sale", "short"]
)
def test_no_gain_is_told_of_shares_bought_elsewhere(bought: str, sold: str) -> None:
    trades = SymbolTrades(
        1, bought=D(bought), paid=D(bought) * 10, sold=D(sold), received=D(sold) * 11
    )
    assert trades.gain_at_average is None
