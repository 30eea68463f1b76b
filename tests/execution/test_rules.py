"""The rules of the execution protocol that need no broker: prices, quotes, ids, differences."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from alchemiser_dagster.execution.identifiers import client_order_id
from alchemiser_dagster.execution.prices import limit_price
from alchemiser_dagster.execution.quotes import Quote, problem
from alchemiser_dagster.execution.reconciliation import compare
from alchemiser_dagster.ledger.queries import Snapshot

NOW = datetime(2026, 11, 20, 20, 45, tzinfo=UTC)
D = Decimal


def quote(bid: str, ask: str, *, age: int = 0) -> Quote:
    return Quote("XYZ", D(bid), D(ask), NOW - timedelta(seconds=age))


@pytest.mark.parametrize(
    ("side", "bid", "ask", "limits"),
    [
        ("buy", "100.00", "100.20", ["100.10", "100.15", "100.19"]),
        ("sell", "100.00", "100.20", ["100.10", "100.05", "100.01"]),
        ("buy", "10.00", "10.01", ["10.00", "10.01", "10.01"]),
        ("sell", "10.00", "10.01", ["10.01", "10.00", "10.00"]),
        ("buy", "0.4512", "0.4538", ["0.4525", "0.4532", "0.4537"]),
        ("sell", "0.4512", "0.4538", ["0.4525", "0.4518", "0.4513"]),
    ],
)
def test_the_walk_through_a_spread(side: str, bid: str, ask: str, limits: list[str]) -> None:
    walked = [limit_price(side, step, quote(bid, ask)) for step in (1, 2, 3)]
    assert walked == [D(limit) for limit in limits]


@pytest.mark.parametrize(
    ("bid", "ask", "said"),
    [
        ("107.00", "0", "one-sided"),
        ("10.10", "10.00", "crossed"),
        ("10.00", "11.50", "wide quote 10.00/11.50, 13.95%"),
    ],
)
def test_quotes_that_are_not_traded_on(bid: str, ask: str, said: str) -> None:
    assert said in (problem(quote(bid, ask), NOW) or "")


def test_a_spread_just_below_a_tenth_will_do() -> None:
    assert problem(quote("10.00", "11.00"), NOW) is None  # 9.52 %


def test_an_old_quote_is_no_quote() -> None:
    assert problem(quote("10", "10.01", age=10), NOW) is None
    assert problem(quote("10", "10.01", age=11), NOW) == "stale quote, 11 seconds old"


def test_an_order_id_says_what_it_is_for() -> None:
    name = client_order_id("paper", date(2026, 2, 13), "BRK.B", "buy", round_=2, attempt=1, step=2)
    assert name == "p.20260213.0.n2.BRK-B.B.a1.s2"


def test_an_order_id_fits_and_every_part_of_it_counts() -> None:
    """X21: one id for each intent, within the older of the broker's limits."""
    names = {
        client_order_id(
            environment, session, symbol, side, round_=round_, attempt=attempt, step=step
        )
        for environment in ("embedded", "paper", "live")
        for session in (date(2026, 2, 13), date(2026, 2, 17))
        for symbol in ("GOOGL", "GOOG", "BRK.B")
        for side in ("buy", "sell")
        for round_ in (1, 2)
        for attempt in (1, 2, 3)
        for step in (1, 2, 3, 4)
    }
    assert len(names) == 3 * 2 * 3 * 2 * 2 * 3 * 4
    assert max(map(len, names)) <= 48


def snapshot(cash: str, **positions: str) -> Snapshot:
    return Snapshot(NOW, D(cash), D(0), {s: D(q) for s, q in positions.items()})


BOOKS = {"a": {"XYZ": D("10.5")}, "b": {"XYZ": D("4.25")}}


def test_books_that_sum_to_the_broker() -> None:
    assert compare({"a": D(10), "b": D(5)}, BOOKS, snapshot("15", XYZ="14.75")) == []


def test_every_share_and_cent_that_differs_is_listed() -> None:
    differences = compare(
        {"a": D(10), "b": D("4.99")}, BOOKS, snapshot("15", XYZ="14.749999", ABC="3")
    )
    assert [str(d) for d in differences] == [
        "ABC: the books hold 0, the broker 3 (difference +3)",
        "XYZ: the books hold 14.75, the broker 14.749999 (difference -0.000001)",
        "cash: the books hold 14.99, the broker 15 (difference +0.01)",
    ]
