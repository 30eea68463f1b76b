"""Somebody else trades in the account and moves its money, between the sessions of the books."""

from datetime import date
from decimal import Decimal

from alchemiser_dagster.execution import identities
from alchemiser_dagster.execution.reconciliation import CASH, reconciliation_of
from alchemiser_dagster.ledger.rails import rail_state

from .conftest import FIRST, SECOND, TradingDay, wish

THIRD, FOURTH = date(2026, 11, 5), date(2026, 11, 6)
ALL_OF_XYZ = {"a": wish(XYZ="1"), "b": wish(ABC="1")}


def by_hand(day: TradingDay, name: str, side: str, symbol: str, quantity: int) -> None:
    """A market order that is not ours, and its fill."""
    day.desk.gateway.submit(
        client_order_id=name, symbol=symbol, side=side, quantity=Decimal(quantity), limit_price=None
    )
    day.control.advance(60)


def found(day: TradingDay, session: date, kind: str) -> dict[str, str]:
    """What a comparison of the session found, by symbol; what agrees is left out."""
    with day.desk.ledger.read() as connection:
        return {
            row.what: row.classification
            for row in reconciliation_of(connection, session)
            if row.kind == kind and row.classification != "match"
        }


def all_identities_hold(day: TradingDay, session: date) -> bool:
    with day.desk.ledger.read() as connection:
        earned = identities.pnl_identity(connection, session)
        return (
            identities.cash_identity(connection, session).holds
            and (earned is None or (earned.holds and abs(earned.gap) < Decimal("0.01")))
            and not identities.books_not_rebuilt(connection)
            and not identities.journal_broken(connection)
        )


def test_a_purchase_by_hand_and_a_deposit_disturb_no_book(day: TradingDay) -> None:
    day.open_window(FIRST)
    day.trade(FIRST, ALL_OF_XYZ)
    by_hand(day, "by hand", "buy", "THIN", 3)
    day.control.move_cash(500)

    day.open_window(SECOND)
    report = day.trade(SECOND, ALL_OF_XYZ)
    assert report.outcome == "success"
    assert day.differences() == []
    assert found(day, SECOND, "before") == {}
    assert day.holdings()["unattributed"] == {"THIN": 3}
    assert day.cash()["unattributed"] < 0
    assert all_identities_hold(day, FIRST)
    assert all_identities_hold(day, SECOND)


def test_shares_of_a_book_that_are_sold_by_hand_freeze_their_symbol_until_they_are_back(
    day: TradingDay,
) -> None:
    day.open_window(FIRST)
    day.trade(FIRST, ALL_OF_XYZ)
    bought = day.holdings()["a"]["XYZ"]
    by_hand(day, "sold", "sell", "XYZ", 3)

    day.open_window(SECOND)
    day.trade(SECOND, {"a": wish(THIN="1"), "b": wish(THIN="1")})
    assert found(day, SECOND, "before") == {"XYZ": "shortfall"}
    held = day.holdings()
    assert held["a"]["XYZ"] == bought
    assert set(held["b"]) == {"THIN"}
    assert day.differences() == []
    assert all_identities_hold(day, SECOND)

    by_hand(day, "bought back", "buy", "XYZ", 3)
    day.open_window(THIRD)
    day.trade(THIRD, {"a": wish(THIN="1"), "b": wish(THIN="1")})
    assert found(day, THIRD, "before") == {}
    assert set(day.holdings()["a"]) == {"THIN"}
    assert all_identities_hold(day, THIRD)


def test_shares_and_cash_that_nobody_can_explain(day: TradingDay) -> None:
    """The broker does not list the purchase, a minute ago, among its activities."""
    day.open_window(FIRST)
    day.trade(FIRST, ALL_OF_XYZ)
    day.open_window(SECOND)
    by_hand(day, "by hand", "buy", "THIN", 3)
    day.desk.gateway.activities = lambda since: []  # type: ignore[method-assign]

    day.trade(SECOND, ALL_OF_XYZ)
    assert found(day, SECOND, "before") == {"THIN": "unexpected", CASH: "paid"}
    assert day.holdings()["unattributed"] == {"THIN": 3}
    assert day.differences() == []
    with day.desk.ledger.read() as connection:
        assert rail_state(connection).frozen_symbols == {}
    assert all_identities_hold(day, SECOND)
