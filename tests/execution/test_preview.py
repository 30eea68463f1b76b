"""The preview of a session beside the session itself, at the embedded broker."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from alchemiser_dagster.books.money import to_cents
from alchemiser_dagster.books.planning import Action
from alchemiser_dagster.execution import opening, preparation
from alchemiser_dagster.execution.gate import check_gate
from alchemiser_dagster.execution.opening import WrongLedger
from alchemiser_dagster.execution.outlook import SessionUnderWay, look_ahead, next_session
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.execution.preview import Preview, preview
from alchemiser_dagster.ledger.lot_posting import open_other_lot
from alchemiser_dagster.ledger.opening import BookTerms, open_account
from alchemiser_dagster.ledger.queries import outcomes
from alchemiser_dagster.ledger.rails import Rail, book_scope, set_rail, symbol_scope
from alchemiser_dagster.ledger.schema import (
    UNALLOCATED,
    blocks,
    cash_entries,
    crosses,
    orders,
    trades,
)
from alchemiser_dagster.market.sessions import session_close
from tests.execution import conftest

from .conftest import FIRST, INCEPTION, SECOND, TERMS, TradingDay, wish

QUOTES = {"path": "/v2/stocks/quotes/latest"}
D = Decimal
NEXT_WEEK = date(2026, 11, 9)


def look(
    day: TradingDay, wishes: Mapping[str, Wish], terms: Mapping[str, BookTerms] = TERMS
) -> Preview:
    return preview(day.desk, look_ahead(day.desk, terms), wishes, terms)


def first_orders(day: TradingDay, session: date) -> dict[tuple[int, str, str], Decimal]:
    """Shares of the first order of each block that was sent, by round, side and symbol."""
    with day.desk.ledger.read() as connection:
        rows = connection.execute(
            select(blocks, orders.c.quantity.label("shares"))
            .join(orders, orders.c.block_id == blocks.c.block_id)
            .where(blocks.c.session == session, orders.c.attempt == 1, orders.c.step == 1)
        ).all()
    return {(row.round, row.side, row.symbol): row.shares for row in rows}


def previewed(made: Preview) -> dict[tuple[int, str, str], Decimal]:
    return {(o.round, o.side, o.symbol): o.quantity for o in made.orders if not o.stopped}


def put(day: TradingDay, rail: Rail, scope: str) -> None:
    with day.desk.ledger.write() as connection:
        set_rail(
            connection, rail, scope, on=True, reason="a storm", set_by="x",
            at=day.desk.gateway.clock().now,
        )  # fmt: skip


def test_the_first_session_of_an_account_sends_what_was_previewed_to_the_share(
    day: TradingDay,
) -> None:
    day.open_window(FIRST)
    wishes = {"a": wish(XYZ="0.5", ABC="0.5"), "b": wish(XYZ="1")}
    made = look(day, wishes)
    assert made.outlook.changes == {"a": D(6_000), "b": D(4_000), UNALLOCATED: D(-10_000)}
    limits = {order.symbol: order.limit for order in made.orders}
    day.trade(FIRST, wishes)
    assert previewed(made) == first_orders(day, FIRST)
    with day.desk.ledger.read() as connection:
        sent = connection.execute(
            select(orders.c.limit_price, blocks.c.symbol)
            .join(blocks, blocks.c.block_id == orders.c.block_id)
            .where(orders.c.step == 1)
        ).all()
    assert {row.symbol: row.limit_price for row in sent} == limits
    xyz = next(order for order in made.orders if order.symbol == "XYZ")
    assert xyz.books == ("a", "b")


def test_sales_crosses_and_purchases_are_those_of_the_session(day: TradingDay) -> None:
    """a gives up XYZ, which b wants a part of, and b gives up ABC, which a wants more of."""
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    day.open_window(SECOND)
    wishes = {"a": wish(ABC="1"), "b": wish(XYZ="0.5", ABC="0.5")}
    made = look(day, wishes)
    day.trade(SECOND, wishes)
    sent, seen = first_orders(day, SECOND), previewed(made)
    assert seen.keys() == sent.keys() == {(1, "sell", "XYZ"), (2, "buy", "ABC")}
    assert seen[1, "sell", "XYZ"] == sent[1, "sell", "XYZ"]
    # Purchases are sized at the quotes after the sales.
    assert seen[2, "buy", "ABC"] == pytest.approx(sent[2, "buy", "ABC"], rel=D("0.01"))
    with day.desk.ledger.read() as connection:
        crossed = connection.execute(select(crosses).order_by(crosses.c.symbol)).all()
        budgets = connection.execute(
            select(trades.c.trade_id, trades.c.budget).where(
                trades.c.session == SECOND, trades.c.side == "buy"
            )
        ).all()
    assert [c.symbol for c in made.sizing.crosses] == [c.symbol for c in crossed] == ["ABC", "XYZ"]
    for seen_cross, cross in zip(made.sizing.crosses, crossed, strict=True):
        assert seen_cross.quantity == pytest.approx(cross.quantity, rel=D("0.01"))
    assert {name: own.budget for name, own in made.sizing.purchases.items()} == pytest.approx(
        {row.trade_id: row.budget for row in budgets}, rel=D("0.01")
    )


def test_capital_that_is_shared_out_is_shown_and_planned_with(
    day: TradingDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Books of about 6,000 and 4,000 whose allocations have become 0.3 and 0.7, in a new week."""
    day.open_window(FIRST)
    wishes = {"a": wish(XYZ="1"), "b": wish(ABC="1")}
    day.trade(FIRST, wishes)
    day.open_window(NEXT_WEEK)
    terms = {"a": BookTerms(D("0.3")), "b": BookTerms(D("0.7"))}
    monkeypatch.setattr(conftest, "TERMS", terms)
    made = look(day, wishes, terms)
    assert made.plan.plans["b"].trigger == "capital moved"
    assert previewed(made).keys() == {(1, "sell", "XYZ"), (2, "buy", "ABC")}
    day.trade(NEXT_WEEK, wishes)
    with day.desk.ledger.read() as connection:
        moved = connection.execute(
            select(cash_entries).where(cash_entries.c.source_id.startswith("drift"))
        ).all()
        capital = {row.book: row.capital for row in outcomes(connection, NEXT_WEEK)}
    assert dict(made.plan.transfers) == {row.book: row.amount for row in moved}
    assert {book: to_cents(plan.capital) for book, plan in made.plan.plans.items()} == capital
    assert first_orders(day, NEXT_WEEK)[1, "sell", "XYZ"] == previewed(made)[1, "sell", "XYZ"]


def test_a_rail_is_the_reason_of_what_it_stops(day: TradingDay) -> None:
    """A halted sale of more than 5 % of the book blocks the book's purchases too."""
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    day.open_window(SECOND)
    put(day, Rail.HALT, book_scope("a"))
    made = look(day, {"a": wish(ABC="1"), "b": wish(THIN="1")})
    reasons = {(t.book, t.side, t.symbol): made.reason(name) for name, t in made.trades.items()}
    assert reasons == {
        ("a", "sell", "XYZ"): "a is halted: a storm",
        ("a", "buy", "ABC"): "a is halted: a storm",
        ("b", "sell", "ABC"): "",
        ("b", "buy", "THIN"): "",
    }
    assert previewed(made).keys() == {(1, "sell", "ABC"), (2, "buy", "THIN")}


def test_purchases_do_not_follow_sales_that_are_not_made(day: TradingDay) -> None:
    """A book whose sales are stopped for more than 5 % of it buys nothing either."""
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="0.5", THIN="0.5"), "b": wish(ABC="1")})
    day.open_window(SECOND)
    # An equity that allows 4,000 dollars of trading: THIN is sold, and XYZ is too much.
    wishes = {"a": wish(ABC="1"), "b": wish(ABC="1")}
    ahead = look_ahead(day.desk, TERMS)
    ahead = replace(ahead, account=replace(ahead.account, equity=D(1_000)))
    made = preview(day.desk, ahead, wishes, TERMS)
    stopped = [order for order in made.orders if order.stopped]
    assert [(o.side, o.symbol) for o in stopped] == [("sell", "XYZ")]
    assert "expected a day's trading of at most 4000.00 dollars" in stopped[0].stopped
    reason = made.reason(f"{SECOND}.a.ABC.buy")
    assert reason.startswith("sales worth 29")
    assert reason.endswith("did not fill, so the book's purchases are blocked")


def test_a_symbol_that_is_frozen_is_left_alone(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    day.open_window(SECOND)
    put(day, Rail.FREEZE, symbol_scope("XYZ"))
    made = look(day, {"a": wish(ABC="1"), "b": wish(ABC="1")})
    items = {item.symbol: item for item in made.plan.plans["a"].items}
    assert (items["XYZ"].action, items["XYZ"].reason) == (Action.HOLD, "frozen")
    assert previewed(made).keys() == {(2, "buy", "ABC")}
    assert made.sizing.purchases[f"{SECOND}.a.ABC.buy"].budget <= made.plan.plans["a"].cash


def test_shares_that_are_missing_at_the_broker_freeze_their_symbol(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    day.open_window(SECOND)
    with day.desk.ledger.write() as connection:
        open_other_lot(
            connection, lot_id="x", book="b", symbol="THIN", session=FIRST,
            at=session_close(FIRST), quantity=D(5), price=D(20), cost=D(100),
        )  # fmt: skip
    made = look(day, {"a": wish(THIN="1"), "b": wish(ABC="1")})
    assert any(note.startswith("THIN: the books hold 5") for note in made.outlook.notes)
    assert "THIN" in made.outlook.rails.frozen_symbols
    assert "THIN" not in {order.symbol for order in made.orders}


def test_what_the_broker_did_and_nobody_posted_is_told_and_not_judged(day: TradingDay) -> None:
    """A deposit of 900 would look like cash that nobody can explain, and stop all purchases."""
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    day.open_window(SECOND)
    day.control.move_cash(900.0)
    made = look(day, {"a": wish(ABC="1"), "b": wish(ABC="1")})
    assert any(note.startswith("posted first") for note in made.outlook.notes)
    assert not made.outlook.unsure
    assert (2, "buy", "ABC") in previewed(made)


def test_the_next_session_is_that_of_today_until_it_is_traded_or_over(day: TradingDay) -> None:
    assert next_session(day.desk)[0] == FIRST
    day.open_window(FIRST)
    assert next_session(day.desk)[0] == FIRST
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    assert next_session(day.desk)[0] == SECOND
    day.control.advance_to(session_close(SECOND) - timedelta(seconds=59))
    assert next_session(day.desk)[0] == date(2026, 11, 5)


def test_a_closed_market_is_previewed_at_its_latest_quotes(day: TradingDay) -> None:
    day.control.advance_to(session_close(FIRST) + timedelta(hours=9))
    made = look(day, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    assert not made.outlook.market_is_open
    assert made.faults == {}
    assert previewed(made).keys() == {(2, "buy", "XYZ"), (2, "buy", "ABC")}


def test_a_symbol_without_a_usable_quote_refuses_its_book_by_name(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.control.add_fault(
        action="zero_side", stage="after_commit", match=QUOTES, symbol="XYZ", times=10
    )
    made = look(day, {"a": wish(XYZ="0.5", THIN="0.5"), "b": wish(ABC="1")})
    assert made.faults.keys() == {"XYZ"}
    assert made.faults["XYZ"].startswith("one-sided quote")
    assert made.plan.refused["a"].startswith("expected a price for XYZ, was none; XYZ: one-sided")
    assert previewed(made).keys() == {(2, "buy", "ABC")}


def test_a_session_that_is_planned_is_not_previewed(day: TradingDay) -> None:
    day.open_window(FIRST)
    window = check_gate(day.desk, FIRST)
    assert window is not None
    opening.open_session(day.desk, window, TERMS, inception=INCEPTION)
    look(day, {})
    preparation.plan_session(day.desk, FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    with pytest.raises(SessionUnderWay, match="2026-11-03 has been planned"):
        look(day, {})


def test_an_account_that_is_not_the_ledgers_is_not_previewed(day: TradingDay) -> None:
    open_account(
        day.desk.ledger, account_number="OTHER", inception=INCEPTION, cash=D(10_000),
        at=session_close(INCEPTION),
    )  # fmt: skip
    with pytest.raises(WrongLedger, match="expected the broker's account to be OTHER"):
        look(day, {})


def test_a_blocked_account_would_be_refused(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.control.set_account(trading_blocked=True)
    made = look(day, {"a": wish(XYZ="1")})
    assert made.outlook.refusal == "the account may not trade: trading blocked"
