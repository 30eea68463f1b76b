"""Splits: shares as the broker counts them, cost as it was paid."""

from datetime import date
from decimal import Decimal

from sqlalchemy import select

from alchemiser_dagster.ledger.queries import open_lots
from alchemiser_dagster.ledger.schema import lot_adjustments
from tests.ledger.activity_lines import cash_moved, holdings, is_sound, line, lots_of, post
from tests.ledger.activity_lines import traded as traded  # a fixture
from tests.ledger.traded import Traded

D = Decimal


def test_c12_a_split_multiplies_shares_and_leaves_cost(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 50")
    (done,) = post(traded, line("s", "SPLIT", symbol="XYZ", quantity="10", amount="0"))
    assert done.treatment == "split: XYZ from 10 shares to 20"
    with traded.ledger.read() as connection:
        (lot,) = open_lots(connection)
        assert (lot.quantity, lot.cost, lot.unit_cost) == (D(20), D(500), D(25))
        (row,) = connection.execute(select(lot_adjustments)).all()
        assert (row.kind, row.quantity, row.cost) == ("split", 10, 0)
        assert open_lots(connection, through=date(2026, 11, 4))[0].quantity == 10
        assert is_sound(connection)


def test_all_books_together_have_the_brokers_number_after_a_split(traded: Traded) -> None:
    """Three for two of 0.333333333 shares in each book, which the broker cuts."""
    traded.trade(3, "a buy 0.333333333 XYZ @ 50")
    traded.trade(3, "b buy 0.333333333 XYZ @ 50")
    post(traded, line("s", "SPLIT", symbol="XYZ", quantity="0.333333332"))
    assert sum(own["XYZ"] for own in holdings(traded).values()) == D("0.999999998")


def test_a_split_in_two_lines_is_one(traded: Traded) -> None:
    """The old shares go and the new ones come; they are listed in any order."""
    traded.trade(3, "a buy 10 XYZ @ 50")
    lines = [
        line("s1", "SPLIT", symbol="XYZ", quantity="1"),
        line("s2", "SPLIT", symbol="XYZ", quantity="-10"),
        line("s0", "SPLIT", symbol="ABC", quantity="3"),
    ]
    post(traded, *lines)
    assert lots_of(traded, "a") == [(1, 500)]
    assert post(traded, *lines) == []


def test_the_first_line_of_a_split_waits_for_the_second(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 50")
    gone = line("s1", "SPLIT", symbol="XYZ", quantity="-10")
    (done,) = post(traded, gone)
    assert done.warns
    assert "the new ones did not come" in done.treatment
    assert holdings(traded) == {"a": {"XYZ": D(10)}}
    post(traded, gone, line("s2", "SPLIT", symbol="XYZ", quantity="40"))
    assert lots_of(traded, "a") == [(40, 500)]


def test_cash_in_lieu_of_a_fraction_goes_to_those_who_held(traded: Traded) -> None:
    """One for ten of 15 shares: one share, and cash for the half."""
    traded.trade(3, "a buy 10 XYZ @ 1")
    traded.trade(3, "b buy 5 XYZ @ 1")
    moved = cash_moved(traded, line("s", "SPLIT", symbol="XYZ", quantity="-14", amount="3.00"))
    assert moved == {"a": 2, "b": 1}
    assert sum(own["XYZ"] for own in holdings(traded).values()) == 1
    assert cash_moved(traded, line("c", "CIL", symbol="XYZ", amount="0.30")) == {
        "a": D("0.20"),
        "b": D("0.10"),
    }


def test_a_split_of_what_nobody_holds_is_not_understood(traded: Traded) -> None:
    (done,) = post(traded, line("s", "SPLIT", symbol="XYZ", quantity="10"))
    assert done.warns
    assert done.treatment.startswith("not understood")
    assert holdings(traded) == {}
