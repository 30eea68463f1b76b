from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alchemiser_dagster.books.booking import (
    AmbiguousLots,
    LotPolicy,
    book_sale,
    order_of_sale,
)
from alchemiser_dagster.books.lots import Lot, LotError, LotExit
from alchemiser_dagster.books.money import ZERO, fill_cash, floor_quantity
from tests.books.desk import bought, lot

FIFO, LIFO, HIFO, SPECIFIC = LotPolicy


def sell(
    lots: list[Lot],
    quantity: str,
    price: str,
    *,
    policy: LotPolicy = FIFO,
    named: tuple[str, ...] = (),
) -> tuple[list[Lot], list[LotExit]]:
    shares, at = Decimal(quantity), Decimal(price)
    return book_sale(
        policy, lots, quantity=shares, price=at, proceeds=fill_cash(shares, at), named=named
    )


def taken(exits: list[LotExit]) -> list[tuple[str, Decimal]]:
    return [(one.lot_id, one.quantity) for one in exits]


def test_l01_the_oldest_lot_goes_first() -> None:
    lots, exits = sell(bought(("10", "10"), ("5", "12")), "12", "15")
    assert [(e.lot_id, e.quantity, e.pnl) for e in exits] == [("A", 10, 50), ("B", 2, 6)]
    assert [(lot.quantity, lot.cost) for lot in lots] == [(0, 0), (3, 36)]


def test_l02_a_loss_after_two_gains() -> None:
    lots, first = sell(bought(("10", "10"), ("5", "12")), "12", "15")
    _, second = sell(lots, "3", "11")
    pnls = [e.pnl for e in first + second]
    assert pnls == [50, 6, -3]
    assert sum(pnls) == 53


def test_l04_one_lot_sold_in_two_parts() -> None:
    lots, first = sell(bought(("10", "10")), "4", "12")
    _, second = sell(lots, "6", "13")
    assert sum(e.pnl for e in first + second) == 26


@pytest.mark.parametrize("policy", LotPolicy)
def test_l05_a_book_cannot_sell_what_it_does_not_own(policy: LotPolicy) -> None:
    with pytest.raises(LotError, match="expected lots of at least 6 shares to sell from, was 5"):
        sell(bought(("5", "10")), "6", "12", policy=policy)
    _, exits = sell(bought(("5", "10")), "5", "12", policy=policy)
    assert [e.pnl for e in exits] == [10]


@pytest.mark.parametrize("policy", LotPolicy)
def test_nothing_is_not_a_sale(policy: LotPolicy) -> None:
    with pytest.raises(LotError, match="positive quantity"):
        sell(bought(("5", "10")), "0", "12", policy=policy)


# 12 of three lots: A 10 @ 10.00, the oldest; B 10 @ 14.00, the dearest; C 10 @ 12.00, the newest.
@pytest.mark.parametrize(
    ("policy", "named", "expected"),
    [
        (FIFO, (), [("A", 10), ("B", 2)]),
        (LIFO, (), [("C", 10), ("B", 2)]),
        (HIFO, (), [("B", 10), ("C", 2)]),
        (SPECIFIC, ("C", "A"), [("C", 10), ("A", 2)]),
        (SPECIFIC, ("B", "A", "C"), [("B", 10), ("A", 2)]),
        (FIFO, ("B",), [("B", 10), ("A", 2)]),
        (LIFO, ("A",), [("A", 10), ("C", 2)]),
        (HIFO, ("C", "A"), [("C", 10), ("A", 2)]),
        (FIFO, ("sold long ago", "B", "B"), [("B", 10), ("A", 2)]),
    ],
)
def test_a_policy_chooses_the_lots(
    policy: LotPolicy, named: tuple[str, ...], expected: list[tuple[str, int]]
) -> None:
    lots = bought(("10", "10"), ("10", "14"), ("10", "12"))
    _, exits = sell(lots, "12", "15", policy=policy, named=named)
    assert taken(exits) == expected


def test_highest_cost_is_of_a_share_and_after_splits() -> None:
    lots = bought(("10", "30"), ("10", "20"))
    split = [lots[0].plus(Decimal(10), ZERO), lots[1]]  # A: 20 for 300.00, 15.00 a share
    _, exits = sell(split, "1", "18", policy=HIFO)
    assert taken(exits) == [("B", 1)]


def test_age_is_when_a_lot_was_bought_and_not_its_name() -> None:
    lots = [lot("A", "10", "10", minute=1), lot("Z", "10", "10", minute=0)]
    assert taken(sell(lots, "1", "12", policy=FIFO)[1]) == [("Z", 1)]
    assert taken(sell(lots, "1", "12", policy=LIFO)[1]) == [("A", 1)]


def test_of_equally_dear_lots_the_oldest_goes_first() -> None:
    newer_first = bought(("3", "7"), ("9", "7"))[::-1]
    _, exits = sell(newer_first, "1", "8", policy=HIFO)
    assert taken(exits) == [("A", 1)]


THREE = (("10", "10"), ("10", "14"), ("10", "12"))


def test_too_few_named_lots_are_refused_with_the_choice_and_how_to_make_it() -> None:
    with pytest.raises(AmbiguousLots) as refused:
        sell(bought(*THREE), "12", "15", policy=SPECIFIC, named=("C",))
    assert str(refused.value) == (
        "expected named lots of 12 shares of XYZ to sell, was 10. Name lots with "
        "`alchemiser lots BOOK XYZ LOT...`, the first to be sold first, out of:\n"
        "  A: 10 shares for 100.00, bought 2026-11-02\n"
        "  B: 10 shares for 140.00, bought 2026-11-02"
    )


@pytest.mark.parametrize(
    ("lots", "named", "quantity", "expected"),
    [
        pytest.param(THREE[:1], (), "4", [("A", 4)], id="one lot"),
        pytest.param(THREE, (), "30", [("A", 10), ("B", 10), ("C", 10)], id="everything"),
        pytest.param(THREE, ("B",), "30", [("B", 10), ("A", 10), ("C", 10)], id="and in order"),
        pytest.param(THREE, ("C",), "10", [("C", 10)], id="all named"),
        pytest.param(THREE, ("C", "A"), "21", [("C", 10), ("A", 10), ("B", 1)], id="one other"),
    ],
)
def test_where_no_choice_is_left_none_need_be_named(
    lots: tuple[tuple[str, str], ...],
    named: tuple[str, ...],
    quantity: str,
    expected: list[tuple[str, int]],
) -> None:
    own = bought(*lots)
    _, exits = sell(own, quantity, "15", policy=SPECIFIC, named=named)
    assert taken(exits) == expected
    order = order_of_sale(SPECIFIC, own, quantity=Decimal(quantity), named=named)
    assert order == [lot_id for lot_id, _ in expected]


def test_a_sale_of_everything_that_fills_in_parts_is_booked_from_the_order_fixed_before() -> None:
    lots = bought(*THREE)
    order = order_of_sale(SPECIFIC, lots, quantity=Decimal(30))
    assert order == ["A", "B", "C"]
    with pytest.raises(AmbiguousLots):
        sell(lots, "12", "15", policy=SPECIFIC)
    lots, first = sell(lots, "12", "15", policy=SPECIFIC, named=tuple(order))
    _, second = sell(lots, "18", "16", policy=SPECIFIC, named=tuple(order))
    assert taken(first + second) == [("A", 10), ("B", 2), ("B", 8), ("C", 10)]


@pytest.mark.parametrize("policy", [FIFO, LIFO, HIFO])
def test_other_policies_need_no_order_but_keep_what_was_named(policy: LotPolicy) -> None:
    lots = bought(*THREE)
    assert order_of_sale(policy, lots, quantity=Decimal(12)) is None
    assert order_of_sale(policy, lots, quantity=Decimal(12), named=("B",)) == ["B"]


def test_an_order_is_refused_before_it_is_sent() -> None:
    with pytest.raises(AmbiguousLots):
        order_of_sale(SPECIFIC, bought(*THREE), quantity=Decimal(12))
    with pytest.raises(LotError, match="at least 31 shares"):
        order_of_sale(SPECIFIC, bought(*THREE), quantity=Decimal(31), named=("A", "B", "C"))


quantities = st.decimals(min_value="0.000001", max_value="500", places=6)
prices = st.decimals(min_value="0.01", max_value="900", places=2)


@given(
    st.sampled_from(LotPolicy),
    st.lists(st.tuples(quantities, prices), min_size=1, max_size=6),
    st.lists(st.tuples(quantities, prices), max_size=6),
    prices,
    st.permutations("ABCDEF"),
)
def test_cash_in_equals_cash_out(
    policy: LotPolicy,
    purchases: list[tuple[Decimal, Decimal]],
    sales: list[tuple[Decimal, Decimal]],
    last_price: Decimal,
    named: list[str],
) -> None:
    """Whatever is sold and however, realised P&L is proceeds less cost, and nothing is lost."""
    lots = bought(*((str(q), str(p)) for q, p in purchases))
    paid = sum(own.cost for own in lots)
    received = realised = Decimal(0)
    order = tuple(named) if policy is SPECIFIC else ()
    for wanted, price in [*sales, (sum((own.quantity for own in lots), ZERO), last_price)]:
        held = sum((own.quantity for own in lots), ZERO)
        part = min(held, wanted)
        if part == 0:
            continue
        lots, exits = sell(lots, str(part), str(price), policy=policy, named=order)
        received += fill_cash(part, price)
        realised += sum(e.pnl for e in exits)
        assert sum(e.quantity for e in exits) == part
        assert sum((own.quantity for own in lots), ZERO) == held - part
    assert realised == received - paid
    assert all((own.quantity, own.cost) == (0, 0) for own in lots)


fractions = st.decimals(min_value="0.01", max_value="1", places=2)


@given(
    st.lists(st.tuples(quantities, prices), min_size=1, max_size=6),
    fractions,
    st.permutations("ABCDEF"),
    st.integers(0, 6),
    st.lists(fractions, max_size=5),
)
def test_any_part_of_a_sale_can_be_booked_from_its_order(
    purchases: list[tuple[Decimal, Decimal]],
    fraction: Decimal,
    names: list[str],
    how_many: int,
    parts: list[Decimal],
) -> None:
    """Once a SPECIFIC sale may be sent, no way in which it fills is ambiguous."""
    lots = bought(*((str(q), str(p)) for q, p in purchases))
    quantity = floor_quantity(sum((own.quantity for own in lots), ZERO) * fraction)
    assume(quantity > 0)
    try:
        order = order_of_sale(SPECIFIC, lots, quantity=quantity, named=names[:how_many])
    except AmbiguousLots:
        return
    assert order is not None
    left, sold = quantity, []
    for part in [*(floor_quantity(quantity * part) for part in parts), quantity]:
        shares = min(part, left)
        if shares > 0:
            lots, exits = sell(lots, str(shares), "10", policy=SPECIFIC, named=tuple(order))
            sold += [one.lot_id for one in exits]
            left -= shares
    assert left == 0
    assert list(dict.fromkeys(sold)) == order
