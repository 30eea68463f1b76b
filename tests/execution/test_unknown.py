"""An order whose outcome nobody knows: it is looked for, and sent again under the same id only.

lost after it was accepted     found by its id, and adopted
lost before it was accepted    not found by five looks in ten seconds, so sent again
accepted late                  the broker refuses the second one: "must be unique", so adopted
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from alchemiser_dagster.execution.settlement import SessionReport
from alchemiser_dagster.ledger.schema import orders
from alchemiser_dagster.market.sessions import session_close

from .conftest import FIRST, SECOND
from .scripted import ORDER, ScriptedDay

D = Decimal
CLOSE = session_close(FIRST)
FIRST_ORDER = "e.20261103.0.n2.XYZ.B.a1.s1"
BY_CLIENT_ID = {"path": "/v2/orders:by_client_order_id"}
ORDER_LIST = {"method": "GET", "path": "/v2/orders"}
NOT_FOUND = {"code": 40410000, "message": "order not found"}
NOT_UNIQUE = {"code": 42210000, "message": "client_order_id must be unique"}
GATEWAY_TIMEOUT = {"action": "status", "status": 504, "body": "html"}


@pytest.fixture
def day() -> ScriptedDay:
    """One book, `a`, with 20,000 dollars; XYZ is quoted 100.00/100.20 and fills by the script."""
    day = ScriptedDay.open(cash="20_000", books={"a": "1"})
    day.hold("XYZ", "100.00/100.20")
    return day


def buy(day: ScriptedDay) -> SessionReport:
    return day.trade(FIRST, {"a": day.want("a", XYZ="100")})


def hide(day: ScriptedDay, *, looks: int) -> None:
    """So many looks for the first order find nothing, although it is there."""
    day.fault(
        stage="after_commit", action="drop_item", match=ORDER_LIST, times=looks,
        field="client_order_id", value=FIRST_ORDER,
    )  # fmt: skip
    day.fault(action="status", status=404, body=NOT_FOUND, match=BY_CLIENT_ID, times=looks)


def states(day: ScriptedDay) -> list[tuple[str, str]]:
    """(client id, state) of every order in the ledger."""
    with day.desk.ledger.read() as connection:
        rows = connection.execute(
            select(orders.c.client_order_id, orders.c.state).order_by(orders.c.submitted_at)
        )
        return [(row.client_order_id, row.state) for row in rows]


@pytest.mark.parametrize(
    "lost",
    [
        {"action": "reset"},
        {"action": "hang", "seconds": 30},
        {"action": "truncate_body"},
        {"action": "bad_json"},
        GATEWAY_TIMEOUT,
        {"action": "status", "status": 500},
        {"action": "status", "status": 200, "body": "html"},
        {"action": "status", "status": 403, "body": "html"},
        {"action": "status", "status": 429},
    ],
    ids=["reset", "timeout", "cut", "not JSON", "504", "500", "200 HTML", "403 HTML", "429"],
)
def test_x15_an_order_accepted_without_an_answer_is_adopted(
    day: ScriptedDay, lost: dict[str, object]
) -> None:
    """It is found by its id; the broker has exactly one order, and was sent exactly one."""
    fault = day.fault(stage="after_commit", match=ORDER, times=1, **lost)
    day.fill(FIRST_ORDER, "100", after=5)
    assert buy(day).outcome == "success"
    assert fault.fired == 1
    assert day.sent() == [FIRST_ORDER]
    assert day.orders("XYZ") == ["a1.s1 buy 100 at 100.10: filled, 100 filled"]
    assert states(day) == [(FIRST_ORDER, "filled")]


@pytest.mark.parametrize(
    "lost",
    [{"action": "reset"}, {"action": "hang", "seconds": 30}, GATEWAY_TIMEOUT],
    ids=["reset", "timeout", "504"],
)
def test_x16_an_order_that_never_arrived_is_sent_again_under_its_own_id(
    day: ScriptedDay, lost: dict[str, object]
) -> None:
    """Five looks over ten seconds find nothing; then, and not before, it is sent once more."""
    day.fault(match=ORDER, times=1, **lost)
    looks = day.fault(action="delay", seconds=0, match=BY_CLIENT_ID)
    day.fill(FIRST_ORDER, "100", after=5)
    assert buy(day).outcome == "success"
    assert day.sent() == [FIRST_ORDER, FIRST_ORDER]
    assert looks.fired == 5
    (order,) = day._orders()
    assert order.created_at - (CLOSE - timedelta(minutes=15)) >= timedelta(seconds=10)
    assert day.orders("XYZ") == ["a1.s1 buy 100 at 100.10: filled, 100 filled"]


def test_x16_it_is_looked_for_ten_seconds_however_often(day: ScriptedDay) -> None:
    """News from the broker's stream ends every pause early: that is no reason to send again."""
    day.desk.gateway.wait_for_news = lambda _: day.script.wait(0.25)
    day.fault(match=ORDER, times=1, action="reset")
    day.fill(FIRST_ORDER, "100", after=5)
    assert buy(day).outcome == "success"
    (order,) = day._orders()
    assert order.created_at - (CLOSE - timedelta(minutes=15)) >= timedelta(seconds=10)


def test_x16_the_second_is_refused_as_a_duplicate_and_the_first_adopted(
    day: ScriptedDay,
) -> None:
    """It was accepted all along, but five looks did not show it."""
    day.fault(stage="after_commit", match=ORDER, times=1, action="reset")
    hide(day, looks=5)
    day.fill(FIRST_ORDER, "100", after=12)
    assert buy(day).outcome == "success"
    assert day.sent() == [FIRST_ORDER, FIRST_ORDER]
    assert day.orders("XYZ") == ["a1.s1 buy 100 at 100.10: filled, 100 filled"]
    assert day.held("a", "XYZ") == 100


def test_x16_an_order_accepted_after_its_sender_gave_up_is_the_same_order(
    day: ScriptedDay,
) -> None:
    """It hangs on its way for 25 seconds; meanwhile it was sent again."""
    day.fault(match=ORDER, times=1, action="delay", seconds=25)
    assert buy(day).books["a"][0] in ("failed", "partial")
    assert Counter(day.sent())[FIRST_ORDER] == 2
    first = [order for order in day._orders() if order.client_order_id == FIRST_ORDER]
    assert len(first) == 1


@pytest.mark.parametrize("code", [40010001, 42210000])
def test_x17_must_be_unique_is_no_refusal_but_a_hint_to_look(day: ScriptedDay, code: int) -> None:
    """As when a first answer of 504 was followed by a second POST: the order is there."""
    day.fault(
        stage="after_commit", action="status", status=422, match=ORDER, times=1,
        body={**NOT_UNIQUE, "code": code},
    )  # fmt: skip
    day.fill(FIRST_ORDER, "100", after=5)
    assert buy(day).outcome == "success"
    assert day.sent() == [FIRST_ORDER]
    assert states(day) == [(FIRST_ORDER, "filled")]


def test_orders_that_never_arrive_have_one_id_and_end_as_not_accepted(day: ScriptedDay) -> None:
    """The broker takes no order until the close: no new id is tried, and no step follows."""
    day.fault(match=ORDER, action="reset")
    report = buy(day)
    assert set(day.sent()) == {FIRST_ORDER}
    assert len(day.sent()) >= 2
    assert states(day) == [(FIRST_ORDER, "not_accepted")]
    assert report.books["a"][0] == "failed"
    assert report.outcome == "failure"
    assert day.differences() == []


def note_sending(day: ScriptedDay) -> list[datetime]:
    """When each order was sent, those that did not arrive too."""
    moments = []
    original = day.script.before

    def note(request: object) -> None:
        if getattr(request, "method", "") == "POST":
            moments.append(day.broker.now)
        original(request)  # type: ignore[arg-type]

    day.script.before = note  # type: ignore[method-assign]
    return moments


def test_nothing_is_sent_again_in_the_last_minute(day: ScriptedDay) -> None:
    moments = note_sending(day)
    day.fault(match=ORDER, action="reset")
    buy(day)
    assert max(moments) <= CLOSE - timedelta(seconds=60)


def test_nothing_is_sent_again_when_the_last_minute_began_during_the_look(
    day: ScriptedDay,
) -> None:
    """The fifth look begins 61 seconds before the close, and its answer takes eight."""
    moments = note_sending(day)
    day.fault(match=ORDER, action="reset")
    slow = day.fault(action="delay", seconds=8, match=BY_CLIENT_ID, when={"after": 4})
    wishes = {"a": day.want("a", XYZ="100")}
    assert day.trade(FIRST, wishes, seconds_left=75).books["a"][0] == "failed"
    assert slow.fired >= 1
    assert moments == [CLOSE - timedelta(seconds=75)]
    assert states(day)[0][1] == "not_accepted"


def test_an_order_is_sent_again_only_by_a_look_that_is_fresh(day: ScriptedDay) -> None:
    """The fifth look takes eight seconds: the sixth decides, by the rails and the time of then."""
    moments = note_sending(day)
    day.fault(match=ORDER, action="reset", times=1)
    day.fault(action="delay", seconds=8, match=BY_CLIENT_ID, when={"after": 4}, times=1)
    looks = day.fault(action="delay", seconds=0, match=BY_CLIENT_ID)
    day.fill(FIRST_ORDER, "100", after=5)
    assert buy(day).outcome == "success"
    assert looks.fired == 6
    assert len(moments) == 2


def test_an_unknown_order_that_filled_is_posted_and_not_repeated(day: ScriptedDay) -> None:
    """It filled whole while nobody could see it."""
    day.fault(stage="after_commit", match=ORDER, times=1, action="reset")
    hide(day, looks=3)
    day.fill(FIRST_ORDER, "100", after=1)
    assert buy(day).outcome == "success"
    assert day.sent() == [FIRST_ORDER]
    assert day.held("a", "XYZ") == 100


def test_a_symbol_in_doubt_does_not_keep_the_others(day: ScriptedDay) -> None:
    day.fault(match={**ORDER, "symbol": "XYZ"}, action="reset")
    day.trade(FIRST, {"a": day.want("a", XYZ="50", ABC="100")})
    assert day.held("a", "ABC") == 100
    assert {name for name in day.sent() if ".XYZ." in name} == {FIRST_ORDER}


def test_a_doubt_left_by_a_death_is_cleared_by_the_next_run(day: ScriptedDay) -> None:
    """Killed between the POST and its answer; the next session finds what it filled."""

    class Killed(BaseException):
        pass

    def kill() -> None:
        raise Killed

    day.begin(FIRST, {"a": day.want("a", XYZ="100")})
    day.fill(FIRST_ORDER, "100", after=3)
    really: Callable[..., object] = day.desk.gateway.submit

    def submit(**order: object) -> None:
        really(**order)
        kill()

    day.desk.gateway.submit = submit  # type: ignore[method-assign, assignment]
    with pytest.raises(Killed):
        day.finish(FIRST)
    assert states(day) == [(FIRST_ORDER, "intended")]
    day.desk.gateway.submit = really  # type: ignore[method-assign, assignment]
    day.script.wait(3600)
    day.trade(SECOND, {"a": day.want("a")})
    assert states(day) == [(FIRST_ORDER, "filled")]
    assert day.sent() == [FIRST_ORDER]
    assert day.held("a", "XYZ") == 100
    assert day.differences() == []
