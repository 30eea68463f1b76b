"""The lots an operator names to be sold first."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, update

from alchemiser_dagster.ledger.lot_choices import choose_lots, chosen_lots
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.schema import books, lots
from alchemiser_dagster.ledger.store import Ledger, LedgerError

SESSION = date(2026, 11, 3)
AT = datetime(2026, 11, 3, 21, tzinfo=UTC)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """Book `a` with lots A, B, C of XYZ and G of GLD; book `b` with lot D of XYZ."""
    ledger = Ledger.at(tmp_path / "ledger.db")
    with ledger.write() as connection:
        for book in ("a", "b"):
            connection.execute(
                insert(books).values(book=book, allocation=Decimal("0.5"), opened_session=SESSION)
            )
        of = {"A": "a XYZ", "B": "a XYZ", "C": "a XYZ", "G": "a GLD", "D": "b XYZ"}
        for n, (lot, whose) in enumerate(of.items()):
            book, symbol = whose.split()
            open_other_lot(
                connection, lot_id=lot, book=book, symbol=symbol, session=SESSION,
                at=AT + timedelta(seconds=n), quantity=Decimal(5), price=Decimal(10),
                cost=Decimal(50),
            )  # fmt: skip
        yield connection
    ledger.close()


def test_the_lots_named_come_in_the_order_named(connection: Connection) -> None:
    assert chosen_lots(connection, "a", "XYZ") == []
    choose_lots(connection, "a", "XYZ", ["C", "A"], at=AT)
    assert chosen_lots(connection, "a", "XYZ") == ["C", "A"]


def test_a_choice_replaces_the_one_before_and_no_other_symbols(connection: Connection) -> None:
    choose_lots(connection, "a", "GLD", ["G"], at=AT)
    choose_lots(connection, "a", "XYZ", ["C", "A"], at=AT)
    choose_lots(connection, "a", "XYZ", ["B", "C"], at=AT)
    assert chosen_lots(connection, "a", "XYZ") == ["B", "C"]
    choose_lots(connection, "a", "XYZ", [], at=AT)
    assert chosen_lots(connection, "a", "XYZ") == []
    assert chosen_lots(connection, "a", "GLD") == ["G"]


def test_a_lot_that_is_sold_out_drops_out_until_its_sale_is_undone(connection: Connection) -> None:
    choose_lots(connection, "a", "XYZ", ["C", "A"], at=AT)
    sold = update(lots).where(lots.c.lot_id == "C")
    connection.execute(sold.values(quantity=Decimal(0)))
    assert chosen_lots(connection, "a", "XYZ") == ["A"]
    connection.execute(sold.values(quantity=Decimal(2)))
    assert chosen_lots(connection, "a", "XYZ") == ["C", "A"]


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        (["A", "D"], r"expected an open lot of XYZ in a \(A, B, C\), was D"),
        (["G"], "was G"),
        (["Z"], "was Z"),
        (["A", "B", "A"], "expected each lot once, was A B A"),
    ],
    ids=["of another book", "of another symbol", "of nobody", "named twice"],
)
def test_a_lot_that_cannot_be_chosen_changes_nothing(
    connection: Connection, chosen: list[str], says: str
) -> None:
    choose_lots(connection, "a", "XYZ", ["B"], at=AT)
    with pytest.raises(LedgerError, match=says):
        choose_lots(connection, "a", "XYZ", chosen, at=AT)
    assert chosen_lots(connection, "a", "XYZ") == ["B"]


def test_a_lot_sold_out_cannot_be_chosen(connection: Connection) -> None:
    connection.execute(update(lots).where(lots.c.book == "a").values(quantity=Decimal(0)))
    with pytest.raises(LedgerError, match="it has none"):
        choose_lots(connection, "a", "XYZ", ["A"], at=AT)
