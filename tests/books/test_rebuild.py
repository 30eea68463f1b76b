"""Books made from the facts are the books that were kept step by step, whatever happened."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alchemiser_dagster.books.activities import ActivityError
from alchemiser_dagster.books.booking import AmbiguousLots, LotPolicy, order_of_sale
from alchemiser_dagster.books.lots import LotAdjustment, LotError
from alchemiser_dagster.books.money import ZERO, floor_quantity
from alchemiser_dagster.books.rebuild import (
    CashMoved,
    Difference,
    Fact,
    Fill,
    LotOpened,
    PolicyChosen,
    differences,
    rebuild,
)
from tests.books.desk import Desk, lot

AT = datetime(2026, 11, 2, 20, 45, tzinfo=UTC)


def fill(fill_id: str, side: str, quantity: str, price: str, **more: object) -> Fill:
    shares, each = Decimal(quantity), Decimal(price)
    return replace(
        Fill(fill_id, "a", "XYZ", side, shares, each, shares * each, AT),
        **more,  # type: ignore[arg-type]
    )


def test_l01_from_its_fills() -> None:
    books = rebuild(
        [
            CashMoved("a", Decimal(1000)),
            fill("f1", "buy", "10", "10"),
            fill("f2", "buy", "5", "12"),
            fill("f3", "sell", "12", "15"),
        ]
    )
    (own,) = books["a"].lots.values()
    assert (books["a"].cash, books["a"].realised, books["a"].positions) == (1020, 56, {"XYZ": 3})
    assert (own.lot_id, own.quantity, own.cost) == ("f2", 3, 36)
    assert [one.pnl for one in books["a"].exits["f3"]] == [50, 6]


def test_a_lot_sold_out_is_there_again_when_the_sale_is_undone() -> None:
    facts = [fill("f1", "buy", "10", "10"), fill("f2", "sell", "10", "12")]
    sold = rebuild(facts)["a"]
    assert (sold.cash, sold.positions, sold.realised) == (20, {}, 20)
    undone = rebuild([*facts, fill("f3", "sell", "-10", "12", busts="f2")])["a"]
    assert (undone.cash, undone.positions, undone.realised) == (-100, {"XYZ": 10}, 0)


def test_l03_a_fill_is_recorded_once() -> None:
    with pytest.raises(LotError, match="f1 to be recorded once"):
        rebuild([fill("f1", "buy", "10", "10"), fill("f1", "buy", "10", "10")])


def test_a_sale_is_booked_by_the_policy_of_its_time() -> None:
    """The first sale was first in, first out; only later was the book's policy changed."""
    books = rebuild(
        [
            fill("f1", "buy", "10", "10"),
            fill("f2", "buy", "10", "12"),
            fill("f3", "buy", "10", "11"),
            fill("f4", "sell", "1", "15"),
            PolicyChosen("a", LotPolicy.HIFO),
            fill("f5", "sell", "1", "15"),
            fill("f6", "sell", "1", "15", named=("f3",)),
        ]
    )
    assert [[e.lot_id for e in exits] for exits in books["a"].exits.values()] == [
        ["f1"],
        ["f2"],
        ["f3"],
    ]


def test_shares_that_nobody_sold_are_a_short_lot_until_found() -> None:
    facts: list[Fact] = [
        fill("f1", "sell", "2", "15", book="unattributed", unmatched=True),
        LotOpened("unattributed", lot("found", "5", "14")),
    ]
    state = rebuild(facts)["unattributed"]
    assert (state.cash, state.positions, state.realised) == (30, {"XYZ": 3}, 0)
    assert (state.lots["f1"].quantity, state.lots["f1"].cost) == (-2, -30)
    undone = fill("f2", "sell", "-2", "15", book="unattributed", busts="f1")
    state = rebuild([*facts, undone])["unattributed"]
    assert (state.cash, state.positions) == (0, {"XYZ": 5})


def test_lots_are_brought_in_and_adjusted() -> None:
    books = rebuild(
        [
            LotOpened("unattributed", lot("found", "5", "14")),
            LotAdjustment("found", Decimal(-2), Decimal(-28)),
            LotOpened("a", lot("given", "2", "14")),
        ]
    )
    assert books["unattributed"].positions == {"XYZ": 3}
    assert books["a"].positions == {"XYZ": 2}


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (fill("f9", "sell", "11", "15"), "at least 11 shares to sell from, was 10"),
        (fill("f9", "sell", "-1", "15", busts="f2"), "a fill f2 for f9 to undo, was none"),
        (fill("f9", "buy", "-9", "10", busts="f1"), "f9 to undo .*-10.*, was .*-9"),
        (fill("f9", "buy", "-10", "10", busts="f1", book="b"), "f9 to undo"),
        (LotAdjustment("nowhere", Decimal(1), ZERO), "a lot nowhere to adjust, was none"),
        (LotAdjustment("f1", Decimal(-11), ZERO), "at most the 10 shares of lot f1"),
    ],
)
def test_what_cannot_have_been_booked_is_refused(fact: Fill | LotAdjustment, message: str) -> None:
    with pytest.raises(LotError, match=message):
        rebuild([fill("f1", "buy", "10", "10"), fact])


def test_a_fill_is_undone_once() -> None:
    desk = Desk()
    desk.buy("a", "10", "10")
    desk.buy("a", "10", "10")
    desk.bust("f001")
    desk.facts.append(fill("again", "buy", "-10", "10", busts="f001"))
    with pytest.raises(LotError, match="a fill f001 for again to undo, was none"):
        rebuild(desk.facts)


def kept() -> Desk:
    """A book that bought 10 and sold 4."""
    desk = Desk()
    desk.pay("a", "1000")
    desk.buy("a", "10", "10")
    desk.sell("a", "4", "12")
    return desk


def cash_goes(desk: Desk) -> None:
    desk.cash["a"] -= Decimal("0.01")


def lot_shrinks(desk: Desk) -> None:
    desk.lots["f001"] = replace(desk.lots["f001"], quantity=Decimal(5))


def lot_goes(desk: Desk) -> None:
    del desk.lots["f001"]


def exit_changes(desk: Desk) -> None:
    desk.exits["f002"] = [replace(desk.exits["f002"][0], cost=Decimal(41))]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (cash_goes, [("cash", "947.99", "948.00")]),
        (lot_shrinks, [("lot f001: shares", "5", "6"), ("shares of XYZ", "5", "6")]),
        (
            lot_goes,
            [
                ("lot f001: cost", "0", "60"),
                ("lot f001: shares", "0", "6"),
                ("shares of XYZ", "0", "6"),
            ],
        ),
        (
            exit_changes,
            [("exit of lot f001 by f002: cost", "41", "40"), ("realised", "7", "8")],
        ),
    ],
)
def test_whatever_was_changed_behind_the_facts_is_found(
    change: Callable[[Desk], None], expected: list[tuple[str, str, str]]
) -> None:
    desk = kept()
    assert differences(desk.states(), rebuild(desk.facts)) == []
    change(desk)
    assert differences(desk.states(), rebuild(desk.facts)) == [
        Difference("a", what, Decimal(recorded), Decimal(rebuilt))
        for what, recorded, rebuilt in expected
    ]


# Anything that may happen to two books that trade the same two symbols. What is sold, split or
# busted is chosen by a number among what there is at that moment.
books = st.sampled_from("ab")
symbols = st.sampled_from(["XYZ", "ABC"])
prices = st.decimals(min_value="0.01", max_value="900", places=2)
quantities = st.decimals(min_value="0.000001", max_value="500", places=6)
fractions = st.decimals(min_value="0.01", max_value="1", places=2) | st.just(Decimal(1))
ratios = st.sampled_from(["2", "3", "1.5", "0.5", "0.1", str(Decimal(1) / 3)])
which = st.integers(0, 60)
buys = st.tuples(st.just("buy"), books, symbols, quantities, prices)
sells = st.tuples(st.just("sell"), which, fractions, prices)
splits = st.tuples(st.just("split"), which, ratios)
busts = st.tuples(st.just("bust"), which)
choices = st.tuples(st.just("choose"), books, st.sampled_from(LotPolicy))
deposits = st.tuples(st.just("pay"), books, prices)
steps = st.lists(
    st.one_of(buys, sells, sells, busts, splits, choices, deposits), min_size=10, max_size=40
)


def do(desk: Desk, step: tuple[object, ...]) -> None:
    """One step; one that is refused leaves the desk as it was before."""
    lots = list(desk.states().items())
    held = [(book, own.symbol) for book, state in lots for own in state.lots.values()]
    match step:
        case ("buy", str(book), str(symbol), Decimal() as quantity, Decimal() as price):
            desk.buy(book, str(quantity), str(price), symbol=symbol)
        case ("sell", int(n), Decimal() as part, Decimal() as price) if held:
            _sell(desk, *held[n % len(held)], part, price, turn=n % 4)
        case ("split", int(n), str(ratio)) if held:
            with suppress(ActivityError):  # to nothing
                desk.split(ratio, symbol=held[n % len(held)][1])
        case ("bust", int(n)) if standing := sorted(desk.fills.keys() - desk.undone):
            with suppress(LotError):  # a purchase of shares that the book has sold
                desk.bust(standing[n % len(standing)])
        case ("choose", str(book), LotPolicy() as policy):
            desk.choose(book, policy)
        case ("pay", str(book), Decimal() as dollars):
            desk.pay(book, str(dollars))


def _sell(desk: Desk, book: str, symbol: str, part: Decimal, price: Decimal, *, turn: int) -> None:
    """A part of what the book holds; lots are named from the one at `turn` on, none at 0."""
    lots = desk.held(book, symbol)
    shares = sum((own.quantity for own in lots), ZERO)
    quantity = shares if part == 1 else floor_quantity(shares * part)
    names = [own.lot_id for own in lots]
    named = names[turn:] + names[:turn] if turn else []
    if quantity > 0:
        with suppress(AmbiguousLots):
            order = order_of_sale(desk.policies[book], lots, quantity=quantity, named=named)
            desk.sell(book, str(quantity), str(price), symbol=symbol, named=order or ())


@given(steps)
def test_books_add_up_and_can_be_rebuilt(happened: list[tuple[object, ...]]) -> None:
    desk = Desk()
    for step in happened:
        do(desk, step)
    states = desk.states()
    for book, state in states.items():
        cost = sum((own.cost for own in state.lots.values()), ZERO)
        # With market value on both sides: NAV less flows = realised + unrealised.
        assert state.cash - desk.flows[book] == state.realised - cost
        assert all(own.quantity > 0 and own.cost >= 0 for own in state.lots.values())
    for symbol, shares in desk.broker.items():
        assert sum((state.positions.get(symbol, ZERO) for state in states.values()), ZERO) == shares
    assert differences(states, rebuild(desk.facts)) == []
