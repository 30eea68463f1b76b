"""Whole sessions against the embedded broker, through the real alpaca-py."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from alchemiser_dagster.execution import opening
from alchemiser_dagster.execution.gate import SessionRefused, check_gate
from alchemiser_dagster.execution.preparation import Wish
from alchemiser_dagster.ledger.schema import orders, session_books

from .conftest import FIRST, INCEPTION, SECOND, TERMS, TradingDay, wish

D = Decimal


def test_first_session_buys_what_the_books_want(day: TradingDay) -> None:
    day.open_window(FIRST)
    report = day.trade(FIRST, {"a": wish(XYZ="0.5", ABC="0.5"), "b": wish(XYZ="1")})
    assert report.outcome == "success"
    assert {book: state for book, (state, _) in report.books.items()} == {
        "a": "traded",
        "b": "traded",
    }
    held = day.holdings()
    # 98 % of 6,000 and of 4,000 dollars, XYZ near 100 and ABC near 50
    assert held["a"]["XYZ"] == pytest.approx(D("29.4"), rel=D("0.03"))
    assert held["a"]["ABC"] == pytest.approx(D("58.8"), rel=D("0.03"))
    assert held["b"]["XYZ"] == pytest.approx(D("39.2"), rel=D("0.03"))
    assert all(cash > 0 for book, cash in day.cash().items() if book != "unallocated")


def test_books_sum_to_the_broker_to_the_share_and_cent(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="0.7", THIN="0.3"), "b": wish(XYZ="0.5", ABC="0.5")})
    day.open_window(SECOND)
    day.trade(SECOND, {"a": wish(ABC="1"), "b": wish(XYZ="0.2", ABC="0.8")})
    account, held = day.desk.gateway.account(), day.desk.gateway.positions()
    assert sum(day.cash().values()) == account.cash
    summed: dict[str, Decimal] = {}
    for own in day.holdings().values():
        for symbol, quantity in own.items():
            summed[symbol] = summed.get(symbol, D(0)) + quantity
    assert summed == {symbol: position.quantity for symbol, position in held.items()}


def test_an_exit_leaves_the_other_books_shares_alone(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(XYZ="1")})
    before = day.holdings()
    day.open_window(SECOND)
    day.trade(SECOND, {"a": wish(ABC="1"), "b": wish(XYZ="1")})
    after = day.holdings()
    assert set(after["a"]) == {"ABC"}
    assert after["b"]["XYZ"] == pytest.approx(before["b"]["XYZ"], rel=D("0.05"))


def test_trading_a_session_again_sends_nothing(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    assert check_gate(day.desk, FIRST) is None


def test_only_the_open_session_in_its_window_is_let_through(day: TradingDay) -> None:
    with pytest.raises(SessionRefused, match="the window of 2026-11-02 has closed"):
        check_gate(day.desk, FIRST)
    day.control.advance_to("next_open")
    with pytest.raises(SessionRefused, match="the window of 2026-11-03 opens at 15:45"):
        check_gate(day.desk, FIRST)
    day.open_window(FIRST)
    with pytest.raises(SessionRefused, match="the session that is open now, 2026-11-03, was"):
        check_gate(day.desk, SECOND)
    assert check_gate(day.desk, FIRST) is not None
    day.control.advance(14 * 60 + 1)
    with pytest.raises(SessionRefused, match="has closed"):
        check_gate(day.desk, FIRST)


def test_no_session_on_a_weekend(day: TradingDay) -> None:
    day.open_window(date(2026, 11, 6))
    day.control.advance(24 * 3600)
    with pytest.raises(SessionRefused, match="2026-11-07 is no session"):
        check_gate(day.desk, date(2026, 11, 6))


def test_a_blocked_account_trades_nothing(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.control.set_account(trading_blocked=True)
    with pytest.raises(SessionRefused, match="may not trade: trading blocked"):
        check_gate(day.desk, FIRST)


def test_a_book_without_a_signal_fails_alone(day: TradingDay) -> None:
    day.open_window(FIRST)
    report = day.trade(FIRST, {"a": Wish(missing="no plan"), "b": wish(ABC="1")})
    assert report.books["a"] == ("failed", "no plan")
    assert report.books["b"][0] == "traded"
    assert report.outcome == "partial"


def test_a_symbol_nobody_knows_fails_its_book_by_name(day: TradingDay) -> None:
    day.open_window(FIRST)
    report = day.trade(FIRST, {"a": wish(NOPE="1"), "b": wish(ABC="1")})
    assert report.books["a"] == ("failed", "not tradable: NOPE")
    assert "b" in day.holdings()


def test_a_halted_sale_blocks_its_own_books_purchases(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(THIN="1")})
    day.open_window(SECOND)
    day.control.set_asset("XYZ", halted=True)
    report = day.trade(SECOND, {"a": wish(ABC="1"), "b": wish(THIN="0.5", ABC="0.5")})
    assert set(day.holdings()["a"]) == {"XYZ"}
    assert report.books["a"][0] == "blocked"
    assert report.books["b"][0] == "traded"


def test_the_intent_is_written_before_anything_is_sent(
    day: TradingDay, monkeypatch: pytest.MonkeyPatch
) -> None:
    day.open_window(FIRST)
    written: list[str | None] = []
    really_submit = day.desk.gateway.submit

    def submit(**order: object) -> object:
        with day.desk.ledger.read() as connection:
            written.append(
                connection.execute(
                    select(orders.c.state).where(
                        orders.c.client_order_id == order["client_order_id"]
                    )
                ).scalar()
            )
        return really_submit(**order)  # type: ignore[arg-type]

    monkeypatch.setattr(day.desk.gateway, "submit", submit)
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    assert written
    assert set(written) == {"intended"}


def test_shares_bought_by_hand_belong_to_no_book(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    day.open_window(SECOND)
    day.desk.gateway.submit(
        client_order_id="by-hand", symbol="THIN", side="buy", quantity=D(1), limit_price=None
    )
    day.control.advance(5)
    report = day.trade(SECOND, {"a": wish(ABC="1"), "b": wish(XYZ="1")})
    assert report.outcome == "success"
    assert day.holdings()["unattributed"] == {"THIN": D(1)}
    assert day.differences() == []


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("moment", ["before the first", "after the first", "after the third"])
def test_a_killed_session_is_finished_by_starting_it_again(
    start_day: Callable[[], AbstractContextManager[TradingDay]],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Kill the desk around a POST, start everything anew on the same files, and go on."""
    wishes = {"a": wish(XYZ="0.5", ABC="0.5"), "b": wish(THIN="1")}
    with start_day() as day:
        day.open_window(FIRST)
        really_submit = day.desk.gateway.submit
        sent = 0

        def submit(**order: object) -> object:
            nonlocal sent
            if moment == "before the first":
                raise Killed
            sent += 1
            answer = really_submit(**order)  # type: ignore[arg-type]
            if sent == {"after the first": 1, "after the third": 3}[moment]:
                raise Killed
            return answer

        monkeypatch.setattr(day.desk.gateway, "submit", submit)
        with pytest.raises(Killed):
            day.trade(FIRST, wishes)
    with start_day() as day:
        report = day.trade(FIRST, wishes)
        assert report.outcome == "success"
        assert set(day.holdings()["a"]) == {"XYZ", "ABC"}
        # ... and a wish is bought once: 98 % of 4,000 dollars of THIN at 20
        assert day.holdings()["b"]["THIN"] == pytest.approx(D(196), rel=D("0.03"))


def test_a_session_killed_and_left_is_finished_before_the_next(
    start_day: Callable[[], AbstractContextManager[TradingDay]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_day() as day:
        day.open_window(FIRST)
        really_submit = day.desk.gateway.submit

        def submit(**order: object) -> object:
            really_submit(**order)  # type: ignore[arg-type]
            raise Killed

        monkeypatch.setattr(day.desk.gateway, "submit", submit)
        with pytest.raises(Killed):
            day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    with start_day() as day:
        day.open_window(SECOND)
        report = day.trade(SECOND, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
        assert report.outcome == "success"
        with day.desk.ledger.read() as connection:
            states = connection.execute(
                select(session_books.c.state).where(session_books.c.session == FIRST)
            ).scalars()
            assert not {"expected", "planned"} & set(states)


def test_two_days_of_opening_use_one_account(day: TradingDay) -> None:
    day.open_window(FIRST)
    window = check_gate(day.desk, FIRST)
    assert window is not None
    for _ in range(2):
        opening.open_session(day.desk, window, TERMS, inception=INCEPTION)
    assert sum(day.cash().values()) == 10_000


def test_an_intent_left_unsent_is_not_sent_in_another_session(
    start_day: Callable[[], AbstractContextManager[TradingDay]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_day() as day:
        day.open_window(FIRST)
        monkeypatch.setattr(day.desk.gateway, "submit", lambda **_: _kill())
        with pytest.raises(Killed):
            day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
    with start_day() as day:
        day.open_window(SECOND)
        day.trade(SECOND, {"a": wish(XYZ="1"), "b": wish(ABC="1")})
        with day.desk.ledger.read() as connection:
            (left,) = connection.execute(
                select(orders).where(orders.c.block_id.startswith(f"{FIRST}."))
            ).all()
        assert (left.state, left.broker_order_id) == ("not_accepted", None)
        assert day.desk.gateway.order(left.client_order_id) is None


def test_what_an_order_filled_is_not_bought_again_while_its_executions_are_late(
    start_day: Callable[[], AbstractContextManager[TradingDay]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the POST, then again when the order has filled and nothing is posted yet."""
    wishes = {"a": wish(XYZ="1"), "b": wish(XYZ="1")}
    with start_day() as day:
        day.open_window(FIRST)
        really_submit = day.desk.gateway.submit
        monkeypatch.setattr(
            day.desk.gateway, "submit", lambda **order: (really_submit(**order), _kill())
        )
        with pytest.raises(Killed):
            day.trade(FIRST, wishes)
        day.control.advance(600)
    with start_day() as day:
        monkeypatch.setattr(day.desk.gateway, "executions", lambda _: _kill())
        with pytest.raises(Killed):
            day.trade(FIRST, wishes)
        with day.desk.ledger.read() as connection:
            (order,) = connection.execute(select(orders)).all()
        assert day.desk.gateway.order(order.client_order_id).state == "filled"
        assert (order.state, day.holdings()) == ("working", {})
    with start_day() as day:
        really_read = day.desk.gateway.executions
        looks = iter([{}, {}])
        monkeypatch.setattr(
            day.desk.gateway, "executions", lambda since: next(looks, None) or really_read(since)
        )
        assert day.trade(FIRST, wishes).outcome == "success"
        # 98 % of 6,000 dollars near 100, once
        assert day.holdings()["a"]["XYZ"] == pytest.approx(D("58.8"), rel=D("0.03"))


def test_a_cancel_that_got_lost_is_asked_for_again(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.control.add_fault(stage="before", action="cancel_lost", times=1)
    report = day.trade(FIRST, {"a": wish(XYZ="1"), "b": wish(THIN="1")})
    assert [rule["fired"] for rule in day.control.faults()] == [1]
    assert report.outcome == "success"


def _kill() -> None:
    raise Killed
