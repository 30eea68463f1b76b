"""The realistic profile: depth, participation, fees and dividends; and corporate actions."""

from datetime import date
from decimal import Decimal

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.requests import CorporateActionsRequest
from alpaca.trading.enums import OrderStatus

from alchemiser_dagster.embedded import REALISTIC
from alchemiser_dagster.embedded.realistic import u_shape
from tests.embedded.conftest import Desk, Open, new_york
from tests.embedded.order_requests import limit, market


@pytest.fixture
def real(open_desk: Open) -> Desk:
    """Ten million dollars; each symbol trades a million shares a day."""
    return open_desk(profile=REALISTIC, opening_cash=Decimal(10_000_000))


def fills(desk: Desk) -> list[dict[str, str]]:
    found = desk.trading.get("/account/activities/FILL", {"direction": "asc"})
    assert isinstance(found, list)
    return found


def test_large_order_walks_the_book_a_few_percent_a_minute(real: Desk) -> None:
    """A million shares in 390 minutes is 2,564 a minute; at 10:00 about 1.6 times that would be
    the most for the U shape, of which an order takes at most 5 percent."""
    order = real.trading.submit_order(market("buy", "STILL", "2000"))
    first = real.trading.get_order_by_id(order.id)
    assert first.status is OrderStatus.PARTIALLY_FILLED
    expected = int(0.05 * 1_000_000 / 390 * u_shape(30 / 390))
    assert int(str(first.filled_qty)) == expected
    real.control.advance(120 * 60)
    assert real.trading.get_order_by_id(order.id).status is OrderStatus.FILLED
    prices = [Decimal(fill["price"]) for fill in fills(real)]
    assert min(prices) == Decimal("100.01")
    assert len(prices) > 10


def test_limit_bounds_the_walk(real: Desk) -> None:
    real.trading.submit_order(limit("buy", "STILL", "5000", "100.02"))
    real.control.advance_to("next_close")
    assert {fill["price"] for fill in fills(real)} <= {"100.01", "100.02"}


def test_resting_limit_needs_a_trade_through_or_luck(real: Desk) -> None:
    """STILL never trades below 100.00: a bid there fills by chance, one below never."""
    at = real.trading.submit_order(limit("buy", "STILL", "10", "100.00"))
    below = real.trading.submit_order(limit("buy", "STILL", "10", "99.99"))
    real.control.advance(60 * 60)
    assert real.trading.get_order_by_id(at.id).status is OrderStatus.FILLED
    assert real.trading.get_order_by_id(below.id).status is OrderStatus.NEW


def test_queued_order_joins_the_open(open_desk: Open) -> None:
    """At most three percent of a day's million shares trade at the opening price."""
    desk = open_desk("2024-03-18 08:00", profile=REALISTIC, opening_cash=Decimal(10_000_000))
    order = desk.trading.submit_order(market("buy", "CALM", "40000"))
    desk.control.advance_to("next_open")
    (fill,) = fills(desk)
    assert (fill["qty"], fill["price"]) == ("30000", "60")
    assert desk.trading.get_order_by_id(order.id).filled_qty == "30000"


def test_options_fill_as_they_are_shown(real: Desk) -> None:
    """At most ten contracts are shown at a time."""
    order = real.trading.submit_order(market("buy", "STILL240322P00100000", "40"))
    assert 1 <= int(str(real.trading.get_order_by_id(order.id).filled_qty)) <= 10
    real.control.advance(60 * 60)
    assert real.trading.get_order_by_id(order.id).status is OrderStatus.FILLED
    assert len(fills(real)) >= 4


def test_fees_on_the_days_sales(real: Desk) -> None:
    """Ten shares bought, then sold for 999.90 on 2024-03-18: SEC 8 dollars per million is 0.008,
    TAF 0.00166, CAT on 20 shares 0.00006; each is rounded up to a cent."""
    real.trading.submit_order(market("buy", "STILL", "10"))
    real.trading.close_position("STILL")
    cash = Decimal(str(real.trading.get_account().cash))
    assert real.trading.get("/account/activities/FEE") == []
    real.control.advance_to("next_close")
    fees = real.trading.get("/account/activities/FEE")
    assert sorted((fee["description"], fee["net_amount"]) for fee in fees) == [
        ("CAT fee", "-0.01"),
        ("REG fee", "-0.01"),
        ("TAF fee", "-0.01"),
    ]
    assert Decimal(str(real.trading.get_account().cash)) == cash - Decimal("0.03")


def test_dividend_is_paid_for_shares_held_before_the_ex_date(real: Desk) -> None:
    """CALM closes at 61.50 on the 19th and pays a tenth, 6.15 a share, on the 20th."""
    real.trading.submit_order(market("buy", "CALM", "10"))
    real.control.advance_to(new_york("2024-03-20 10:00"))
    real.trading.submit_order(market("buy", "CALM", "5"))
    (paid,) = real.trading.get("/account/activities/DIV")
    assert (paid["symbol"], paid["qty"], paid["per_share_amount"]) == ("CALM", "10", "6.15")
    assert paid["net_amount"] == "61.5"
    real.control.advance_to(new_york("2024-03-22 10:00"))
    assert len(real.trading.get("/account/activities/DIV")) == 1


def test_paper_pays_no_dividend_and_no_fee(desk: Desk) -> None:
    desk.trading.submit_order(market("buy", "CALM", "10"))
    desk.control.advance_to(new_york("2024-03-20 10:00"))
    desk.trading.close_position("CALM")
    desk.control.advance_to("next_close")
    kinds = {row["activity_type"] for row in desk.trading.get("/account/activities")}
    assert kinds == {"FILL"}


def corporate_actions(desk: Desk) -> CorporateActionsClient:
    return CorporateActionsClient(
        desk.broker.api_key, desk.broker.secret_key, url_override=desk.broker.url
    )


def test_dividends_are_told_from_their_ex_date_on(desk: Desk) -> None:
    client = corporate_actions(desk)
    request = CorporateActionsRequest(
        symbols=["CALM", "STILL"], start=date(2024, 3, 1), end=date(2024, 12, 31), limit=None
    )
    assert client.get_corporate_actions(request).data == {}
    desk.control.advance_to(new_york("2024-03-20 09:30"))
    found = client.get_corporate_actions(request)["cash_dividends"]
    assert [(row.symbol, row.rate, row.ex_date) for row in found] == [
        ("CALM", 6.15, date(2024, 3, 20)),
        ("STILL", 10.0, date(2024, 3, 20)),
    ]
    paged = CorporateActionsRequest(start=date(2024, 3, 1), limit=3)
    assert len(client.get_corporate_actions(paged)["cash_dividends"]) == 3


def test_bad_corporate_action_requests(desk: Desk) -> None:
    client = corporate_actions(desk)
    for query in ({"start": "soon"}, {"limit": 0}, {"page_token": "x"}, {"sort": "up"}):
        with pytest.raises(APIError) as refused:
            client.get("/corporate-actions", query)
        assert refused.value.status_code == 400
