"""What the broker says of an order, and what follows: only a status known to end it ends it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from alpaca.trading.enums import OrderStatus
from sqlalchemy import select

from alchemiser_dagster.execution.broker import ENDS, OrderState
from alchemiser_dagster.execution.wire import order_of
from alchemiser_dagster.ledger.queries import open_lots
from alchemiser_dagster.ledger.schema import orders
from alchemiser_dagster.market.sessions import session_close

from .conftest import FIRST
from .scripted import ORDER, ScriptedDay

CLOSE = session_close(FIRST)
READ_ORDERS = {"method": "GET", "path": "/v2/orders*"}


@pytest.fixture
def day() -> ScriptedDay:
    """One book, `a`, with 20,000 dollars; XYZ is quoted 100.00/100.20 and fills by the script."""
    day = ScriptedDay.open(cash="20_000", books={"a": "1"})
    day.hold("XYZ", "100.00/100.20")
    return day


def buy(day: ScriptedDay) -> str:
    """A session in which the book buys 100 XYZ; the book's outcome."""
    return day.trade(FIRST, {"a": day.want("a", XYZ="100")}).books["a"][0]


@pytest.mark.parametrize("failure", ["status", "reset", "bad_json"])
def test_x18_an_order_that_cannot_be_read_is_working_and_nothing_follows_it(
    day: ScriptedDay, failure: str
) -> None:
    """For a minute no order can be read. It is neither taken for rejected nor followed."""
    seen: list[str] = []

    def look() -> None:
        with day.desk.ledger.read() as connection:
            seen.extend(connection.execute(select(orders.c.state)).scalars())

    begins = CLOSE - timedelta(minutes=15)
    day.fault(
        action=failure, status=500, stage="after_commit", match=READ_ORDERS,
        when={"from": begins, "until": begins + timedelta(seconds=60)},
    )  # fmt: skip
    day.then("XYZ.B.a1.s1", look, after=50)
    day.fill("XYZ.B.a1.s1", "100", after=55)
    assert buy(day) == "traded"
    assert seen == ["working"]
    assert day.orders("XYZ") == ["a1.s1 buy 100 at 100.10: filled, 100 filled"]


@pytest.mark.parametrize("status", list(OrderStatus))
def test_x19_only_a_status_known_to_end_an_order_ends_it(status: OrderStatus) -> None:
    raw = {"id": "1", "client_order_id": "one", "status": status.value, "filled_qty": "0"}
    ends = {"filled", "canceled", "expired", "rejected", "replaced", "done_for_day"}
    assert order_of(raw).state.ended == (status.value in ends)
    assert set(ENDS) == ends


def test_x19_an_unknown_status_is_not_an_end() -> None:
    raw = {"id": "1", "client_order_id": "one", "status": "never_heard_of", "filled_qty": None}
    assert order_of(raw).state is OrderState.WORKING


@pytest.mark.parametrize("status", ["new", "accepted", "pending_new", "partially_filled", "held"])
def test_x19_an_order_is_working_whatever_the_answer_to_it_calls_it(
    day: ScriptedDay, status: str
) -> None:
    answered = day.fault(
        stage="after_commit", action="set_field", field="status", value=status, match=ORDER
    )
    day.fill("XYZ.B.a1.s1", "100", after=5)
    assert buy(day) == "traded"
    assert answered.fired == 1
    assert day.orders("XYZ") == ["a1.s1 buy 100 at 100.10: filled, 100 filled"]


def test_x20_a_filled_order_without_an_average_price_is_filled(day: ScriptedDay) -> None:
    """Prices are those of the executions, so a missing average can hurt nobody."""
    nameless = day.fault(
        stage="after_commit", action="null_field", field="filled_avg_price", match=READ_ORDERS
    )
    day.fill("XYZ.B.a1.s1", "100", after=5)
    assert buy(day) == "traded"
    assert nameless.fired >= 1
    with day.desk.ledger.read() as connection:
        (lot,) = open_lots(connection, book="a")
    assert [lot.quantity, lot.cost] == [Decimal(100), Decimal("10010.00")]
