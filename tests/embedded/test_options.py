"""Options through the SDK: contracts, chains, orders of one and several legs, the last day.

STILL stands at 100.00 and never moves, so its volatility is the floor, 8 %. On Monday 2024-03-18
the contracts of Friday 2024-03-22 have four days to run.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical import OptionHistoricalDataClient
from alpaca.data.requests import (
    OptionBarsRequest,
    OptionChainRequest,
    OptionLatestQuoteRequest,
    OptionLatestTradeRequest,
    OptionSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.enums import (
    ContractType,
    OrderClass,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionIntent,
    TimeInForce,
)
from alpaca.trading.requests import (
    GetOptionContractsRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    OptionLegRequest,
)

from alchemiser_dagster.embedded.option_pricing import value_option
from tests.embedded.conftest import Desk, Open, new_york
from tests.embedded.order_requests import limit, market

CALL_100 = "STILL240322C00100000"
CALL_90 = "STILL240322C00090000"
CALL_95 = "STILL240322C00095000"
PUT_90 = "STILL240322P00090000"
PUT_100 = "STILL240322P00100000"
PUT_110 = "STILL240322P00110000"
EXPIRY = "2024-03-22 16:00"


def options(desk: Desk) -> OptionHistoricalDataClient:
    return OptionHistoricalDataClient(
        desk.broker.api_key, desk.broker.secret_key, url_override=desk.broker.url
    )


def quote(desk: Desk, symbol: str) -> Any:
    request = OptionLatestQuoteRequest(symbol_or_symbols=symbol)
    return options(desk).get_option_latest_quote(request)[symbol]


def test_daily_bars_of_an_option_end_at_its_mark(desk: Desk) -> None:
    """Bars are of closed sessions; the last one ends where the contract was last marked."""
    request = OptionBarsRequest(
        symbol_or_symbols=[CALL_100, PUT_90, "NOPE240322C00001000"], timeframe=TimeFrame.Day
    )
    desk.control.advance_to("next_close")
    desk.control.advance(60)
    bars = options(desk).get_option_bars(request).data
    assert set(bars) == {CALL_100, PUT_90}
    for symbol, rows in bars.items():
        mark = (
            options(desk)
            .get_option_latest_trade(OptionLatestTradeRequest(symbol_or_symbols=symbol))[symbol]
            .price
        )
        assert rows[-1].close == mark
        assert all(row.low <= min(row.open, row.close) for row in rows)
        assert all(row.high >= max(row.open, row.close) for row in rows)
    whole = desk.control.now()
    desk.control.advance(24 * 3600)
    later = options(desk).get_option_bars(request).data
    before = {s: [row for row in rows if row.timestamp < whole] for s, rows in later.items()}
    assert before == bars  # what has closed is not drawn anew
    pages, token = 0, None
    while pages == 0 or token is not None:
        query = {"symbols": CALL_100, "timeframe": "1Day", "limit": 3, "page_token": token}
        token = options(desk).get("/options/bars", query)["next_page_token"]
        pages += 1
    assert pages == -(-len(later[CALL_100]) // 3)


def test_black_and_scholes() -> None:
    """S 42, K 40, 4 % interest, half a year, 20 %: d1 = 0.5571, d2 = 0.4157, so the call is
    42 x 0.7113 - 40 x exp(-0.02) x 0.6612 = 3.950; put-call parity gives the put."""
    call = value_option(True, 42.0, 40.0, 0.5, 0.2)
    put = value_option(False, 42.0, 40.0, 0.5, 0.2)
    assert call.price == pytest.approx(3.950, abs=1e-3)
    assert call.price - put.price == pytest.approx(42 - 40 * 2.718281828 ** (-0.02), abs=1e-6)
    assert call.delta - put.delta == pytest.approx(1.0)
    assert call.gamma == pytest.approx(put.gamma)


def test_contracts_stop_at_the_weekend_unless_asked(desk: Desk) -> None:
    request = GetOptionContractsRequest(underlying_symbols=["STILL"], limit=10_000)
    near = desk.trading.get_option_contracts(request).option_contracts
    assert {contract.expiration_date for contract in near} == {date(2024, 3, 22)}
    request.expiration_date_lte = date(2024, 4, 30)
    far = desk.trading.get_option_contracts(request).option_contracts
    assert date(2024, 3, 28) in {contract.expiration_date for contract in far}  # Good Friday: 29th
    assert date(2024, 4, 19) in {contract.expiration_date for contract in far}
    puts = GetOptionContractsRequest(
        underlying_symbols=["STILL"],
        type=ContractType.PUT,
        strike_price_gte="95",
        strike_price_lte="97",
    )
    found = desk.trading.get_option_contracts(puts).option_contracts
    assert [contract.symbol for contract in found] == [
        f"STILL240322P000{strike}000" for strike in (95, 96, 97)
    ]


def test_contract_pages_join(desk: Desk) -> None:
    request = GetOptionContractsRequest(underlying_symbols=["CALM", "STILL"], limit=50)
    seen = []
    while True:
        page = desk.trading.get_option_contracts(request)
        seen += [contract.symbol for contract in page.option_contracts]
        if page.next_page_token is None:
            break
        request.page_token = page.next_page_token
    request = GetOptionContractsRequest(underlying_symbols=["CALM", "STILL"], limit=10_000)
    whole = desk.trading.get_option_contracts(request).option_contracts
    assert seen == [contract.symbol for contract in whole]
    assert len(seen) > 100


def test_one_contract(desk: Desk) -> None:
    contract = desk.trading.get_option_contract(CALL_100)
    assert (contract.underlying_symbol, contract.strike_price, contract.size) == (
        "STILL",
        100.0,
        "100",
    )
    for wrong in ("STILL240321C00100000", "STILL240322C00100100", "NONE240322C00100000"):
        with pytest.raises(APIError) as refused:
            desk.trading.get_option_contract(wrong)
        assert refused.value.status_code == 404


def test_chain_and_snapshots(desk: Desk) -> None:
    request = OptionChainRequest(underlying_symbol="STILL", expiration_date=date(2024, 3, 22))
    chain = options(desk).get_option_chain(request)
    assert len(chain) == 122  # strikes 70 to 130 in steps of 1, calls and puts
    one = chain[CALL_100]
    assert one.greeks.delta == pytest.approx(0.5, abs=0.05)
    assert one.implied_volatility == pytest.approx(0.08, abs=0.001)
    assert one.latest_quote.bid_price < one.latest_quote.ask_price
    whole = options(desk).get_option_chain(OptionChainRequest(underlying_symbol="STILL"))
    assert len(whole) > 1000  # more than a page
    two = options(desk).get_option_snapshot(
        OptionSnapshotRequest(symbol_or_symbols=[CALL_100, PUT_100])
    )
    assert sorted(two) == [CALL_100, PUT_100]


def test_long_option_is_paid_times_one_hundred(desk: Desk) -> None:
    ask = Decimal(str(quote(desk, PUT_100).ask_price))
    order = desk.trading.submit_order(market("buy", PUT_100, "2"))
    assert order.position_intent is PositionIntent.BUY_TO_OPEN
    filled = desk.trading.get_order_by_id(order.id)
    assert Decimal(str(filled.filled_avg_price)) == ask
    account = desk.trading.get_account()
    assert Decimal(str(account.cash)) == 100_000 - ask * 200
    position = desk.trading.get_open_position(PUT_100)
    assert position.asset_class.value == "us_option"
    assert Decimal(position.cost_basis) == ask * 200
    assert Decimal(str(account.equity)) == Decimal(str(account.cash)) + Decimal(
        str(account.long_market_value)
    )
    desk.trading.close_position(PUT_100)
    assert desk.trading.get_all_positions() == []


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (market("buy", CALL_100, "1.5"), "qty must be integer"),
        (market("buy", "STILL240321C00100000", "1"), "not found"),
        (limit("buy", CALL_100, "1", "1.00", time_in_force="gtc"), "invalid option time_in_force"),
        (limit("buy", CALL_100, "1", "1.00", extended_hours=True), "extended hours is not"),
        (limit("buy", CALL_90, "1000", "11.00"), "insufficient options buying power"),
        (market("sell", CALL_100, "1"), "insufficient underlying qty available for covered call"),
        (market("sell", PUT_90, "12"), "buying power for cash-secured put"),
    ],
)
def test_option_orders_refused(desk: Desk, request_: Any, message: str) -> None:
    with pytest.raises(APIError, match=message):
        desk.trading.submit_order(request_)


def test_market_orders_for_options_are_for_market_hours(open_desk: Open) -> None:
    desk = open_desk("2024-03-18 17:00")
    with pytest.raises(APIError, match="only allowed during market hours"):
        desk.trading.submit_order(market("buy", CALL_100, "1"))
    assert desk.trading.submit_order(limit("buy", CALL_100, "1", "0.50")).status.value == "accepted"


def test_covered_call_locks_its_shares(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "STILL", "150"))
    desk.trading.submit_order(market("sell", CALL_100, "1"))
    assert desk.trading.get_open_position("STILL").qty_available == "50"
    with pytest.raises(APIError, match="insufficient qty available"):
        desk.trading.submit_order(market("sell", "STILL", "51"))
    with pytest.raises(APIError, match="required: 100, available: 50"):
        desk.trading.submit_order(market("sell", CALL_95, "1"))


def test_cash_secured_put_holds_its_strike(desk: Desk) -> None:
    desk.trading.submit_order(market("sell", PUT_90, "3"))
    account = desk.trading.get_account()
    held = Decimal(str(account.cash)) - Decimal(str(account.options_buying_power))
    assert held == 27_000


def test_options_end_at_the_close(desk: Desk) -> None:
    """At 100.00 the 110 put sold is assigned, the 90 call is exercised, the rest expire."""
    desk.trading.submit_order(market("buy", CALL_90, "1"))
    desk.trading.submit_order(market("buy", PUT_90, "2"))
    desk.trading.submit_order(market("sell", PUT_110, "1"))
    before = Decimal(str(desk.trading.get_account().cash))
    desk.control.advance_to(new_york(EXPIRY))
    rows = desk.trading.get("/account/activities", {"direction": "asc"})
    ended = [
        (row["activity_type"], row["symbol"]) for row in rows if row["activity_type"] != "FILL"
    ]
    assert ended == [
        ("OPEXC", CALL_90),
        ("OPTRD", "STILL"),
        ("OPEXP", PUT_90),
        ("OPASN", PUT_110),
        ("OPTRD", "STILL"),
    ]
    position = desk.trading.get_open_position("STILL")
    assert (position.qty, position.avg_entry_price) == ("200", "100")  # 100 at 90, 100 at 110
    account = desk.trading.get_account()
    assert Decimal(str(account.cash)) == before - 9_000 - 11_000
    assert account.equity == str(Decimal(str(account.cash)) + 20_000).rstrip("0").rstrip(".")


def test_option_that_cannot_be_exercised_gets_its_intrinsic_value(open_desk: Open) -> None:
    """A call at 90 needs 9,000 dollars; with 1,500 at the start it is worth 10.00 x 100."""
    desk = open_desk(opening_cash=Decimal(1_500))
    desk.trading.submit_order(market("buy", CALL_90, "1"))
    before = Decimal(str(desk.trading.get_account().cash))
    desk.control.advance_to(new_york(EXPIRY))
    assert desk.trading.get_all_positions() == []
    assert Decimal(str(desk.trading.get_account().cash)) == before + 1_000


def test_no_new_position_on_the_last_day(open_desk: Open) -> None:
    desk = open_desk("2024-03-22 10:00")
    with pytest.raises(APIError, match="expires soon"):
        desk.trading.submit_order(market("buy", CALL_100, "1"))


def test_exercise(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", CALL_90, "1"))
    desk.trading.exercise_options_position(CALL_90)
    assert desk.trading.get_open_position("STILL").qty == "100"
    assert [p.symbol for p in desk.trading.get_all_positions()] == ["STILL"]


def spread(limit_price: float | None, qty: int = 2) -> MarketOrderRequest | LimitOrderRequest:
    """Buy the 95 call, sell the 100 call."""
    fields: dict[str, Any] = {
        "qty": qty,
        "time_in_force": TimeInForce.DAY,
        "order_class": OrderClass.MLEG,
        "legs": [
            OptionLegRequest(
                symbol=CALL_95,
                ratio_qty=1,
                side=OrderSide.BUY,
                position_intent=PositionIntent.BUY_TO_OPEN,
            ),
            OptionLegRequest(
                symbol=CALL_100,
                ratio_qty=1,
                side=OrderSide.SELL,
                position_intent=PositionIntent.SELL_TO_OPEN,
            ),
        ],
    }
    if limit_price is None:
        return MarketOrderRequest(type=OrderType.MARKET, **fields)
    return LimitOrderRequest(type=OrderType.LIMIT, limit_price=limit_price, **fields)


def test_vertical_spread_fills_at_its_net_debit(desk: Desk) -> None:
    net = Decimal(str(quote(desk, CALL_95).ask_price)) - Decimal(
        str(quote(desk, CALL_100).bid_price)
    )
    order = desk.trading.submit_order(spread(5.5))
    assert len(order.legs) == 2
    filled = desk.trading.get_order_by_id(order.id)
    assert filled.status is OrderStatus.FILLED
    assert Decimal(str(filled.filled_avg_price)) == net
    assert {leg.symbol: leg.filled_qty for leg in filled.legs} == {CALL_95: "2", CALL_100: "2"}
    account = desk.trading.get_account()
    assert Decimal(str(account.cash)) == 100_000 - net * 200
    assert account.options_buying_power == account.cash  # the bought call backs the sold one
    assert {p.symbol: p.qty for p in desk.trading.get_all_positions()} == {
        CALL_95: "2",
        CALL_100: "-2",
    }


def test_resting_spread_holds_its_debit_and_is_canceled_whole(desk: Desk) -> None:
    order = desk.trading.submit_order(spread(1.0))
    assert desk.trading.get_account().options_buying_power == "99800"
    leg = desk.trading.get_order_by_id(order.id).legs[0]
    with pytest.raises(APIError, match="leg cannot be canceled"):
        desk.trading.cancel_order_by_id(leg.id)
    desk.trading.cancel_order_by_id(order.id)
    ended = desk.trading.get_order_by_id(order.id)
    assert [o.status.value for o in (ended, *ended.legs)] == ["canceled"] * 3
    assert desk.trading.get_account().options_buying_power == "100000"


def test_spread_expires_with_the_day(desk: Desk) -> None:
    order = desk.trading.submit_order(spread(1.0))
    desk.control.advance_to("next_close")
    ended = desk.trading.get_order_by_id(order.id)
    assert [o.status.value for o in (ended, *ended.legs)] == ["expired"] * 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"symbol": "STILL"}, "symbol is not allowed for mleg order"),
        ({"legs": []}, "mleg orders require 2 to 4 legs"),
        ({"qty": 1.5}, "qty must be integer"),
        ({"legs": [{"symbol": CALL_95, "ratio_qty": 1}] * 2}, "position intent is required"),
        (
            {
                "legs": [
                    {"symbol": CALL_95, "ratio_qty": 1, "position_intent": "buy_to_open"},
                    {
                        "symbol": "CALM240322C00060000",
                        "ratio_qty": 1,
                        "position_intent": "sell_to_open",
                    },
                ]
            },
            "underlying asset mismatch: STILL != CALM",
        ),
        (
            {
                "legs": [
                    {"symbol": CALL_95, "ratio_qty": 1, "position_intent": "buy_to_close"},
                    {"symbol": CALL_100, "ratio_qty": 1, "position_intent": "sell_to_open"},
                ]
            },
            "position intent mismatch",
        ),
    ],
)
def test_spreads_refused(desk: Desk, change: dict[str, Any], message: str) -> None:
    body = {
        "qty": 1,
        "type": "market",
        "time_in_force": "day",
        "order_class": "mleg",
        "legs": [
            {"symbol": CALL_95, "ratio_qty": 1, "position_intent": "buy_to_open"},
            {"symbol": CALL_100, "ratio_qty": 1, "position_intent": "sell_to_open"},
        ],
        **change,
    }
    with pytest.raises(APIError, match=message):
        desk.trading.post("/orders", body)
