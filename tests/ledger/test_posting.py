"""Executions come one by one or several at once; what the books make of them is the same."""

from datetime import timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from alchemiser_dagster.books.booking import LotPolicy
from alchemiser_dagster.books.rebuild import differences, rebuild
from alchemiser_dagster.ledger.facts import facts, recorded_books
from alchemiser_dagster.ledger.journal import entries, verify
from alchemiser_dagster.ledger.posting import Execution, post_executions
from alchemiser_dagster.ledger.queries import open_lots_by_book, positions
from alchemiser_dagster.ledger.schema import (
    blocks,
    fills,
    order_allocations,
    orders,
    trades,
)

from .traded import Traded, moment

D = Decimal
NAME = "sale"

parts = st.lists(st.integers(1, 12), min_size=1, max_size=5)
policies = st.sampled_from([LotPolicy.FIFO, LotPolicy.LIFO, LotPolicy.HIFO])


def two_books(policy: LotPolicy) -> Traded:
    """Books `a` and `b` with three lots of XYZ each, and an order to sell of both."""
    traded = Traded.at("sqlite://", policy=policy)
    for day, price in ((3, "10.01"), (4, "12.34"), (5, "11.11")):
        traded.trade(day, f"a buy 10 XYZ @ {price}")
        traded.trade(day, f"b buy 7 XYZ @ {price}")
    return traded


def place(traded: Traded, shares: dict[str, Decimal], side: str = "sell") -> None:
    """An order of the session of 6 November for several books' trades."""
    session, total = traded.begin(6), sum(shares.values(), D(0))
    with traded.ledger.write() as connection:
        connection.execute(
            insert(blocks).values(
                block_id=NAME, session=session, symbol="XYZ", side=side, round=1,
                quantity=total, state="open", reason="",
            )
        )  # fmt: skip
        connection.execute(
            insert(orders).values(
                client_order_id=NAME, block_id=NAME, attempt=1, step=1, order_type="market",
                quantity=total, notional=D(0), state="working", filled_quantity=D(0),
                submitted_at=moment(6), message="",
            )
        )  # fmt: skip
        for book, quantity in shares.items():
            connection.execute(
                insert(trades).values(
                    trade_id=f"t.{book}", session=session, book=book, symbol="XYZ", side=side,
                    is_exit=False, intended_quantity=quantity, held_back=D(0), state="planned",
                    reason="",
                )
            )  # fmt: skip
            connection.execute(
                insert(order_allocations).values(
                    client_order_id=NAME, trade_id=f"t.{book}", quantity=quantity
                )
            )


def executions(sizes: list[int], most: Decimal) -> list[Execution]:
    """Executions of these sizes, as far as the order goes, each at a price of its own."""
    made = []
    for n, cumulative in enumerate(accumulate(map(Decimal, sizes))):
        if cumulative <= most:
            at = moment(6) + timedelta(seconds=n)
            made.append(Execution(f"x{n}", D(sizes[n]), cumulative, D("13.37") + n, at))
    return made


def state(traded: Traded) -> tuple[Any, ...]:
    """Everything that posting writes, and that it agrees with the journal."""
    with traded.ledger.read() as connection:
        assert verify(connection) == []
        assert differences(recorded_books(connection), rebuild(facts(connection))) == []
        return (
            recorded_books(connection),
            open_lots_by_book(connection),
            list(entries(connection)),
            connection.execute(select(fills).order_by(fills.c.fill_id)).all(),
        )


@settings(max_examples=15, deadline=None)
@given(parts, policies)
def test_at_once_is_as_one_by_one(sizes: list[int], policy: LotPolicy) -> None:
    shares = {"a": D(21), "b": D("13.5")}
    told = executions(sizes, sum(shares.values(), D(0)))
    states = []
    for deliveries in ([told], [[one] for one in told], [told[:1], told]):
        traded = two_books(policy)
        place(traded, shares)
        for delivery in deliveries:
            post_executions(traded.ledger, NAME, delivery)
        states.append(state(traded))
        traded.ledger.close()
    assert states[0] == states[1] == states[2]


def test_several_sales_at_once_go_on_where_the_one_before_ended() -> None:
    """A 10 @ 10.01, B 10 @ 12.34: of two sales of 6 the second takes the last 4 of A, then B."""
    traded = two_books(LotPolicy.FIFO)
    place(traded, {"a": D(12)})
    post_executions(traded.ledger, NAME, executions([6, 6], D(12)))
    with traded.ledger.read() as connection:
        exits = recorded_books(connection)["a"].exits
        taken = {f: [(e.quantity, e.cost) for e in made] for f, made in exits.items()}
        assert positions(connection)["a"] == {"XYZ": D(18)}
    assert taken == {
        "x0.a": [(D(6), D("60.06"))],
        "x1.a": [(D(4), D("40.04")), (D(2), D("24.68"))],
    }


def test_l05_what_is_sold_beyond_the_lots_is_found_out_at_the_execution_that_does() -> None:
    """b owns 21: of executions of 15 and 10 the second is 6 of its own and 4 of nobody's."""
    traded = two_books(LotPolicy.FIFO)
    place(traded, {"b": D(25)})
    post_executions(traded.ledger, NAME, executions([15, 10], D(25)))
    with traded.ledger.read() as connection:
        rows = connection.execute(select(fills).where(fills.c.trade_id == "t.b")).all()
        found = {row.fill_id: (row.book, row.quantity) for row in rows}
        assert positions(connection)["unattributed"] == {"XYZ": D(-4)}
    assert found == {
        "x0.b": ("b", D(15)),
        "x1.b": ("b", D(6)),
        "x1.b.unmatched": ("unattributed", D(4)),
    }


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_executions_that_are_known_write_nothing(side: str) -> None:
    """Not even in the journal."""
    traded = two_books(LotPolicy.FIFO)
    place(traded, {"a": D(12)}, side)
    told = executions([6, 6], D(12))
    assert post_executions(traded.ledger, NAME, told) == told
    before = state(traded)
    assert post_executions(traded.ledger, NAME, told[1:]) == []
    assert post_executions(traded.ledger, NAME, []) == []
    assert state(traded) == before
