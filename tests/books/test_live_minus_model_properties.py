"""The bridge of any book: its lines are as they are defined, and sum."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alchemiser_dagster.books.book_session import (
    BookSession,
    Correction,
    Missed,
    ModelSession,
    SessionPrices,
)
from alchemiser_dagster.books.bridge import Component
from alchemiser_dagster.books.live_minus_model import NotExplained, live_minus_model
from alchemiser_dagster.books.money import ZERO, to_cents
from alchemiser_dagster.books.price_chain import PricedFill

D = Decimal
MONDAY, TUESDAY = date(2026, 11, 2), date(2026, 11, 3)


def decimals(smallest: str, largest: str, places: int) -> st.SearchStrategy[Decimal]:
    first, last = (int(D(number).scaleb(places)) for number in (smallest, largest))
    return st.integers(first, last).map(lambda units: D(units).scaleb(-places))


SYMBOLS = ("A", "B")
CLOSE = decimals("0.05", "2000", 4)
SHARES = st.one_of(st.just(ZERO), decimals("0.000000001", "5000", 9))
CASH = decimals("-5000", "200000", 2)
SMALL = decimals("-500", "500", 2)
RETURN = st.floats(-0.5, 0.5).map(lambda r: D(repr(r)))


def by_symbol(values: st.SearchStrategy[Decimal]) -> st.SearchStrategy[dict[str, Decimal]]:
    return st.tuples(*[values for _ in SYMBOLS]).map(
        lambda drawn: dict(zip(SYMBOLS, drawn, strict=True))
    )


@st.composite
def fill(draw: st.DrawFn) -> PricedFill:
    quantity, price = draw(decimals("0.000000001", "5000", 9)), draw(CLOSE)
    maybe = st.one_of(st.none(), CLOSE)
    side, bid = draw(st.sampled_from(["buy", "sell"])), draw(maybe)
    ask = None if bid is None else draw(CLOSE)
    return PricedFill(
        draw(st.sampled_from(SYMBOLS)), side, quantity, price, to_cents(quantity * price),
        draw(maybe), bid, ask, draw(st.booleans()),
    )  # fmt: skip


@st.composite
def weights(draw: st.DrawFn) -> dict[str, Decimal]:
    raw = draw(by_symbol(st.floats(0, 1)))
    total = sum(raw.values())
    return {s: D(repr(w / total)) for s, w in raw.items() if w} if total > 0.01 else {}


@dataclass(frozen=True)
class Day:
    book: BookSession
    prices: SessionPrices
    model: ModelSession


@st.composite
def day(draw: st.DrawFn) -> Day:
    """A book that is what its fills, splits, payments and corrections make of it."""
    before, cash_before = draw(by_symbol(SHARES)), draw(CASH)
    splits = {s: q * draw(st.sampled_from([0, 0, 1, 2])) for s, q in before.items()}
    fills = draw(st.lists(fill(), max_size=3))
    corrections = [
        Correction("bust", draw(SMALL), draw(st.sampled_from(SYMBOLS)), draw(SHARES))
        for _ in range(draw(st.integers(0, 2)))
    ]
    flow, dividends, fees, interest = (draw(SMALL) for _ in range(4))
    held = {s: q + splits[s] for s, q in before.items()}
    cash = cash_before + flow + dividends + fees + interest
    for one in fills:
        sign = 1 if one.side == "buy" else -1
        held[one.symbol] += sign * one.quantity
        cash -= sign * one.cash
    for other in corrections:
        held[other.symbol] += other.shares
        cash += other.cash
    missed = [
        Missed(MONDAY, symbol, draw(SHARES) * draw(st.sampled_from([-1, 1])), "it did not fill")
        for symbol in draw(st.sets(st.sampled_from(SYMBOLS)))
    ]
    book = BookSession(
        "a", TUESDAY, cash_before, cash, before, held, flow, dividends, fees, interest,
        splits, fills, corrections, missed,
    )  # fmt: skip
    closes, closes_before, missed_at = (draw(by_symbol(CLOSE)) for _ in range(3))
    prices = SessionPrices(closes, closes_before, draw(by_symbol(RETURN)), missed_at)
    return Day(book, prices, ModelSession(draw(RETURN), draw(RETURN), draw(weights())))


def worth(shares: Mapping[str, Decimal], prices: Mapping[str, Decimal]) -> Decimal:
    return sum((q * prices[s] for s, q in shares.items()), ZERO)


BOOKS = settings(max_examples=40)


@BOOKS
@given(day())
def test_the_lines_are_what_the_book_did_better(made: Day) -> None:
    book, prices, model = made.book, made.prices, made.model
    bridge = live_minus_model(book, prices, model)
    nav_before = book.cash_before + worth(book.held_before, prices.closes_before)
    base = nav_before + book.flow
    assert bridge.live.dollars == book.cash + worth(book.held, prices.closes) - base
    assert abs(bridge.model.dollars - base * model.same_close) < D("1e-9")
    between = sum((line.dollars for line in bridge.lines), ZERO)
    assert between == bridge.live.dollars - bridge.model.dollars
    corrections = bridge.lines[-1]
    assert corrections.component is Component.CORRECTIONS
    assert book.corrections or corrections.dollars == 0


@BOOKS
@given(day())
def test_the_lines_of_the_holdings_are_as_they_are_defined(made: Day) -> None:
    book, prices, model = made.book, made.prices, made.model
    line = {row.component: row.dollars for row in live_minus_model(book, prices, model).rows}
    returns, weights = prices.returns, model.weights
    value = {s: q * prices.closes_before[s] for s, q in book.held_before.items()}
    missing = {m.symbol: m.shares * prices.missed[m.symbol] for m in book.missed}
    invested, share = sum(value.values(), ZERO), sum(weights.values(), ZERO)
    base = book.cash_before + invested + book.flow
    moved = sum((weights[s] * returns[s] for s in weights), ZERO)
    average, scale = (moved / share, invested / share) if share else (ZERO, ZERO)
    drag = (invested - base * share) * average
    partial = -sum((w * (returns[s] - average) for s, w in missing.items()), ZERO)
    different = sum((v - scale * weights.get(s, ZERO)) * returns[s] for s, v in value.items())
    restated = base * (moved - model.gross)
    for component, expected in (
        (Component.CASH_DRAG, drag),
        (Component.PARTIAL, partial),
        (Component.DIFFERENT, different - partial),
        (Component.RESTATED, restated),
        (Component.SIGNAL_LAG, base * (model.gross - model.same_close)),
    ):
        assert abs(line[component] - expected) < D("1e-9"), component


@BOOKS
@given(day())
def test_in_cents_the_rows_still_sum(made: Day) -> None:
    exact = live_minus_model(made.book, made.prices, made.model)
    bridge = exact.in_cents()
    rows = bridge.rows
    assert all(row.dollars == to_cents(row.dollars) for row in rows)
    assert sum((row.dollars for row in rows[:-1]), ZERO) == rows[-1].dollars
    assert bridge.live.dollars == to_cents(exact.live.dollars)
    for row, unrounded in zip(rows, exact.rows, strict=True):
        assert (row.component, row.note) == (unrounded.component, unrounded.note)
        assert abs(row.dollars - unrounded.dollars) < D("0.01")
        assert unrounded.dollars or not row.dollars


@BOOKS
@given(day(), st.sampled_from(["cash", "held"]), st.sampled_from([D("0.01"), D("-0.01")]))
def test_whatever_moved_without_an_entry_is_noticed(made: Day, where: str, by: Decimal) -> None:
    book = made.book
    if where == "cash":
        changed = replace(book, cash=book.cash + by)
    else:
        changed = replace(book, held={**book.held, "A": book.held["A"] + by})
    with pytest.raises(NotExplained):
        live_minus_model(changed, made.prices, made.model)
