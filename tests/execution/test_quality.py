"""What blocks cost, read from a ledger that says which orders were sent and what they filled."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, insert, update

from alchemiser_dagster.execution.quality import Quality, cost_of
from alchemiser_dagster.execution.quality_records import (
    block_quality,
    crossed_shares,
    traded_blocks,
)
from alchemiser_dagster.execution.quality_report import by_book, orders_of, slippage_of
from alchemiser_dagster.ledger.posting import Execution, post_executions
from alchemiser_dagster.ledger.schema import blocks, crosses, executions, orders, prices
from tests.ledger.orders import add_order
from tests.ledger.traded import Traded, moment

D = Decimal
DAY = 3


@pytest.fixture
def traded() -> Iterator[Traded]:
    made = Traded.at("sqlite://")
    yield made
    made.ledger.close()


def work(
    traded: Traded,
    what: str,
    quote: tuple[str, str] | None,
    *fills: str,
    state: str = "filled",
    reason: str = "",
) -> Quality:
    """A block like "buy 100 XYZ", its arrival quote, and a step for each fill, like "40 @ 100.10".

    The steps are 10 seconds apart and fill 4 seconds after they were sent; "-" fills nothing.
    """
    session = traded.begin(DAY)
    side, quantity, symbol = what.split()
    name = f"{session}.{symbol}.1"
    with traded.ledger.write() as connection:
        bid, ask = (None, None) if quote is None else map(D, quote)
        connection.execute(
            insert(blocks).values(
                block_id=name, session=session, symbol=symbol, side=side, round=1,
                quantity=D(quantity), state=state, reason=reason, arrival_bid=bid, arrival_ask=ask,
            )
        )  # fmt: skip
        for step, fill in enumerate(fills, start=1):
            shares, _, price = fill.partition(" @ ")
            sent_at = moment(DAY) + timedelta(seconds=10 * step)
            connection.execute(
                insert(orders).values(
                    client_order_id=f"{name}.{step}", block_id=name, attempt=1, step=step,
                    order_type="limit" if step < 4 else "market", quantity=D(quantity),
                    limit_price=None, notional=D(0), state="filled", filled_quantity=D(0),
                    submitted_at=sent_at, message="",
                )
            )  # fmt: skip
            if price:
                connection.execute(
                    insert(executions).values(
                        execution_id=f"x.{name}.{step}", client_order_id=f"{name}.{step}",
                        quantity=D(shares), cumulative_quantity=D(shares), price=D(price),
                        cash=D(0), executed_at=sent_at + timedelta(seconds=4),
                    )
                )  # fmt: skip
    with traded.ledger.read() as connection:
        return block_quality(connection, name)


def test_x08_a_purchase_in_three_steps(traded: Traded) -> None:
    quote = ("100.05", "100.15")
    found = work(traded, "buy 100 XYZ", quote, "40 @ 100.10", "35 @ 100.15", "25 @ 100.22")
    assert found.vwap == D("100.1475")
    assert found.arrival_mid == D("100.10")
    assert found.slippage_bps is not None
    assert found.slippage_bps.quantize(D("0.001")) == D("4.745")
    assert found.slippage_dollars == D("4.75")
    assert found.spread_bps == pytest.approx(D("9.99"), abs=D("0.001"))
    assert (found.steps, found.seconds) == (3, 24.0)
    assert str(found) == (
        "buy XYZ: filled, 100 of 100 at 100.1475, slippage +4.75 bps (+4.75 dollars)"
    )


def test_x34_the_price_is_that_of_the_execution_and_not_the_mid(traded: Traded) -> None:
    found = work(traded, "buy 2 XYZ", ("49.90", "50.10"), "2 @ 50.125")
    assert found.vwap == D("50.125")
    assert found.slippage_bps == 25
    assert found.slippage_dollars == D("0.25")


@pytest.mark.parametrize(
    ("what", "price", "bps", "dollars"),
    [
        pytest.param("sell 10 XYZ", "99.80", "20", "2.00", id="sold too low: a cost"),
        pytest.param("sell 10 XYZ", "100.05", "-5", "-0.50", id="sold higher: a gain"),
        pytest.param("buy 10 XYZ", "99.95", "-5", "-0.50", id="bought lower: a gain"),
        pytest.param("buy 10 XYZ", "100.00", "0", "0.00", id="at the mid: nothing"),
    ],
)
def test_the_sign_says_who_gained(
    traded: Traded, what: str, price: str, bps: str, dollars: str
) -> None:
    found = work(traded, what, ("99.90", "100.10"), f"10 @ {price}")
    assert found.slippage_bps == D(bps)
    assert found.slippage_dollars == D(dollars)


def test_a_block_that_did_not_trade_has_no_slippage(traded: Traded) -> None:
    found = work(
        traded, "sell 10 XYZ", ("99.90", "100.10"), "-", "-", "-", "-",
        state="failed", reason="the market order did not fill",
    )  # fmt: skip
    assert (found.vwap, found.slippage_bps, found.slippage_dollars) == (None, None, None)
    assert found.seconds is None
    assert (found.steps, found.order_types) == (4, ("limit", "market"))
    assert str(found) == "sell XYZ: failed, 0 of 10; the market order did not fill"
    assert "VWAP" not in found.as_metadata()


def test_a_block_without_a_quote_is_told_without_its_mid(traded: Traded) -> None:
    found = work(traded, "sell 10 XYZ", None, state="failed", reason="no valid quote: no quote")
    assert (found.arrival_mid, found.spread_bps, found.is_costly) == (None, None, False)


@pytest.mark.parametrize(
    ("what", "price", "costly"),
    [
        pytest.param("buy 1000 XYZ", "100.11", True, id="11 bps and 110 dollars"),
        pytest.param("sell 1000 XYZ", "99.89", True, id="a sale"),
        pytest.param("buy 1000 XYZ", "100.10", False, id="10 bps are allowed"),
        pytest.param("buy 900 XYZ", "100.11", False, id="99 dollars are allowed"),
        pytest.param("buy 1000 XYZ", "99.50", False, id="a gain"),
    ],
)
def test_what_is_costly(traded: Traded, what: str, price: str, costly: bool) -> None:
    shares = what.split()[1]
    assert work(traded, what, ("99.90", "100.10"), f"{shares} @ {price}").is_costly is costly


def test_the_cost_of_a_session_is_weighed_by_what_was_traded(traded: Traded) -> None:
    """+20 dollars on 10,000 and -0.50 on 1,000 at the mids; what did not trade does not count."""
    work(traded, "buy 100 XYZ", ("99.90", "100.10"), "100 @ 100.20")
    work(traded, "sell 10 ABC", ("99.90", "100.10"), "10 @ 100.05")
    work(traded, "buy 10 THIN", ("19.90", "20.10"), state="failed")
    day = moment(DAY).date()
    with traded.ledger.read() as connection:
        found = traded_blocks(connection, day, day)
    assert [block.symbol for block in found] == ["ABC", "THIN", "XYZ"]
    cost = cost_of(found)
    assert (cost.dollars, cost.traded, cost.arrived) == (D("19.50"), D("11020.50"), D(11_000))
    assert cost.bps == pytest.approx(D("17.727"), abs=D("0.001"))
    assert cost_of([]).bps is None


def test_a_cross_saves_the_spread_of_both_sides(traded: Traded) -> None:
    """6 shares at a quote of 99.90 / 100.10: 6 x 0.20."""
    session = traded.begin(DAY)
    with traded.ledger.write() as connection:
        connection.execute(
            insert(crosses).values(
                cross_id="x", session=session, symbol="XYZ", quantity=D(6), price=D(100),
                bid=D("99.90"), ask=D("100.10"), crossed_at=moment(DAY),
            )
        )  # fmt: skip
        (cross,) = crossed_shares(connection, session, session)
    assert cross.saved_spread == D("1.20")
    assert cross.spread_bps == 20


def test_case_64_an_order_of_two_books_is_one_order_and_each_has_its_part(traded: Traded) -> None:
    """100 at 100.05 and a mid of 100.00: 5.00 dollars, 60 shares of `a` and 40 of `b`."""
    session = traded.begin(DAY)
    with traded.ledger.write() as connection:
        add_order(
            connection, "o", "buy 100 XYZ", notional="10005", session=session,
            allocations={"a": "60", "b": "40"},
        )  # fmt: skip
        connection.execute(update(blocks).values(arrival_bid=D("99.95"), arrival_ask=D("100.05")))
    made = [
        Execution("x1", D(30), D(30), D("100.05"), moment(DAY)),
        Execution("x2", D(70), D(100), D("100.05"), moment(DAY) + timedelta(seconds=9)),
    ]
    post_executions(traded.ledger, "o", made)
    with traded.ledger.read() as connection:
        found = traded_blocks(connection, session, session)
    (order,) = orders_of(found)
    assert [(part.book, part.shares) for part in order.parts] == [("a", D(60)), ("b", D(40))]
    assert (order.filled, order.seconds) == (D(100), 9.0)
    assert slippage_of([order]).cost.dollars == D("5.00")
    assert {book: own.cost.dollars for book, own in by_book([order]).items()} == {
        "a": D("3.00"), "b": D("2.00"),
    }  # fmt: skip


def test_the_price_that_was_planned_at_is_kept_beside_that_of_the_arrival(traded: Traded) -> None:
    session = traded.begin(DAY)
    with traded.ledger.write() as connection:
        connection.execute(
            insert(prices).values(
                session=session, symbol="XYZ", price=D("99.90"), bid=D("99.80"), ask=D(100),
                quoted_at=moment(DAY),
            )
        )  # fmt: skip
    assert work(traded, "buy 1 XYZ", ("99.90", "100.10"), "1 @ 100").decision_mid == D("99.90")
    assert work(traded, "buy 1 ABC", ("99.90", "100.10"), "1 @ 100").decision_mid is None


def test_a_range_of_sessions_and_a_symbol(traded: Traded) -> None:
    for day in (2, 3, 4):
        traded.trade(day, "a buy 10 XYZ @ 12")
        traded.trade(day, "b buy 10 ABC @ 12")
    with traded.ledger.read() as connection:
        first, last = moment(3).date(), moment(4).date()
        found = traded_blocks(connection, first, last)
        assert [(block.session.day, block.symbol) for block in found] == [
            (3, "ABC"), (3, "XYZ"), (4, "ABC"), (4, "XYZ"),
        ]  # fmt: skip
        only = traded_blocks(connection, first, last, symbol="XYZ")
        assert [block.session.day for block in only] == [3, 4]
        assert all(block.symbol == "XYZ" and len(block.orders) == 1 for block in only)
        assert traded_blocks(connection, last, first) == []


def test_however_many_blocks_the_ledger_is_asked_four_times(traded: Traded) -> None:
    for day in (2, 3, 4, 5, 6):
        traded.trade(day, "a buy 10 XYZ @ 12")
        traded.trade(day, "b buy 10 ABC @ 12")
    asked: list[str] = []
    with traded.ledger.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append(given[2]))
        assert len(traded_blocks(connection, moment(2).date(), moment(6).date())) == 10
    assert sum(text.startswith("SELECT") for text in asked) == 4
