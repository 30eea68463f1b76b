"""Clock, calendar, assets, bars, quotes and snapshots through the SDK."""

from datetime import UTC, date, datetime, timedelta

import pytest
import requests
from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment
from alpaca.data.requests import (
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.requests import GetCalendarRequest

from alchemiser_dagster.embedded import ClockMode
from tests.embedded.conftest import Desk, Open, new_york

SYMBOLS = ["CALM", "STILL", "THIN", "WILD"]


@pytest.mark.parametrize(
    ("at", "is_open", "next_open", "next_close"),
    [
        ("2024-03-18 09:29", False, "2024-03-18 09:30", "2024-03-18 16:00"),
        ("2024-03-18 09:30", True, "2024-03-19 09:30", "2024-03-18 16:00"),
        ("2024-03-18 12:00", True, "2024-03-19 09:30", "2024-03-18 16:00"),
        ("2024-03-18 16:00", False, "2024-03-19 09:30", "2024-03-19 16:00"),
        ("2024-03-09 12:00", False, "2024-03-11 09:30", "2024-03-11 16:00"),  # DST starts
        ("2024-11-02 12:00", False, "2024-11-04 09:30", "2024-11-04 16:00"),  # DST ends
        ("2024-07-03 12:59", True, "2024-07-05 09:30", "2024-07-03 13:00"),  # half day, holiday
        ("2024-12-24 13:00", False, "2024-12-26 09:30", "2024-12-26 16:00"),
    ],
)
def test_clock(open_desk: Open, at: str, is_open: bool, next_open: str, next_close: str) -> None:
    clock = open_desk(at).trading.get_clock()
    assert clock.timestamp == new_york(at)
    assert clock.is_open is is_open
    assert clock.next_open == new_york(next_open)
    assert clock.next_close == new_york(next_close)


def test_clock_stops_at_opens_and_closes(desk: Desk) -> None:
    assert desk.control.advance_to("next_close") == new_york("2024-03-18 16:00")
    assert desk.control.advance_to("next_open") == new_york("2024-03-19 09:30")
    assert desk.control.advance(90.5) == new_york("2024-03-19 09:31:30.500000")


def test_per_request_clock_ends_a_polling_loop(open_desk: Open) -> None:
    desk = open_desk(clock=ClockMode("per_request", step=timedelta(minutes=30)))
    readings = 0
    while desk.trading.get_clock().is_open:
        readings += 1
    assert readings == 11  # 10:30 to 15:30


def test_scaled_clock_follows_the_wall(open_desk: Open) -> None:
    desk = open_desk(clock=ClockMode("scaled", speed=3600.0))
    first = desk.trading.get_clock().timestamp
    assert desk.trading.get_clock().timestamp > first


def test_calendar(desk: Desk) -> None:
    days = desk.trading.get_calendar(
        GetCalendarRequest(start=date(2026, 11, 25), end=date(2026, 11, 30))
    )
    assert [(day.date.day, day.close.hour) for day in days] == [(25, 16), (27, 13), (30, 16)]
    raw = desk.trading.get("/calendar", {"start": "2026-11-25", "end": "2026-11-27"})
    assert [day["settlement_date"] for day in raw] == ["2026-11-27", "2026-11-30"]
    weekend = GetCalendarRequest(start=date(2024, 3, 16), end=date(2024, 3, 17))
    assert desk.trading.get_calendar(weekend) == []


def test_assets(desk: Desk) -> None:
    assets = {asset.symbol: asset for asset in desk.trading.get_all_assets()}
    assert sorted(assets) == SYMBOLS
    assert desk.trading.get_asset(str(assets["CALM"].id)).symbol == "CALM"
    with pytest.raises(APIError) as refused:
        desk.trading.get_asset("NONE")
    assert (refused.value.status_code, refused.value.code) == (404, 40410000)


def bars_of(desk: Desk, **query: object) -> dict[str, list[tuple[date, float]]]:
    request = StockBarsRequest(
        **{
            "symbol_or_symbols": SYMBOLS,
            "timeframe": TimeFrame.Day,
            "start": datetime(2024, 1, 1, tzinfo=UTC),
            **query,
        }
    )
    found = desk.data.get_stock_bars(request).data
    return {s: [(bar.timestamp.date(), bar.close) for bar in bars] for s, bars in found.items()}


def test_todays_bar_appears_at_the_close(desk: Desk) -> None:
    assert bars_of(desk)["CALM"][-1] == (date(2024, 3, 15), 59.5)
    desk.control.advance_to("next_close")
    assert bars_of(desk)["CALM"][-1] == (date(2024, 3, 18), 60.5)


def test_bar_times_are_midnight_in_new_york(desk: Desk) -> None:
    raw = desk.data.get("/stocks/bars", {"symbols": "CALM", "timeframe": "1Day"})
    times = [bar["t"] for bar in raw["bars"]["CALM"]]
    assert times[:2] == ["2024-03-04T05:00:00Z", "2024-03-05T05:00:00Z"]
    assert times[-1] == "2024-03-15T04:00:00Z"


@pytest.mark.parametrize("sort", ["asc", "desc"])
@pytest.mark.parametrize("size", [1, 3, 10, 40])
def test_pages_hold_what_one_page_holds(desk: Desk, sort: str, size: int) -> None:
    query = {"symbols": "WILD,CALM,STILL,NONE", "timeframe": "1Day", "sort": sort}
    whole = desk.data.get("/stocks/bars", query)
    assert whole["next_page_token"] is None
    assert list(whole["bars"]) == ["CALM", "STILL", "WILD"]
    joined: dict[str, list[object]] = {}
    token = None
    while True:
        page = desk.data.get("/stocks/bars", {**query, "limit": size, "page_token": token})
        for symbol, bars in page["bars"].items():
            joined.setdefault(symbol, []).extend(bars)
        token = page["next_page_token"]
        if token is None:
            break
    assert joined == whole["bars"]


def test_limit_is_over_all_symbols(desk: Desk) -> None:
    found = bars_of(desk, symbol_or_symbols=["CALM", "STILL"], limit=14)
    assert [len(found[symbol]) for symbol in ("CALM", "STILL")] == [10, 4]


def test_start_and_end(desk: Desk) -> None:
    found = bars_of(
        desk,
        symbol_or_symbols="CALM",
        start=datetime(2024, 3, 6, 5, tzinfo=UTC),
        end=datetime(2024, 3, 8, 5, tzinfo=UTC),
    )
    assert [day.day for day, _ in found["CALM"]] == [6, 7, 8]
    raw = desk.data.get(
        "/stocks/bars",
        {"symbols": "CALM", "timeframe": "1Day", "start": "2024-03-06", "end": "2024-03-08"},
    )
    assert len(raw["bars"]["CALM"]) == 3


def test_adjusted_bars_know_only_the_dividends_paid_by_now(desk: Desk) -> None:
    """Ten percent were paid on 2024-03-20: closes before it are worth 0.9 from then on."""
    raw = bars_of(desk)["CALM"]
    assert bars_of(desk, adjustment=Adjustment.ALL)["CALM"] == raw
    desk.control.advance_to(new_york("2024-03-20 16:00"))
    adjusted = bars_of(desk, adjustment=Adjustment.ALL)["CALM"]
    assert adjusted[-1] == (date(2024, 3, 20), 62.5)
    assert adjusted[-2] == (date(2024, 3, 19), pytest.approx(61.5 * 0.9, rel=1e-12))
    assert adjusted[0] == (date(2024, 3, 4), pytest.approx(50.5 * 0.9, rel=1e-12))
    assert bars_of(desk)["CALM"][: len(raw)] == raw


@pytest.mark.parametrize(
    "query",
    [
        {"timeframe": "7Foo"},
        {"timeframe": "1Day", "limit": 0},
        {"timeframe": "1Day", "limit": "many"},
        {"timeframe": "1Day", "start": "yesterday"},
        {"timeframe": "1Day", "adjustment": "some"},
        {"timeframe": "1Day", "page_token": "!!"},
    ],
)
def test_bad_bar_requests(desk: Desk, query: dict[str, object]) -> None:
    with pytest.raises(APIError) as refused:
        desk.data.get("/stocks/bars", {"symbols": "CALM", **query})
    assert refused.value.status_code == 400


def test_quotes(desk: Desk) -> None:
    request = StockLatestQuoteRequest(symbol_or_symbols=[*SYMBOLS, "NONE"])
    quotes = desk.data.get_stock_latest_quote(request)
    assert sorted(quotes) == SYMBOLS
    still = quotes["STILL"]
    assert (still.bid_price, still.ask_price) == (99.99, 100.01)
    assert still.timestamp == new_york("2024-03-18 10:00")
    for symbol, quote in quotes.items():
        assert 0 < quote.bid_price < quote.ask_price
        assert quote.bid_size >= 100
        places = 4 if symbol == "THIN" else 2
        assert round(quote.ask_price, places) == quote.ask_price


def test_trades_stay_within_the_days_range_and_end_at_its_close(desk: Desk) -> None:
    prices = []
    desk.control.advance_to(new_york("2024-03-19 09:30"))
    while desk.trading.get_clock().is_open:
        trade = desk.data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="WILD"))
        prices.append(trade["WILD"].price)
        desk.control.advance(60)
    last = desk.data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="WILD"))
    assert last["WILD"].timestamp == new_york("2024-03-19 16:00")
    assert (prices[0], max(prices), min(prices)) == (20.0, 24.0, 16.0)
    assert last["WILD"].price == 18.0  # the twelfth bar


def test_snapshot_holds_the_day_so_far(desk: Desk) -> None:
    request = StockSnapshotRequest(symbol_or_symbols=["WILD", "NONE"])
    snapshot = desk.data.get_stock_snapshot(request)["WILD"]
    assert snapshot.previous_daily_bar.timestamp.date() == date(2024, 3, 15)
    today = snapshot.daily_bar
    assert today.timestamp.date() == date(2024, 3, 18)
    assert today.close == snapshot.latest_trade.price
    assert 16.0 <= today.low <= today.close <= today.high <= 24.0
    assert today.volume < 1_000_000
    assert snapshot.minute_bar.timestamp == new_york("2024-03-18 09:59")
    desk.control.advance_to("next_close")
    whole = desk.data.get_stock_snapshot(request)["WILD"].daily_bar
    assert (whole.open, whole.high, whole.low, whole.close) == (20.0, 24.0, 16.0, 22.0)
    latest = desk.data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="WILD"))
    assert latest["WILD"].timestamp == new_york("2024-03-18 15:59")


def test_day_without_a_bar_has_no_quote_and_fills_nothing(open_desk: Open) -> None:
    """The bars end on 2024-03-28; on 2024-04-01 there is only the last trade."""
    desk = open_desk("2024-04-01 10:00")
    request = StockLatestQuoteRequest(symbol_or_symbols="CALM")
    assert desk.data.get_stock_latest_quote(request) == {}
    trade = desk.data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols="CALM"))
    assert trade["CALM"].timestamp == new_york("2024-03-28 16:00")


def test_answers_carry_the_embedded_mark(desk: Desk) -> None:
    answer = requests.get(f"{desk.broker.url}/v2/clock", timeout=10)
    assert answer.status_code == 401
    for name in ("X-Embedded-Alpaca", "X-Request-ID", "X-RateLimit-Remaining"):
        assert name in answer.headers


def test_unknown_paths_are_counted(desk: Desk) -> None:
    for path in ("/watchlists", "/account/"):
        with pytest.raises(APIError) as refused:
            desk.trading.get(path)
        assert refused.value.status_code == 404
    assert desk.control.state()["unknown_paths"] == {
        "GET /v2/watchlists": 1,
        "GET /v2/account/": 1,
    }
    with pytest.raises(APIError) as refused:
        desk.trading.post("/clock", {})
    assert refused.value.status_code == 405


def test_foreign_host_is_refused(desk: Desk) -> None:
    answer = requests.get(
        f"{desk.broker.url}/v2/clock", headers={"Host": "attacker.example"}, timeout=10
    )
    assert answer.status_code == 403


def test_control_needs_its_token(desk: Desk) -> None:
    answer = requests.post(f"{desk.broker.url}/_sim/clock", json={"advance_seconds": 1}, timeout=10)
    assert answer.status_code == 401
