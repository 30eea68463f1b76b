"""Books that trade with each other: the overlap changes hands at the mid, only the rest goes out.

XYZ is quoted 99.90/100.10, so its mid is 100.00, and fills only where a test says so.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Row, select

from alchemiser_dagster.execution import phases
from alchemiser_dagster.execution.desk import DEPLOYMENT
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.queries import exits_of, open_lots
from alchemiser_dagster.ledger.schema import cash_entries, crosses, fills
from alchemiser_dagster.market.sessions import next_session

from .conftest import FIRST, SECOND, wish
from .scripted import ScriptedDay

D = Decimal
QUOTE = "99.90/100.10"


def opened(*, crossing: bool = True, **books: str) -> ScriptedDay:
    """A desk with 100,000 dollars on which nothing in XYZ fills by itself."""
    day = ScriptedDay.open(books=books or None, crossing=crossing)
    day.hold("XYZ", QUOTE)
    return day


def own(day: ScriptedDay, **shares: str) -> None:
    """The first session: books buy shares of XYZ at 95.00; the others get nothing."""
    day.fill("XYZ.B.a1.s1", f"{sum(map(D, shares.values()))}", at="95.00")
    wishes = {b: day.want(b, XYZ=shares[b]) if b in shares else day.want(b) for b in day.terms}
    day.trade(FIRST, wishes)


def dollars(day: ScriptedDay, book: str, **worth: str) -> Wish:
    """The weights of a book that wants symbols worth so much at their mids."""
    capital = day.cash()[book] + sum(
        (q * day.mid(s) for s, q in day.holdings().get(book, {}).items()), D(0)
    )
    return Wish({symbol: D(text) / (capital * DEPLOYMENT) for symbol, text in worth.items()})


def crossed(day: ScriptedDay) -> list[tuple[str, Decimal, Decimal]]:
    """(symbol, shares, price) of every cross so far."""
    with day.desk.ledger.read() as connection:
        rows = connection.execute(select(crosses).order_by(crosses.c.cross_id)).all()
    return [(row.symbol, row.quantity, row.price) for row in rows]


def fills_of_session(day: ScriptedDay, symbol: str = "XYZ") -> Sequence[Row[Any]]:
    with day.desk.ledger.read() as connection:
        return connection.execute(
            select(fills)
            .where(fills.c.session == SECOND, fills.c.symbol == symbol)
            .order_by(fills.c.book, fills.c.side)
        ).all()


def test_what_one_book_sells_and_another_wants_crosses_at_the_mid() -> None:
    """A sells 10, B wants 600.00: 6 change hands at 100.00 without an order, 4 go to market."""
    day = opened()
    own(day, a="10")
    day.fill("n1.XYZ.S.a1.s1", "4")
    report = day.trade(SECOND, {"a": day.want("a", ABC="1"), "b": dollars(day, "b", XYZ="600")})
    assert report.outcome == "success"
    assert day.orders("XYZ")[1:] == ["a1.s1 sell 4 at 100.00: filled, 4 filled"]
    assert crossed(day) == [("XYZ", D(6), D(100))]
    assert {
        (row.book, row.side, row.quantity, row.cash, "cross" if row.cross_id else "order")
        for row in fills_of_session(day)
    } == {
        ("a", "sell", 4, 400, "order"),
        ("a", "sell", 6, 600, "cross"),
        ("b", "buy", 6, 600, "cross"),
    }
    assert day.disagreements() == []


def test_lots_and_profits_of_both_books_are_exact_after_a_cross() -> None:
    """Bought at 95.00: A earns 6 x 5.00 by the cross, 4 x 5.00 in the market; B has a new lot."""
    day = opened()
    own(day, a="10")
    cash = day.cash()
    day.fill("n1.XYZ.S.a1.s1", "4")
    day.trade(SECOND, {"a": day.want("a", ABC="1"), "b": dollars(day, "b", XYZ="600")})
    with day.desk.ledger.read() as connection:
        exits = {row.quantity: row.proceeds - row.cost for row in exits_of(connection, "a")}
        (lot,) = open_lots(connection, book="b")
    assert exits == {D(6): D(30), D(4): D(20)}
    assert [lot.quantity, lot.cost, lot.entry_price] == [D(6), D(600), D(100)]
    paid = next(row.cash for row in fills_of_session(day, "ABC"))
    assert day.cash()["a"] == cash["a"] + 1000 - paid
    assert day.cash()["b"] == cash["b"] - 600


def test_without_crossing_both_go_to_the_market_one_after_the_other() -> None:
    """A's sale has ended before B's purchase begins, so that the two cannot meet."""
    day = opened(crossing=False)
    own(day, a="10")
    day.fill("n1.XYZ.S.a1.s1", "10", after=5)
    day.fill("n2.XYZ.B.a1.s1", "5.994005")
    report = day.trade(SECOND, {"a": day.want("a", ABC="1"), "b": dollars(day, "b", XYZ="600")})
    assert crossed(day) == []
    assert day.orders("XYZ")[1:] == [
        "a1.s1 sell 10 at 100.00: filled, 10 filled",
        "a1.s1 buy 5.994005 at 100.00: filled, 5.994005 filled",
    ]
    assert report.books == {"a": ("traded", ""), "b": ("traded", "")}
    assert day.disagreements() == []


def test_more_wanted_than_sold_and_the_rest_is_bought() -> None:
    """A sells 10, B wants 2,500.00: all 10 cross, and 1,500.00 are bought at the ask."""
    day = opened()
    own(day, a="10")
    day.fill("n2.XYZ.B.a1.s1", "14.985014")
    day.trade(SECOND, {"a": day.want("a", ABC="1"), "b": dollars(day, "b", XYZ="2500")})
    assert crossed(day) == [("XYZ", D(10), D(100))]
    assert day.orders("XYZ")[1:] == ["a1.s1 buy 14.985014 at 100.00: filled, 14.985014 filled"]
    assert day.sides(SECOND)["XYZ"] == {"buy"}
    assert day.held("b", "XYZ") == D("24.985014")
    assert day.disagreements() == []


def test_two_sellers_and_two_buyers_cross_pro_rata() -> None:
    """A and B sell 6 and 4, C and D want 3 and 2: each seller parts with half of what it sells."""
    day = opened(a="0.25", b="0.25", c="0.25", d="0.25")
    own(day, a="6", b="4")
    day.fill("n1.XYZ.S.a1.s1", "5")
    day.trade(
        SECOND,
        {
            "a": day.want("a", ABC="1"),
            "b": day.want("b", ABC="1"),
            "c": dollars(day, "c", XYZ="300"),
            "d": dollars(day, "d", XYZ="200"),
        },
    )
    assert crossed(day) == [("XYZ", D(5), D(100))]
    without_order = [row for row in fills_of_session(day) if row.cross_id is not None]
    assert {(row.book, row.side): row.quantity for row in without_order} == {
        ("a", "sell"): 3,
        ("b", "sell"): 2,
        ("c", "buy"): 3,
        ("d", "buy"): 2,
    }
    assert day.orders("XYZ")[1:] == ["a1.s1 sell 5 at 100.00: filled, 5 filled"]
    assert day.disagreements() == []


@pytest.mark.parametrize(
    ("filled", "parts"),
    [("37", {"a": 23, "b": 14}), ("1", {"a": 1, "b": 0}), ("99", {"a": 60, "b": 39})],
    ids=["37 of 100", "1 of 100", "99 of 100"],
)
def test_a_part_of_the_remainder_is_allocated_pro_rata(filled: str, parts: dict[str, int]) -> None:
    """A wants 60, B 40 of one order of 100; whole shares, the remainder goes to the larger."""
    day = opened()
    day.fill("XYZ.B.a1.s1", filled, after=5)
    day.trade(FIRST, {"a": day.want("a", XYZ="60"), "b": day.want("b", XYZ="40")})
    assert {book: day.held(book, "XYZ") for book in ("a", "b")} == parts
    assert day.orders("XYZ")[1].startswith(f"a1.s2 buy {100 - int(filled)} at")
    assert day.disagreements() == []


def test_parts_in_billionths_sum_to_what_was_filled() -> None:
    """10 shares for three books that want a third each."""
    day = opened(a="0.3", b="0.3", c="0.4")
    wants = {book: day.want(book, XYZ="33.333333") for book in ("a", "b", "c")}
    day.fill("XYZ.B.a1.s1", "10", after=5)
    day.trade(FIRST, wants)
    got = [day.held(book, "XYZ") for book in ("a", "b", "c")]
    assert sum(got) == 10
    assert max(got) - min(got) <= D("0.000000001")
    assert day.disagreements() == []


def test_what_finds_no_buyer_is_sold_in_the_second_round() -> None:
    """B was to pay with a sale of its own, which failed: A's 6 held back shares go to market."""
    day = opened()
    day.fill("XYZ.B.a1.s1", "10", at="95.00")
    day.trade(FIRST, {"a": day.want("a", XYZ="10"), "b": day.want("b", ABC="780")})
    day.hold("ABC")
    day.fill("n1.XYZ.S.a1.s1", "4")
    day.fill("n2.XYZ.S.a1.s1", "6")
    report = day.trade(SECOND, {"a": day.want("a", THIN="1"), "b": dollars(day, "b", XYZ="600")})
    assert report.books["a"] == ("traded", "")
    assert report.books["b"][0] == "blocked"
    assert crossed(day) == []
    assert day.orders("XYZ")[1:] == [
        "a1.s1 sell 4 at 100.00: filled, 4 filled",
        "a1.s1 sell 6 at 100.00: filled, 6 filled",
    ]
    assert day.sides(SECOND) == {"XYZ": {"sell"}, "ABC": {"sell"}, "THIN": {"buy"}}
    assert [day.held(book, "XYZ") for book in ("a", "b")] == [D(0), D(0)]
    assert day.disagreements() == []


def test_a_buyer_short_of_cash_takes_what_it_can_pay() -> None:
    """B's cash has gone meanwhile: it crosses for 300.00, and 3 of the 6 go to market."""
    day = opened(a="0.9", b="0.1")
    own(day, a="10")
    wishes = {"a": day.want("a", ABC="1"), "b": dollars(day, "b", XYZ="600")}
    day.fill("n1.XYZ.S.a1.s1", "4")
    day.fill("n2.XYZ.S.a1.s1", "3")
    day.begin(SECOND, wishes)
    phases.sell(day.desk, SECOND)
    _take(day, "b", day.cash()["b"] - 300)
    day.size(SECOND)
    phases.buy(day.desk, SECOND)
    assert crossed(day) == [("XYZ", D(3), D(100))]
    assert day.orders("XYZ")[1:] == [
        "a1.s1 sell 4 at 100.00: filled, 4 filled",
        "a1.s1 sell 3 at 100.00: filled, 3 filled",
    ]
    assert day.cash()["b"] == 0


def _take(day: ScriptedDay, book: str, amount: Decimal) -> None:
    """Move dollars from a book to `unallocated`."""
    with day.desk.ledger.write() as connection:
        enter(
            connection,
            cash_entries,
            [
                {
                    "book": name, "session": SECOND, "kind": "transfer", "source_id": "a test",
                    "amount": sign * amount, "at": day.broker.now,
                }
                for name, sign in ((book, -1), ("unallocated", 1))
            ],
        )  # fmt: skip


def test_symbols_without_fractions_cross_in_whole_shares() -> None:
    """B wants 650.00: 6 whole shares cross at 100.00; the half is neither crossed nor bought."""
    day = opened()
    own(day, a="10")
    day.control.set_asset("XYZ", fractionable=False)
    day.script.wait(600)  # until what is known of the assets is read again
    day.fill("n1.XYZ.S.a1.s1", "4")
    day.trade(SECOND, {"a": day.want("a", ABC="1"), "b": dollars(day, "b", XYZ="650")})
    assert crossed(day) == [("XYZ", D(6), D(100))]
    assert day.held("b", "XYZ") == 6


def test_a_cross_is_booked_once_whoever_dies_after_it() -> None:
    """Killed when the crosses are booked: the next run goes on with the orders of round 2."""
    day = opened()
    own(day, a="10")
    day.fill("n1.XYZ.S.a1.s1", "4")
    day.begin(SECOND, {"a": day.want("a", ABC="1"), "b": dollars(day, "b", XYZ="600")})
    phases.sell(day.desk, SECOND)
    for _ in range(3):
        day.size(SECOND)
    assert crossed(day) == [("XYZ", D(6), D(100))]
    assert day.finish(SECOND).outcome == "success"
    assert crossed(day) == [("XYZ", D(6), D(100))]
    assert day.disagreements() == []


def test_the_broker_never_sees_both_sides_of_a_symbol() -> None:
    """X22: three books hand two symbols round for five sessions; no order is a wash trade."""
    day = ScriptedDay.open(books={"a": "0.5", "b": "0.3", "c": "0.2"})
    session, weights = FIRST, ["0", "0.5", "1", "0.25", "0.75"]
    for number in range(5):
        share = {b: weights[(number * (k + 1)) % 5] for k, b in enumerate(("a", "b", "c"))}
        day.trade(
            session,
            {b: wish(XYZ=own, ABC=str(1 - D(own))) for b, own in share.items()},
        )
        assert all(len(sides) == 1 for sides in day.sides(session).values()), day.sides(session)
        session = next_session(session)
    assert crossed(day)
    assert not [order for order in day._orders() if order.status == "rejected"]
    assert day.disagreements() == []
