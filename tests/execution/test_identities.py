"""Two sessions of books a and b, and what is found when one of the records is made untrue."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, delete, insert, update

from alchemiser_dagster.books.booking import LotPolicy
from alchemiser_dagster.books.performance import PriceMissing
from alchemiser_dagster.execution.identities import (
    books_not_rebuilt,
    cash_identity,
    journal_broken,
    pnl_identity,
)
from alchemiser_dagster.execution.reconciliation import NotTraded
from alchemiser_dagster.execution.resolution import reconcile
from alchemiser_dagster.ledger.account_activity import AccountActivity
from alchemiser_dagster.ledger.activity_posting import post_activities
from alchemiser_dagster.ledger.journal import enter
from alchemiser_dagster.ledger.opening import BookTerms, open_books
from alchemiser_dagster.ledger.queries import Snapshot, book_cash, open_lots
from alchemiser_dagster.ledger.schema import (
    cash_entries,
    fills,
    journal,
    lot_exits,
    lots,
)
from tests.execution.ended import end, two_sessions
from tests.ledger.traded import INCEPTION, Traded, moment


@pytest.fixture
def traded(tmp_path: Path) -> Iterator[Traded]:
    made = Traded.at(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield made
    made.ledger.close()


def test_the_account_earns_what_its_books_earn(traded: Traded) -> None:
    two_sessions(traded)
    with traded.ledger.read() as connection:
        assert pnl_identity(connection, moment(3).date()) is None
        found = pnl_identity(connection, moment(4).date())
        crossed = pnl_identity(connection, moment(5).date())
    assert found is not None
    assert crossed is not None
    # a sold 4 at 102.50 and holds 6 at 103.00, which were all worth 101.00 the session before.
    assert str(found.books["a"].pnl.quantize(Decimal("0.01"))) == "18.00"
    assert found.books["b"].pnl == 0
    assert found.account.flows == 5_000
    assert (found.since, found.gap, found.holds) == (moment(3).date(), 0, True)
    assert crossed.holds
    assert crossed.gap == 0


def test_a_deposit_that_no_book_was_given_shows_as_a_gap(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    end(traded, 3, XYZ="101.00")
    end(traded, 4, equity="105010", XYZ="101.00")
    with traded.ledger.read() as connection:
        found = pnl_identity(connection, moment(4).date())
    assert found is not None
    assert (found.gap, found.holds) == (5_000, False)


@pytest.mark.parametrize(("equity", "holds"), [("100062.50", True), ("100062.60", False)])
def test_a_gap_is_let_pass_up_to_five_basis_points(
    traded: Traded, equity: str, holds: bool
) -> None:
    """Of 100,062.50 five basis points are 50.03; the books say 100,012.50."""
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    end(traded, 3, XYZ="101.25")
    end(traded, 4, equity=equity, XYZ="101.25")
    with traded.ledger.read() as connection:
        found = pnl_identity(connection, moment(4).date())
    assert found is not None
    assert found.holds is holds


def test_a_book_that_cannot_be_valued_is_no_book_without_a_gap(traded: Traded) -> None:
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    end(traded, 3, XYZ="101.00")
    end(traded, 4)
    with traded.ledger.read() as connection, pytest.raises(PriceMissing, match="XYZ"):
        pnl_identity(connection, moment(4).date())


def test_cash_of_the_books_is_the_brokers(traded: Traded) -> None:
    two_sessions(traded)
    with traded.ledger.read() as connection:
        found = cash_identity(connection, moment(4).date())
    assert found.holds
    assert found.broker == Decimal("100000") - 1000 + 410 - 515 + 5000
    assert found.residual == 0


def test_cash_that_the_books_have_not_is_found(traded: Traded) -> None:
    two_sessions(traded)
    with traded.ledger.write() as connection:
        row = {
            "book": "a", "session": moment(4).date(), "kind": "fee", "source_id": "F1",
            "amount": Decimal("-0.02"), "at": moment(4),
        }  # fmt: skip
        enter(connection, cash_entries, row)
    with traded.ledger.read() as connection:
        found = cash_identity(connection, moment(4).date())
        assert cash_identity(connection, moment(3).date()).holds
    assert not found.holds
    assert found.broker - found.books == Decimal("0.02")


def test_a_session_that_was_not_traded_to_its_end_has_no_identity(traded: Traded) -> None:
    with traded.ledger.read() as connection:
        for identity in (cash_identity, pnl_identity):
            with pytest.raises(NotTraded):
                identity(connection, INCEPTION)


@pytest.mark.parametrize("policy", [LotPolicy.FIFO, LotPolicy.LIFO, LotPolicy.HIFO])
def test_the_books_are_those_that_the_journal_gives(tmp_path: Path, policy: LotPolicy) -> None:
    traded = Traded.at(f"sqlite:///{tmp_path / 'ledger.db'}", policy=policy)
    two_sessions(traded)
    traded.trade(6, "a buy 3 XYZ @ 90.00")
    traded.trade(9, "a sell 5 XYZ @ 95.00")
    session = traded.begin(10)
    reported = [
        AccountActivity(
            "M1", "FILL", session, moment(9), symbol="XYZ", quantity=Decimal(3),
            price=Decimal(96), side="sell",
        ),
        AccountActivity(
            "M2", "FILL", session, moment(10), symbol="XYZ", quantity=Decimal(5),
            price=Decimal(97), side="buy",
        ),
        AccountActivity("S1", "SPLIT", date(2026, 11, 11), moment(10), "XYZ", Decimal(11)),
        AccountActivity("D1", "DIV", session, moment(10), "XYZ", amount=Decimal("1.23")),
    ]  # fmt: skip
    done = post_activities(traded.ledger, reported, session=session, at=moment(10))
    assert not any("not understood" in one.treatment for one in done)
    with traded.ledger.write() as connection:
        held = {"XYZ": Decimal("22.5"), "NEW": Decimal(3)}
        cash = sum(book_cash(connection).values(), Decimal(0)) - Decimal("0.10")
        seen = Snapshot(moment(10), cash, Decimal(100_000), held)
        prices = {"XYZ": Decimal(95), "NEW": Decimal(20)}
        found = reconcile(connection, seen, session=session, kind="before", prices=prices)
    assert [str(item.classification) for item in found] == ["unexpected", "orphan_long", "residual"]
    with traded.ledger.read() as connection:
        assert books_not_rebuilt(connection) == []
        assert journal_broken(connection) == []
    traded.ledger.close()


def test_a_book_may_choose_other_lots_from_some_day_on(traded: Traded) -> None:
    """Under FIFO the older lot goes first, under HIFO the dearer one."""
    traded.trade(3, "a buy 10 XYZ @ 100.00")
    traded.trade(4, "a buy 10 XYZ @ 120.00")
    policies = [LotPolicy.FIFO, LotPolicy.HIFO, LotPolicy.FIFO, LotPolicy.HIFO]
    for day, policy in enumerate(policies, start=5):
        terms = {"a": BookTerms(Decimal("0.6"), policy)}
        open_books(traded.ledger, terms, session=moment(day).date(), at=moment(day))
        traded.trade(day, "a sell 2 XYZ @ 110.00")
    with traded.ledger.read() as connection:
        assert [lot.quantity for lot in open_lots(connection, book="a")] == [6, 6]
        assert books_not_rebuilt(connection) == []
    with traded.ledger.write() as connection:
        # A ledger from before policies were journaled: all books were FIFO then.
        connection.execute(
            delete(journal).where(journal.c.kind == "books", journal.c.sequence < 10)
        )
        assert books_not_rebuilt(connection) == []


def changed(table: Table, **values: object) -> Callable[[Connection], None]:
    """Somebody changes every row of a table."""

    def change(connection: Connection) -> None:
        connection.execute(update(table).values(**values))

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed(lots, quantity=Decimal(1)), "a, shares of XYZ: recorded 1.000000000, rebuilt 4"),
        (changed(lots, cost=Decimal(1)), "cost: recorded 1.00, rebuilt 400.00"),
        (changed(lot_exits, proceeds=Decimal(1)), "proceeds: recorded 1.00, rebuilt 410.00"),
        (changed(lot_exits, cost=Decimal(0)), "a, realised: recorded"),
        (changed(cash_entries, amount=Decimal(5)), "a, cash: recorded"),
        (
            lambda connection: connection.execute(delete(journal).where(journal.c.sequence == 8)),
            "the books cannot be rebuilt from the journal",
        ),
    ],
    ids=["shares of a lot", "cost of a lot", "proceeds", "cost of an exit", "cash", "first fill"],
)
def test_books_that_were_changed_are_not_those_of_the_journal(
    traded: Traded, change: Callable[[Connection], None], said: str
) -> None:
    two_sessions(traded)
    with traded.ledger.write() as connection:
        change(connection)
    with traded.ledger.read() as connection:
        found = books_not_rebuilt(connection)
    assert any(said in line for line in found), found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed(fills, price=Decimal(1)), "expected price 100.00, as it was journaled, was 1.00"),
        (changed(fills, book="b"), "expected book a, as it was journaled, was b"),
        (
            lambda connection: connection.execute(
                delete(cash_entries).where(cash_entries.c.kind == "deposit")
            ),
            "row (deposit, CSD1, a): is in the journal and not in the table",
        ),
        (
            lambda connection: connection.execute(
                insert(cash_entries).values(
                    book="a", session=INCEPTION, kind="interest", source_id="I1",
                    amount=Decimal(1000), at=moment(5),
                )
            ),
            "row (interest, I1, a): is in the table and not in the journal",
        ),
        (
            lambda connection: connection.execute(delete(journal).where(journal.c.sequence == 4)),
            "expected entry 4, was 5: entries are missing",
        ),
        (changed(journal, payload="[]"), "was changed after it was written"),
    ],
    ids=["a price", "a book", "an entry lost", "an entry more", "journal cut", "journal changed"],
)  # fmt: skip
def test_what_was_changed_behind_the_journals_back_is_found(
    traded: Traded, change: Callable[[Connection], None], said: str
) -> None:
    two_sessions(traded)
    with traded.ledger.write() as connection:
        change(connection)
    with traded.ledger.read() as connection:
        found = journal_broken(connection)
    assert any(said in line for line in found), found
