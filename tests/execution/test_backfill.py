"""The books made again from the broker's history, beside a ledger that is whole or damaged.

XYZ is at 100.00 and ABC at 50.00, a cent on each side; a has 60,000 dollars and b 40,000.
"""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import select

from alchemiser_dagster.embedded.orders import OrderRequest
from alchemiser_dagster.embedded.state import Position
from alchemiser_dagster.execution.backfill import backfill
from alchemiser_dagster.ledger.attribution import attribute
from alchemiser_dagster.ledger.book_totals import Totals, TotalsDifference
from alchemiser_dagster.ledger.errors import LedgerError
from alchemiser_dagster.ledger.opening import open_account
from alchemiser_dagster.ledger.queries import positions
from alchemiser_dagster.ledger.schema import UNATTRIBUTED, executions
from alchemiser_dagster.market.sessions import next_session, session_open

from .conftest import FIRST, SECOND
from .rebuilt import Rebuilt, damage, rebuilt, restored
from .scripted import ScriptedDay

D = Decimal
THIRD = next_session(SECOND)
FILLS = {"path": "/v2/account/activities/FILL", "method": "GET"}


@pytest.fixture
def day() -> ScriptedDay:
    return ScriptedDay.open()


@pytest.fixture
def books(day: ScriptedDay) -> Iterator[Rebuilt]:
    with rebuilt(day.desk) as made:
        yield made


@pytest.fixture(scope="module")
def traded_once() -> ScriptedDay:
    day = ScriptedDay.open()
    two_sessions(day)
    return day


@pytest.fixture
def traded(traded_once: ScriptedDay) -> Iterator[Rebuilt]:
    """Two sessions, and the books of their history; what is done to the ledger is undone."""
    with restored(traded_once.desk.ledger), rebuilt(traded_once.desk) as made:
        made.again()
        yield made


def two_sessions(day: ScriptedDay) -> None:
    """Both buy XYZ in one order; then a sells 40 of its 60, of which 10 go to b in a cross."""
    day.trade(FIRST, {"a": day.want("a", XYZ="60"), "b": day.want("b", XYZ="30", ABC="20")})
    day.trade(SECOND, {"a": day.want("a", XYZ="20"), "b": day.want("b", XYZ="40", ABC="5")})


def by_hand(day: ScriptedDay, name: str, side: str, shares: str, symbol: str = "XYZ") -> None:
    """Somebody sends an order to the broker, past the program."""
    with day.broker.brokerage.unit():
        day.broker.brokerage.desk.submit(
            OrderRequest(
                symbol=symbol, side=side, type="market", time_in_force="day", qty=D(shares),
                notional=None, client_order_id=name,
            )
        )  # fmt: skip
    day.broker.advance(1)


def test_a_whole_ledger_is_what_the_history_makes_of_it(traded_once: ScriptedDay) -> None:
    with rebuilt(traded_once.desk) as books:
        made = books.again()
        assert (made.problems, made.notes, made.foreign, made.recovered) == ((), (), (), ())
        assert (books.differences(), books.other_rows()) == ([], [])
        assert (books.cash_differences(), books.off_the_broker()) == ([], [])
        assert made.crosses == 1  # of which the broker knows nothing
        assert books.shares("a", "XYZ") == 20
        assert books.shares("b", "XYZ") == traded_once.held("b", "XYZ")


def test_l12_a_second_run_adds_nothing(traded: Rebuilt) -> None:
    before = traded.everything()
    assert traded.again().added == 0
    assert traded.everything() == before
    with rebuilt(traded.desk) as other:
        assert other.again().added > 0
        assert other.everything() == before


def test_l13_what_a_canceled_order_filled_is_found(day: ScriptedDay, books: Rebuilt) -> None:
    """37 of 100 fill before the order is taken back, and nothing after that."""
    day.hold("XYZ", "100.00/100.20")
    day.fill("XYZ.B.a1.s1", "37", after=5)
    day.trade(FIRST, {"a": day.want("a", XYZ="100")})
    assert day.orders("XYZ")[0] == "a1.s1 buy 100 at 100.10: canceled, 37 filled"
    books.again()
    assert books.shares("a", "XYZ") == 37
    damage(
        day.desk.ledger,
        "DELETE FROM fills WHERE symbol = 'XYZ'",
        "DELETE FROM executions",
        "DELETE FROM lots WHERE symbol = 'XYZ'",
    )
    (found,) = books.differences()
    assert (found.book, found.symbol) == ("a", "XYZ")
    assert (found.ledger, found.shadow) == (Totals(), Totals(D(37), D("3703.70"), D(0)))


def test_a_block_of_several_books_is_split_as_it_was(day: ScriptedDay, books: Rebuilt) -> None:
    """a wants 60 and b 30, in one order that fills 45: 30 and 15."""
    day.hold("XYZ", "100.00/100.20")
    day.fill("XYZ.B.a1.s1", "45", after=5)
    day.trade(FIRST, {"a": day.want("a", XYZ="60"), "b": day.want("b", XYZ="30")})
    damage(day.desk.ledger, "DELETE FROM lots WHERE book = 'b'")
    books.again()
    assert (books.shares("a", "XYZ"), books.shares("b", "XYZ")) == (30, 15)
    assert [(one.book, one.symbol) for one in books.differences()] == [("b", "XYZ")]
    assert books.off_the_broker() == []


DAMAGES = {
    "an execution": (
        "DELETE FROM lots WHERE lot_id IN (SELECT fill_id FROM fills WHERE symbol = 'ABC' AND "
        "side = 'buy')",
        "DELETE FROM lot_exits WHERE fill_id IN (SELECT fill_id FROM fills WHERE symbol = 'ABC')",
        "DELETE FROM executions WHERE execution_id IN (SELECT execution_id FROM fills WHERE "
        "symbol = 'ABC')",
        "DELETE FROM fills WHERE symbol = 'ABC'",
    ),
    "a lot": ("DELETE FROM lots WHERE symbol = 'ABC'",),
    "shares of a lot": ("UPDATE lots SET quantity = quantity - 1 WHERE symbol = 'ABC'",),
    "a cost": ("UPDATE lots SET cost = cost + 1 WHERE symbol = 'ABC'",),
    "an exit": ("UPDATE lot_exits SET proceeds = 0 WHERE lot_id IN "
                "(SELECT lot_id FROM lots WHERE symbol = 'ABC')",),
}  # fmt: skip


@pytest.mark.parametrize("statements", DAMAGES.values(), ids=list(DAMAGES))
def test_what_was_damaged_is_named_and_nothing_else(
    traded: Rebuilt, statements: tuple[str, ...]
) -> None:
    damage(traded.desk.ledger, *statements)
    assert [(one.book, one.symbol) for one in traded.differences()] == [("b", "ABC")]


def test_books_made_of_a_damaged_ledger_are_whole(traded: Rebuilt) -> None:
    for statements in DAMAGES.values():
        with restored(traded.desk.ledger):
            damage(traded.desk.ledger, *statements)
            with rebuilt(traded.desk) as other:
                other.again()
                assert other.everything() == traded.everything()


def test_an_order_from_outside_is_nobodys(day: ScriptedDay, books: Rebuilt) -> None:
    day.trade(FIRST, {"a": day.want("a", XYZ="60")})
    assert books.again().foreign == ()
    by_hand(day, "phone", "buy", "7")
    made = books.again()
    assert made.foreign == ("phone: buy 7 XYZ",)
    assert made.added > 0
    assert "manual trade: 7 XYZ and -700.07 dollars to unattributed" in made.notes[0]
    (found,) = books.differences()  # the next session will post it
    assert found == TotalsDifference(UNATTRIBUTED, "XYZ", Totals(), Totals(D(7), D("700.07"), D(0)))
    assert books.off_the_broker() == []
    assert books.again().added == 0


def test_an_order_whose_row_is_lost_is_known_by_its_id(traded: Rebuilt) -> None:
    """Its block says which trades it was for, and they share it as they did."""
    names = "SELECT client_order_id FROM orders WHERE client_order_id LIKE '%20261103.0.n2.XYZ%'"
    damage(
        traded.desk.ledger,
        f"DELETE FROM executions WHERE client_order_id IN ({names})",
        f"DELETE FROM order_allocations WHERE client_order_id IN ({names})",
        f"DELETE FROM orders WHERE client_order_id IN ({names})",
    )
    with rebuilt(traded.desk) as other:
        made = other.again()
        assert [name.split(".")[3:6] for name in made.recovered] == [["n2", "XYZ", "B"]]
        assert made.problems == ()
        # What is not in the history stays lost: orders of the block that did not fill.
        changed = set(other.everything()) ^ set(traded.everything())
        assert {line.split('"')[1] for line in changed} == {"orders", "order_allocations"}


NAMES = {
    "e.20261104.0.a.ABC.B.a1.s1": "a book",
    "e.20261104.0.zzz.ABC.B.a1.s1": "no book",
    "e.20261104.0.unallocated.ABC.B.a1.s1": "the account's own book",
    "p.20261104.0.a.ABC.B.a1.s1": "another environment",
    "e.20261104.0.a.XYZ.B.a1.s1": "another symbol",
    "e.20261104.0.a.ABC.S.a1.s1": "another side",
    "e.20261107.0.a.ABC.B.a1.s1": "a Saturday",
    "e.20261304.0.a.ABC.B.a1.s1": "no date",
    "e.20261104.0.b.ABC.B.a1.s1": "a book that sold it that day",
    "e.20261104.0.n7.ABC.B.a1.s1": "no such block",
    "a-ABC-20261104": "a guess",
}


def test_a_name_is_believed_when_all_of_it_agrees() -> None:
    day = ScriptedDay.open()
    two_sessions(day)
    for name in NAMES:
        by_hand(day, name, "buy", "3", "ABC")
    with rebuilt(day.desk) as books:
        made = books.again()
        assert made.recovered == ("e.20261104.0.a.ABC.B.a1.s1",)
        assert {line.split(":")[0] for line in made.foreign} == set(NAMES) - {*made.recovered}
        assert books.shares("a", "ABC") == 3
        assert books.shares(UNATTRIBUTED, "ABC") == 3 * (len(NAMES) - 1)
        assert (made.problems, books.off_the_broker()) == ((), [])


def test_shares_that_came_without_an_order_and_were_given_to_a_book(
    day: ScriptedDay, books: Rebuilt
) -> None:
    """Somebody moved 5 THIN into the account; the operator gave 4 of them to b, which sold them."""
    day.trade(FIRST, {"a": day.want("a", XYZ="60")})
    day.broker.brokerage.state.positions["THIN"] = Position("THIN", D(5), D(20))
    day.trade(SECOND, {"a": day.want("a", XYZ="50")})
    with day.desk.ledger.write() as connection:
        attribute(
            connection, book="b", symbol="THIN", quantity=D(4), price=D(20), session=THIRD,
            at=day.broker.now,
        )  # fmt: skip
    day.trade(THIRD, {"b": day.want("b", ABC="5")})
    made = books.again()
    assert (made.problems, made.notes) == ((), ())
    assert books.shares(UNATTRIBUTED, "THIN") == 1
    assert (books.differences(), books.cash_differences(), books.off_the_broker()) == ([], [], [])
    assert (books.other_rows(), books.again().added) == ([], 0)


def test_shares_that_were_found_because_a_lot_was_lost_are_explained(
    day: ScriptedDay, books: Rebuilt
) -> None:
    day.trade(FIRST, {"b": day.want("b", ABC="20")})
    damage(day.desk.ledger, "DELETE FROM lots WHERE symbol = 'ABC'")
    day.trade(SECOND, {"a": day.want("a", XYZ="10")})
    with day.desk.ledger.read() as connection:
        assert positions(connection)[UNATTRIBUTED] == {"ABC": 20}
    made = books.again()
    assert made.notes == (
        f"20 ABC that were found in {SECOND} are explained by the broker's history",
    )
    assert (books.shares("b", "ABC"), books.shares(UNATTRIBUTED, "ABC")) == (20, 0)
    assert books.off_the_broker() == []
    assert books.again().added == 0


def test_a_history_with_a_gap_is_a_problem_that_is_named(traded_once: ScriptedDay) -> None:
    with traded_once.desk.ledger.read() as connection:
        missing = connection.execute(
            select(executions.c.execution_id).order_by(executions.c.executed_at.desc()).limit(1)
        ).scalar_one()
    day = traded_once
    rule = day.fault(
        stage="after_commit", action="drop_item", field="id", value=missing, match=FILLS
    )
    with rebuilt(day.desk) as books:
        made = books.again()
        assert rule.fired > 0
        assert len(made.problems) == 1
        assert "expected executions of" in made.problems[0]
        assert books.off_the_broker() != []
        day.broker.faults.rules.remove(rule)
        assert books.again().problems == ()  # the next time it is there
        assert books.off_the_broker() == []


def test_a_shadow_of_another_account_is_refused(traded: Rebuilt) -> None:
    at = session_open(FIRST)
    with rebuilt(traded.desk) as other:
        open_account(other.shadow, account_number="EMB0", inception=FIRST, cash=D(1), at=at)
        with pytest.raises(LedgerError, match="expected a shadow of one account, was of EMB"):
            other.again()


def test_a_ledger_that_was_never_opened_has_no_history(day: ScriptedDay, books: Rebuilt) -> None:
    with pytest.raises(LedgerError, match="expected a ledger with an account, was none"):
        backfill(day.desk, books.shadow)
