from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from alchemiser_dagster.ledger.block_records import NewOrder, block_id, intend_order
from alchemiser_dagster.ledger.opening import BookTerms, open_account, open_books, opening_cash
from alchemiser_dagster.ledger.posting import Execution, post_executions
from alchemiser_dagster.ledger.queries import (
    book_cash,
    exits_of,
    external_flows,
    last_rebalance,
    open_lots,
    positions,
    traded_orders,
)
from alchemiser_dagster.ledger.schema import lots
from alchemiser_dagster.ledger.session_records import record_outcome
from alchemiser_dagster.ledger.store import LedgerError

from .conftest import INCEPTION, OPENED, TinyLedger

D = Decimal


def cash_of(tiny: TinyLedger) -> dict[str, Decimal]:
    with tiny.ledger.read() as connection:
        return book_cash(connection)


def test_an_account_is_shared_out_to_its_books(tiny: TinyLedger) -> None:
    assert cash_of(tiny) == {"a": D(600), "b": D(300), "unallocated": D(100)}


def test_opening_twice_changes_nothing(tiny: TinyLedger) -> None:
    again = open_books(tiny.ledger, {"a": BookTerms(D("0.6"))}, session=INCEPTION, at=OPENED)
    assert again == {}
    assert sum(cash_of(tiny).values()) == 1000


def test_a_later_book_gets_only_what_nobody_has(tiny: TinyLedger) -> None:
    opened = open_books(tiny.ledger, {"c": BookTerms(D("0.4"))}, session=INCEPTION, at=OPENED)
    assert opened == {"c": D(100)}
    assert sum(cash_of(tiny).values()) == 1000


def test_one_ledger_keeps_one_account(tiny: TinyLedger) -> None:
    with pytest.raises(LedgerError, match="expected the ledger of account EMB2, was EMB1's"):
        open_account(tiny.ledger, account_number="EMB2", inception=INCEPTION, cash=D(1), at=OPENED)


def test_a_purchase_becomes_a_lot_and_costs_cash(tiny: TinyLedger) -> None:
    tiny.trade("a", 3, "buy 10 XYZ @ 12")
    assert cash_of(tiny)["a"] == 480
    with tiny.ledger.read() as connection:
        (lot,) = open_lots(connection, book="a")
        assert (lot.symbol, lot.quantity, lot.cost) == ("XYZ", 10, 120)
        assert positions(connection) == {"a": {"XYZ": D(10)}}


def test_a_sale_consumes_lots_first_in_first_out(tiny: TinyLedger) -> None:
    tiny.trade("a", 3, "buy 10 XYZ @ 10")
    tiny.trade("a", 4, "buy 5 XYZ @ 12")
    tiny.trade("a", 5, "sell 12 XYZ @ 15")
    with tiny.ledger.read() as connection:
        exits = exits_of(connection, "a")
        assert [(row.quantity, row.proceeds - row.cost) for row in exits] == [(10, 50), (2, 6)]
        (lot,) = open_lots(connection, book="a")
        assert (lot.quantity, lot.cost) == (3, 36)
        assert traded_orders(connection) == {"a": 3}
    assert cash_of(tiny)["a"] == 600 - 100 - 60 + 180


def test_books_do_not_see_each_others_lots(tiny: TinyLedger) -> None:
    tiny.trade("a", 3, "buy 10 XYZ @ 10")
    tiny.trade("b", 3, "buy 5 XYZ @ 10")
    tiny.trade("a", 4, "sell 10 XYZ @ 11")
    with tiny.ledger.read() as connection:
        assert positions(connection) == {"b": {"XYZ": D(5)}}


def test_what_was_sold_beyond_a_books_shares_is_kept_apart(tiny: TinyLedger) -> None:
    """L05: 5 shares are matched, +10.00; the sixth is nobody's, and no other book's lots move."""
    tiny.trade("a", 3, "buy 10 XYZ @ 10")
    tiny.trade("b", 3, "buy 5 XYZ @ 10")
    tiny.trade("b", 4, "sell 6 XYZ @ 12")
    with tiny.ledger.read() as connection:
        assert positions(connection) == {"a": {"XYZ": D(10)}, "unattributed": {"XYZ": D(-1)}}
        (sold,) = exits_of(connection, "b")
        assert (sold.quantity, sold.proceeds - sold.cost) == (5, 10)
    assert cash_of(tiny)["b"] == 300 - 50 + 60
    assert cash_of(tiny)["unattributed"] == 12


def test_the_same_execution_twice_is_one_fill(tiny: TinyLedger) -> None:
    executions = tiny.trade("a", 3, "buy 10 XYZ @ 12")
    again = post_executions(tiny.ledger, "2026-11-03.a.XYZ.buy", executions)
    assert again == []
    with tiny.ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(lots)).scalar_one() == 1


def test_partial_executions_are_posted_one_by_one(tiny: TinyLedger) -> None:
    tiny.trade("a", 3, "buy 10 XYZ @ 12", parts=4)
    with tiny.ledger.read() as connection:
        assert [lot.quantity for lot in open_lots(connection)] == [D("2.5")] * 4


def test_a_gap_in_the_executions_is_refused(tiny: TinyLedger) -> None:
    (whole,) = tiny.trade("a", 3, "buy 10 XYZ @ 12")
    late = Execution("late", D(1), D(12), D(12), whole.executed_at)
    with pytest.raises(LedgerError, match="add up to 12 of at most 10"):
        post_executions(tiny.ledger, "2026-11-03.a.XYZ.buy", [late])


def test_an_order_id_is_written_once(tiny: TinyLedger) -> None:
    tiny.trade("a", 3, "buy 10 XYZ @ 12")
    again = NewOrder(
        client_order_id="2026-11-03.a.XYZ.buy",
        block_id=block_id(date(2026, 11, 3), "XYZ", 1),
        attempt=1,
        step=2,
        order_type="limit",
        quantity=D(10),
        limit_price=D(12),
        notional=D(120),
        allocations={"2026-11-03.a.XYZ.buy": D(10)},
        at=OPENED,
    )
    with pytest.raises(IntegrityError):
        intend_order(tiny.ledger, again)


def test_executions_of_an_unknown_order_are_refused(tiny: TinyLedger) -> None:
    with pytest.raises(LedgerError, match="expected an order nobody in the ledger"):
        post_executions(tiny.ledger, "nobody", [])


def test_the_past_reads_as_it_was(tiny: TinyLedger) -> None:
    """State at the end of a session does not change with what is traded later."""
    tiny.trade("a", 3, "buy 10 XYZ @ 10")
    past = date(2026, 11, 3)
    with tiny.ledger.read() as connection:
        then = (open_lots(connection, through=past), book_cash(connection, through=past))
    tiny.trade("a", 4, "sell 4 XYZ @ 11")
    with tiny.ledger.read() as connection:
        now = (open_lots(connection, through=past), book_cash(connection, through=past))
        assert exits_of(connection, "a", through=past) == []
        assert external_flows(connection, "a", through=past) == 600
        assert external_flows(connection, "a", session=past) == 0
    assert now == then


def test_a_ledger_can_be_closed_and_opened_again(make_ledger: Callable[[], TinyLedger]) -> None:
    tiny = make_ledger()
    tiny.trade("a", 3, "buy 10 XYZ @ 12")
    tiny.ledger.close()
    assert cash_of(make_ledger())["a"] == 480


def test_a_book_to_be_opened_gets_the_same_whenever_it_is_asked(tiny: TinyLedger) -> None:
    """The plan of a book's first session is the same before and after the book was opened."""
    session = date(2026, 11, 4)
    with tiny.ledger.read() as connection:
        before = opening_cash(connection, D("0.08"), through=date(2026, 11, 3))
    open_books(tiny.ledger, {"c": BookTerms(D("0.08"))}, session=session, at=OPENED)
    with tiny.ledger.read() as connection:
        after = opening_cash(connection, D("0.08"), through=date(2026, 11, 3))
        assert opening_cash(connection, D("0.08")) == 20
    assert before == after == 80


def test_a_session_without_a_fill_is_no_rebalance(tiny: TinyLedger) -> None:
    tiny.trade("a", 3, "buy 10 XYZ @ 12")
    tiny.trade("a", 4, "buy 1 XYZ @ 12")
    record_outcome(tiny.ledger, date(2026, 11, 3), "a", "traded", "")
    record_outcome(tiny.ledger, date(2026, 11, 4), "a", "failed", "halted")
    with tiny.ledger.read() as connection:
        assert last_rebalance(connection, "a", date(2026, 11, 5)) == date(2026, 11, 3)
