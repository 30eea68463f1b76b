"""An account that moves while books and broker are compared: nothing is booked twice."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from alchemiser_dagster.embedded.orders import OrderRequest
from alchemiser_dagster.execution import opening, phases, settlement
from alchemiser_dagster.execution.desk import Desk
from alchemiser_dagster.execution.resolution import TooEarly

from .conftest import FIRST, SECOND, wish
from .scripted import ScriptedDay

D = Decimal


def buy_by_hand(day: ScriptedDay, name: str = "by-hand") -> None:
    with day.broker.brokerage.unit():
        day.broker.brokerage.desk.submit(
            OrderRequest(
                symbol="THIN", side="buy", type="market", time_in_force="day",
                qty=D(2), notional=None, client_order_id=name,
            )
        )  # fmt: skip


def deposit(day: ScriptedDay) -> None:
    day.script.wait(1)
    day.control.move_cash(7)


@pytest.fixture
def day() -> ScriptedDay:
    """Books that want half of their money in XYZ, so that there is cash for others to use."""
    day = ScriptedDay.open()
    day.begin(FIRST, {"a": wish(XYZ="0.5"), "b": wish(XYZ="0.5")})
    phases.sell(day.desk, FIRST)
    day.size(FIRST)
    phases.buy(day.desk, FIRST)
    return day


def before_readings(
    monkeypatch: pytest.MonkeyPatch, happen: Callable[[], None], *, times: int
) -> None:
    """Have something happen just before the account is read: after its activities were."""
    really, left = opening.read_account, [times]

    def read(desk: Desk) -> object:
        if left[0] > 0:
            left[0] -= 1
            happen()
        return really(desk)

    monkeypatch.setattr(opening, "read_account", read)


@pytest.mark.parametrize("happen", [buy_by_hand, deposit])
def test_what_happens_between_activities_and_account_is_posted_once(
    day: ScriptedDay, monkeypatch: pytest.MonkeyPatch, happen: Callable[[ScriptedDay], None]
) -> None:
    """Shares of nobody, or a few dollars: it is posted as what it was, not as a difference."""
    before_readings(monkeypatch, lambda: happen(day), times=1)
    assert settlement.settle(day.desk, FIRST).breaks == ()
    assert day.disagreements() == []
    report = day.trade(SECOND, {"a": day.want("a"), "b": day.want("b")})
    assert report.breaks == ()
    assert day.disagreements() == []
    if happen is buy_by_hand:
        assert day.holdings()["unattributed"] == {"THIN": D(2)}


def test_an_account_that_never_rests_is_not_compared(
    day: ScriptedDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody trades at every look: the run ends without a verdict, and is to be run again."""
    names = iter(range(100))
    before_readings(monkeypatch, lambda: buy_by_hand(day, f"by-hand-{next(names)}"), times=5)
    with pytest.raises(TooEarly, match="expected an account at rest"):
        settlement.settle(day.desk, FIRST)
    assert settlement.settle(day.desk, FIRST).breaks == ()
    assert day.disagreements() == []
