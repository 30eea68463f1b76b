"""Splits on their ex-date: positions, waiting orders, bars, options, and what the API tells.

STILL is at 100.00 until it splits four for one on 2024-03-20, then at 25.00. THIN is at 0.50 until
it splits one for ten the same day, then at 5.00. Both trade a million shares a day before, and the
same value after. STILL pays 0.50 a (new) share on the 22nd.
"""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from alpaca.data.enums import Adjustment
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.requests import CorporateActionsRequest, StockBarsRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.enums import OrderStatus

from alchemiser_dagster.embedded import REALISTIC
from alchemiser_dagster.market.bars import BarsError
from alchemiser_dagster.market.sessions import sessions_between
from tests.embedded.conftest import FIRST, LAST, Desk, Open, new_york
from tests.embedded.order_requests import limit, market

EX_DATE = date(2024, 3, 20)
PAY_DATE = date(2024, 3, 22)


def split_bars() -> pl.DataFrame:
    rows = []
    for symbol, before, ratio in (("STILL", 100.0, 4.0), ("THIN", 0.5, 0.1)):
        for session in sessions_between(FIRST, LAST):
            is_after = session >= EX_DATE
            price = before / ratio if is_after else before
            adjusted = before / ratio
            if symbol == "STILL" and session < PAY_DATE:
                adjusted *= 0.98
            rows.append(
                {
                    "symbol": symbol,
                    "date": session,
                    **dict.fromkeys(("open", "high", "low", "close"), price),
                    "volume": 1_000_000.0 * (ratio if is_after else 1),
                    "adj_close": adjusted,
                    "split": ratio if session == EX_DATE else None,
                }
            )
    return pl.DataFrame(rows)


@pytest.fixture
def desk(open_desk: Open) -> Desk:
    """Monday 2024-03-18 at 10:00, two days before the split."""
    return open_desk(bars=split_bars())


def bars_of(desk: Desk, symbol: str, adjustment: Adjustment) -> list[tuple[float, float]]:
    request = StockBarsRequest(
        symbol_or_symbols=symbol,
        timeframe=TimeFrame.Day,  # type: ignore[arg-type]
        start=new_york("2024-03-18 00:00"),
        adjustment=adjustment,
    )
    return [(bar.close, bar.volume) for bar in desk.data.get_stock_bars(request)[symbol]]


def test_position_follows_and_keeps_its_value(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "STILL", "10"))
    before = desk.trading.get_open_position("STILL")
    cash = desk.trading.get_account().cash
    desk.control.advance_to(new_york("2024-03-20 03:59"))
    assert desk.trading.get_open_position("STILL").qty == "10"
    desk.control.advance_to(new_york("2024-03-20 04:00"))
    after = desk.trading.get_open_position("STILL")
    assert (after.qty, after.avg_entry_price) == ("40", "25.0025")
    assert (after.market_value, after.cost_basis) == (before.market_value, before.cost_basis)
    assert (after.lastday_price, after.change_today) == ("25", "0")
    account = desk.trading.get_account()
    assert (account.cash, account.equity) == (cash, account.last_equity)
    (activity,) = desk.trading.get("/account/activities/SPLIT")
    assert (activity["symbol"], activity["qty"]) == ("STILL", "30")
    assert (activity["new_rate"], activity["old_rate"]) == ("4", "1")
    desk.control.advance_to("next_open")
    assert desk.trading.get_open_position("STILL").market_value == "1000"


def test_reverse_split(desk: Desk) -> None:
    """Seven shares at 0.50 become 0.7 at 5.00; the order that waits is canceled."""
    desk.trading.submit_order(market("buy", "THIN", "7"))
    waiting = desk.trading.submit_order(limit("buy", "THIN", "10", "0.30", time_in_force="gtc"))
    desk.control.advance_to(new_york("2024-03-20 10:00"))
    position = desk.trading.get_open_position("THIN")
    assert (position.qty, position.market_value) == ("0.7", "3.5")
    assert desk.trading.get_order_by_id(waiting.id).status is OrderStatus.CANCELED
    desk.trading.close_position("THIN")
    assert desk.trading.get_all_positions() == []


def test_waiting_order_is_adjusted(desk: Desk) -> None:
    """A buy of 10 at 90.01 becomes one of 40 at 22.50 (22.5025 down to the cent); a sale's limit
    of 110.01 becomes 27.51 (27.5025 up)."""
    desk.trading.submit_order(market("buy", "STILL", "10"))
    buy = desk.trading.submit_order(limit("buy", "STILL", "10", "90.01", time_in_force="gtc"))
    sale = desk.trading.submit_order(limit("sell", "STILL", "5", "110.01", time_in_force="gtc"))
    free = Decimal(str(desk.trading.get_account().buying_power))
    desk.control.advance_to(new_york("2024-03-20 10:00"))
    for order, qty, price in ((buy, "40", "22.5"), (sale, "20", "27.51")):
        now = desk.trading.get_order_by_id(order.id)
        assert (now.status, now.qty, now.limit_price) == (OrderStatus.NEW, qty, price)
    assert desk.trading.get_open_position("STILL").qty_available == "20"
    freed = Decimal(str(desk.trading.get_account().buying_power)) - free
    assert freed == Decimal("900.10") - Decimal("900.00")


def test_adjusted_bars(desk: Desk) -> None:
    """Of the 18th and 19th at 100.00, and the 20th at 25.00, once each is in force."""
    desk.control.advance_to(new_york("2024-03-19 17:00"))
    for adjustment in Adjustment:
        assert bars_of(desk, "STILL", adjustment) == [(100.0, 1e6), (100.0, 1e6)]
    desk.control.advance_to(new_york("2024-03-20 10:00"))
    assert bars_of(desk, "STILL", Adjustment.RAW) == [(100.0, 1e6), (100.0, 1e6)]
    assert bars_of(desk, "STILL", Adjustment.DIVIDEND) == [(100.0, 1e6), (100.0, 1e6)]
    for adjustment in (Adjustment.SPLIT, Adjustment.ALL):
        assert bars_of(desk, "STILL", adjustment) == [(25.0, 4e6), (25.0, 4e6)]
    desk.control.advance_to(new_york("2024-03-22 17:00"))
    old, new = (100.0, 1e6), (25.0, 4e6)
    assert bars_of(desk, "STILL", Adjustment.RAW) == [old, old, new, new, new]
    assert bars_of(desk, "STILL", Adjustment.SPLIT) == [new] * 5
    paid = [(24.5, 4e6)] * 4 + [(25.0, 4e6)]
    assert bars_of(desk, "STILL", Adjustment.ALL) == paid
    assert [c for c, _ in bars_of(desk, "STILL", Adjustment.DIVIDEND)] == [98, 98, 24.5, 24.5, 25]


def test_dividend_after_a_split(open_desk: Open) -> None:
    desk = open_desk(bars=split_bars(), profile=REALISTIC)
    desk.trading.submit_order(market("buy", "STILL", "10"))
    desk.control.advance_to(new_york("2024-03-22 10:00"))
    (paid,) = desk.trading.get("/account/activities/DIV")
    assert (paid["qty"], paid["per_share_amount"], paid["net_amount"]) == ("40", "0.5", "20")


def test_corporate_actions(desk: Desk) -> None:
    client = CorporateActionsClient(
        desk.broker.api_key, desk.broker.secret_key, url_override=desk.broker.url
    )
    request = CorporateActionsRequest(start=FIRST, end=date(2024, 12, 31), limit=None)
    assert client.get_corporate_actions(request).data == {}
    desk.control.advance_to(new_york("2024-03-20 04:00"))
    found = client.get_corporate_actions(request).data
    (forward,), (reverse,) = found["forward_splits"], found["reverse_splits"]
    assert (forward.symbol, forward.new_rate, forward.old_rate) == ("STILL", 4, 1)
    assert (reverse.symbol, reverse.new_rate, reverse.old_rate) == ("THIN", 1, 10)
    assert forward.ex_date == reverse.ex_date == EX_DATE


def test_options_follow(desk: Desk) -> None:
    """One put at 101 becomes four at 25.25, which can be sold though no such strike is listed."""
    desk.trading.submit_order(market("buy", "STILL240419P00101000", "1"))
    before = desk.trading.get_open_position("STILL240419P00101000")
    desk.control.advance_to(new_york("2024-03-20 04:00"))
    (after,) = desk.trading.get_all_positions()
    assert (after.symbol, after.qty) == ("STILL240419P00025250", "4")
    assert after.cost_basis == before.cost_basis
    assert abs(float(str(after.market_value)) - float(str(before.market_value))) < 20
    desk.control.advance_to("next_open")
    desk.trading.close_position(after.symbol)
    assert desk.trading.get_all_positions() == []


def test_spread_knows_the_split(desk: Desk) -> None:
    """Without a move but the split, the quote stays at its least width, a cent either side."""
    desk.control.advance_to(new_york("2024-03-21 12:00"))
    request = "/stocks/quotes/latest"
    quote = desk.data.get(request, {"symbols": "STILL"})["quotes"]["STILL"]
    assert (quote["bp"], quote["ap"]) == (24.99, 25.01)


def test_bars_with_an_impossible_split(open_desk: Open) -> None:
    bars = split_bars().with_columns(split=pl.col("split").fill_null(0.0))
    with pytest.raises(BarsError, match=r"was STILL 2024-03-04: 0\.0"):
        open_desk(bars=bars)


def test_state_of_other_splits_is_refused(open_desk: Open) -> None:
    from alchemiser_dagster.embedded import StateFileError

    open_desk(bars=split_bars(), state="same.sqlite").broker.stop()
    with pytest.raises(StateFileError, match="bars of STILL"):
        open_desk(bars=split_bars().drop("split"), state="same.sqlite")
