"""The account through the SDK: its figures, its identities, and how fills move cash."""

import json
from decimal import Decimal

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import OrderStatus
from alpaca.trading.requests import GetPortfolioHistoryRequest

from alchemiser_dagster.embedded import ControlError
from tests.embedded.conftest import Desk, Open, new_york
from tests.embedded.order_requests import limit, market

PATTERN_DAY_TRADER_FIELDS = {
    "pattern_day_trader",
    "daytrade_count",
    "daytrading_buying_power",
    "pdt_check",
    "dtbp_check",
}


def test_new_account(desk: Desk) -> None:
    account = desk.trading.get_account()
    assert (account.cash, account.equity, account.buying_power) == ("100000", "100000", "100000")
    assert account.account_number.startswith("EMB")
    assert account.multiplier == "1"
    assert account.shorting_enabled is False
    raw = desk.trading.get("/account")
    assert not PATTERN_DAY_TRADER_FIELDS & set(raw)


def test_configurations(desk: Desk) -> None:
    configuration = desk.trading.get_account_configurations()
    assert configuration.max_margin_multiplier == "1"
    assert configuration.no_shorting is True


def test_a_buy_and_a_sale_move_cash_by_the_cent_rule(desk: Desk) -> None:
    """STILL is quoted 99.99 / 100.01, so 0.333 shares cost 33.30333 -> 33.30 and bring 33.30."""
    desk.trading.submit_order(market("buy", "STILL", "0.333"))
    account = desk.trading.get_account()
    assert account.cash == "99966.7"
    assert account.long_market_value == "33.3"
    assert account.equity == "100000"
    desk.trading.close_position("STILL")
    assert desk.trading.get_account().cash == "100000"
    fills = desk.trading.get("/account/activities/FILL", {"direction": "asc"})
    cash = Decimal(100000)
    for fill in fills:
        effect = round(Decimal(fill["qty"]) * Decimal(fill["price"]), 2)
        cash += effect if fill["side"] == "sell" else -effect
    assert cash == Decimal(100000)


def test_equity_is_cash_plus_market_value(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "WILD", "100"))
    desk.trading.submit_order(market("buy", "CALM", "33.123456789"))
    for minutes in (5, 60, 300, 600):
        desk.control.advance(minutes * 60)
        account = desk.trading.get_account()
        assert Decimal(account.equity) == Decimal(account.cash) + Decimal(account.long_market_value)
        values = [Decimal(p.market_value) for p in desk.trading.get_all_positions()]
        assert abs(sum(values) - Decimal(account.long_market_value)) <= Decimal("0.005")


def test_after_the_close_positions_stand_at_the_close(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "CALM", "10"))
    desk.control.advance_to("next_close")
    position = desk.trading.get_open_position("CALM")
    assert position.current_price == "60.5"  # the bar of 2024-03-18 is the eleventh: 50.5 + 10
    assert position.lastday_price == "59.5"
    assert Decimal(position.change_today) == round(Decimal(1) / Decimal("59.5"), 12)


def test_last_equity_is_of_the_previous_close(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "CALM", "10"))
    desk.control.advance_to("next_close")
    at_close = desk.trading.get_account().equity
    assert desk.trading.get_account().last_equity == "100000"
    desk.control.advance_to("next_open")
    assert desk.trading.get_account().last_equity == at_close


def test_open_buys_reduce_buying_power_until_they_end(desk: Desk) -> None:
    order = desk.trading.submit_order(limit("buy", "STILL", "10", "50.00"))
    account = desk.trading.get_account()
    assert (account.cash, account.buying_power) == ("100000", "99500")
    desk.trading.cancel_order_by_id(order.id)
    assert desk.trading.get_account().buying_power == "100000"


def test_buying_power_refusal_carries_the_figures(desk: Desk) -> None:
    desk.trading.submit_order(limit("buy", "STILL", "900", "50.00"))
    with pytest.raises(APIError) as refused:
        desk.trading.submit_order(market("buy", "STILL", "600"))
    assert refused.value.status_code == 403
    assert json.loads(str(refused.value)) == {
        "code": 40310000,
        "message": "insufficient buying power",
        "buying_power": "55000",
        "cost_basis": "60006",
    }


def test_sale_proceeds_are_spendable_at_once(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "STILL", "900"))
    desk.trading.close_position("STILL")
    again = desk.trading.submit_order(market("buy", "STILL", "900"))
    assert desk.trading.get_order_by_id(again.id).status is OrderStatus.FILLED


def test_wrong_keys(desk: Desk) -> None:
    stranger = TradingClient("EMBWRONG", "wrong", url_override=desk.broker.url)
    with pytest.raises(APIError) as refused:
        stranger.get_account()
    assert refused.value.status_code == 401
    assert json.loads(str(refused.value)) == {"message": "unauthorized."}


def test_blocked_account_refuses_orders(desk: Desk) -> None:
    desk.control.set_account(trading_blocked=True)
    assert desk.trading.get_account().trading_blocked is True
    with pytest.raises(APIError) as refused:
        desk.trading.submit_order(market("buy", "STILL", "1"))
    assert (refused.value.status_code, refused.value.code) == (403, 40310000)


def test_margin_account_has_twice_its_equity_and_may_short(open_desk: Open) -> None:
    desk = open_desk(margin_multiplier="2")
    assert desk.trading.get_account().buying_power == "200000"
    desk.trading.submit_order(market("sell", "STILL", "100"))
    account = desk.trading.get_account()
    assert (account.cash, account.short_market_value) == ("109999", "-10000")
    assert account.equity == "99999"
    assert desk.trading.get_open_position("STILL").qty == "-100"
    desk.trading.close_position("STILL")
    assert desk.trading.get_account().cash == "99998"


def test_configuration_is_changed_and_obeyed(desk: Desk) -> None:
    settings = desk.trading.get_account_configurations()
    settings.suspend_trade = True
    assert desk.trading.set_account_configurations(settings).suspend_trade is True
    assert desk.trading.get_account().trade_suspended_by_user is True
    with pytest.raises(APIError, match="rejected by user request"):
        desk.trading.submit_order(market("buy", "STILL", "1"))
    settings.suspend_trade = False
    settings.fractional_trading = False
    desk.trading.set_account_configurations(settings)
    with pytest.raises(APIError, match="is not fractionable"):
        desk.trading.submit_order(market("buy", "STILL", "1.5"))
    with pytest.raises(APIError, match="max_margin_multiplier"):
        desk.trading.patch("/account/configurations", {"max_margin_multiplier": "9"})


def test_portfolio_history(desk: Desk) -> None:
    """Ten CALM bought at 10:00 on the 18th are worth 10 dollars more at each later close."""
    desk.trading.submit_order(market("buy", "CALM", "10"))
    closes = []
    for _ in range(4):
        desk.control.advance_to("next_close")
        closes.append(float(desk.trading.get_account().equity or 0))
    history = desk.trading.get_portfolio_history(GetPortfolioHistoryRequest(period="1M"))
    assert history.equity == closes
    assert closes[1] - closes[0] == pytest.approx(10.0)
    assert history.profit_loss == pytest.approx([equity - 100_000 for equity in closes])
    assert len(history.timestamp) == len(history.profit_loss_pct) == 4
    assert history.base_value == 100_000
    later = desk.trading.get_portfolio_history(
        GetPortfolioHistoryRequest(start=new_york("2024-03-20 00:00"))
    )
    assert (later.equity, later.base_value) == (closes[2:], closes[1])


def test_rate_limit(open_desk: Open) -> None:
    """The 201st request of a minute is refused, and the headers say when to come back."""
    desk = open_desk(rate_limit=200)
    keys = {
        "APCA-API-KEY-ID": desk.broker.api_key,
        "APCA-API-SECRET-KEY": desk.broker.secret_key,
    }
    answers = []
    with requests.Session() as session:
        for _ in range(401):  # at least one whole minute's allowance, whenever it starts
            answers.append(session.get(f"{desk.broker.url}/v2/clock", headers=keys, timeout=10))
            if answers[-1].status_code == 429:
                break
    refused = answers[-1]
    assert refused.json() == {"code": 42910000, "message": "rate limit exceeded"}
    assert refused.headers["X-RateLimit-Limit"] == "200"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert int(refused.headers["X-RateLimit-Reset"]) % 60 == 0
    assert len(answers) >= 201


def test_deposits_and_withdrawals_move_cash_and_are_activities(desk: Desk) -> None:
    """100,000 and 250.50 more is 100,250.50; less 1,000.00 it is 99,250.50."""
    desk.control.move_cash(250.50)
    desk.control.move_cash(-1000)
    account = desk.trading.get_account()
    assert (account.cash, account.buying_power) == ("99250.5", "99250.5")
    rows = desk.trading.get("/account/activities", {"direction": "asc"})
    assert [(row["activity_type"], row["net_amount"], row["date"]) for row in rows] == [
        ("CSD", "250.5", "2024-03-18"),
        ("CSW", "-1000", "2024-03-18"),
    ]
    for amount in (-100_000, 0.005):
        with pytest.raises(ControlError):
            desk.control.move_cash(amount)
