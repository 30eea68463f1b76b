"""Executions that the venue takes back, of orders of ours and by hand."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from alchemiser_dagster.ledger.queries import exits_of, positions
from alchemiser_dagster.ledger.schema import UNALLOCATED, UNATTRIBUTED, fills
from tests.ledger.activity_lines import bust, by_hand, cash, holdings, is_sound, lots_of, post
from tests.ledger.activity_lines import traded as traded  # a fixture
from tests.ledger.traded import Traded, moment

D = Decimal


def test_a_purchase_taken_back_leaves_nothing_but_its_record(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    before = cash(traded)["a"]
    (done,) = post(traded, bust("b", "x.2026-11-03.XYZ.a", "-10 XYZ 120.00"))
    assert done.treatment == "bust of x.2026-11-03.XYZ.a: buy XYZ a -10"
    assert holdings(traded) == {}
    assert cash(traded)["a"] == before + 120 == 60_000
    with traded.ledger.read() as connection:
        undone, undoing = connection.execute(select(fills).order_by(fills.c.executed_at)).all()
        assert (undoing.busts, undoing.trade_id) == (undone.fill_id, undone.trade_id)
        assert (undoing.quantity, undoing.cash, undoing.session.day) == (-10, -120, 5)
        assert positions(connection, through=date(2026, 11, 4)) == {"a": {"XYZ": D(10)}}
        assert is_sound(connection)


def test_a_sale_taken_back_puts_shares_and_cost_into_their_lots(traded: Traded) -> None:
    traded.trade(2, "a buy 10 XYZ @ 10")
    traded.trade(3, "a buy 5 XYZ @ 12")
    traded.trade(4, "a sell 12 XYZ @ 15")
    post(traded, bust("b", "x.2026-11-04.XYZ.a", "12 XYZ -180.00"))
    assert lots_of(traded, "a") == [(10, 100), (5, 60)]
    assert cash(traded)["a"] == 60_000 - 160
    with traded.ledger.read() as connection:
        before = exits_of(connection, "a", through=date(2026, 11, 4))
        assert [row.proceeds - row.cost for row in before] == [50, 6]
        assert exits_of(connection, "a") == []
        assert is_sound(connection)


def test_a_purchase_taken_back_that_was_sold_in_part_comes_out_of_other_lots(
    traded: Traded,
) -> None:
    """A 10 @ 100 and B 20 @ 10; 4 of A are sold @ 110: realised 40, then 400."""
    traded.trade(2, "a buy 10 XYZ @ 100")
    traded.trade(3, "a buy 20 XYZ @ 10")
    traded.trade(4, "a sell 4 XYZ @ 110")
    post(traded, bust("b", "x.2026-11-02.XYZ.a", "-10 XYZ 1000.00"))
    assert lots_of(traded, "a") == [(16, 160)]
    with traded.ledger.read() as connection:
        assert sum(row.proceeds - row.cost for row in exits_of(connection, "a")) == 400
        assert is_sound(connection)


def test_shares_of_a_bust_that_the_book_has_not_any_more_are_missing_apart(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 10")
    traded.trade(4, "a sell 8 XYZ @ 15")
    post(traded, bust("b", "x.2026-11-03.XYZ.a", "-10 XYZ 100.00"))
    assert holdings(traded) == {"a": {"XYZ": D(2)}, UNATTRIBUTED: {"XYZ": D(-10)}}
    assert cash(traded)[UNATTRIBUTED] == 100
    with traded.ledger.read() as connection:
        assert is_sound(connection)


def test_shares_nobody_owned_whose_sale_is_taken_back_are_not_short_any_more(
    traded: Traded,
) -> None:
    """L05: 5 of 6 shares sold were the book's."""
    traded.trade(3, "a buy 5 XYZ @ 10")
    traded.trade(4, "a sell 6 XYZ @ 12")
    assert holdings(traded) == {UNATTRIBUTED: {"XYZ": D(-1)}}
    post(traded, bust("b", "x.2026-11-04.XYZ.a", "6 XYZ -72.00"))
    assert holdings(traded) == {"a": {"XYZ": D(5)}}
    assert cash(traded).get(UNATTRIBUTED, 0) == 0
    with traded.ledger.read() as connection:
        assert is_sound(connection)


def test_shares_nobody_owned_that_were_bought_back_by_hand_stay_so(traded: Traded) -> None:
    traded.trade(3, "a buy 5 XYZ @ 10")
    traded.trade(4, "a sell 6 XYZ @ 12")
    post(traded, by_hand("m", "buy 1 XYZ @ 13"))
    post(traded, bust("b", "x.2026-11-04.XYZ.a", "6 XYZ -72.00"))
    assert holdings(traded) == {"a": {"XYZ": D(5)}, UNATTRIBUTED: {"XYZ": D(1)}}
    assert cash(traded)[UNATTRIBUTED] == -13
    with traded.ledger.read() as connection:
        assert is_sound(connection)


def test_a_bust_of_the_same_day_comes_after_what_it_takes_back(traded: Traded) -> None:
    """The broker gives only the day of a bust."""
    traded.trade(3, "a buy 10 XYZ @ 12")
    post(traded, bust("b", "x.2026-11-03.XYZ.a", "-10 XYZ 120.00", day=3))
    with traded.ledger.read() as connection:
        times = connection.execute(select(fills.c.executed_at)).scalars().all()
    assert times == [moment(3), moment(3)]


def test_a_trade_by_hand_is_taken_back_whatever_the_order_of_the_lines(traded: Traded) -> None:
    post(traded, bust("b", "m", "-5 XYZ 50.00"), by_hand("m", "buy 5 XYZ @ 10"))
    assert holdings(traded) == {}
    assert cash(traded) == {"a": 60_000, "b": 40_000}


@pytest.mark.parametrize(
    ("what", "undoes"),
    [("-10 XYZ 120.00", "x.unknown"), ("-4 XYZ 48.00", "x.2026-11-03.XYZ.a")],
    ids=["of nothing in the books", "of a part"],
)
def test_a_bust_that_does_not_fit_moves_only_cash(traded: Traded, what: str, undoes: str) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    (done,) = post(traded, bust("b", undoes, what))
    assert done.treatment.startswith("not understood")
    assert holdings(traded) == {"a": {"XYZ": D(10)}}
    assert cash(traded)[UNALLOCATED] == D(what.split()[2])


def test_a_fill_is_taken_back_once_though_the_broker_says_so_twice(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 12")
    _, second = post(
        traded,
        bust("b1", "x.2026-11-03.XYZ.a", "-10 XYZ 120.00"),
        bust("b2", "x.2026-11-03.XYZ.a", "-10 XYZ 120.00"),
    )
    assert "was taken back before" in second.treatment
    assert cash(traded) == {"a": 60_000, "b": 40_000, UNALLOCATED: 120}
