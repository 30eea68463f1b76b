"""The evening's comparison: what it posts counts to the next session, and it sends nothing."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, select

from alchemiser_dagster.execution.after_close import (
    AfterClose,
    overdue_session,
    reconcile_after_close,
    session_to_reconcile,
)
from alchemiser_dagster.execution.broker import BrokerOrder
from alchemiser_dagster.execution.gate import SessionRefused, check_gate
from alchemiser_dagster.execution.identities import books_not_rebuilt
from alchemiser_dagster.execution.opening import open_session
from alchemiser_dagster.execution.reconciliation import reconciliation_of
from alchemiser_dagster.ledger.block_records import NewOrder, block_id, intend_order, update_order
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.queries import book_cash, positions
from alchemiser_dagster.ledger.rails import rail_state
from alchemiser_dagster.ledger.schema import activities, cash_entries, fills
from alchemiser_dagster.ledger.session_records import trade_id
from alchemiser_dagster.market.sessions import session_close

from .conftest import FIRST, INCEPTION, SECOND, TERMS, TradingDay, wish

D = Decimal


def trade(day: TradingDay) -> None:
    day.open_window(FIRST)
    assert day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")}).outcome == "success"


def evening(day: TradingDay) -> AfterClose:
    """Half an hour after the close; what the session left behind must not change."""
    before, sent = published(day), len(orders_sent(day))
    day.control.advance_to(session_close(FIRST) + timedelta(minutes=30))
    found = reconcile_after_close(day.desk, FIRST)
    assert published(day) == before
    assert len(orders_sent(day)) == sent
    return found


def published(day: TradingDay) -> tuple[object, ...]:
    """What the tables of the first session are made from."""
    with day.desk.ledger.read() as connection:
        traded = connection.execute(select(fills.c.fill_id).where(fills.c.session == FIRST))
        return (
            book_cash(connection, through=FIRST),
            positions(connection, through=FIRST),
            sorted(traded.scalars()),
        )


def orders_sent(day: TradingDay) -> Mapping[str, BrokerOrder]:
    return day.desk.gateway.orders_since(session_close(FIRST) - timedelta(hours=12))


def test_when_nothing_happened_all_that_is_written_is_that_it_agrees(day: TradingDay) -> None:
    trade(day)
    found = evening(day)
    assert (found.activities, found.executions, found.breaks) == ((), (), ())
    with day.desk.ledger.read() as connection:
        recorded = [
            (row.what, row.classification)
            for row in reconciliation_of(connection, FIRST)
            if row.kind == "after_close"
        ]
    assert recorded == [("ABC", "match"), ("XYZ", "match"), ("cash", "match")]


def test_a_trade_by_hand_is_posted_and_counts_to_the_next_session(day: TradingDay) -> None:
    trade(day)
    day.desk.gateway.submit(
        client_order_id="by-hand", symbol="THIN", side="buy", quantity=D(1), limit_price=None
    )
    day.control.advance(5)
    found = evening(day)
    assert [posted.activity.kind for posted in found.activities] == ["FILL"]
    assert found.breaks == ()
    assert day.holdings()["unattributed"] == {"THIN": D(1)}
    with day.desk.ledger.read() as connection:
        assert connection.execute(select(activities.c.session)).scalars().all() == [SECOND]
    assert day.differences() == []


def test_cents_are_booked_to_the_next_session(day: TradingDay) -> None:
    trade(day)
    take(day, "0.03")
    before = day.cash()["unallocated"]
    found = evening(day)
    assert found.breaks == ()
    assert day.cash()["unallocated"] == before + D("0.03")
    with day.desk.ledger.read() as connection:
        booked = select(cash_entries.c.session).where(cash_entries.c.kind == "residual")
        assert connection.execute(booked).scalars().all() == [SECOND]


def test_missing_shares_are_frozen_and_break(day: TradingDay) -> None:
    """C10."""
    trade(day)
    with day.desk.ledger.write() as connection:
        open_other_lot(
            connection, lot_id="nobody's", book="a", symbol="XYZ", session=FIRST,
            at=session_close(FIRST), quantity=D(5), price=D(100), cost=D(500),
        )  # fmt: skip
    found = evening(day)
    assert [item.what for item in found.breaks] == ["XYZ"]
    with day.desk.ledger.read() as connection:
        assert "XYZ" in rail_state(connection).frozen_symbols


def test_comparing_again_replaces_what_was_found(day: TradingDay) -> None:
    trade(day)
    take(day, "100.00")
    assert [item.what for item in evening(day).breaks] == ["cash"]
    take(day, "-100.00")
    assert reconcile_after_close(day.desk, FIRST).breaks == ()
    with day.desk.ledger.read() as connection:
        of_evening = [r for r in reconciliation_of(connection, FIRST) if r.kind == "after_close"]
    assert [(row.what, row.breaks) for row in of_evening] == [
        ("ABC", False), ("XYZ", False), ("cash", False)
    ]  # fmt: skip


def take(day: TradingDay, dollars: str) -> None:
    """Somebody writes a fee into book a that the broker knows nothing of."""
    with day.desk.ledger.write() as connection:
        connection.execute(
            insert(cash_entries).values(
                book="a", session=FIRST, kind="fee", source_id=dollars, amount=-D(dollars),
                at=session_close(FIRST),
            )
        )  # fmt: skip


def test_an_execution_that_comes_late_is_booked_in_the_next_session(day: TradingDay) -> None:
    """R05. An order that was taken to have ended without a fill is filled after all."""
    trade(day)
    late, ledger = "e.20261103.0.n2.ABC.B.a9.s4", day.desk.ledger
    order = NewOrder(
        client_order_id=late, block_id=block_id(FIRST, "ABC", 2), attempt=9, step=4,
        order_type="market", quantity=D(1), limit_price=None, notional=D(60),
        allocations={trade_id(FIRST, "b", "ABC", "buy"): D(1)}, at=day.control.now(),
    )  # fmt: skip
    intend_order(ledger, order)
    update_order(ledger, late, "canceled", ended_at=day.control.now())
    held = day.holdings()["b"]["ABC"]
    day.desk.gateway.submit(
        client_order_id=late, symbol="ABC", side="buy", quantity=D(1), limit_price=None
    )
    day.control.advance(5)
    found = evening(day)
    assert [execution.quantity for execution in found.executions] == [D(1)]
    assert (found.activities, found.breaks) == ((), ())
    assert day.holdings()["b"]["ABC"] == held + 1
    assert day.differences() == []
    with ledger.read() as connection:
        assert books_not_rebuilt(connection) == []


def test_the_next_session_opens_with_what_the_evening_booked(day: TradingDay) -> None:
    trade(day)
    day.control.move_cash(500)
    evening(day)
    assert sum(day.cash().values()) == day.desk.gateway.account().cash
    day.open_window(SECOND)
    report = day.trade(SECOND, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    assert (report.outcome, report.breaks) == ("success", ())
    with day.desk.ledger.read() as connection:
        kinds = {r.kind for r in reconciliation_of(connection, FIRST)}
    assert kinds == {"before", "after_buys", "after_close"}


def test_when_a_session_is_overdue_and_when_it_is_to_be_compared(day: TradingDay) -> None:
    def due(**after_close: int) -> tuple[date | None, date | None]:
        now = session_close(FIRST) + timedelta(**after_close)
        with day.desk.ledger.read() as connection:
            return overdue_session(connection, now), session_to_reconcile(connection, now)

    assert due(hours=3) == (None, None)  # it never began
    day.open_window(FIRST)
    window = check_gate(day.desk, FIRST)
    assert window is not None
    open_session(day.desk, window, TERMS, inception=INCEPTION)
    assert due(minutes=9, seconds=59) == (None, None)
    assert due(minutes=10) == due(days=4) == (FIRST, None)
    trade(day)
    assert due(minutes=29, seconds=59) == (None, None)
    assert due(minutes=30) == due(days=4) == (None, FIRST)
    evening(day)
    assert due(minutes=31) == (None, None)


def test_a_session_that_is_not_the_last_or_not_over_is_refused(day: TradingDay) -> None:
    with pytest.raises(SessionRefused, match="to be the last session, complete, was none"):
        reconcile_after_close(day.desk, FIRST)
    trade(day)
    with pytest.raises(SessionRefused, match="expected the market closed after 2026-11-03"):
        reconcile_after_close(day.desk, FIRST)
    with pytest.raises(SessionRefused, match="was 2026-11-03, which is complete"):
        reconcile_after_close(day.desk, SECOND)
