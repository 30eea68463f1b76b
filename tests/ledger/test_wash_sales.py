"""A loss of book a, and what was bought of the same symbol around it."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from alchemiser_dagster.ledger.attribution import attribute
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.schema import fills, lot_exits, sessions
from alchemiser_dagster.ledger.store import Ledger
from alchemiser_dagster.ledger.wash_sales import wash_sales
from tests.ledger.traded import Traded, moment


@pytest.fixture
def traded(tmp_path: Path) -> Iterator[Traded]:
    made = Traded.at(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield made
    made.ledger.close()


def flagged(ledger: Ledger, day: int) -> list[tuple[str, Decimal, str, int]]:
    """(book, loss, book of the purchase, its day in November) of a session's wash sales."""
    with ledger.read() as connection:
        return [
            (flag.book, flag.loss, flag.replacement_book, flag.replacement_session.day)
            for flag in wash_sales(connection, date(2026, 11, day))
        ]


def test_a_loss_is_flagged_in_the_session_in_which_another_book_buys(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    traded.trade(4, "a sell 10 XYZ @ 88.00")
    traded.trade(4, "a buy 10 ABC @ 50.00")
    traded.trade(20, "b buy 5 XYZ @ 90.00")
    traded.trade(23, "b buy 5 ABC @ 50.00")
    assert flagged(traded.ledger, 4) == []
    assert flagged(traded.ledger, 20) == [("a", 120, "b", 20)]
    assert flagged(traded.ledger, 23) == []


def test_a_loss_is_flagged_in_its_session_when_shares_were_bought_before(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    traded.trade(4, "b buy 5 XYZ @ 99.00")
    traded.trade(5, "a sell 10 XYZ @ 88.00")
    assert flagged(traded.ledger, 4) == []
    assert flagged(traded.ledger, 5) == [("a", 120, "b", 4)]


def test_a_gain_is_not_flagged(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    traded.trade(4, "a sell 10 XYZ @ 101.00")
    traded.trade(5, "b buy 10 XYZ @ 101.00")
    assert flagged(traded.ledger, 5) == []


def test_shares_that_changed_books_were_neither_sold_nor_bought(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    traded.cross(4, "a to b 10 XYZ @ 88.00")
    assert flagged(traded.ledger, 4) == []
    traded.trade(5, "a buy 10 XYZ @ 88.00")
    assert flagged(traded.ledger, 5) == []
    traded.trade(6, "b sell 10 XYZ @ 80.00")
    assert flagged(traded.ledger, 6) == [("b", 80, "a", 5)]


def test_the_nearest_purchase_is_named_and_a_cross_is_none(traded: Traded) -> None:
    """b got 5 the day before, but out of a's own lot; what was bought was a's two lots."""
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    traded.trade(4, "a buy 5 XYZ @ 100.00")
    traded.cross(19, "a to b 5 XYZ @ 90.00")
    traded.trade(20, "a sell 10 XYZ @ 88.00")
    assert flagged(traded.ledger, 20) == [("a", 60, "a", 4), ("a", 60, "a", 3)]


def test_shares_that_an_operator_gave_to_a_book_were_not_bought(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    traded.trade(4, "a sell 10 XYZ @ 88.00")
    with traded.ledger.write() as connection:
        connection.execute(sessions.update().values(state="complete"))
        open_other_lot(
            connection, lot_id="found", book="unattributed", symbol="XYZ",
            session=date(2026, 9, 1), at=moment(4), quantity=Decimal(5), price=Decimal(90),
            cost=Decimal(450),
        )  # fmt: skip
        attribute(
            connection, book="b", symbol="XYZ", quantity=Decimal(5), price=Decimal(90),
            session=date(2026, 11, 5), at=moment(4),
        )  # fmt: skip
    assert flagged(traded.ledger, 5) == []


@pytest.mark.parametrize("undone", ["sell", "buy"])
def test_what_a_bust_undid_is_no_loss_and_no_purchase(traded: Traded, undone: str) -> None:
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    traded.trade(4, "a sell 10 XYZ @ 88.00")
    traded.trade(20, "b buy 5 XYZ @ 90.00")
    book = "a" if undone == "sell" else "b"
    with traded.ledger.write() as connection:
        fill = dict(
            connection.execute(
                select(fills).where(fills.c.side == undone, fills.c.book == book)
            ).one()._mapping
        )  # fmt: skip
        turned = {"quantity": -fill["quantity"], "cash": -fill["cash"], "execution_id": None}
        bust = fill | turned | {"fill_id": "bust", "busts": fill["fill_id"]}
        connection.execute(insert(fills).values(bust))
        exits = connection.execute(select(lot_exits).where(lot_exits.c.fill_id == fill["fill_id"]))
        for row in exits.all():
            turned = {name: -getattr(row, name) for name in ("quantity", "proceeds", "cost")}
            connection.execute(
                insert(lot_exits).values(dict(row._mapping) | turned | {"fill_id": "bust"})
            )
    assert flagged(traded.ledger, 20) == []
