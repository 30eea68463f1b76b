"""What a book holds over time, and what each symbol brought, by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from alchemiser_dagster.reports.data import TearsheetData
from alchemiser_dagster.reports.holdings import (
    CASH,
    INCOME,
    OTHER,
    live_weights,
    model_weights_by_month,
    pnl_by_symbol,
)
from alchemiser_dagster.reports.inputs import (
    CLOSES,
    EXITS,
    LOTS,
    MODEL_WEIGHTS,
    PAPER,
    PERFORMANCE,
)
from tests.reports.accounts import at, table

MONDAY, TUESDAY = date(2024, 1, 8), date(2024, 1, 9)


def book(**tables: Any) -> TearsheetData:
    return TearsheetData("a", "A", is_synthetic=False, opened=date(2024, 1, 5), **tables)


def lot(session: date, symbol: str, quantity: int, cost: int) -> dict[str, Any]:
    return {
        "date": session, "lot_id": f"{symbol}{cost}", "symbol": symbol, "entry_at": at(MONDAY),
        "entry_price": Decimal(cost) / quantity, "quantity": Decimal(quantity),
        "cost": Decimal(cost),
    }  # fmt: skip


def close(session: date, symbol: str, price: float) -> dict[str, Any]:
    return {"date": session, "symbol": symbol, "close": price, "adj_close": price}


def performance(session: date, nav: int, cash: int, income: int = 0) -> dict[str, Any]:
    return {
        "date": session, "book": "a", "nav": Decimal(nav), "cash": Decimal(cash),
        "income": Decimal(income),
    }  # fmt: skip


def test_weights_are_shares_of_the_nav_and_cash_comes_last() -> None:
    held = book(
        performance=table(
            PERFORMANCE, [performance(MONDAY, 1000, 600), performance(TUESDAY, 1100, 0)]
        ),
        lots=table(
            LOTS,
            [
                lot(MONDAY, "SPY", 1, 400),
                lot(TUESDAY, "SPY", 1, 400),
                lot(TUESDAY, "SPY", 1, 405),
                lot(TUESDAY, "TLT", 3, 290),
            ],
        ),
        closes=table(
            CLOSES,
            [close(MONDAY, "SPY", 400), close(TUESDAY, "SPY", 400), close(TUESDAY, "TLT", 100)],
        ),
    )
    weights = live_weights(held)
    assert weights.names == ["SPY", "TLT", CASH]
    assert weights.table.rows() == [
        (MONDAY, pytest.approx(0.4), 0, pytest.approx(0.6)),
        (TUESDAY, pytest.approx(8 / 11), pytest.approx(3 / 11), 0),
    ]


def test_a_session_that_cannot_be_valued_has_no_weights() -> None:
    held = book(
        performance=table(
            PERFORMANCE, [performance(MONDAY, 1000, 600), performance(TUESDAY, 0, 0)]
        ),
        lots=table(LOTS, [lot(MONDAY, "SPY", 1, 400)]),
    )
    assert live_weights(held).table.is_empty()


def test_the_smallest_of_many_symbols_are_one() -> None:
    symbols = [f"S{n:02}" for n in range(14)]
    quantities = {symbol: 20 - n for n, symbol in enumerate(symbols)}
    held = book(
        performance=table(PERFORMANCE, [performance(MONDAY, 1000, 0)]),
        lots=table(LOTS, [lot(MONDAY, symbol, quantities[symbol], 10) for symbol in symbols]),
        closes=table(CLOSES, [close(MONDAY, symbol, 1) for symbol in symbols]),
    )
    weights = live_weights(held)
    assert weights.names == [*symbols[:11], OTHER, CASH]
    assert weights.table[OTHER].item() == pytest.approx((9 + 8 + 7) / 1000)


def test_model_weights_are_means_over_the_sessions_of_a_month() -> None:
    sessions = [date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 1)]
    held = book(
        paper=table(PAPER, [{"date": day, "net": 0.0, "turnover": 0.0} for day in sessions]),
        model_weights=table(
            MODEL_WEIGHTS,
            [
                {"date": sessions[0], "symbol": "SPY", "weight": 1.0},
                {"date": sessions[1], "symbol": "TLT", "weight": 0.5},
            ],
        ),
    )
    weights = model_weights_by_month(held)
    assert weights.names == ["SPY", "TLT"]
    # and nothing at all was held in February
    assert weights.table.rows() == [(date(2024, 1, 1), 0.5, 0.25), (date(2024, 2, 1), 0, 0)]


def test_what_each_symbol_brought_adds_up() -> None:
    sold = {"entry_at": at(MONDAY), "exited_at": at(TUESDAY), "quantity": Decimal(1)}
    held = book(
        performance=table(PERFORMANCE, [performance(TUESDAY, 1000, 0, income=3)]),
        lots=table(LOTS, [lot(MONDAY, "GLD", 9, 9), lot(TUESDAY, "SPY", 2, 700)]),
        closes=table(CLOSES, [close(TUESDAY, "SPY", 400)]),
        exits=table(
            EXITS,
            [
                {"symbol": "SPY", "cost": Decimal(350), "proceeds": Decimal(340), **sold},
                {"symbol": "TLT", "cost": Decimal(90), "proceeds": Decimal(95), **sold},
            ],
        ),
    )
    assert pnl_by_symbol(held).rows() == [
        ("SPY", -10.0, 100.0),
        ("TLT", 5.0, 0.0),
        (INCOME, 3.0, 0.0),
    ]


def test_what_has_no_close_has_no_unrealised_result() -> None:
    held = book(
        performance=table(PERFORMANCE, [performance(TUESDAY, 1000, 0)]),
        lots=table(LOTS, [lot(TUESDAY, "SPY", 2, 700)]),
    )
    assert pnl_by_symbol(held).rows() == [("SPY", 0.0, None)]
