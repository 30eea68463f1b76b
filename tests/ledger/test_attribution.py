"""Shares that no strategy bought are given to a book, at a price it pays."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, update

from alchemiser_dagster.ledger.attribution import attribute
from alchemiser_dagster.ledger.journal import entries, verify
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.queries import book_cash, external_flows, open_lots, positions
from alchemiser_dagster.ledger.schema import (
    UNALLOCATED,
    UNATTRIBUTED,
    books,
    cash_entries,
    lot_adjustments,
    sessions,
)
from alchemiser_dagster.ledger.store import Ledger, LedgerError

BEFORE, SESSION = date(2026, 11, 2), date(2026, 11, 3)
AT = datetime(2026, 11, 2, 22, tzinfo=UTC)
FOUND = [("found.1", "8", "10.00", "80.00"), ("found.2", "4", "13.00", "52.00")]


def found_shares(
    ledger: Ledger, lots: list[tuple[str, str, str, str]], *, cash: str = "600"
) -> None:
    """Book `a` with cash; `unattributed` with lots of XYZ: (id, shares, price, cost)."""
    with ledger.write() as connection:
        for book in (UNALLOCATED, UNATTRIBUTED, "a"):
            connection.execute(
                insert(books).values(book=book, allocation=Decimal("0.6"), opened_session=BEFORE)
            )
        connection.execute(
            insert(cash_entries).values(
                book="a", session=BEFORE, kind="opening", source_id="a", amount=Decimal(cash), at=AT
            )
        )
        for n, (lot, quantity, price, cost) in enumerate(lots):
            open_other_lot(
                connection, lot_id=lot, book=UNATTRIBUTED, symbol="XYZ", session=BEFORE,
                at=AT + timedelta(seconds=n), quantity=Decimal(quantity), price=Decimal(price),
                cost=Decimal(cost),
            )  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.at(tmp_path / "ledger.db")
    found_shares(ledger, FOUND)
    yield ledger
    ledger.close()


def give(connection: Connection, what: str, *, session: date = SESSION) -> str:
    """`what` is like "10 XYZ to a at 12.00"."""
    quantity, symbol, _, book, _, price = what.split()
    return attribute(
        connection, book=book, symbol=symbol, quantity=Decimal(quantity), price=Decimal(price),
        session=session, at=AT,
    )  # fmt: skip


def test_the_book_pays_for_the_shares_it_gets(ledger: Ledger) -> None:
    with ledger.write() as connection:
        lot_id = give(connection, "10 XYZ to a at 12.00")
    with ledger.read() as connection:
        (lot,) = open_lots(connection, book="a")
        assert lot.lot_id == lot_id
        assert [lot.quantity, lot.entry_price, lot.cost] == [10, 12, 120]
        (left,) = open_lots(connection, book=UNATTRIBUTED)
        assert left.lot_id == "found.2"
        assert [left.quantity, left.cost] == [2, 26]
        assert book_cash(connection) == {"a": 480, UNATTRIBUTED: 120}


def test_it_is_neither_capital_nor_profit(ledger: Ledger) -> None:
    with ledger.write() as connection:
        give(connection, "10 XYZ to a at 12.00")
        flows = external_flows(connection, "a")
        cash = book_cash(connection)["a"]
        cost = sum(lot.cost for lot in open_lots(connection, book="a"))
    assert cash + cost - flows == 0


def test_earlier_sessions_stay_as_they_were_published(ledger: Ledger) -> None:
    with ledger.read() as connection:
        before = positions(connection, through=BEFORE), book_cash(connection, through=BEFORE)
    with ledger.write() as connection:
        give(connection, "10 XYZ to a at 12.00")
    with ledger.read() as connection:
        after = positions(connection, through=BEFORE), book_cash(connection, through=BEFORE)
        assert positions(connection, through=SESSION) == {
            "a": {"XYZ": 10},
            UNATTRIBUTED: {"XYZ": 2},
        }
    assert after == before


def test_who_did_what_and_the_journal(ledger: Ledger) -> None:
    with ledger.write() as connection:
        give(connection, "10 XYZ to a at 12.00")
        rows = connection.execute(select(lot_adjustments).order_by(lot_adjustments.c.lot_id)).all()
        assert [(r.lot_id, r.kind, r.quantity, r.cost, r.actor, r.cause) for r in rows] == [
            ("found.1", "attribution", -8, -80, "operator", "given to a at 12.00"),
            ("found.2", "attribution", -2, -26, "operator", "given to a at 12.00"),
        ]
        kinds = [entry.kind for entry in entries(connection)]
        assert kinds == ["lots", "lots", "lot_adjustments", "lots", "cash_entries"]
        assert verify(connection) == []


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("12.000000001 XYZ to a at 12.00", "at most the 12.000000000 shares of XYZ in unattrib"),
        ("1 ABC to a at 12.00", "at most the 0 shares of ABC in unattributed, was 1"),
        ("0 XYZ to a at 12.00", "expected shares and a price above 0, was 0 at 12.00"),
        ("-1 XYZ to a at 12.00", "expected shares and a price above 0"),
        ("1 XYZ to a at 0", "expected shares and a price above 0"),
        ("1 XYZ to c at 12.00", r"expected a strategy's book \(a\), was c"),
        ("1 XYZ to unallocated at 12.00", "was unallocated"),
        ("1 XYZ to unattributed at 12.00", "was unattributed"),
        ("10 XYZ to a at 60.01", "at most the 600.00 dollars of cash in a, was 600.10"),
    ],
)
def test_what_cannot_be_given(ledger: Ledger, what: str, says: str) -> None:
    with pytest.raises(LedgerError, match=says), ledger.write() as connection:
        give(connection, what)
    with ledger.read() as connection:
        assert positions(connection) == {UNATTRIBUTED: {"XYZ": 12}}


def test_a_book_may_spend_its_last_cent(ledger: Ledger) -> None:
    with ledger.write() as connection:
        give(connection, "10 XYZ to a at 60.00")
        assert book_cash(connection)["a"] == 0


def test_not_while_a_session_is_under_way_and_not_into_the_past(ledger: Ledger) -> None:
    with ledger.write() as connection:
        connection.execute(
            insert(sessions).values(
                session=BEFORE, state="planned", opens_at=AT, closes_at=AT, started_at=AT
            )
        )
    under_way = pytest.raises(LedgerError, match="no session under way, was 2026-11-02")
    with under_way, ledger.write() as connection:
        give(connection, "1 XYZ to a at 12.00")
    with ledger.write() as connection:
        connection.execute(update(sessions).values(state="complete"))
        with pytest.raises(LedgerError, match="expected a session after 2026-11-02"):
            give(connection, "1 XYZ to a at 12.00", session=BEFORE)
        give(connection, "1 XYZ to a at 12.00")


shares = st.decimals("0.000000001", "1000", places=9)


@given(
    held=st.lists(st.tuples(shares, st.decimals("0", "5000", places=2)), min_size=1, max_size=4),
    part=st.decimals("0.01", "1", places=2),
    price=st.decimals("0.000001", "500", places=6),
)
def test_shares_and_cash_of_all_books_stay_what_they_were(
    held: list[tuple[Decimal, Decimal]], part: Decimal, price: Decimal
) -> None:
    total = sum((quantity for quantity, _ in held), Decimal(0))
    wanted = max((total * part).quantize(Decimal("0.000000001")), Decimal("0.000000001"))
    ledger = Ledger("sqlite://")
    lots = [(f"f{n}", str(q), "1", str(cost)) for n, (q, cost) in enumerate(held)]
    found_shares(ledger, lots, cash="10000000")
    with ledger.write() as connection:
        give(connection, f"{wanted:f} XYZ to a at {price:f}")
        cash = book_cash(connection)
        assert sum(cash.values()) == 10_000_000
        now = positions(connection)
        assert now["a"]["XYZ"] == wanted
        assert now.get(UNATTRIBUTED, {}).get("XYZ", Decimal(0)) == total - wanted
        for lot in open_lots(connection, book=UNATTRIBUTED):
            assert lot.quantity > 0
            assert lot.cost >= 0
        if wanted == total:
            assert open_lots(connection, book=UNATTRIBUTED) == []
    ledger.close()
