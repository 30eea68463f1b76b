"""Trades that no order of ours made are the book `unattributed`'s."""

from decimal import Decimal

from alchemiser_dagster.ledger.schema import UNATTRIBUTED
from tests.ledger.activity_lines import by_hand, cash, holdings, is_sound, lots_of, post
from tests.ledger.activity_lines import traded as traded  # a fixture
from tests.ledger.traded import CASH, Traded

D = Decimal


def test_a_purchase_by_hand_is_unattributed_shares_and_cash(traded: Traded) -> None:
    (done,) = post(traded, by_hand("m", "buy 5 XYZ @ 10.50"))
    assert done.warns
    assert holdings(traded) == {UNATTRIBUTED: {"XYZ": D(5)}}
    assert lots_of(traded, UNATTRIBUTED) == [(5, D("52.50"))]
    assert cash(traded)[UNATTRIBUTED] == D("-52.50")
    assert sum(cash(traded).values()) == CASH - D("52.50")


def test_a_sale_by_hand_takes_unattributed_shares_first_then_is_short(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 10")
    post(traded, by_hand("m1", "buy 2 XYZ @ 10"), by_hand("m2", "buy 3 XYZ @ 11"))
    post(traded, by_hand("m3", "sell 8 XYZ @ 12"))
    assert lots_of(traded, UNATTRIBUTED) == [(-3, -36)]
    assert holdings(traded)["a"] == {"XYZ": D(10)}
    assert cash(traded)[UNATTRIBUTED] == 96 - 20 - 33
    post(traded, by_hand("m4", "buy 1 XYZ @ 11"))
    assert lots_of(traded, UNATTRIBUTED) == [(-2, -24)]
    post(traded, by_hand("m5", "buy 3 XYZ @ 11"))
    assert lots_of(traded, UNATTRIBUTED) == [(1, 11)]
    with traded.ledger.read() as connection:
        assert is_sound(connection)


def test_a_contract_by_hand_costs_a_hundred_times_its_price(traded: Traded) -> None:
    post(traded, by_hand("m", "buy 2 XYZ261120P00100000 @ 1.25"))
    assert cash(traded)[UNATTRIBUTED] == -250


def test_an_execution_of_ours_is_passed_over(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    assert post(traded, by_hand("x.2026-11-03.XYZ.a", "buy 10 XYZ @ 12", day=3)) == []
    assert holdings(traded) == {"a": {"XYZ": D(10)}}
